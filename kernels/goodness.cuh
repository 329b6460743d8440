// This file computes the goodness of a row. It is the twin of `Goodness::of_row` in crates/ff-tensor/src/goodness.rs. The
// formula, `struct Goodness`, comes before this file.

// Returns the goodness from `signal(j)` of each unit j. The row's 16 threads compute it together. Lane l adds up units l, l + 16
// and so on, as on the CPU.
template <typename F>
__device__ inline float goodness_of(const Goodness &g, u32 n, F signal) {
    float lane = 0.0f;
    for (u32 j = threadIdx.x; j < n; j += LANES) lane += g.term(signal(j));
    return g.factor(n) * total(lane);
}
