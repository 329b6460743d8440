// This file leads from the signals of a pair to its loss and to the gradient of the current. It is the twin of
// crates/ff-cpu/src/slice_grad.rs. The formulas, `struct Goodness` and `struct Objective`, come before this file.
//
// Each pair has a block of up to PAIR_THREADS threads. Their number is a multiple of 32. The block takes as many columns at a
// time as it has threads. Sums are computed as on the CPU, bit for bit.

constexpr u32 PAIR_THREADS = 256;

// All pairs, as `Pairs` and `Grad` on the CPU.
struct Pairs {
    float *dcurrent, *losses, *goodness;
    const float *signal;
    const u32 *clock;
    u32 pairs, batch, first, all, m, steps;
};

// Adds up the terms of n units, in both rows of the block's pair. `put(j, to)` writes the terms of unit j to `to[0]` and to
// `to[PAIR_THREADS]`. Thread 16 r + l returns lane l of row r.
template <typename F>
__device__ inline float lanes_of_pair(u32 n, F put) {
    // Two buffers alternate, so that one barrier in each turn is enough.
    __shared__ float terms[2][2][PAIR_THREADS];
    u32 me = threadIdx.x;
    float lane = 0.0f;
    for (u32 from = 0, turn = 0; from < n; from += blockDim.x, turn ^= 1) {
        float *to = &terms[turn][0][me];
        if (from + me < n) put(from + me, to);
        else to[0] = to[PAIR_THREADS] = 0.0f;
        __syncthreads();
        if (me < 2 * LANES)
            for (u32 i = me % LANES; i < blockDim.x; i += LANES) lane += terms[turn][me / LANES][i];
    }
    return lane;
}

// Computes goodness, loss and gradient of the block's pair. `lane` is what `lanes_of_pair` returned.
__device__ inline void from_lanes(const Goodness &g, const Objective &objective, const Pairs &p, float lane) {
    __shared__ float by[2];
    u32 b = blockIdx.x, me = threadIdx.x;
    if (me < 32) {
        float of_row = g.factor(p.all) * total(lane);
        float negative = __shfl_sync(ALL, of_row, LANES);
        if (me == 0) {
            float dpos, dneg, loss = share_of_batch(objective, of_row, negative, p.batch, dpos, dneg);
            u64 at = (u64)p.clock[1] * p.batch + b;
            if (at < p.pairs) p.losses[at] = loss;
            p.goodness[b] = of_row, p.goodness[p.batch + b] = negative;
            by[0] = dpos * g.factor(p.all), by[1] = dneg * g.factor(p.all);
        }
    }
    __syncthreads();
    for (u32 j = me; j < p.m; j += blockDim.x)
        for (u32 row = 0; row < 2; row++) {
            size_t r = (size_t)row * p.batch + b, at = r * p.steps * p.m + j;
            float d = by[row] * g.dterm(p.signal[r * p.all + p.first + j]);
            for (u32 t = 0; t < p.steps; t++, at += p.m) p.dcurrent[at] *= d;
        }
}
