//! Train with an optimiser that the engine does not have: stochastic gradient descent with momentum.
//!
//! ```text
//! v = momentum v + dW          W = W - rate v
//! ```

use std::sync::Arc;

use forward_forward::cpu::Cpu;
use forward_forward::data::synthetic;
use forward_forward::prediction::error_percent;
use forward_forward::tensor::optimiser::{MOST_FACTORS, MOST_MOMENTS};
use forward_forward::{Config, Device, Formula, Network, Numbers, Optimiser, Predictor, Trainer};

/// Gradient descent with momentum, as torch's `SGD` has it.
#[derive(Debug, Clone, Copy)]
pub struct Momentum {
    /// Learning rate.
    pub rate: f32,
    /// Share of the velocity that is left after a step.
    pub momentum: f32,
}

impl Optimiser for Momentum {
    fn moments(&self) -> &'static [&'static str] {
        &["velocity"]
    }

    fn factors(&self, _: u32) -> [f32; MOST_FACTORS] {
        [0.0; MOST_FACTORS] // nothing changes from step to step
    }

    #[inline(always)]
    fn update(
        &self,
        _: &[f32; MOST_FACTORS],
        weight: f32,
        [velocity, _]: [f32; MOST_MOMENTS],
        gradient: f32,
    ) -> (f32, [f32; MOST_MOMENTS]) {
        let velocity = self.momentum * velocity + gradient;
        (weight - self.rate * velocity, [velocity, 0.0])
    }
}

impl Formula for Momentum {
    fn numbers(&self) -> Numbers {
        Numbers::floats(&[self.rate, self.momentum])
    }

    fn cuda(&self) -> &'static [&'static str] {
        &[r"
struct Optimiser {
    float rate, momentum;
    enum { MOMENTS = 1, FACTORS = 0 };
    __device__ void factors(u32, float *) const {}
    __device__ float update(const float *, float weight, float *moments, float gradient) const {
        moments[0] = momentum * moments[0] + gradient;
        return weight - rate * moments[0];
    }
};
"]
    }
}

/// What the example trains with.
pub const MOMENTUM: Momentum = Momentum { rate: 0.02, momentum: 0.9 };

/// Trains on drawn digits and gives the test error in percent.
///
/// # Errors
/// If the device fails.
pub fn train<D: Device>(dev: &D, samples: [usize; 2], epochs: usize) -> forward_forward::Result<f64> {
    let data = synthetic(samples[0], samples[1], 1);
    let config = Config { layers: vec![100, 100], epochs, ..Config::quick() };
    let mut network = Network::new(dev, config, data.width * data.height, data.classes)?;
    network.optimiser = Some(Arc::new(MOMENTUM));
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
    println!("test error {:.1} %", train(&Cpu::new(0)?, [4_000, 500], 6)?);
    Ok(())
}
