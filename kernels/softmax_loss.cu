// The twin of crates/ff-cpu/src/softmax_loss.rs:
//   p[b] = softmax(sharpness scores[b]);   L = 1/B sum_b -ln p[b, label[b]];   dscores[b] = sharpness (p[b] - onehot) / B
//
// Launch: Each row has one thread.

extern "C" __global__ void __launch_bounds__(256) softmax_loss(
    float *losses,         // [images]
    float *dscores,        // [B, classes]
    const float *scores,   // [B, classes]
    const u32 *labels,     // [B]
    const u32 *clock,      // [2]
    u32 images, u32 batch, u32 classes, float sharpness) {
    u32 b = blockIdx.x * blockDim.x + threadIdx.x;
    if (b >= batch) return;
    const float *score = scores + (size_t)b * classes;
    float *share = dscores + (size_t)b * classes;
    // The largest score is subtracted first, so that no `exp` overflows.
    float top = -1.0f / 0.0f, whole = 0.0f, step = sharpness / (float)batch;
    for (u32 c = 0; c < classes; c++) top = fmaxf(top, score[c]);
    for (u32 c = 0; c < classes; c++) {
        share[c] = expf(sharpness * (score[c] - top));
        whole += share[c];
    }
    u32 label = label_within(labels[b], classes);
    u64 at = (u64)clock[1] * batch + b;
    if (at < images) losses[at] = logf(whole) - sharpness * (score[label] - top);
    for (u32 c = 0; c < classes; c++) share[c] *= step / whole;
    share[label] -= step;
}
