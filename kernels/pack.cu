// The twin of `pack` in crates/ff-cpu/src/packing.rs: numbers as the bytes in which they travel to other ranks.
//
// Launch: Each number has a thread. `steps` is 0 if the numbers travel as they are. The nearest whole number is found in another
// way than on the CPU, and compared as there.

extern "C" __global__ void __launch_bounds__(256) pack(
    u8 *bytes,              // [count] or [4 count]
    const float *numbers,   // [count]
    u64 count, u32 steps) {
    u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    float x = numbers[i];
    if (steps == 0) {
        ((float *)bytes)[i] = x;
        return;
    }
    float spikes = x * (float)steps;
    u32 nearest = spikes >= 0.0f && spikes < (float)NO_RATE ? (u32)(spikes + 0.5f) : NO_RATE;
    bytes[i] = (float)nearest * (1.0f / (float)steps) == x ? nearest : NO_RATE;
}
