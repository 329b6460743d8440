// The twin of `share_goodness` in crates/ff-cpu/src/goodness.rs:
//   g[r] = factor t[r]^2 sum_j (shares[b, j] + amplitude s[b] shares[B + label[r], j])^2,   b = r % B
//
// Launch: A block has 16 x 16 threads, 16 for each row. Sums are computed as on the CPU, bit for bit.

extern "C" __global__ void __launch_bounds__(256) share_goodness(
    float *goodness,       // [R]
    const float *shares,   // [B + classes + 1, n]
    const float *scale,    // [B]
    const u32 *labels,     // [R]
    const float *factor,   // [R], or null
    u32 rows, u32 batch, u32 label_rows, u32 n, float amplitude, float goodness_factor) {
    u32 r = blockIdx.x * blockDim.y + threadIdx.y;
    bool inside = r < rows;
    u32 b = inside ? r % batch : 0, l = inside ? label_within(labels[r], label_rows) : 0;
    const float *image = shares + (size_t)b * n, *label = shares + (size_t)(batch + l) * n;
    float a = amplitude * scale[b], lane = 0.0f;
    for (u32 j = threadIdx.x; j < n; j += LANES) {
        float current = image[j] + a * label[j];
        lane += current * current;
    }
    float sum = total(lane), t = inside && factor ? factor[r] : 1.0f;
    if (inside && threadIdx.x == 0) goodness[r] = goodness_factor * (t * t) * sum;
}
