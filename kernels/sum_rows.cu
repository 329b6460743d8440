// The twin of crates/ff-cpu/src/sum_rows.rs. The sum of all rows, times a factor.
//
// Launch: A block has 32 x 8 threads, for 32 columns and 8 strips of rows. The strips' sums are added up in order.

extern "C" __global__ void __launch_bounds__(256) sum_rows(
    float *of_all,    // [n]
    const float *x,   // [R, n]
    u32 rows, u32 n, float factor) {
    __shared__ float sums[8][32];
    u32 j = blockIdx.x * blockDim.x + threadIdx.x;
    float sum = 0.0f;
    for (u32 r = threadIdx.y; j < n && r < rows; r += blockDim.y) sum += x[(size_t)r * n + j];
    sums[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || j >= n) return;
    for (u32 strip = 1; strip < blockDim.y; strip++) sum += sums[strip][threadIdx.x];
    of_all[j] = sum * factor;
}
