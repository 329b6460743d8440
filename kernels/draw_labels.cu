// The twin of crates/ff-cpu/src/draw_labels.rs:   p(c) ~ exp(sharpness * score[c])  for c != true, 0 for the true label
//
// Launch: a thread for each sample. The draws are those of ff-tensor/src/random.rs, bit for bit; `expf` may differ from
// the CPU's in its last bit, and so, once in a million draws, may a label.

__device__ inline u64 mix(u64 z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

// SplitMix64's finaliser over a Weyl sequence: the `counter`-th draw of `seed`.
__device__ inline u32 random_bits(u64 seed, u64 counter) {
    return (u32)(mix(mix(seed) + (counter + 1) * 0x9E3779B97F4A7C15ull) >> 32);
}

// In [0, 1), a multiple of 2^-24.
__device__ inline float random_uniform(u64 seed, u64 counter) {
    return (float)(random_bits(seed, counter) >> 8) * (1.0f / 16777216.0f);
}

__device__ inline u32 uniform_wrong_label(float u, u32 label, u32 classes) {
    u32 others = classes - 1;
    u32 pick = min((u32)(u * (float)others), others - 1);
    return pick < label ? pick : pick + 1;
}

// Walks the cumulated probabilities. The largest score is taken off first, so that no `exp` overflows.
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
    const float *scores,   // [B, classes]; not read when sharpness is 0
    const u32 *clock,      // [2]
    u32 batch, u32 classes, u64 seed, float sharpness) {
    u32 b = blockIdx.x * blockDim.x + threadIdx.x;
    if (b >= batch) return;
    u32 label = labels[b];
    float u = random_uniform(seed, ((u64)clock[0] << 32) | b);
    pair[b] = label;
    pair[batch + b] = sharpness == 0.0f
        ? uniform_wrong_label(u, label, classes)
        : hard_wrong_label(u, label, scores + (size_t)b * classes, classes, sharpness);
}
