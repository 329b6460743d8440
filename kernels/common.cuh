// Stands in front of all kernels: they are one program, compiled by NVRTC, and know no header.
// What begins with FF_ is defined in Rust (constants.rs).
//
// Compiled without fused multiply-adds (`--fmad=false`): what the CPU does not fuse is not fused here. Pointers that
// may be null are Rust's options.

#ifndef FF_CONSTANTS
#error "the constants of kernels/constants.rs have to stand in front of the kernels: compile what `program()` gives"
#endif

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

constexpr u32 ALL = 0xFFFFFFFF;
// A row's sum has as many lanes as on the CPU (lanes.rs): a thread for each.
constexpr u32 LANES = FF_LANES;

// The numbers by which Rust names variants.
enum { SHIFT = FF_SHIFT, AFFINE = FF_AFFINE, ELASTIC = FF_ELASTIC };
enum { LIF = FF_LIF, RELU = FF_RELU };
enum { SUBTRACT = FF_SUBTRACT, ZERO = FF_ZERO, NONE = FF_NONE };
enum { MEMBRANE = FF_MEMBRANE, RATE = FF_RATE };
enum {
    ATAN = FF_ATAN,
    FAST_SIGMOID = FF_FAST_SIGMOID,
    TRIANGLE = FF_TRIANGLE,
    BOXCAR = FF_BOXCAR,
    SECANT = FF_SECANT
};
enum { MEAN = FF_MEAN, SUM = FF_SUM };
enum { L2 = FF_L2, RMS = FF_RMS };
enum { SOFTPLUS = FF_SOFTPLUS, PAIR = FF_PAIR };

struct Neuron {
    u32 kind, reset, output, surrogate, steps;
    float beta, threshold;
};

// The sum over a row's 16 threads, halves first as in `total` of lanes.rs; every one of them gets it.
__device__ inline float total(float lane) {
    for (u32 width = LANES / 2; width > 0; width /= 2) lane += __shfl_down_sync(ALL, lane, width, LANES);
    return __shfl_sync(ALL, lane, 0, LANES);
}

// `Norm::factor` of params.rs.
__device__ inline float norm_factor(float energy, u32 n, u32 kind, float eps) {
    float square = kind == RMS ? energy / (float)n : energy;
    return 1.0f / (sqrtf(square) + eps);
}

// `Goodness::factor` of params.rs.
__device__ inline float goodness_factor(u32 g, u32 n) { return g == MEAN ? 1.0f / (float)n : 1.0f; }
