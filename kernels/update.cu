// The twin of crates/ff-cpu/src/update.rs:   (W, m) = update(factors(step), W, m, dW)
//
// Launch: A block of 256 threads updates 1,024 weights. Its first thread computes the factors for all of them.

constexpr u32 MOMENTS = Optimiser::MOMENTS, FACTORS = Optimiser::FACTORS;

extern "C" __global__ void __launch_bounds__(256) update(
    float *weight,           // [count]
    float *first,            // [count], or null: the first moments
    float *second,           // [count], or null: the second moments
    const float *gradient,   // [count]
    const u32 *clock,        // [2]
    u64 count, Optimiser p) {
    __shared__ float factors[FACTORS > 0 ? FACTORS : 1];
    if (threadIdx.x == 0) p.factors(clock[0], factors);
    __syncthreads();
    u64 i = (u64)blockIdx.x * 4 * blockDim.x + threadIdx.x;
    for (u32 part = 0; part < 4 && i < count; part++, i += blockDim.x) {
        float moments[MOMENTS > 0 ? MOMENTS : 1];
        if (MOMENTS > 0) moments[0] = first[i];
        if (MOMENTS > 1) moments[MOMENTS > 1] = second[i];
        weight[i] = p.update(factors, weight[i], moments, gradient[i]);
        if (MOMENTS > 0) first[i] = moments[0];
        if (MOMENTS > 1) second[i] = moments[MOMENTS > 1];
    }
}
