// The twin of crates/ff-cpu/src/lif_grad.rs:
//   dI_t = S'(mem_t - threshold) dspk_t + beta keep_{t+1} dI_{t+1};   a constant current: dI = sum_t S' dspk_t a_t;
//   relu: dI = dsignal [I > 0]
//
// Launch: grid (rows, column blocks), a thread for each unit. Membranes are kept in dcurrent until the way back.

// A step's own share; `dpassed` at the unit's own numbers, n apart where there is one per step.
template <typename D>
__device__ inline float own(float mem, const float *dpassed, u32 t, u32 n, u32 passed_in_time, const Neuron &p) {
    float dspike = passed_in_time ? dpassed[(size_t)t * n] : (1.0f / (float)p.steps) * *dpassed;
    return D::at(mem - p.threshold) * dspike;
}

template <typename D>
__device__ inline void back(
    float *dcurrent, const float *dpassed, const float *current, u32 n, u32 in_time, u32 passed_in_time, const Neuron &p) {
    State state = {0.0f, false};
    if (!in_time) {
        float trace = 0.0f, sum = 0.0f;
        for (u32 t = 0; t < p.steps; t++) {
            trace = state.faded(trace, p) + 1.0f;
            state.step(*current, p);
            sum = sum + own<D>(state.mem, dpassed, t, n, passed_in_time, p) * trace;
        }
        *dcurrent = sum;
        return;
    }
    for (u32 t = 0; t < p.steps; t++) {
        state.step(current[(size_t)t * n], p);
        dcurrent[(size_t)t * n] = state.mem;
    }
    float later = 0.0f;
    for (u32 t = p.steps; t-- > 0;) {
        float mem = dcurrent[(size_t)t * n];
        State here = {mem, mem > p.threshold};
        later = own<D>(mem, dpassed, t, n, passed_in_time, p) + here.faded(later, p);
        dcurrent[(size_t)t * n] = later;
    }
}

extern "C" __global__ void __launch_bounds__(256) lif_grad(
    float *dcurrent,        // as current
    const float *dpassed,   // [R, n], or [R T, n] if passed_in_time
    const float *current,   // [R, n], or [R T, n] if in_time
    u32 n, u32 in_time, u32 passed_in_time, Neuron p) {
    u32 r = blockIdx.x, j = blockIdx.y * blockDim.x + threadIdx.x;
    if (j >= n) return;
    size_t one = (size_t)r * n + j, train = (size_t)r * p.steps * n + j;
    dcurrent += in_time ? train : one;
    current += in_time ? train : one;
    dpassed += passed_in_time ? train : one;
    if (p.kind == RELU) {
        *dcurrent = *current > 0.0f ? *dpassed : 0.0f;
        return;
    }
    switch (p.surrogate) {
        case ATAN: return back<Atan>(dcurrent, dpassed, current, n, in_time, passed_in_time, p);
        case FAST_SIGMOID: return back<FastSigmoid>(dcurrent, dpassed, current, n, in_time, passed_in_time, p);
        case TRIANGLE: return back<Triangle>(dcurrent, dpassed, current, n, in_time, passed_in_time, p);
        default: return back<Boxcar>(dcurrent, dpassed, current, n, in_time, passed_in_time, p);
    }
}
