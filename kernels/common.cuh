// Stands in front of all kernels: they are one program, compiled by NVRTC, and know no header.
//
// Compiled without fused multiply-adds (`--fmad=false`): what the CPU does not fuse is not fused here. Pointers that
// may be null are Rust's options.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

constexpr u32 ALL = 0xFFFFFFFF;
// A row's sum has as many lanes as on the CPU (lanes.rs): a thread for each.
constexpr u32 LANES = 16;

// The numbers by which ff-cuda/src/launch.rs names variants.
enum { SHIFT, AFFINE, ELASTIC };
enum { LIF, RELU };
enum { SUBTRACT, ZERO, NONE };
enum { MEMBRANE, RATE };
enum { ATAN, FAST_SIGMOID, TRIANGLE, BOXCAR, SECANT };
enum { MEAN, SUM };
enum { L2, RMS };
enum { SOFTPLUS, PAIR };

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
