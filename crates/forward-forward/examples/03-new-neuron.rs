//! Train with a neuron that the engine does not have: one type, in Rust and as CUDA text.
//!
//! Its threshold adapts: every spike raises it, and it falls back (G. Bellec et al., Long short-term memory and
//! learning-to-learn in networks of spiking neurons, NeurIPS 2018).
//!
//! ```text
//! mem_t   = beta mem_{t-1} + I_t - theta_0 spk_{t-1}
//! a_t     = decay a_{t-1} + spk_{t-1}                        how much it has spiked lately
//! theta_t = theta_0 + rho a_t
//! spk_t   = 1 if mem_t > theta_t, else 0
//! ```
//! As with snnTorch's reset, what a spike does to the state counts as a constant when differentiating.

use std::sync::Arc;

use forward_forward::cpu::Cpu;
use forward_forward::data::synthetic;
use forward_forward::prediction::error_percent;
use forward_forward::{Config, Device, Formula, Network, Neuron, Numbers, Predictor, Trainer, check};

/// A unit whose threshold rises with every spike.
#[derive(Debug, Clone, Copy)]
pub struct Adaptive {
    /// Share of the membrane that is left after a step.
    pub beta: f32,
    /// The threshold of a unit that has not spiked.
    pub theta_0: f32,
    /// What a recent spike adds to the threshold.
    pub rho: f32,
    /// Share of that which is left after a step.
    pub decay: f32,
    /// Time steps.
    pub steps: usize,
}

impl Adaptive {
    #[inline(always)]
    fn above(&self, [mem, a]: [f32; 2]) -> f32 {
        mem - (self.theta_0 + self.rho * a)
    }
}

impl Neuron for Adaptive {
    /// `[mem, a]`
    type State = [f32; 2];

    fn steps(&self) -> usize {
        self.steps
    }

    #[inline(always)]
    fn step(&self, [mem, a]: [f32; 2], current: f32) -> [f32; 2] {
        let spk = self.spike([mem, a]);
        [self.beta * mem + current - self.theta_0 * spk, self.decay * a + spk]
    }

    #[inline(always)]
    fn spike(&self, state: [f32; 2]) -> f32 {
        if self.above(state) > 0.0 { 1.0 } else { 0.0 }
    }

    #[inline(always)]
    fn dstep(&self, _: [f32; 2], _: [f32; 2], [dmem, da]: [f32; 2], dcurrent: f32) -> [f32; 2] {
        [self.beta * dmem + dcurrent, self.decay * da]
    }

    /// The triangle's surrogate, `max(0, 1 - |u|)`.
    #[inline(always)]
    fn dspike(&self, state: [f32; 2], [dmem, da]: [f32; 2]) -> f32 {
        let height = 1.0 - self.above(state).abs();
        (if height > 0.0 { height } else { 0.0 }) * (dmem - self.rho * da)
    }

    fn soft_spike(&self, state: [f32; 2]) -> Option<f32> {
        let u = self.above(state).clamp(-1.0, 1.0);
        Some(u - 0.5 * u * u.abs())
    }
}

impl Formula for Adaptive {
    fn numbers(&self) -> Numbers {
        Numbers::floats(&[self.beta, self.theta_0, self.rho, self.decay])
    }

    fn cuda(&self) -> &'static [&'static str] {
        &[r"
struct Neuron {
    float beta, theta_0, rho, decay;
    enum { STATES = 2, OWN_SLOPE = 0 };
    __device__ bool reads_membrane() const { return false; }
    __device__ float above(const float *s) const { return s[0] - (theta_0 + rho * s[1]); }
    __device__ void step(float *s, float current) const {
        float spk = spike(s);
        s[0] = beta * s[0] + current - theta_0 * spk;
        s[1] = decay * s[1] + spk;
    }
    __device__ float spike(const float *s) const { return above(s) > 0.0f ? 1.0f : 0.0f; }
    __device__ void dstep(const float *, const float *, float *d, float dcurrent) const {
        d[0] = beta * d[0] + dcurrent;
        d[1] = decay * d[1];
    }
    __device__ float dspike(const float *s, const float *d) const {
        float height = 1.0f - fabsf(above(s));
        return (height > 0.0f ? height : 0.0f) * (d[0] - rho * d[1]);
    }
    __device__ float slope(float) const { return 0.0f; }
};
"]
    }
}

/// The unit that the example trains with: `quick`'s, with a threshold that rises by a quarter of its own with each spike.
pub const ADAPTIVE: Adaptive = Adaptive { beta: 0.8, theta_0: 4.0, rho: 1.0, decay: 0.9, steps: 8 };

/// Trains two layers on drawn digits, of the engine's own unit or of another, and gives the test error in percent.
///
/// # Errors
/// If the device fails.
pub fn train<D: Device>(
    dev: &D,
    samples: [usize; 2],
    epochs: usize,
    neuron: Option<Adaptive>,
) -> forward_forward::Result<f64> {
    let data = synthetic(samples[0], samples[1], 1);
    let config = Config { layers: vec![100, 100], epochs, ..Config::quick() };
    let mut network = Network::new(dev, config, data.width * data.height, data.classes)?;
    if let Some(neuron) = neuron {
        for layer in &mut network.layers {
            layer.units = Arc::new(neuron);
        }
    }
    let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels)?;
    while trainer.epochs_done() < trainer.epochs() {
        trainer.epoch()?;
    }
    let network = trainer.into_network();
    let scores = Predictor::new(&network)?.scan(&network, &data.test.images)?;
    Ok(error_percent(&scores.predict(), &data.test.labels))
}

#[allow(dead_code)] // a test takes this file as a module
fn main() -> Result<(), Box<dyn std::error::Error>> {
    check::neuron(&ADAPTIVE)?;
    let dev = Cpu::new(0)?;
    println!("lif:      test error {:.1} %", train(&dev, [4_000, 500], 4, None)?);
    println!("adaptive: test error {:.1} %", train(&dev, [4_000, 500], 4, Some(ADAPTIVE))?);
    Ok(())
}
