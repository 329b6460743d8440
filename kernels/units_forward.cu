// The twin of crates/ff-cpu/src/units.rs:   s_t = step(s_{t-1}, I_t);   signal = 1/T sum_t spike(s_t), or the membrane
//
// Launch: The grid is (rows, column blocks), and each unit has one thread.

extern "C" __global__ void __launch_bounds__(256) units_forward(
    float *signal,          // [R, n]
    float *spikes,          // [R T, n], or null
    const float *current,   // [R, n], or [R T, n] if in_time
    const float *bias,      // [n], or null
    u32 n, u32 steps, u32 in_time, Neuron p) {
    u32 r = blockIdx.x, j = blockIdx.y * blockDim.x + threadIdx.x;
    if (j >= n) return;
    size_t one = (size_t)r * n + j, train = (size_t)r * steps * n + j;
    float i = bias ? bias[j] : NO_BIAS;
    float *passed = spikes ? spikes + train : nullptr;
    signal[one] = in_time ? through_time(p, steps, {current + train, i, n}, nullptr, passed)
                          : constant<false>(p, steps, current[one] + i, nullptr, passed, n);
}
