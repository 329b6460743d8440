// The twin of crates/ff-cpu/src/local_grad.rs:
//   g = factor(n) sum_j term(signal_j);   L = of_pair(g+, g-);   dI = dg factor(n) dterm(signal) slope
//
// Launch: Each pair has a block of up to 256 threads. A thread computes one unit of both rows, and the block takes as many
// columns at a time as it has threads. With a constant current, states stay in registers. Signal and slope are written once, the
// slope where the gradient will be. The same thread reads them again when the loss is known, and by then they are still in a
// cache. Sums are computed as on the CPU, bit for bit. The launch bounds ask for four blocks on a multiprocessor, because the
// compiler would otherwise save registers and spill.

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
    Samples samples = {signal, dcurrent, spikes, current, bias, n, steps, in_time};
    Pairs all = {dcurrent, losses, goodness, signal, clock, pairs, batch, 0, n, n, samples.rows_of_current()};
    u32 b = blockIdx.x;
    float lane = lanes_of_pair(n, [&](u32 j, float *to) {
        bool silent = dropout != 0.0f && silences(dropout, seed, clock[0], b, n, j);
        for (u32 row = 0; row < 2; row++)
            to[row * PAIR_THREADS] = g.term(signal_of(p, g, samples, (size_t)row * batch + b, j, silent));
    });
    from_lanes(g, objective, all, lane);
}
