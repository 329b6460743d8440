// The twin of crates/ff-cpu/src/softmax_loss.rs:
//   p[b] = softmax(sharpness scores[b]);   L = 1/B sum_b -ln p[b, label[b]];   dscores[b] = sharpness (p[b] - onehot) / B
//
// Launch: one block of 256, a thread for each row in turn; the loss is summed in f64, 256 sums first.

extern "C" __global__ void __launch_bounds__(256) softmax_loss(
    float *losses,         // [batches]
    float *dscores,        // [B, classes]
    const float *scores,   // [B, classes]
    const u32 *labels,     // [B]
    const u32 *clock,      // [2]
    u32 batches, u32 batch, u32 classes, float sharpness) {
    __shared__ double sums[256];
    double sum = 0.0;
    for (u32 b = threadIdx.x; b < batch; b += blockDim.x) {
        const float *score = scores + (size_t)b * classes;
        float *share = dscores + (size_t)b * classes;
        // The largest score is taken off first, so that no `exp` overflows.
        float top = -1.0f / 0.0f, whole = 0.0f, step = sharpness / (float)batch;
        for (u32 c = 0; c < classes; c++) top = fmaxf(top, score[c]);
        for (u32 c = 0; c < classes; c++) {
            share[c] = expf(sharpness * (score[c] - top));
            whole += share[c];
        }
        sum += (double)(logf(whole) - sharpness * (score[labels[b]] - top));
        for (u32 c = 0; c < classes; c++) share[c] *= step / whole;
        share[labels[b]] -= step;
    }
    total_of_block(sums, sum);
    if (threadIdx.x == 0 && clock[1] < batches) losses[clock[1]] = (float)(sums[0] / (double)batch);
}
