// The twin of crates/ff-cpu/src/adam.rs (D. Kingma, J. Ba, arXiv 1412.6980):
//   m = beta1 m + (1 - beta1) dW      v = beta2 v + (1 - beta2) dW^2
//   W = (1 - rate decay) W - rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)      t = 1, 2, ...
// and the clock's op, `advance`.
//
// Launch: 256 threads for 1,024 weights. A block's first thread has the three factors, in f64, for all.

constexpr float SMALLEST_GRADIENT = FF_SMALLEST_GRADIENT;
constexpr float SMALLEST_MEAN = FF_SMALLEST_MEAN, SMALLEST_SQUARE = FF_SMALLEST_SQUARE;

__device__ inline float unless_below(float smallest, float x) { return fabsf(x) < smallest ? 0.0f : x; }

__device__ inline double power(double x, u32 n) {
    double product = 1.0;
    for (; n > 0; n /= 2, x *= x)
        if (n % 2 == 1) product *= x;
    return product;
}

// `Adam::rate_at` of params.rs.
__device__ inline float rate_at(u32 step, float learning_rate, u32 cool_from, u32 last_step) {
    if (step < cool_from) return learning_rate;
    float left = (float)(last_step > step ? last_step - step : 0);
    return learning_rate * left / (float)max(last_step > cool_from ? last_step - cool_from : 0, 1u);
}

extern "C" __global__ void __launch_bounds__(256) adam(
    float *weight, float *mean, float *square, const float *dweight, const u32 *clock, u32 count, float learning_rate,
    float beta1, float beta2, float eps, float decay, u32 cool_from, u32 last_step) {
    __shared__ float size, kept, correction;
    if (threadIdx.x == 0) {
        u32 t = clock[0] + 1;
        double rate = (double)rate_at(clock[0], learning_rate, cool_from, last_step);
        size = (float)(rate / (1.0 - power((double)beta1, t)));
        kept = (float)(1.0 - rate * (double)decay);
        correction = (float)(1.0 / sqrt(1.0 - power((double)beta2, t)));
    }
    __syncthreads();
    u32 first = blockIdx.x * 4 * blockDim.x + threadIdx.x;
    for (u32 p = 0, i = first; p < 4 && i < count; p++, i += blockDim.x) {
        float dw = unless_below(SMALLEST_GRADIENT, dweight[i]);
        float m = unless_below(SMALLEST_MEAN, beta1 * mean[i] + (1.0f - beta1) * dw);
        float v = unless_below(SMALLEST_SQUARE, beta2 * square[i] + (1.0f - beta2) * dw * dw);
        mean[i] = m;
        square[i] = v;
        weight[i] = kept * weight[i] - size * m / (sqrtf(v) * correction + eps);
    }
}

extern "C" __global__ void __launch_bounds__(32) advance(u32 *clock) {
    if (threadIdx.x < 2) clock[threadIdx.x] += 1;
}
