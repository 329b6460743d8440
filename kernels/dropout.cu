// The twin of crates/ff-cpu/src/dropout.rs:   signal[r, j] = 0, spk_t[r, j] = 0   where u(step, r % B, j) < rate
//
// Launch: grid (rows, column blocks), a thread for each unit.

extern "C" __global__ void __launch_bounds__(256) dropout(
    float *signal,      // [R, n]
    float *spikes,      // [R steps, n], or null
    const u32 *clock,   // [2]
    u32 batch, u32 n, u32 steps, float rate, u64 seed) {
    u32 r = blockIdx.x, j = blockIdx.y * blockDim.x + threadIdx.x;
    if (j >= n || !silences(rate, seed, clock[0], r % batch, n, j)) return;
    signal[(size_t)r * n + j] = 0.0f;
    for (u32 t = 0; spikes && t < steps; t++) spikes[((size_t)r * steps + t) * n + j] = 0.0f;
}
