// The twin of crates/ff-cpu/src/normalise.rs:   xhat = x / (norm(m) + eps),   m = x, or a spike train's mean over time
//
// Launch: A block has 16 x 16 threads, 16 for each sample's `steps` rows. Sums are computed as on the CPU, bit for bit.

extern "C" __global__ void __launch_bounds__(256) normalise(
    float *xhat,      // [R steps, n]
    const float *x,   // [R steps, n]
    u32 rows, u32 n, u32 steps, u32 norm, float eps) {
    u32 r = blockIdx.x * blockDim.y + threadIdx.y;
    bool inside = r < rows;
    size_t first = inside ? (size_t)r * steps * n : 0;
    float lane = 0.0f;
    for (u32 j = threadIdx.x; inside && j < n; j += LANES) {
        float mean = 0.0f;
        for (u32 t = 0; t < steps; t++) mean += x[first + (size_t)t * n + j];
        mean = steps == 1 ? mean : mean / (float)steps;
        lane += mean * mean;
    }
    float s = norm_factor(total(lane), n, norm, eps);
    size_t size = inside ? (size_t)steps * n : 0;
    for (size_t e = threadIdx.x; e < size; e += LANES) xhat[first + e] = s * x[first + e];
}
