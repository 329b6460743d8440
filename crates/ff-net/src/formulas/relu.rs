//! A rectifier, without time: `signal = max(0, I)`, `slope = [I > 0]`.

use ff_tensor::{Formula, Neuron, Numbers};

/// A rectifier.
#[derive(Debug, Clone, Copy)]
pub struct Relu;

impl Neuron for Relu {
    /// The current.
    type State = [f32; 1];

    fn steps(&self) -> usize {
        1
    }

    fn spikes(&self) -> bool {
        false
    }

    #[inline(always)]
    fn step(&self, _: [f32; 1], current: f32) -> [f32; 1] {
        [current]
    }

    #[inline(always)]
    fn spike(&self, [current]: [f32; 1]) -> f32 {
        if current > 0.0 { current } else { 0.0 }
    }

    fn soft_spike(&self, state: [f32; 1]) -> Option<f32> {
        Some(self.spike(state))
    }

    #[inline(always)]
    fn dstep(&self, _: [f32; 1], _: [f32; 1], _: [f32; 1], dcurrent: f32) -> [f32; 1] {
        [dcurrent]
    }

    #[inline(always)]
    fn dspike(&self, [current]: [f32; 1], [d]: [f32; 1]) -> f32 {
        if current > 0.0 { d } else { 0.0 }
    }
}

impl Formula for Relu {
    fn numbers(&self) -> Numbers {
        Numbers::none()
    }

    fn cuda(&self) -> &'static [&'static str] {
        &[r"
struct Neuron {
    enum { STATES = 1, OWN_SLOPE = 0 };
    __device__ bool reads_membrane() const { return false; }
    __device__ void step(float *s, float current) const { s[0] = current; }
    __device__ float spike(const float *s) const { return s[0] > 0.0f ? s[0] : 0.0f; }
    __device__ void dstep(const float *, const float *, float *d, float dcurrent) const { d[0] = dcurrent; }
    __device__ float dspike(const float *s, const float *d) const { return s[0] > 0.0f ? d[0] : 0.0f; }
    __device__ float slope(float) const { return 0.0f; }
};
"]
    }
}
