//! Train with a connection that the engine does not have: weights of which only some exist, the same ones for ever.
//!
//! ```text
//! I = x (W * M)           dW = (x^T dI) * M           M: a fixed mask of zeros and ones
//! ```
//! W starts masked and its gradient is masked, so it stays masked. The product with the mask, number by number, is an
//! `Update` whose formula multiplies.

use forward_forward::cpu::Cpu;
use forward_forward::data::synthetic;
use forward_forward::prediction::error_percent;
use forward_forward::tensor::optimiser::{MOST_FACTORS, MOST_MOMENTS};
use forward_forward::tensor::{Clock, Result, Tensor, Update, random};
use forward_forward::{
    Config, Connection, Dense, Device, Formula, Network, Numbers, Optimiser, Predictor, Trainer,
};

/// A formula that multiplies a number by another one.
#[derive(Debug)]
struct Times;

impl Optimiser for Times {
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
        number: f32,
        moments: [f32; MOST_MOMENTS],
        by: f32,
    ) -> (f32, [f32; MOST_MOMENTS]) {
        (number * by, moments)
    }
}

impl Formula for Times {
    fn numbers(&self) -> Numbers {
        Numbers::none()
    }

    fn cuda(&self) -> &'static [&'static str] {
        &[r"
struct Optimiser {
    enum { MOMENTS = 0, FACTORS = 0 };
    __device__ void factors(u32, float *) const {}
    __device__ float update(const float *, float number, float *, float by) const { return number * by; }
};
"]
    }
}

/// Weights from some of the inputs to each unit.
pub struct Masked<D: Device> {
    dense: Dense<D>,
    mask: Tensor<D>,
    /// `Update` asks for a clock. The formula does not look at it.
    clock: Clock<D>,
}

impl<D: Device> Masked<D> {
    /// The weights of `dense`, of which a share `density` is kept; `seed` says which.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(dev: &D, mut dense: Dense<D>, density: f32, seed: u64) -> Result<Self> {
        let [inputs, units] = dense.weight.shape();
        let kept = |i: u64| if random::uniform(seed, i) < density { 1.0 } else { 0.0 };
        let mask =
            dev.upload(inputs, units, &(0..(inputs * units) as u64).map(kept).collect::<Vec<f32>>())?;
        let clock = dev.zeros(1, 2)?;
        multiply(dev, &mut dense.weight, &mask, &clock)?;
        Ok(Self { dense, mask, clock })
    }
}

fn multiply<D: Device>(dev: &D, x: &mut Tensor<D>, by: &Tensor<D>, clock: &Clock<D>) -> Result<()> {
    Update { weight: x, moments: &mut [], gradient: by, clock, optimiser: &Times }.on(dev)
}

impl<D: Device> Connection<D> for Masked<D> {
    fn shape(&self) -> [usize; 2] {
        self.dense.shape()
    }

    fn weight(&self) -> &Tensor<D> {
        &self.dense.weight
    }

    fn parameter_mut(&mut self, i: usize) -> Option<&mut Tensor<D>> {
        self.dense.parameter_mut(i)
    }

    fn current(&self, dev: &D, current: &mut Tensor<D>, x: &Tensor<D>) -> Result<()> {
        self.dense.current(dev, current, x)
    }

    fn gradient(
        &self,
        dev: &D,
        gradients: &mut [Tensor<D>],
        x: &Tensor<D>,
        dcurrent: &Tensor<D>,
    ) -> Result<()> {
        self.dense.gradient(dev, gradients, x, dcurrent)?;
        multiply(dev, &mut gradients[0], &self.mask, &self.clock)
    }
}

/// Trains on drawn digits with a fifth of layer 2's weights. Gives the test error in percent, and the share of layer 2's
/// weights that are not zero afterwards.
///
/// # Errors
/// If the device fails.
pub fn train<D: Device>(dev: &D, samples: [usize; 2], epochs: usize) -> forward_forward::Result<(f64, f64)> {
    let data = synthetic(samples[0], samples[1], 1);
    let config = Config { layers: vec![100, 100], epochs, ..Config::quick() };
    let mut network = Network::new(dev, config, data.width * data.height, data.classes)?;
    let weight = dev.download(network.layers[1].weight())?;
    let dense = Dense { weight: dev.upload(100, 100, &weight)? };
    network.layers[1].connection = Box::new(Masked::new(dev, dense, 0.2, 5)?);
    let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels)?;
    while trainer.epochs_done() < trainer.epochs() {
        trainer.epoch()?;
    }
    let network = trainer.into_network();
    let weights = dev.download(network.layers[1].weight())?;
    let there = weights.iter().filter(|&&weight| weight != 0.0).count() as f64 / weights.len() as f64;
    let scores = Predictor::new(&network)?.scan(&network, &data.test.images)?;
    Ok((error_percent(&scores.predict(), &data.test.labels), there))
}

#[allow(dead_code)] // a test takes this file as a module
fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (error, there) = train(&Cpu::new(0)?, [4_000, 500], 4)?;
    println!("test error {error:.1} % with {:.1} % of layer 2's weights", 100.0 * there);
    Ok(())
}
