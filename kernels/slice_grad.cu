// The twin of crates/ff-cpu/src/slice_grad.rs:
//   g = factor(all) sum_i term(signal_i), over all units;   L = of_pair(g+, g-)
//   dI = dg factor(all) dterm(signal) slope, of the units from number first on
//
// Launch: Each pair has a block of up to 256 threads. The block takes as many columns at a time as it has threads, first of the
// whole layer and then of the slice. Sums are computed as on the CPU, bit for bit.

extern "C" __global__ void __launch_bounds__(256) slice_grad(
    float *dcurrent,       // [2 B steps, m]: the slopes, and then the gradient
    float *losses,         // [pairs]
    float *goodness,       // [2 B]
    const float *signal,   // [2 B, all]
    const u32 *clock,      // [2]
    u32 pairs, u32 batch, u32 m, u32 first, u32 all, u32 steps, Goodness g, Objective objective) {
    u32 b = blockIdx.x;
    const float *positive = signal + (size_t)b * all, *negative = signal + (size_t)(batch + b) * all;
    float lane = lanes_of_pair(all, [&](u32 j, float *to) {
        to[0] = g.term(positive[j]);
        to[PAIR_THREADS] = g.term(negative[j]);
    });
    from_lanes(g, objective, {dcurrent, losses, goodness, signal, clock, pairs, batch, first, all, m, steps}, lane);
}
