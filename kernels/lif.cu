// The twin of crates/ff-cpu/src/lif.rs, where the neuron's equations stand, and of surrogate.rs:
//   mem_t = beta mem_{t-1} + I_t - threshold spk_{t-1};   spk_t = [mem_t > threshold];   slope from the trace a_t
//
// Launch: grid (rows, column blocks), a thread for each unit, whose membrane stays in a register for all steps.

struct Atan {
    static __device__ float at(float u) {
        float x = 3.14159265358979f * u;
        return 1.0f / (1.0f + x * x);
    }
};
struct FastSigmoid {
    static __device__ float at(float u) {
        float x = 1.0f + 25.0f * fabsf(u);
        return 1.0f / (x * x);
    }
};
struct Triangle {
    static __device__ float at(float u) { return fmaxf(1.0f - fabsf(u), 0.0f); }
};
struct Boxcar {
    static __device__ float at(float u) { return fabsf(u) < 0.5f ? 1.0f : 0.0f; }
};

// A unit between two steps.
struct State {
    float mem;
    bool spk;

    // What a step leaves of `x`: `beta keep x`.
    __device__ float faded(float x, const Neuron &p) const { return p.beta * (p.reset == ZERO && spk ? 0.0f : x); }

    __device__ void step(float current, const Neuron &p) {
        mem = faded(mem, p) + current;
        if (p.reset == SUBTRACT) mem = mem - (spk ? p.threshold : 0.0f);
        spk = mem > p.threshold;
    }
};

// Spikes per step, or NaN where the membrane is not finite.
__device__ inline float rate(float count, float mem, u32 steps) { return count * (1.0f / (float)steps) + 0.0f * mem; }

// `max(0, I)`, or NaN if the current is not finite.
__device__ inline float rectified(float current) { return fmaxf(current, 0.0f) + 0.0f * current; }

// Signal and, if LEARN, slope for a constant current. `spikes` may be null; its steps lie n apart.
template <typename D, bool LEARN>
__device__ inline float constant(float current, const Neuron &p, float &slope, float *spikes, u32 n) {
    State state = {0.0f, false};
    float count = 0.0f, trace = 0.0f, sum = 0.0f;
    for (u32 t = 0; t < p.steps; t++) {
        if (LEARN) trace = state.faded(trace, p) + 1.0f;
        state.step(current, p);
        if (spikes) spikes[(size_t)t * n] = state.spk ? 1.0f : 0.0f;
        count = state.spk ? count + 1.0f : count;
        if (LEARN) sum = sum + D::at(state.mem - p.threshold) * trace;
    }
    slope = p.output == MEMBRANE ? trace : sum * (1.0f / (float)p.steps);
    return p.output == MEMBRANE ? state.mem : rate(count, state.mem, p.steps);
}

// The secant's slope, of staircase.rs. The CPU finds the currents of the first and the last spike by bisecting its scan, to
// the last bit; here they are what the equations say. With S_t = 1 + beta + ... + beta^(t-1), a unit that is silent until
// step T has mem_T = I S_T, and one that spikes in every step mem_t = I S_t - threshold S_{t-1}, if reset by subtraction.
__device__ inline float secant(float current, const Neuron &p) {
    const float TAIL = FF_TAIL;
    float sum = 1.0f, last = p.threshold;
    for (u32 t = 2; t <= p.steps; t++) {
        float before = sum;
        sum = p.beta * sum + 1.0f;
        if (p.reset == SUBTRACT) last = fmaxf(last, p.threshold * (1.0f + before) / sum);
    }
    float first = p.threshold / sum;
    float width = (last - first) * (float)p.steps / (float)(p.steps - 1);
    float beyond = fmaxf(fabsf(current - 0.5f * (first + last)) - 0.5f * width, 0.0f);
    float u = beyond * (1.0f / (TAIL * width));
    return 1.0f / width / (1.0f + u * u);
}

// Turns the membranes in `slope` into slopes, from the last step to the first.
template <typename D>
__device__ inline void slopes_backwards(float *slope, u32 n, const Neuron &p) {
    float later = 0.0f;
    for (u32 t = p.steps; t-- > 0;) {
        float mem = slope[(size_t)t * n];
        float own = p.output == RATE ? D::at(mem - p.threshold) * (1.0f / (float)p.steps)
                                     : (t + 1 == p.steps ? 1.0f : 0.0f);
        State state = {mem, mem > p.threshold};
        later = own + state.faded(later, p);
        slope[(size_t)t * n] = later;
    }
}

// A current with a row per step: forwards for the signal, backwards for each step's slope.
template <typename D>
__device__ inline float train(float *slope, float *spikes, const float *current, float bias, u32 n, const Neuron &p) {
    State state = {0.0f, false};
    float count = 0.0f;
    for (u32 t = 0; t < p.steps; t++) {
        state.step(current[(size_t)t * n] + bias, p);
        count = state.spk ? count + 1.0f : count;
        if (spikes) spikes[(size_t)t * n] = state.spk ? 1.0f : 0.0f;
        if (slope) slope[(size_t)t * n] = state.mem; // kept here until the way back
    }
    if (slope) slopes_backwards<D>(slope, n, p);
    return p.output == MEMBRANE ? state.mem : rate(count, state.mem, p.steps);
}

// One unit's signal; all pointers at its own numbers. `slope` and `spikes` may be null.
template <typename D>
__device__ inline float scan(
    float *slope, float *spikes, const float *current, float bias, u32 n, u32 in_time, const Neuron &p) {
    if (in_time) return train<D>(slope, spikes, current, bias, n, p);
    float of_unit = 0.0f;
    float signal = slope ? constant<D, true>(*current + bias, p, of_unit, spikes, n)
                         : constant<D, false>(*current + bias, p, of_unit, spikes, n);
    if (slope) *slope = of_unit;
    return signal;
}

// Nothing learns here, and so the surrogate does not matter.
extern "C" __global__ void __launch_bounds__(256) lif(
    float *signal,          // [R, n]
    float *spikes,          // [R T, n], or null
    const float *current,   // [R, n], or [R T, n] if in_time
    const float *bias,      // [n], or null
    u32 n, u32 in_time, Neuron p) {
    u32 r = blockIdx.x, j = blockIdx.y * blockDim.x + threadIdx.x;
    if (j >= n) return;
    size_t one = (size_t)r * n + j, train = (size_t)r * p.steps * n + j;
    float i = bias ? bias[j] : 0.0f;
    current += in_time ? train : one;
    signal[one] = p.kind == RELU
        ? rectified(*current + i)
        : scan<Boxcar>(nullptr, spikes ? spikes + train : nullptr, current, i, n, in_time, p);
}
