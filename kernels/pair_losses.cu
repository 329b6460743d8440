// The twin of crates/ff-cpu/src/pair_losses.rs:   L = 1/B sum_b of_pair(g+[b], g-[b]), with dL/dg+ and dL/dg-
//
// Launch: Each pair has one thread.

extern "C" __global__ void __launch_bounds__(256) pair_losses(
    float *losses,           // [pairs]
    float *dgoodness,        // [2 B]
    const float *goodness,   // [2 B]
    const u32 *clock,        // [2]
    u32 pairs, u32 batch, Objective objective) {
    u32 b = blockIdx.x * blockDim.x + threadIdx.x;
    if (b >= batch) return;
    float dpos, dneg, loss = share_of_batch(objective, goodness[b], goodness[batch + b], batch, dpos, dneg);
    u64 at = (u64)clock[1] * batch + b;
    if (at < pairs) losses[at] = loss;
    dgoodness[b] = dpos, dgoodness[batch + b] = dneg;
}
