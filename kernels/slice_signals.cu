// The twin of crates/ff-cpu/src/slice_signals.rs:
//   signal[r, j] = 0 if unit first + j is silent for image r % B, otherwise what the neuron says;   slope = d signal / d current
//
// Launch: The grid is (rows, column blocks), and each unit of the slice has one thread.

extern "C" __global__ void __launch_bounds__(256) slice_signals(
    float *signal,          // [2 B, m]
    float *slope,           // the shape of current
    float *spikes,          // [2 B T, m], or null
    const float *current,   // [2 B, m], or [2 B T, m] if in_time
    const float *bias,      // [m], or null
    const u32 *clock,       // [2]
    u32 batch, u32 m, u32 first, u32 all, u32 steps, u32 in_time, float dropout, u64 seed, Neuron p, Goodness g) {
    u32 r = blockIdx.x, j = blockIdx.y * blockDim.x + threadIdx.x;
    if (j >= m) return;
    bool silent = dropout != 0.0f && silences(dropout, seed, clock[0], r % batch, all, first + j);
    signal_of(p, g, {signal, slope, spikes, current, bias, m, steps, in_time}, r, j, silent);
}
