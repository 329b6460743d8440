// The twin of crates/ff-cpu/src/goodness.rs, for all labels at once:
//   scores[b, l] = goodness of the units with current shares[b] + amplitude s[b] shares[B + l] + bias
//
// Launch: A block has 16 x 16 threads, 16 for each row. A row is an image with one of the labels. Currents and states are only in
// registers. Sums are computed as on the CPU, bit for bit.

extern "C" __global__ void __launch_bounds__(256) label_goodness(
    float *scores,         // [B, classes]
    const float *shares,   // [B + classes + 1, n]
    const float *scale,    // [B]
    const float *bias,     // [n], or null
    u32 rows, u32 batch, u32 classes, u32 n, float amplitude, u32 steps, Neuron p, Goodness g) {
    u32 r = blockIdx.x * blockDim.y + threadIdx.y;
    bool inside = r < rows;
    u32 b = inside ? r / classes : 0, l = inside ? r % classes : 0;
    const float *image = shares + (size_t)b * n, *label = shares + (size_t)(batch + l) * n;
    float a = amplitude * scale[b];
    float of_row = goodness_of(g, n, [&](u32 j) {
        float current = image[j] + a * label[j] + (bias ? bias[j] : NO_BIAS);
        return inside ? constant<false>(p, steps, current, nullptr, nullptr, 0) : 0.0f;
    });
    if (inside && threadIdx.x == 0) scores[r] = of_row;
}
