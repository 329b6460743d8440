// The twin of `advance` in crates/ff-cpu/src/device.rs. It adds one to the clock's step and batch, which wrap around to 0.
//
// Launch: There are 32 threads, and two of them work.

extern "C" __global__ void __launch_bounds__(32) advance(u32 *clock) {
    if (threadIdx.x < 2) clock[threadIdx.x] += 1;
}
