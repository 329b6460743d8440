// This file computes a unit's signal and its slope, and silences the unit. It is the twin of `of_rows` in
// crates/ff-cpu/src/slice_signals.rs. The formulas, `struct Neuron` and `struct Goodness`, come before this file.

// The rows of some units: R rows of n units.
struct Samples {
    float *signal, *slope, *spikes;
    const float *current, *bias;
    u32 n, steps, in_time;

    // Returns how many rows a sample has in the current.
    __device__ u32 rows_of_current() const { return in_time ? steps : 1; }
};

// Returns a unit's signal and writes its slope. All pointers point to the unit's own numbers.
__device__ inline float with_slope(
    const Neuron &p, u32 steps, float *slope, float *spikes, const float *current, float bias, u32 n, u32 in_time) {
    if (in_time) return through_time(p, steps, {current, bias, n}, slope, spikes);
    if (!Neuron::OWN_SLOPE || spikes) return constant<true>(p, steps, *current + bias, slope, spikes, n);
    *slope = p.slope(*current + bias);
    return constant<false>(p, steps, *current + bias, nullptr, nullptr, n);
}

// Returns the signal of unit j in row r. It writes the signal, its slope and the spikes.
__device__ inline float signal_of(const Neuron &p, const Goodness &g, const Samples &s, size_t r, u32 j, bool silent) {
    u32 n = s.n, steps = s.steps, rows_of_current = s.rows_of_current();
    size_t at = r * rows_of_current * n + j;
    float *train = s.spikes ? s.spikes + r * steps * n + j : nullptr, i = s.bias ? s.bias[j] : NO_BIAS;
    float x = with_slope(p, steps, s.slope + at, train, s.current + at, i, n, s.in_time);
    x = silent ? 0.0f : x;
    for (u32 t = 0; silent && train && t < steps; t++) train[(size_t)t * n] = 0.0f;
    // If a signal of 0 does not make the gradient 0, the slopes are set to 0 too.
    bool slopes = silent && g.dterm(0.0f) != 0.0f;
    for (u32 t = 0; slopes && t < rows_of_current; t++) s.slope[at + (size_t)t * n] = 0.0f;
    s.signal[r * n + j] = x;
    return x;
}
