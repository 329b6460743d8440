// The twin of crates/ff-cpu/src/draw_labels.rs:   p(c) ~ exp(sharpness * score[c])  for c != true, 0 for the true label;
//   Without scores, or with sharpness 0, each wrong label is equally likely.
//
// Launch: Each sample has one thread. `expf` may differ from the CPU's in its last bit. So a label may differ too, once in a
// million draws.

__device__ inline u32 uniform_wrong_label(float u, u32 label, u32 classes) {
    u32 others = classes - 1;
    u32 pick = min((u32)(u * (float)others), others - 1);
    return pick < label ? pick : pick + 1;
}

// Walks along the cumulated probabilities. The largest score is subtracted first, so that no `exp` overflows.
__device__ inline u32 hard_wrong_label(float u, u32 label, const float *scores, u32 classes, float sharpness) {
    float top = -1.0f / 0.0f;
    for (u32 c = 0; c < classes; c++)
        if (c != label) top = fmaxf(top, scores[c]);
    float whole = 0.0f;
    for (u32 c = 0; c < classes; c++)
        if (c != label) whole += expf(sharpness * (scores[c] - top));
    float left = u * whole;
    u32 last = 0;
    for (u32 c = 0; c < classes; c++) {
        if (c == label) continue;
        last = c;
        left -= expf(sharpness * (scores[c] - top));
        if (left < 0.0f) break;
    }
    return last;
}

extern "C" __global__ void __launch_bounds__(256) draw_labels(
    u32 *pair,             // [2 B]
    const u32 *labels,     // [B]
    const float *scores,   // [B, classes], or null
    const u32 *clock,      // [2]
    u32 batch, u32 classes, u64 seed, float sharpness) {
    u32 b = blockIdx.x * blockDim.x + threadIdx.x;
    if (b >= batch) return;
    u32 label = labels[b];
    float u = random_uniform(seed, ((u64)clock[0] << 32) | b);
    pair[b] = label;
    pair[batch + b] = scores == nullptr || sharpness == 0.0f
        ? uniform_wrong_label(u, label, classes)
        : hard_wrong_label(u, label, scores + (size_t)b * classes, classes, sharpness);
}
