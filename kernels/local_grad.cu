// The twin of crates/ff-cpu/src/local_grad.rs:
//   g = factor(n) sum_j term(signal_j);   L = of_pair(g+, g-);   dI = dg factor(n) dterm(signal) slope
//
// Launch: Each pair has a block of up to 256 threads. A thread computes one unit of both rows, and the block takes as many
// columns at a time as it has threads. With a constant current, states stay in registers. Signal and slope are written once, the
// slope where the gradient will be. The same thread reads them again when the loss is known, and by then they are still in a
// cache. Sums are computed as on the CPU, bit for bit. The launch bounds ask for four blocks on a multiprocessor, because the
// compiler would otherwise save registers and spill.

// Returns a unit's signal and writes its slope. All pointers point to the unit's own numbers.
__device__ inline float with_slope(
    const Neuron &p, u32 steps, float *slope, float *spikes, const float *current, float bias, u32 n, u32 in_time) {
    if (in_time) return through_time(p, steps, {current, bias, n}, slope, spikes);
    if (!Neuron::OWN_SLOPE || spikes) return constant<true>(p, steps, *current + bias, slope, spikes, n);
    *slope = p.slope(*current + bias);
    return constant<false>(p, steps, *current + bias, nullptr, nullptr, n);
}

extern "C" __global__ void __launch_bounds__(256, 4) local_grad(
    float *dcurrent,        // the shape of current
    float *losses,          // [pairs]
    float *signal,          // [2 B, n]
    float *spikes,          // [2 B T, n], or null
    float *goodness,        // [2 B]
    const float *current,   // [2 B, n], or [2 B T, n] if in_time
    const float *bias,      // [n], or null
    const u32 *clock,       // [2]
    u32 pairs, u32 batch, u32 n, u32 steps, u32 in_time, float dropout, u64 seed, Neuron p, Goodness g,
    Objective objective) {
    __shared__ float terms[2][2][256], by[2];
    u32 b = blockIdx.x, me = threadIdx.x, rows_of_current = in_time ? steps : 1;
    // Thread 16 r + l adds up lane l of row r. Two buffers alternate, so that one barrier in each turn is enough.
    float lane = 0.0f;
    for (u32 first = 0, turn = 0; first < n; first += blockDim.x, turn ^= 1) {
        u32 j = first + me;
        bool silent = j < n && dropout != 0.0f && silences(dropout, seed, clock[0], b, n, j);
        for (u32 row = 0; row < 2; row++) {
            float term = 0.0f;
            if (j < n) {
                size_t r = (size_t)row * batch + b, at = r * rows_of_current * n + j;
                float *train = spikes ? spikes + r * steps * n + j : nullptr, i = bias ? bias[j] : NO_BIAS;
                float x = with_slope(p, steps, dcurrent + at, train, current + at, i, n, in_time);
                x = silent ? 0.0f : x;
                for (u32 t = 0; silent && train && t < steps; t++) train[(size_t)t * n] = 0.0f;
                // If a signal of 0 does not make the gradient 0, the slopes are set to 0 too.
                bool slopes = silent && g.dterm(0.0f) != 0.0f;
                for (u32 t = 0; slopes && t < rows_of_current; t++) dcurrent[at + (size_t)t * n] = 0.0f;
                signal[r * n + j] = x;
                term = g.term(x);
            }
            terms[turn][row][me] = term;
        }
        __syncthreads();
        if (me < 2 * LANES)
            for (u32 i = me % LANES; i < blockDim.x; i += LANES) lane += terms[turn][me / LANES][i];
    }
    if (me < 32) {
        float of_row = g.factor(n) * total(lane);
        float negative = __shfl_sync(ALL, of_row, LANES);
        if (me == 0) {
            float dpos, dneg, loss = share_of_batch(objective, of_row, negative, batch, dpos, dneg);
            u64 at = (u64)clock[1] * batch + b;
            if (at < pairs) losses[at] = loss;
            goodness[b] = of_row, goodness[batch + b] = negative;
            by[0] = dpos * g.factor(n), by[1] = dneg * g.factor(n);
        }
    }
    __syncthreads();
    for (u32 j = me; j < n; j += blockDim.x)
        for (u32 row = 0; row < 2; row++) {
            size_t r = (size_t)row * batch + b, at = r * rows_of_current * n + j;
            float d = by[row] * g.dterm(signal[r * n + j]);
            for (u32 t = 0; t < rows_of_current; t++, at += n) dcurrent[at] *= d;
        }
}
