// The twin of crates/ff-cpu/src/goodness.rs:   g[r] = factor(n) sum_j term(signal[r, j])
//
// Launch: A block has 16 x 16 threads, 16 for each row. Sums are computed as on the CPU, bit for bit.

extern "C" __global__ void __launch_bounds__(256) row_goodness(
    float *goodness,       // [R]
    const float *signal,   // [R, n]
    u32 rows, u32 n, Goodness g) {
    u32 r = blockIdx.x * blockDim.y + threadIdx.y;
    bool inside = r < rows;
    const float *row = signal + (inside ? (size_t)r * n : 0);
    float of_row = goodness_of(g, n, [&](u32 j) { return inside ? row[j] : 0.0f; });
    if (inside && threadIdx.x == 0) goodness[r] = of_row;
}
