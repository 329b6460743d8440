// The twin of crates/ff-cpu/src/matmul.rs:   C = op(A) op(B)
//
// Launch: A block of 256 threads computes a tile of 64 x 64 of C, and the grid is (row tiles, column tiles). Each thread has 4 x
// 4 sums over k, in order and fused. This kernel is used if cuBLAS is not installed, or if k is 0.

constexpr u32 TILE = FF_TILE, DEPTH = 16, PER = 4, SIDE = TILE / PER;

extern "C" __global__ void __launch_bounds__(256) matmul(
    float *c,         // [m, n]
    const float *a,   // [m, k], or [k, m] if transposed
    u32 transpose_a,
    const float *b,   // [k, n], or [n, k] if transposed
    u32 transpose_b, u32 m, u32 k, u32 n) {
    __shared__ float a_tile[DEPTH][TILE + 1], b_tile[DEPTH][TILE + 1];
    u32 row = blockIdx.x * TILE, column = blockIdx.y * TILE;
    u32 down = threadIdx.x / SIDE, right = threadIdx.x % SIDE;
    float sums[PER][PER] = {};
    for (u32 first = 0; first < k; first += DEPTH) {
        // Neighbouring threads read numbers that are neighbours in memory.
        for (u32 e = threadIdx.x; e < TILE * DEPTH; e += blockDim.x) {
            u32 i = transpose_a ? e % TILE : e / DEPTH, l = transpose_a ? e / TILE : e % DEPTH;
            size_t at = transpose_a ? (size_t)(first + l) * m + row + i : (size_t)(row + i) * k + first + l;
            a_tile[l][i] = row + i < m && first + l < k ? a[at] : 0.0f;
            u32 j = transpose_b ? e / DEPTH : e % TILE, h = transpose_b ? e % DEPTH : e / TILE;
            at = transpose_b ? (size_t)(column + j) * k + first + h : (size_t)(first + h) * n + column + j;
            b_tile[h][j] = column + j < n && first + h < k ? b[at] : 0.0f;
        }
        __syncthreads();
        for (u32 l = 0; l < DEPTH; l++) {
            float of_a[PER], of_b[PER];
            for (u32 p = 0; p < PER; p++) of_a[p] = a_tile[l][down + p * SIDE], of_b[p] = b_tile[l][right + p * SIDE];
            for (u32 p = 0; p < PER; p++)
                for (u32 q = 0; q < PER; q++) sums[p][q] = fmaf(of_a[p], of_b[q], sums[p][q]);
        }
        __syncthreads();
    }
    for (u32 p = 0; p < PER; p++)
        for (u32 q = 0; q < PER; q++) {
            u32 i = row + down + p * SIDE, j = column + right + q * SIDE;
            if (i < m && j < n) c[(size_t)i * n + j] = sums[p][q];
        }
}
