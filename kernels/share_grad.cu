// The twin of crates/ff-cpu/src/share_grad.rs:
//   dI[r]          = as `local_grad` has left it; of linear units, dg[r] 2 factor I[r]
//   dshares[b]     = sum over copies of t[r] dI[r],   b = r % B
//   dshares[B + l] = sum over rows with label l of amplitude s[b] t[r] dI[r]
//
// Launch: A block has 32 x 8 threads, and the grid is (column blocks, rows of labels + B / 8). A block either sums one label's
// rows, with a thread for each column and each of the CPU's 8 chunks of images, or it computes the rows of 8 images. All sums are
// computed as on the CPU, bit for bit.

constexpr u32 CHUNKS = FF_CHUNKS;

// The inputs of the gradient: the gradient of the current, or the shares of linear units and the gradient of their goodness.
struct Copies {
    const float *dcurrent, *shares, *dgoodness;
    const u32 *labels;
    const float *factor;
    u32 batch, label_rows, n;
    float goodness_factor;

    __device__ u32 label(u32 r) const { return label_within(labels[r], label_rows); }

    // Returns `t[r] dI[r]` of unit j. `a` is the amplitude times s[b].
    __device__ float at(u32 r, u32 b, u32 j, float a) const {
        float t = factor ? factor[r] : 1.0f;
        if (dcurrent) return t * dcurrent[(size_t)r * n + j];
        float of_label = a * shares[(size_t)(batch + label(r)) * n + j];
        // One t belongs to the current, and the other one to its gradient.
        return dgoodness[r] * (2.0f * goodness_factor) * t * t * (shares[(size_t)b * n + j] + of_label);
    }
};

extern "C" __global__ void __launch_bounds__(256) share_grad(
    float *dshares,           // [B + classes + 1, n]
    const float *dcurrent,    // [R, n], or null
    const float *shares,      // [B + classes + 1, n], or null
    const float *dgoodness,   // [R], or null
    const u32 *labels,        // [R]
    const float *scale,       // [B]
    const float *factor,      // [R], or null
    u32 rows, u32 batch, u32 label_rows, u32 n, float goodness_factor, float amplitude) {
    __shared__ float sums[CHUNKS][32];
    Copies copies = {dcurrent, shares, dgoodness, labels, factor, batch, label_rows, n, goodness_factor};
    u32 j = blockIdx.x * 32 + threadIdx.x, chunk = threadIdx.y;
    if (blockIdx.y >= label_rows) {
        u32 b = (blockIdx.y - label_rows) * CHUNKS + chunk;
        if (b >= batch || j >= n) return;
        float image = 0.0f;
        for (u32 r = b; r < rows; r += batch) image += copies.at(r, b, j, amplitude * scale[b]);
        dshares[(size_t)b * n + j] = image;
        return;
    }
    u32 label = blockIdx.y, images = (batch + CHUNKS - 1) / CHUNKS;
    u32 end = min(batch, (chunk + 1) * images);
    float of_label = 0.0f;
    for (u32 b = chunk * images; j < n && b < end; b++)
        for (u32 r = b; r < rows; r += batch)
            if (copies.label(r) == label) {
                float a = amplitude * scale[b];
                of_label += a * copies.at(r, b, j, a);
            }
    sums[chunk][threadIdx.x] = of_label;
    __syncthreads();
    if (chunk > 0 || j >= n) return;
    for (u32 other = 1; other < CHUNKS; other++) of_label += sums[other][threadIdx.x];
    dshares[(size_t)(batch + label) * n + j] = of_label;
}
