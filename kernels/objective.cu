// The twin of crates/ff-cpu/src/objective.rs:
//   softplus:  L = 1/(2B) sum_b softplus(theta - g+) + softplus(g- - theta)
//   pair:      L = 1/B sum_b silu(u),  u = -alpha (g+ - g-);   both with dL/dg+ and dL/dg-
//
// Launch: a thread for each pair.

// A derivative below this counts as zero.
constexpr float SMALLEST_DERIVATIVE = FF_SMALLEST_DERIVATIVE;

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

// A pair's loss, and what the mean over the batch changes with its two goodnesses.
__device__ inline float of_pair(
    float positive, float negative, u32 batch, u32 kind, float parameter, float &dpos, float &dneg) {
    float loss = kind == SOFTPLUS ? softplus_pair(positive, negative, parameter, dpos, dneg)
                                  : silu_pair(positive, negative, parameter, dpos, dneg);
    dpos = share_of_batch(dpos, batch);
    dneg = share_of_batch(dneg, batch);
    return loss;
}

extern "C" __global__ void __launch_bounds__(256) objective(
    float *losses,           // [pairs]
    float *dgoodness,        // [2 B]
    const float *goodness,   // [2 B]
    const u32 *clock,        // [2]
    u32 pairs, u32 batch, u32 kind, float parameter) {
    u32 b = blockIdx.x * blockDim.x + threadIdx.x;
    if (b >= batch) return;
    float dpos, dneg, loss = of_pair(goodness[b], goodness[batch + b], batch, kind, parameter, dpos, dneg);
    u64 at = (u64)clock[1] * batch + b;
    if (at < pairs) losses[at] = loss;
    dgoodness[b] = dpos, dgoodness[batch + b] = dneg;
}
