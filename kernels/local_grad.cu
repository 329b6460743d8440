// The twin of crates/ff-cpu/src/local_grad.rs:
//   g = factor sum_j signal_j^2;   L = objective(g+, g-);   dI = dg 2 factor signal slope
//
// Launch: a block of up to 256 for each pair, a thread for each unit of both rows, a block's width of columns at a time. Membranes stay in
// registers. Signal and slope are written once, the slope where the gradient will be, and read again by the same thread
// when the loss is known: by then they are still in a cache. Sums as on the CPU, bit for bit. Four blocks are asked for on a
// multiprocessor because the compiler, left alone, saves registers and spills.

// A unit's signal, and its slope. All pointers at the unit's own numbers.
__device__ inline float with_slope(
    float *slope, float *spikes, const float *current, float bias, u32 n, u32 in_time, const Neuron &p) {
    if (p.kind == RELU) {
        *slope = *current + bias > 0.0f ? 1.0f : 0.0f;
        return rectified(*current + bias);
    }
    // Only a rate has the secant, under a constant current, and for as many steps as the CPU's staircase.
    bool climbs = p.output == RATE && p.steps >= 2 && p.steps <= FF_MOST_SECANT_STEPS && !in_time && spikes == nullptr;
    if (p.surrogate == SECANT && climbs) {
        *slope = secant(*current + bias, p);
        return scan<Boxcar>(nullptr, nullptr, current, bias, n, in_time, p);
    }
    switch (p.surrogate) {
        case ATAN: return scan<Atan>(slope, spikes, current, bias, n, in_time, p);
        case FAST_SIGMOID: return scan<FastSigmoid>(slope, spikes, current, bias, n, in_time, p);
        case TRIANGLE: return scan<Triangle>(slope, spikes, current, bias, n, in_time, p);
        default: return scan<Boxcar>(slope, spikes, current, bias, n, in_time, p);
    }
}

extern "C" __global__ void __launch_bounds__(256, 4) local_grad(
    float *dcurrent,        // as current
    float *losses,          // [pairs]
    float *signal,          // [2 B, n]
    float *spikes,          // [2 B T, n], or null
    float *goodness,        // [2 B]
    const float *current,   // [2 B, n], or [2 B T, n] if in_time
    const float *bias,      // [n], or null
    const u32 *clock,       // [2]
    u32 pairs, u32 batch, u32 n, u32 in_time, Neuron p, float dropout, u64 seed, u32 g, u32 kind, float parameter) {
    __shared__ float squares[2][2][256], by[2];
    u32 b = blockIdx.x, me = threadIdx.x, steps = in_time ? p.steps : 1;
    // Thread 16 r + l adds up lane l of row r. Two buffers take turns, so that one barrier a turn is enough.
    float lane = 0.0f;
    for (u32 first = 0, turn = 0; first < n; first += blockDim.x, turn ^= 1) {
        u32 j = first + me;
        bool silent = j < n && dropout != 0.0f && silences(dropout, seed, clock[0], b, n, j);
        for (u32 row = 0; row < 2; row++) {
            float x = 0.0f;
            if (j < n) {
                size_t r = (size_t)row * batch + b, at = r * steps * n + j;
                float *train = spikes ? spikes + r * p.steps * n + j : nullptr;
                x = with_slope(dcurrent + at, train, current + at, bias ? bias[j] : 0.0f, n, in_time, p);
                x = silent ? 0.0f : x;
                for (u32 t = 0; silent && train && t < p.steps; t++) train[(size_t)t * n] = 0.0f;
                signal[r * n + j] = x;
            }
            squares[turn][row][me] = x * x;
        }
        __syncthreads();
        if (me < 2 * LANES)
            for (u32 i = me % LANES; i < blockDim.x; i += LANES) lane += squares[turn][me / LANES][i];
    }
    if (me < 32) {
        float of_row = goodness_factor(g, n) * total(lane);
        float negative = __shfl_sync(ALL, of_row, LANES);
        if (me == 0) {
            float dpos, dneg, loss = of_pair(of_row, negative, batch, kind, parameter, dpos, dneg);
            u64 at = (u64)clock[1] * batch + b;
            if (at < pairs) losses[at] = loss;
            goodness[b] = of_row, goodness[batch + b] = negative;
            by[0] = dpos * (2.0f * goodness_factor(g, n)), by[1] = dneg * (2.0f * goodness_factor(g, n));
        }
    }
    __syncthreads();
    for (u32 j = me; j < n; j += blockDim.x)
        for (u32 row = 0; row < 2; row++) {
            size_t r = (size_t)row * batch + b, at = r * steps * n + j;
            float d = by[row] * signal[r * n + j];
            for (u32 t = 0; t < steps; t++, at += n) dcurrent[at] *= d;
        }
}
