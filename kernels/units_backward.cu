// The twin of crates/ff-cpu/src/units.rs, for the backward pass:
//   a current per step:   l_t = dspike^T dpassed_t + dstep^T l_{t+1},   dI_t = l_t . dstep(0, 1)
//   a constant current:   dI = sum_t dspike(a_t) dpassed_t
//
// Launch: The grid is (rows, column blocks), and each unit has one thread.

// The gradient of the output in step t. It is the step's own gradient, or its share of the mean's gradient.
struct Passed {
    const float *d;
    float per_step;
    u32 n, in_time;

    __device__ float operator()(u32 t) const { return in_time ? d[(size_t)t * n] : *d * per_step; }
};

// Returns the gradient of a constant current. It is a sum over the steps, which runs forwards together with the trace.
__device__ inline float back_constant(const Neuron &p, u32 steps, float current, const Passed &dpassed) {
    float state[STATES] = {}, trace[STATES] = {}, sum = 0.0f;
    for (u32 t = 0; t < steps; t++) {
        float before[STATES];
        copy(before, state);
        p.step(state, current);
        p.dstep(before, state, trace, 1.0f);
        sum += p.dspike(state, trace) * dpassed(t);
    }
    return sum;
}

__device__ inline void back_in_time(
    const Neuron &p, u32 steps, const Train &train, const Passed &dpassed, float *dcurrent) {
    Kept kept;
    kept.first = dcurrent, kept.n = train.n;
    float state[STATES] = {};
    for (u32 t = 0; t < steps; t++) {
        p.step(state, train.at(t));
        kept.put(t, steps, state);
    }
    backwards(kept, p, steps, train, dpassed, 0.0f);
}

extern "C" __global__ void __launch_bounds__(256) units_backward(
    float *dcurrent,        // the shape of current
    const float *dpassed,   // [R, n], or [R T, n] if passed_in_time
    const float *current,   // [R, n], or [R T, n] if in_time
    u32 n, u32 steps, u32 in_time, u32 passed_in_time, Neuron p) {
    u32 r = blockIdx.x, j = blockIdx.y * blockDim.x + threadIdx.x;
    if (j >= n) return;
    size_t one = (size_t)r * n + j, train = (size_t)r * steps * n + j;
    Passed passed = {dpassed + (passed_in_time ? train : one), 1.0f / (float)steps, n, passed_in_time};
    if (in_time) back_in_time(p, steps, {current + train, NO_BIAS, n}, passed, dcurrent + train);
    else dcurrent[one] = back_constant(p, steps, current[one], passed);
}
