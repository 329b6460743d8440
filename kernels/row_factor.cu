// The twin of crates/ff-cpu/src/row_factor.rs:   t[r] = u[r] / (norm of row r + eps)
//
// Launch: Each row has one thread.

extern "C" __global__ void __launch_bounds__(256) row_factor(
    float *factor,           // [R]
    const float *goodness,   // [R]
    const float *below,      // [R], or null
    u32 rows, u32 n, float goodness_factor, u32 norm, float eps) {
    u32 r = blockIdx.x * blockDim.x + threadIdx.x;
    if (r >= rows) return;
    factor[r] = norm_factor(goodness[r] / goodness_factor, n, norm, eps) * (below ? below[r] : 1.0f);
}
