//! Formulas that the engine does not have, as a user would write them: a neuron with two numbers in its state, a goodness, an
//! objective with two parameters, and two optimisers. Each is there in Rust and, beside it, as CUDA text. The goodness and
//! the objective are those of an example.
#![allow(dead_code, unused_imports)] // Each test takes what it needs.

#[path = "../../crates/forward-forward/examples/04-new-objective.rs"]
mod new_objective;

use ff_tensor::optimiser::{MOST_FACTORS, MOST_MOMENTS};
use ff_tensor::{Formula, Neuron, Numbers, Optimiser, Readout};

pub use new_objective::{Margin, MeanSignal};

/// A unit whose threshold rises with each of its spikes and falls back slowly (an adaptive leaky integrate-and-fire unit):
///
/// ```text
/// a_t   = rho a_{t-1} + strength spk_{t-1}
/// mem_t = beta mem_{t-1} + I_t - threshold spk_{t-1}
/// spk_t = 1 if mem_t > threshold + a_t, else 0
/// ```
/// The reset counts as a constant when differentiating. The adaptation does not: it follows the spike's surrogate
/// `S'(mem - threshold - a)`, so that each number of the state depends on both.
#[derive(Debug, Clone)]
pub struct Adaptive {
    pub beta: f32,
    pub threshold: f32,
    pub rho: f32,
    pub strength: f32,
    pub steps: usize,
    pub readout: Readout,
}

impl Adaptive {
    /// How far the state is above its threshold.
    #[inline(always)]
    fn above(&self, [mem, a]: [f32; 2]) -> f32 {
        mem - (self.threshold + a)
    }
}

#[inline(always)]
fn surrogate(u: f32) -> f32 {
    let x = std::f32::consts::PI * u;
    1.0 / (1.0 + x * x)
}

impl Neuron for Adaptive {
    /// Membrane and adaptation.
    type State = [f32; 2];

    fn steps(&self) -> usize {
        self.steps
    }

    fn readout(&self) -> Readout {
        self.readout
    }

    #[inline(always)]
    fn step(&self, [mem, a]: [f32; 2], current: f32) -> [f32; 2] {
        let spk = self.above([mem, a]) > 0.0;
        let taken = if spk { self.threshold } else { 0.0 };
        let added = if spk { self.strength } else { 0.0 };
        [self.beta * mem + current - taken, self.rho * a + added]
    }

    #[inline(always)]
    fn spike(&self, state: [f32; 2]) -> f32 {
        if self.above(state) > 0.0 { 1.0 } else { 0.0 }
    }

    #[inline(always)]
    fn dstep(&self, before: [f32; 2], _: [f32; 2], [dmem, da]: [f32; 2], dcurrent: f32) -> [f32; 2] {
        let dspk = surrogate(self.above(before)) * (dmem - da);
        [self.beta * dmem + dcurrent, self.rho * da + self.strength * dspk]
    }

    #[inline(always)]
    fn dspike(&self, state: [f32; 2], [dmem, da]: [f32; 2]) -> f32 {
        surrogate(self.above(state)) * (dmem - da)
    }
}

impl Formula for Adaptive {
    fn numbers(&self) -> Numbers {
        Numbers::floats(&[self.beta, self.threshold, self.rho, self.strength])
            .whole(u32::from(self.readout == Readout::Membrane))
    }

    fn cuda(&self) -> &'static [&'static str] {
        &[r"
struct Neuron {
    float beta, threshold, rho, strength;
    u32 membrane;
    enum { STATES = 2, OWN_SLOPE = 0 };
    __device__ bool reads_membrane() const { return membrane; }
    __device__ float above(const float *s) const { return s[0] - (threshold + s[1]); }
    static __device__ float surrogate(float u) {
        float x = 3.14159265358979f * u;
        return 1.0f / (1.0f + x * x);
    }
    __device__ void step(float *s, float current) const {
        bool spk = above(s) > 0.0f;
        s[0] = beta * s[0] + current - (spk ? threshold : 0.0f);
        s[1] = rho * s[1] + (spk ? strength : 0.0f);
    }
    __device__ float spike(const float *s) const { return above(s) > 0.0f ? 1.0f : 0.0f; }
    __device__ void dstep(const float *before, const float *, float *d, float dcurrent) const {
        float dspk = surrogate(above(before)) * (d[0] - d[1]);
        d[0] = beta * d[0] + dcurrent;
        d[1] = rho * d[1] + strength * dspk;
    }
    __device__ float dspike(const float *s, const float *d) const { return surrogate(above(s)) * (d[0] - d[1]); }
    __device__ float slope(float) const { return 0.0f; }
};
"]
    }
}

/// Gradient descent with momentum: `m = momentum m + dW`, `W = W - rate m`, where the rate falls as `1 / (1 + decay step)`.
#[derive(Debug, Clone, Copy)]
pub struct Momentum {
    pub rate: f32,
    pub momentum: f32,
    pub decay: f32,
}

impl Optimiser for Momentum {
    fn moments(&self) -> &'static [&'static str] {
        &["velocity"]
    }

    fn factors(&self, step: u32) -> [f32; MOST_FACTORS] {
        [self.rate / (1.0 + self.decay * step as f32), 0.0, 0.0, 0.0]
    }

    #[inline(always)]
    fn update(
        &self,
        [rate, ..]: &[f32; MOST_FACTORS],
        weight: f32,
        [velocity, _]: [f32; MOST_MOMENTS],
        gradient: f32,
    ) -> (f32, [f32; MOST_MOMENTS]) {
        let velocity = self.momentum * velocity + gradient;
        (weight - rate * velocity, [velocity, 0.0])
    }
}

impl Formula for Momentum {
    fn numbers(&self) -> Numbers {
        Numbers::floats(&[self.rate, self.momentum, self.decay])
    }

    fn cuda(&self) -> &'static [&'static str] {
        &[r"
struct Optimiser {
    float rate, momentum, decay;
    enum { MOMENTS = 1, FACTORS = 1 };
    __device__ void factors(u32 step, float *f) const { f[0] = rate / (1.0f + decay * (float)step); }
    __device__ float update(const float *f, float weight, float *moments, float gradient) const {
        moments[0] = momentum * moments[0] + gradient;
        return weight - f[0] * moments[0];
    }
};
"]
    }
}

/// Plain gradient descent, which keeps nothing beside the weights: `W = W - rate dW`.
#[derive(Debug, Clone, Copy)]
pub struct Descent {
    pub rate: f32,
}

impl Optimiser for Descent {
    fn moments(&self) -> &'static [&'static str] {
        &[]
    }

    fn factors(&self, _: u32) -> [f32; MOST_FACTORS] {
        [0.0; MOST_FACTORS]
    }

    #[inline(always)]
    fn update(
        &self,
        _: &[f32; MOST_FACTORS],
        weight: f32,
        moments: [f32; MOST_MOMENTS],
        gradient: f32,
    ) -> (f32, [f32; MOST_MOMENTS]) {
        (weight - self.rate * gradient, moments)
    }
}

impl Formula for Descent {
    fn numbers(&self) -> Numbers {
        Numbers::floats(&[self.rate])
    }

    fn cuda(&self) -> &'static [&'static str] {
        &[r"
struct Optimiser {
    float rate;
    enum { MOMENTS = 0, FACTORS = 0 };
    __device__ void factors(u32, float *) const {}
    __device__ float update(const float *, float weight, float *, float gradient) const { return weight - rate * gradient; }
};
"]
    }
}
