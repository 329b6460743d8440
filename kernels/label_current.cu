// The twin of crates/ff-cpu/src/label_current.rs:   I[r] = t[r] (shares[b] + amplitude s[b] shares[B + label[r]]),   b = r % B
//
// Launch: The grid is (rows, column blocks), and each unit has one thread.

extern "C" __global__ void __launch_bounds__(256) label_current(
    float *current,        // [R, n]
    const float *shares,   // [B + classes + 1, n]
    const float *scale,    // [B]
    const u32 *labels,     // [R]
    const float *factor,   // [R], or null
    u32 batch, u32 label_rows, u32 n, float amplitude) {
    u32 r = blockIdx.x, j = blockIdx.y * blockDim.x + threadIdx.x;
    if (j >= n) return;
    u32 b = r % batch;
    u32 l = label_within(labels[r], label_rows);
    float image = shares[(size_t)b * n + j], of_label = shares[(size_t)(batch + l) * n + j];
    float a = amplitude * scale[b];
    float t = factor ? factor[r] : 1.0f;
    current[(size_t)r * n + j] = t * (image + a * of_label);
}
