// The twin of `unpack` in crates/ff-cpu/src/packing.rs: the bytes of all slices as the numbers of the whole layer.
//
// Launch: Each row has a thread for each unit, in blocks of up to 256. `steps` is 0 if the numbers travel as they are.

// The first unit of a slice, as `slice_of` of packing.rs says.
__device__ inline u32 first_of(u32 n, u32 slices, u32 slice) {
    return slice >= slices ? n : (u32)((u64)n * slice / slices) / SLICE * SLICE;
}

extern "C" __global__ void __launch_bounds__(256) unpack(
    float *numbers,    // [R, n]
    const u8 *bytes,   // the bytes of slice 0, [R, m], then those of slice 1, and so on
    u32 rows, u32 n, u32 slices, u32 steps) {
    u32 r = blockIdx.x, j = blockIdx.y * blockDim.x + threadIdx.x;
    if (j >= n) return;
    u32 slice = 0;
    while (first_of(n, slices, slice + 1) <= j) slice++;
    u32 first = first_of(n, slices, slice), m = first_of(n, slices, slice + 1) - first;
    size_t at = (size_t)rows * first + (size_t)r * m + (j - first);
    float *to = numbers + (size_t)r * n + j;
    if (steps == 0) *to = ((const float *)bytes)[at];
    else *to = bytes[at] == NO_RATE ? nanf("") : (float)bytes[at] * (1.0f / (float)steps);
}
