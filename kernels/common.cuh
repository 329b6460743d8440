// Stands in front of all kernels: NVRTC compiles them, and it knows no header. What begins with FF_ is defined in Rust
// (constants.rs).
//
// Multiply-adds are not fused (`--fmad=false`), because the CPU does not fuse them either. Pointers that may be null are
// Rust's options.

#ifndef FF_CONSTANTS
#error "the constants of kernels/constants.rs have to stand in front of the kernels: compile what ff_kernels gives"
#endif

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

constexpr u32 ALL = 0xFFFFFFFF;
// A row's sum has as many lanes as on the CPU (lanes.rs), with a thread for each.
constexpr u32 LANES = FF_LANES;

// The numbers by which Rust names variants.
enum { SHIFT = FF_SHIFT, AFFINE = FF_AFFINE, ELASTIC = FF_ELASTIC };
enum { L2 = FF_L2, RMS = FF_RMS };

// The sum over a row's 16 threads, halves first as in `total` of lanes.rs. Each of the threads gets it.
__device__ inline float total(float lane) {
    for (u32 width = LANES / 2; width > 0; width /= 2) lane += __shfl_down_sync(ALL, lane, width, LANES);
    return __shfl_sync(ALL, lane, 0, LANES);
}

// `Norm::factor` of params.rs.
__device__ inline float norm_factor(float energy, u32 n, u32 kind, float eps) {
    float square = kind == RMS ? energy / (float)n : energy;
    return 1.0f / (sqrtf(square) + eps);
}

// A label that lies beyond the last one counts as the last one, so that no address depends on what a label holds.
__device__ inline u32 label_within(u32 label, u32 labels) { return min(label, labels - 1); }
