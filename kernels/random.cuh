// These random draws are computed from a counter. They are those of crates/ff-tensor/src/random.rs, bit for bit.

__device__ inline u64 mix(u64 z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

// Returns the `counter`-th draw of `seed`. It is SplitMix64's finaliser over a Weyl sequence.
__device__ inline u32 random_bits(u64 seed, u64 counter) {
    return (u32)(mix(mix(seed) + (counter + 1) * 0x9E3779B97F4A7C15ull) >> 32);
}

// Returns a draw in [0, 1), which is a multiple of 2^-24.
__device__ inline float random_uniform(u64 seed, u64 counter) {
    return (float)(random_bits(seed, counter) >> 8) * (1.0f / 16777216.0f);
}

// Does the same as `Dropout::silences` of params.rs.
__device__ inline bool silences(float rate, u64 seed, u32 step, u32 b, u32 n, u32 unit) {
    return random_uniform(seed, ((u64)step << 32) | ((u64)b * n + unit)) < rate;
}
