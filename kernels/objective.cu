// The twin of crates/ff-cpu/src/objective.rs:
//   softplus:  L = 1/(2B) sum_b softplus(theta - g+) + softplus(g- - theta)
//   pair:      L = 1/B sum_b silu(u),  u = -alpha (g+ - g-);   both with dL/dg+ and dL/dg-
//
// Launch: one block of 256; the loss is summed in f64, 256 sums first.

// A derivative below this counts as zero.
constexpr float SMALLEST_DERIVATIVE = 1e-20f;

__device__ inline float softplus(float x) { return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }

__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

__device__ inline float softplus_pair(float positive, float negative, float theta, float &dpos, float &dneg) {
    dpos = -0.5f * sigmoid(theta - positive);
    dneg = 0.5f * sigmoid(negative - theta);
    return 0.5f * (softplus(theta - positive) + softplus(negative - theta));
}

__device__ inline float silu_pair(float positive, float negative, float alpha, float &dpos, float &dneg) {
    float u = -alpha * (positive - negative);
    float s = sigmoid(u);
    dpos = -alpha * s * (1.0f + u * (1.0f - s));
    dneg = -dpos;
    return u * s;
}

__device__ inline float share_of_batch(float d, u32 batch) {
    return fabsf(d) < SMALLEST_DERIVATIVE ? 0.0f : d / (float)batch;
}

extern "C" __global__ void __launch_bounds__(256) objective(
    float *losses,           // [batches]
    float *dgoodness,        // [2 B]
    const float *goodness,   // [2 B]
    const u32 *clock,        // [2]
    u32 batches, u32 batch, u32 kind, float parameter) {
    __shared__ double sums[256];
    double sum = 0.0;
    for (u32 b = threadIdx.x; b < batch; b += blockDim.x) {
        float positive = goodness[b], negative = goodness[batch + b], dpos, dneg;
        sum += (double)(kind == SOFTPLUS ? softplus_pair(positive, negative, parameter, dpos, dneg)
                                         : silu_pair(positive, negative, parameter, dpos, dneg));
        dgoodness[b] = share_of_batch(dpos, batch);
        dgoodness[batch + b] = share_of_batch(dneg, batch);
    }
    total_of_block(sums, sum);
    if (threadIdx.x == 0 && clock[1] < batches) losses[clock[1]] = (float)(sums[0] / (double)batch);
}
