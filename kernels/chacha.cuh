// This is ChaCha with 8 rounds (D. Bernstein, ChaCha, a variant of Salsa20, 2008), computed from a counter. Word `k` of a stream
// is, bit for bit, what rand_chacha's ChaCha8Rng draws from that stream after `k` other words.

// A stream of random words. `seed` and `epoch` are the first two numbers of the key, whose other two numbers are 0. `number` says
// which of the key's streams it is.
struct Stream {
    u64 seed, epoch, number;
};

__device__ inline u32 rotated(u32 x, u32 by) { return x << by | x >> (32 - by); }

__device__ inline void quarter_round(u32 &a, u32 &b, u32 &c, u32 &d) {
    a += b, d = rotated(d ^ a, 16);
    c += d, b = rotated(b ^ c, 12);
    a += b, d = rotated(d ^ a, 8);
    c += d, b = rotated(b ^ c, 7);
}

// Writes words `16 block` to `16 block + 15` to `x`.
__device__ inline void chacha(u32 *x, Stream s, u64 block) {
    const u32 from[16] = {0x61707865, 0x3320646E, 0x79622D32, 0x6B206574,
                          (u32)s.seed, (u32)(s.seed >> 32), (u32)s.epoch, (u32)(s.epoch >> 32), 0, 0, 0, 0,
                          (u32)block, (u32)(block >> 32), (u32)s.number, (u32)(s.number >> 32)};
    for (u32 i = 0; i < 16; i++) x[i] = from[i];
    for (u32 round = 0; round < 8; round += 2) {
        for (u32 i = 0; i < 4; i++) quarter_round(x[i], x[4 + i], x[8 + i], x[12 + i]);
        for (u32 i = 0; i < 4; i++)
            quarter_round(x[i], x[4 + (i + 1) % 4], x[8 + (i + 2) % 4], x[12 + (i + 3) % 4]);
    }
    for (u32 i = 0; i < 16; i++) x[i] += from[i];
}

// Returns word `k`.
__device__ inline u32 chacha_word(Stream s, u64 k) {
    u32 x[16], word = 0;
    chacha(x, s, k / 16);
    // An index that the compiler does not know would put the words into memory.
    for (u32 i = 0; i < 16; i++)
        if (i == k % 16) word = x[i];
    return word;
}
