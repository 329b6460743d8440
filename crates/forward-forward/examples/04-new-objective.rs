//! Train with a goodness and an objective that the engine does not have.
//!
//! ```text
//! g = 1/n sum_j signal_j                                  the mean of the signals, not of their squares
//! L = 1/alpha softplus(alpha (margin - (g+ - g-)))        two parameters: how far apart, and how sharply
//! ```
//! With rates for signals, the goodness is the share of steps in which a unit spikes.

use std::sync::Arc;

use forward_forward::cpu::Cpu;
use forward_forward::data::synthetic;
use forward_forward::prediction::error_percent;
use forward_forward::{
    Config, Device, Formula, Goodness, Network, Numbers, Objective, PairLoss, Predictor, Trainer, check,
};

/// The mean of the signals.
#[derive(Debug, Clone, Copy)]
pub struct MeanSignal;

impl Goodness for MeanSignal {
    #[inline(always)]
    fn term(&self, signal: f32) -> f32 {
        signal
    }

    #[inline(always)]
    fn dterm(&self, _: f32) -> f32 {
        1.0
    }

    fn factor(&self, n: usize) -> f32 {
        1.0 / n as f32
    }
}

impl Formula for MeanSignal {
    fn numbers(&self) -> Numbers {
        Numbers::none()
    }

    fn cuda(&self) -> &'static [&'static str] {
        &[r"
struct Goodness {
    __device__ float term(float signal) const { return signal; }
    __device__ float dterm(float) const { return 1.0f; }
    __device__ float factor(u32 n) const { return 1.0f / (float)n; }
};
"]
    }
}

/// The goodness of the positive should be larger by a margin.
#[derive(Debug, Clone, Copy)]
pub struct Margin {
    /// How far apart the two goodnesses should be.
    pub margin: f32,
    /// How sharply that is wanted.
    pub alpha: f32,
}

impl Objective for Margin {
    fn of_pair(&self, positive: f32, negative: f32) -> PairLoss {
        let x = self.alpha * (self.margin - (positive - negative));
        let d = 1.0 / (1.0 + (-x).exp());
        // ln(1 + exp(x)) without overflow
        let loss = (x.max(0.0) + (-x.abs()).exp().ln_1p()) / self.alpha;
        PairLoss { loss, dpositive: -d, dnegative: d }
    }
}

impl Formula for Margin {
    fn numbers(&self) -> Numbers {
        Numbers::floats(&[self.margin, self.alpha])
    }

    fn cuda(&self) -> &'static [&'static str] {
        &[r"
struct Objective {
    float margin, alpha;
    __device__ float of_pair(float positive, float negative, float &dpositive, float &dnegative) const {
        float x = alpha * (margin - (positive - negative));
        float d = 1.0f / (1.0f + expf(-x));
        dpositive = -d;
        dnegative = d;
        return (fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x)))) / alpha;
    }
};
"]
    }
}

/// What the example trains with.
pub const MARGIN: Margin = Margin { margin: 0.2, alpha: 20.0 };

/// Trains on drawn digits. Gives the first and the last mean loss of layer 1, and the test error in percent.
///
/// # Errors
/// If the device fails.
pub fn train<D: Device>(dev: &D, samples: [usize; 2], epochs: usize) -> forward_forward::Result<[f64; 3]> {
    let data = synthetic(samples[0], samples[1], 1);
    let config = Config { layers: vec![100, 100], epochs, learning_rate: 2e-3, ..Config::quick() };
    let mut network = Network::new(dev, config, data.width * data.height, data.classes)?;
    network.objective = Arc::new(MARGIN);
    for layer in &mut network.layers {
        layer.goodness = Arc::new(MeanSignal);
    }
    let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels)?;
    let mut losses = Vec::new();
    while trainer.epochs_done() < trainer.epochs() {
        losses.push(trainer.epoch()?.mean_losses()[0].1);
    }
    let network = trainer.into_network();
    let scores = Predictor::new(&network)?.scan(&network, &data.test.images)?;
    Ok([losses[0], losses[losses.len() - 1], error_percent(&scores.predict(), &data.test.labels)])
}

#[allow(dead_code)] // a test takes this file as a module
fn main() -> Result<(), Box<dyn std::error::Error>> {
    check::goodness(&MeanSignal)?;
    check::objective(&MARGIN)?;
    let [first, last, error] = train(&Cpu::new(0)?, [4_000, 500], 4)?;
    println!("loss {first:.4} in the first epoch, {last:.4} in the last; test error {error:.1} %");
    Ok(())
}
