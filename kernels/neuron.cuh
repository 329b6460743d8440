// This file runs a neuron over its time steps. It is the twin of crates/ff-tensor/src/scan.rs. The formula, `struct Neuron`,
// comes before this file. The equations are in neuron.rs.
//
// A unit has one thread. Its state stays in registers, because the compiler knows STATES and unrolls the loops over it. All sums
// and products have the same order as in scan.rs, so that the bits are the CPU's.

constexpr u32 STATES = Neuron::STATES, MOST_KEPT = FF_MOST_KEPT;

// This is added to the current if there is no bias. Adding +0 would turn a current of -0 into +0.
constexpr float NO_BIAS = -0.0f;

__device__ inline void copy(float *to, const float *from) {
    for (u32 i = 0; i < STATES; i++) to[i] = from[i];
}

__device__ inline float dot(const float *a, const float *b) {
    float sum = a[0] * b[0];
    for (u32 i = 1; i < STATES; i++) sum += a[i] * b[i];
    return sum;
}

// Sets `d` to a change of one number of the state.
__device__ inline void unit(float *d, u32 one) {
    for (u32 i = 0; i < STATES; i++) d[i] = i == one ? 1.0f : 0.0f;
}

// Returns the signal for a constant current and, if LEARN, writes its slope. `spikes` may be null. Its steps are n apart.
template <bool LEARN>
__device__ inline float constant(const Neuron &p, u32 steps, float current, float *slope, float *spikes, u32 n) {
    float state[STATES] = {}, trace[STATES] = {}, sum = 0.0f, slopes = 0.0f;
    for (u32 t = 0; t < steps; t++) {
        float before[STATES];
        copy(before, state);
        p.step(state, current);
        if (LEARN) {
            p.dstep(before, state, trace, 1.0f);
            slopes += p.dspike(state, trace);
        }
        float passed = p.spike(state);
        sum += passed;
        if (spikes) spikes[(size_t)t * n] = passed;
    }
    float per_step = 1.0f / (float)steps;
    if (LEARN) *slope = p.reads_membrane() ? trace[0] : slopes * per_step;
    // A membrane that is not finite makes the signal NaN. Otherwise the unit would look like one that never spikes.
    return p.reads_membrane() ? state[0] : (sum + 0.0f * state[0]) * per_step;
}

// A current for each step. The steps are n apart.
struct Train {
    const float *current;
    float bias;
    u32 n;

    __device__ float at(u32 t) const { return current[(size_t)t * n] + bias; }
};

// The states after each step, kept for the backward pass. The first number of a state is kept where the gradient of that step's
// current will be. The other numbers are in an array of the thread's own. If there are more steps than this array has room for, a
// state is computed again, from the start, whenever it is needed.
struct Kept {
    float *first;
    u32 n;
    float others[STATES > 1 ? STATES - 1 : 1][STATES > 1 ? MOST_KEPT : 1];

    __device__ static bool has_room(u32 steps) { return STATES == 1 || steps <= MOST_KEPT; }

    __device__ void put(u32 t, u32 steps, const float *state) {
        first[(size_t)t * n] = state[0];
        for (u32 i = 1; i < STATES && has_room(steps); i++) others[i - 1][t] = state[i];
    }

    // Sets `state` to the state after `done` steps.
    __device__ void get(float *state, u32 done, u32 steps, const Neuron &p, const Train &train) const {
        for (u32 i = 0; i < STATES; i++) state[i] = 0.0f;
        if (!has_room(steps)) {
            for (u32 t = 0; t < done; t++) p.step(state, train.at(t));
        } else if (done > 0) {
            state[0] = first[(size_t)(done - 1) * n];
            for (u32 i = 1; i < STATES; i++) state[i] = others[i - 1][done - 1];
        }
    }
};

// Goes back through the time steps. `dpassed(t)` is the gradient of the output in step t, and `dmembrane` is that of the last
// membrane. The current's gradient overwrites what is kept.
template <typename F>
__device__ inline void backwards(
    Kept &kept, const Neuron &p, u32 steps, const Train &train, F dpassed, float dmembrane) {
    // This is the gradient of the state after step t, without the part that comes from that step's own output.
    float later[STATES] = {}, after[STATES];
    later[0] = dmembrane;
    kept.get(after, steps, steps, p, train);
    for (u32 t = steps; t-- > 0;) {
        float before[STATES], own[STATES], change[STATES] = {};
        kept.get(before, t, steps, p, train);
        float of_step = dpassed(t);
        for (u32 i = 0; i < STATES; i++) {
            float one[STATES];
            unit(one, i);
            own[i] = later[i] + p.dspike(after, one) * of_step;
        }
        p.dstep(before, after, change, 1.0f);
        kept.first[(size_t)t * kept.n] = dot(own, change);
        for (u32 i = 0; i < STATES; i++) {
            unit(change, i);
            p.dstep(before, after, change, 0.0f);
            later[i] = dot(own, change);
        }
        copy(after, before);
    }
}

// Returns the signal for a current per step and, if `slope` is not null, writes each step's slope. `spikes` may be null too.
__device__ inline float through_time(const Neuron &p, u32 steps, const Train &train, float *slope, float *spikes) {
    Kept kept;
    kept.first = slope, kept.n = train.n;
    float state[STATES] = {}, sum = 0.0f, per_step = 1.0f / (float)steps;
    for (u32 t = 0; t < steps; t++) {
        p.step(state, train.at(t));
        float passed = p.spike(state);
        sum += passed;
        if (spikes) spikes[(size_t)t * train.n] = passed;
        if (slope) kept.put(t, steps, state);
    }
    bool membrane = p.reads_membrane();
    float signal = membrane ? state[0] : sum * per_step + 0.0f * state[0];
    float of_step = membrane ? 0.0f : per_step;
    if (slope) backwards(kept, p, steps, train, [&](u32) { return of_step; }, membrane ? 1.0f : 0.0f);
    return signal;
}
