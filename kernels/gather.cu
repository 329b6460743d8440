// The twin of crates/ff-cpu/src/gather.rs:
//   x = pixels / 255, the first `classes` of them 0, and those that are dropped
//   s = 1 / (norm of x and the label's amplitude + eps);   xhat = s x
// Below the images there is a row for each label, and then the neutral row.
//
// Launch: Each row of xhat has a block of 128 threads. Without classes, the images are the only rows. The energy is a sum of
// whole numbers, so any order gives the same sum. A batch or an index out of bounds leaves NaN, which the loss will show.

extern "C" __global__ void __launch_bounds__(128) gather(
    float *xhat,          // [B + classes + 1, pixels]
    float *scale,         // [B]
    u32 *labels,          // [B]
    const u8 *images,     // [N, pixels]
    const u32 *targets,   // [N]
    const u32 *order,     // [ordered]
    const u32 *clock,     // [2]
    u32 batch, u32 pixels, u32 count, u32 ordered, u32 classes, float amplitude, u32 norm, float eps,
    float dropout, u64 seed) {
    const float WHITE = FF_WHITE;
    __shared__ u64 energy;
    u32 b = blockIdx.x;
    float *x = xhat + (size_t)b * pixels;
    if (b >= batch) {
        u32 label = b - batch;
        float neutral = 1.0f / (float)classes;
        for (u32 i = threadIdx.x; i < pixels; i += blockDim.x)
            x[i] = label < classes ? (i == label ? 1.0f : 0.0f) : (i < classes ? neutral : 0.0f);
        return;
    }
    u64 at = (u64)clock[1] * batch + b;
    u32 id = at < ordered ? order[at] : count;
    if (id >= count) {
        for (u32 i = threadIdx.x; i < pixels; i += blockDim.x) x[i] = nanf("");
        if (threadIdx.x == 0) scale[b] = nanf(""), labels[b] = 0;
        return;
    }
    const u8 *image = images + (size_t)id * pixels;
    u64 mine = 0;
    for (u32 i = threadIdx.x; i < pixels; i += blockDim.x) {
        bool missing = i < classes || (dropout != 0.0f && silences(dropout, seed, clock[0], b, pixels, i));
        u32 pixel = missing ? 0 : image[i];
        x[i] = (float)pixel; // it is kept here until the energy is known
        mine += pixel * pixel;
    }
    for (u32 width = 16; width > 0; width /= 2) mine += __shfl_down_sync(ALL, mine, width);
    if (threadIdx.x == 0) energy = 0;
    __syncthreads();
    if (threadIdx.x % 32 == 0) atomicAdd(&energy, mine);
    __syncthreads();
    float s = norm_factor((float)energy / (WHITE * WHITE) + amplitude * amplitude, pixels, norm, eps);
    float step = s / WHITE;
    for (u32 i = threadIdx.x; i < pixels; i += blockDim.x)
        if (i >= classes) x[i] = step * x[i];
    if (threadIdx.x == 0) scale[b] = s, labels[b] = targets[id];
}
