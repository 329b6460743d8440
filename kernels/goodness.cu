// The twin of crates/ff-cpu/src/goodness.rs:   g[r] = factor sum_j signal[r, j]^2
//
// Launch, all three: 16 x 16, 16 threads for each row; sums as on the CPU, bit for bit. Currents and membranes of the
// fused two live in registers only.

// A row's sum of squares of `signal(j)`, over its 16 threads.
template <typename F>
__device__ inline float sum_squares(u32 n, F signal) {
    float lane = 0.0f;
    for (u32 j = threadIdx.x; j < n; j += LANES) {
        float x = signal(j);
        lane += x * x;
    }
    return total(lane);
}

extern "C" __global__ void __launch_bounds__(256) goodness(
    float *goodness,       // [R]
    const float *signal,   // [R, n]
    u32 rows, u32 n, u32 p) {
    u32 r = blockIdx.x * blockDim.y + threadIdx.y;
    bool inside = r < rows;
    const float *row = signal + (inside ? (size_t)r * n : 0);
    float sum = sum_squares(inside ? n : 0, [&](u32 j) { return row[j]; });
    if (inside && threadIdx.x == 0) goodness[r] = goodness_factor(p, n) * sum;
}

extern "C" __global__ void __launch_bounds__(256) share_goodness(
    float *goodness,       // [R]
    const float *shares,   // [B + classes, n]
    const float *scale,    // [B]
    const u32 *labels,     // [R]
    const float *factor,   // [R], or null
    u32 rows, u32 batch, u32 n, float amplitude, u32 g) {
    u32 r = blockIdx.x * blockDim.y + threadIdx.y;
    bool inside = r < rows;
    u32 b = inside ? r % batch : 0, l = inside ? labels[r] : 0;
    const float *image = shares + (size_t)b * n, *label = shares + (size_t)(batch + l) * n;
    float a = amplitude * scale[b];
    float sum = sum_squares(inside ? n : 0, [&](u32 j) { return image[j] + a * label[j]; });
    float t = inside && factor ? factor[r] : 1.0f;
    if (inside && threadIdx.x == 0) goodness[r] = goodness_factor(g, n) * (t * t) * sum;
}

// A row is an image with one of the labels. The CPU compares rates with thresholds found by its own scan; this is the scan.
extern "C" __global__ void __launch_bounds__(256) label_goodness(
    float *scores,         // [B, classes]
    const float *shares,   // [B + classes, n]
    const float *scale,    // [B]
    const float *bias,     // [n], or null
    u32 batch, u32 classes, u32 n, float amplitude, Neuron p, u32 g) {
    u32 r = blockIdx.x * blockDim.y + threadIdx.y;
    bool inside = r < batch * classes;
    u32 b = inside ? r / classes : 0, l = inside ? r % classes : 0;
    const float *image = shares + (size_t)b * n, *label = shares + (size_t)(batch + l) * n;
    float a = amplitude * scale[b];
    float sum = sum_squares(inside ? n : 0, [&](u32 j) {
        float current = image[j] + a * label[j], slope;
        if (bias) current += bias[j];
        return p.kind == RELU ? rectified(current) : constant<Atan, false>(current, p, slope, nullptr, 0);
    });
    if (inside && threadIdx.x == 0) scores[r] = sum * goodness_factor(g, n);
}
