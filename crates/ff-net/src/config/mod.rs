//! This module has every setting of a network and its training, with defaults and bounds.

mod parts;
mod read;
mod validate;

use std::ops::Range;
use std::sync::Arc;

use ff_tensor::{Norm, NormKind, Objective, Optimiser, Units};
use serde::{Deserialize, Serialize};

use crate::formulas::{Adam, Output, Squares};
use crate::{Error, Result};

pub use parts::{Kind, LifConfig, NegativesConfig, NeuronConfig, ObjectiveConfig, SurrogateKind};

/// Says what a layer passes to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// The layer's signal is a constant current for all steps of the next layer.
    Signal,
    /// The layer's spikes go to the next layer step by step.
    Spikes,
}

/// Says which layers learn when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// All layers learn on each batch. Each one learns from the present output of the layer below.
    Joint,
    /// One layer learns after another, each for all epochs, as in the tutorial.
    Greedy,
}

/// All settings. The default is the tutorial's network, in mini-batches.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// The number of units of each layer.
    pub layers: Vec<usize>,
    /// The neuron of all layers.
    pub neuron: NeuronConfig,
    /// Says what a layer passes to the next.
    pub link: Link,
    /// Says whether units have a bias.
    pub bias: bool,
    /// The scale of the initial weights. They are uniform in `+- weight_scale / sqrt(in)`. Those of `torch.nn.Linear`
    /// have a scale of 1.
    pub weight_scale: f32,
    /// Says how a layer's input is normalised.
    pub norm: NormKind,
    /// See [`Norm::eps`].
    pub norm_eps: f32,
    /// The value of the label's pixel, where a white pixel is 1.
    pub label_amplitude: f32,
    /// Says whether the goodness is the mean or the sum of squares.
    pub goodness: Squares,
    /// The objective that each layer minimises.
    pub objective: ObjectiveConfig,
    /// Says how negatives are drawn.
    pub negatives: NegativesConfig,
    /// Says which layers learn when.
    pub schedule: Schedule,
    /// The number of passes through the training images. It counts per layer if the schedule is greedy.
    pub epochs: usize,
    /// The number of images per step. Images that are left over at an epoch's end are not used in that epoch.
    pub batch: usize,
    /// Adam's learning rate.
    pub learning_rate: f32,
    /// Says whether a head learns beside each layer, to classify an image in one pass.
    pub head: bool,
    /// The share of a layer's units that are silenced in each step of training.
    pub dropout: f32,
    /// The share of the pixels that are dropped in each step of training.
    pub pixel_dropout: f32,
    /// See [`Adam::decay`].
    pub weight_decay: f32,
    /// The share of the run after which the learning rate falls linearly to 0. With 1 it never falls.
    pub cool_from: f32,
    /// The seed of weights, order, negatives, dropout and augmentation.
    pub seed: u64,
    /// The number of training images to use, counted from the first. 0 takes all. They are counted after the held-out
    /// ones are taken away.
    pub train_samples: usize,
    /// The number of training images to hold out, counted from the last. The error of each epoch is measured on them.
    pub validation_samples: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            layers: vec![500, 500],
            neuron: NeuronConfig::Lif(LifConfig::default()),
            link: Link::Signal,
            bias: false,
            weight_scale: 1.0,
            norm: NormKind::L2,
            norm_eps: 1e-4,
            label_amplitude: 1.0,
            goodness: Squares::Mean,
            objective: ObjectiveConfig::SOFTPLUS,
            negatives: NegativesConfig::Uniform {},
            schedule: Schedule::Greedy,
            epochs: 10,
            batch: 128,
            learning_rate: 0.03,
            head: false,
            dropout: 0.0,
            pixel_dropout: 0.0,
            weight_decay: 0.0,
            cool_from: 1.0,
            seed: 123,
            train_samples: 0,
            validation_samples: 0,
        }
    }
}

impl Config {
    /// Returns the preset `quick` of `ff-cli`: two spiking layers of 500 that learn MNIST in half a minute. Start from
    /// it. [`Config::default`] is the snnTorch tutorial.
    pub fn quick() -> Self {
        let neuron = LifConfig {
            steps: 8,
            beta: 0.8,
            threshold: 4.0,
            output: Output::Rate,
            surrogate: SurrogateKind::Secant,
            ..LifConfig::default()
        };
        Self {
            neuron: NeuronConfig::Lif(neuron),
            weight_scale: 2.0,
            norm: NormKind::Rms,
            label_amplitude: 3.0,
            objective: ObjectiveConfig::Pair { alpha: 12.0 },
            negatives: NegativesConfig::Hard { sharpness: 60.0 },
            schedule: Schedule::Joint,
            epochs: 16,
            batch: 100,
            learning_rate: 1e-3,
            head: true,
            weight_decay: 0.3,
            cool_from: 0.5,
            seed: 1,
            ..Self::default()
        }
    }

    /// Returns the settings of the LIF units, to be changed. If the units are of another kind, the tutorial's LIF units
    /// take their place first.
    pub fn lif_mut(&mut self) -> &mut LifConfig {
        if self.neuron.lif().is_none() {
            self.neuron = NeuronConfig::Lif(LifConfig::default());
        }
        let NeuronConfig::Lif(lif) = &mut self.neuron else { unreachable!("it has just been replaced") };
        lif
    }

    /// Returns the number of time steps T.
    pub fn steps(&self) -> usize {
        self.units().steps()
    }

    /// Returns the training images of a set of `n`, and those that are held out of it to measure the error on.
    ///
    /// # Errors
    /// Fails if no image is left to train on.
    pub fn split(&self, n: usize) -> Result<(Range<usize>, Range<usize>)> {
        let left = n.saturating_sub(self.validation_samples);
        let train = if self.train_samples == 0 { left } else { left.min(self.train_samples) };
        match train {
            0 => {
                let held_out = self.validation_samples;
                let reason = format!("is {held_out}, but there are {n} images: none is left to train on");
                Err(Error::Config { key: "validation_samples", reason })
            }
            _ => Ok((0..train, left..n)),
        }
    }
}

/// These methods turn settings into formulas.
impl Config {
    /// Returns the neuron of all layers.
    pub fn units(&self) -> Arc<dyn Units> {
        self.neuron.units()
    }

    /// Returns the objective that each layer minimises.
    pub fn objective(&self) -> Arc<dyn Objective> {
        self.objective.formula(self.per_goodness())
    }

    /// Returns the optimiser that moves weights in a run of `last_step` steps.
    pub fn optimiser(&self, last_step: u32) -> Arc<dyn Optimiser> {
        Arc::new(self.adam(last_step))
    }

    /// Returns how strongly likely labels are preferred as wrong ones. With 0 all are alike.
    pub(crate) fn sharpness(&self) -> f32 {
        match self.negatives {
            NegativesConfig::Uniform {} => 0.0,
            NegativesConfig::Hard { sharpness } => sharpness * self.per_goodness(),
            NegativesConfig::Head { sharpness } => sharpness,
        }
    }

    /// Returns how rows are normalised.
    pub fn norm(&self) -> Norm {
        Norm { kind: self.norm, eps: self.norm_eps }
    }

    /// Returns the factor by which `alpha` and `sharpness` are multiplied before they meet a goodness. A spike takes
    /// `threshold` off the membrane, so a rate times the threshold is the current that a unit let through. In squares
    /// of that current, `alpha` and `sharpness` mean the same whatever the threshold, and the same as for rectifiers.
    fn per_goodness(&self) -> f32 {
        match self.neuron {
            NeuronConfig::Lif(LifConfig { output: Output::Rate, threshold, .. }) => threshold * threshold,
            _ => 1.0,
        }
    }

    /// Returns the optimiser of a run of `last_step` steps.
    pub fn adam(&self, last_step: u32) -> Adam {
        let cool_from = (f64::from(self.cool_from) * f64::from(last_step)).round() as u32;
        let cool_from = if self.cool_from < 1.0 { cool_from } else { u32::MAX };
        Adam { cool_from, last_step, decay: self.weight_decay, ..Adam::constant(self.learning_rate) }
    }
}
