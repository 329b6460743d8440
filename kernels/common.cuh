// This file comes before all kernels. It needs no header, because NVRTC compiles the kernels and knows no header. Names that
// begin with FF_ are defined in Rust (constants.rs).
//
// The compiler does not fuse multiply-adds (`--fmad=false`), because the CPU does not fuse them either. Pointers that may be null
// are options in Rust.

#ifndef FF_CONSTANTS
#error "the constants of kernels/constants.rs have to stand in front of the kernels: compile what ff_kernels gives"
#endif

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

constexpr u32 ALL = 0xFFFFFFFF;
// A row's sum has as many lanes as on the CPU (lanes.rs), and each lane has a thread.
constexpr u32 LANES = FF_LANES;
// What travels to other ranks (packing.rs).
constexpr u32 SLICE = FF_SLICE, NO_RATE = FF_NO_RATE;

// These numbers stand for the variants of Rust's enums.
enum { SHIFT = FF_SHIFT, AFFINE = FF_AFFINE, ELASTIC = FF_ELASTIC };
enum { L2 = FF_L2, RMS = FF_RMS };

// Returns the sum over a row's 16 threads to each of them. It adds halves first, as `total` of lanes.rs does.
__device__ inline float total(float lane) {
    for (u32 width = LANES / 2; width > 0; width /= 2) lane += __shfl_down_sync(ALL, lane, width, LANES);
    return __shfl_sync(ALL, lane, 0, LANES);
}

// Does the same as `Norm::factor` of params.rs.
__device__ inline float norm_factor(float energy, u32 n, u32 kind, float eps) {
    float square = kind == RMS ? energy / (float)n : energy;
    return 1.0f / (sqrtf(square) + eps);
}

// A label beyond the last one counts as the last one, so that no label leads to an address out of bounds.
__device__ inline u32 label_within(u32 label, u32 labels) { return min(label, labels - 1); }
