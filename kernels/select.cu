// The twin of crates/ff-cpu/src/select.rs:   rows[r] = table[order[batch R + r]]
//
// Launch: Each row has a block of 128 threads. A batch or an index out of bounds leaves a row of NaN. The kernel has another name
// than the op, because the C library has a `select` too.

extern "C" __global__ void __launch_bounds__(128) select_rows(
    float *rows,          // [R, n]
    const float *table,   // [count, n]
    const u32 *order,     // [ordered]
    const u32 *clock,     // [2]
    u32 batch, u32 n, u32 count, u32 ordered) {
    u32 r = blockIdx.x;
    u64 at = (u64)clock[1] * batch + r;
    u32 id = at < ordered ? order[at] : count;
    float *to = rows + (size_t)r * n;
    const float *from = table + (size_t)id * n;
    for (u32 i = threadIdx.x; i < n; i += blockDim.x) to[i] = id < count ? from[i] : nanf("");
}
