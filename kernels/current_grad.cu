// The twin of crates/ff-cpu/src/current_grad.rs:   dI = dg 2 factor signal slope,   and the bias's sum over rows
//
// Launch: `current_grad` grid (rows, column blocks), a thread for each unit; `sum_rows` 32 x 8, 32 columns and 8 strips of
// rows, whose sums are added up in their order.

extern "C" __global__ void __launch_bounds__(256) current_grad(
    float *dcurrent,          // [R steps, n]
    const float *dgoodness,   // [R]
    const float *signal,      // [R, n]
    const float *slope,       // [R steps, n]
    u32 n, u32 steps, u32 p) {
    u32 r = blockIdx.x, j = blockIdx.y * blockDim.x + threadIdx.x;
    if (j >= n) return;
    float dg = dgoodness[r] * (2.0f * goodness_factor(p, n));
    float d = dg * signal[(size_t)r * n + j];
    size_t at = (size_t)r * steps * n + j;
    for (u32 t = 0; t < steps; t++, at += n) dcurrent[at] = d * slope[at];
}

extern "C" __global__ void __launch_bounds__(256) sum_rows(
    float *dbias,            // [n]
    const float *dcurrent,   // [R, n]
    u32 rows, u32 n) {
    __shared__ float sums[8][32];
    u32 j = blockIdx.x * blockDim.x + threadIdx.x;
    float sum = 0.0f;
    for (u32 r = threadIdx.y; j < n && r < rows; r += blockDim.y) sum += dcurrent[(size_t)r * n + j];
    sums[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || j >= n) return;
    for (u32 strip = 1; strip < blockDim.y; strip++) sum += sums[strip][threadIdx.x];
    dbias[j] = sum;
}
