//! Every setting of a network and its training, with defaults and bounds.

use ff_tensor::{
    Adam, Dropout, Gather, Goodness, LabelDraw, LabelRow, Neuron, NeuronKind, Norm, NormKind, Objective,
    Output, Reset, Surrogate,
};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What crosses from a layer to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// The layer's signal, a constant current for all steps of the next layer.
    Signal,
    /// The spikes themselves, step by step.
    Spikes,
}

/// Which objective; its parameter is `theta` or `alpha`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectiveKind {
    /// [`Objective::Softplus`].
    Softplus,
    /// [`Objective::Pair`].
    Pair,
}

/// How the wrong label of a negative is drawn. It is never the true one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Negatives {
    /// Each wrong label equally likely.
    Uniform,
    /// In proportion to `exp(sharpness g)`, `g` the goodness that layer 1 gives to the label.
    Hard,
    /// In proportion to `exp(sharpness s)`, `s` the score that the head of the last learning layer gives to the label.
    Head,
}

/// Which layers learn when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// All layers on each batch, each on what the one below just gave.
    Joint,
    /// One layer after another, each for all epochs: the tutorial's.
    Greedy,
}

/// All settings. The default is the tutorial's network, in mini-batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Units of each layer.
    pub layers: Vec<usize>,
    /// Kind of unit.
    pub neuron: NeuronKind,
    /// See [`Neuron::beta`].
    pub beta: f32,
    /// See [`Neuron::threshold`].
    pub threshold: f32,
    /// See [`Neuron::reset`].
    pub reset: Reset,
    /// Time steps.
    pub steps: usize,
    /// What a layer is judged by.
    pub output: Output,
    /// What stands in for a spike's derivative.
    pub surrogate: Surrogate,
    /// What crosses between layers.
    pub link: Link,
    /// Whether units have a bias.
    pub bias: bool,
    /// Initial weights are uniform in `+- weight_scale / sqrt(in)`. `torch.nn.Linear`'s are with 1.
    pub weight_scale: f32,
    /// How a layer's input is normalised.
    pub norm: NormKind,
    /// See [`Norm::eps`].
    pub norm_eps: f32,
    /// What the label's pixel holds, where a white pixel is 1.
    pub label_amplitude: f32,
    /// Mean or sum of squares.
    pub goodness: Goodness,
    /// What a layer minimises.
    pub objective: ObjectiveKind,
    /// The softplus objective's threshold.
    pub theta: f32,
    /// The pair objective's steepness.
    pub alpha: f32,
    /// How negatives are drawn.
    pub negatives: Negatives,
    /// How strongly hard negatives prefer a high goodness.
    pub sharpness: f32,
    /// Which layers learn when.
    pub schedule: Schedule,
    /// Passes through the training images; per layer if greedy.
    pub epochs: usize,
    /// Images per step; what is left over at an epoch's end waits for the next epoch's order.
    pub batch: usize,
    /// Adam's learning rate.
    pub learning_rate: f32,
    /// Whether a head learns beside each layer, to tell an image in one pass.
    pub head: bool,
    /// Share of a layer's units that are silenced in each step of training.
    pub dropout: f32,
    /// Share of the pixels that are dropped in each step of training.
    pub pixel_dropout: f32,
    /// See [`Adam::decay`].
    pub weight_decay: f32,
    /// Share of the run after which the learning rate falls linearly to 0; 1 never.
    pub cool_from: f32,
    /// Seed of weights, order and negatives.
    pub seed: u64,
    /// Train on the first so many images only; 0 takes all.
    pub train_samples: usize,
    /// Hold the last so many training images out and measure each epoch's error on them.
    pub validation_samples: usize,
}

impl Default for Config {
    fn default() -> Self {
        let neuron = Neuron::default();
        Self {
            layers: vec![500, 500],
            neuron: neuron.kind,
            beta: neuron.beta,
            threshold: neuron.threshold,
            reset: neuron.reset,
            steps: neuron.steps,
            output: neuron.output,
            surrogate: neuron.surrogate,
            link: Link::Signal,
            bias: false,
            weight_scale: 1.0,
            norm: NormKind::L2,
            norm_eps: 1e-4,
            label_amplitude: 1.0,
            goodness: Goodness::Mean,
            objective: ObjectiveKind::Softplus,
            theta: 5.0,
            alpha: 6.0,
            negatives: Negatives::Uniform,
            sharpness: 6.0,
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
    /// The preset `quick` of `ff-cli`: two spiking layers of 500 that learn MNIST in half a minute. Where to start from;
    /// [`Config::default`] is the snnTorch tutorial.
    pub fn quick() -> Self {
        Self {
            steps: 8,
            beta: 0.8,
            threshold: 4.0,
            output: Output::Rate,
            surrogate: Surrogate::Secant,
            weight_scale: 2.0,
            norm: NormKind::Rms,
            label_amplitude: 3.0,
            objective: ObjectiveKind::Pair,
            alpha: 12.0,
            negatives: Negatives::Hard,
            sharpness: 60.0,
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
}

/// Weights of one layer at most: 4 GiB with the optimiser's moments and the gradient.
const MOST_WEIGHTS: usize = 1 << 28;

impl Config {
    /// Refuses settings that cannot work on images of `pixels` pixels in `classes` classes.
    ///
    /// # Errors
    /// The first impossible setting, by its key.
    pub fn validate(&self, pixels: usize, classes: usize) -> Result<()> {
        let bad = |key, reason: String| Err(Error::Config { key, reason });
        let mut inputs = pixels;
        for &units in &self.layers {
            if units == 0 {
                return bad("layers", "has a layer without units".into());
            }
            if inputs.checked_mul(units).is_none_or(|weights| weights > MOST_WEIGHTS) {
                return bad(
                    "layers",
                    format!("asks for {inputs} x {units} weights, more than {MOST_WEIGHTS}"),
                );
            }
            inputs = units;
        }
        if self.layers.is_empty() || self.layers.len() > 100 {
            return bad("layers", format!("has {} layers; 1 to 100 are possible", self.layers.len()));
        }
        if classes < 2 || pixels <= classes {
            return bad("layers", format!("cannot fit a label of {classes} classes into {pixels} pixels"));
        }
        if self.link == Link::Spikes && self.neuron == NeuronKind::Relu {
            return bad("link", "is `spikes`, but relu units do not spike".into());
        }
        if self.negatives == Negatives::Head && !self.head {
            return bad("negatives", "is `head`, but no head learns: set `head` to true".into());
        }
        for (key, value, least, most) in [
            ("steps", self.steps, 1, 1_000),
            ("batch", self.batch, 1, 65_536),
            ("epochs", self.epochs, 1, 1_000_000),
        ] {
            if !(least..=most).contains(&value) {
                return bad(key, format!("is {value}; {least} to {most} is possible"));
            }
        }
        for (key, value, least, most) in [
            ("beta", self.beta, 0.0, 1.0),
            ("threshold", self.threshold, 1e-6, 1e6),
            ("weight_scale", self.weight_scale, 1e-6, 1e6),
            ("norm_eps", self.norm_eps, 0.0, 1.0),
            ("label_amplitude", self.label_amplitude, 1e-6, 1e6),
            ("theta", self.theta, -1e9, 1e9),
            ("alpha", self.alpha, 1e-6, 1e6),
            ("sharpness", self.sharpness, 0.0, 1e6),
            ("learning_rate", self.learning_rate, 0.0, 1e3),
            ("dropout", self.dropout, 0.0, 0.99),
            ("pixel_dropout", self.pixel_dropout, 0.0, 0.99),
            ("weight_decay", self.weight_decay, 0.0, 1e3),
            ("cool_from", self.cool_from, 0.0, 1.0),
        ] {
            if !(least..=most).contains(&value) {
                return bad(key, format!("is {value}; {least} to {most} is possible"));
            }
        }
        if self.surrogate == Surrogate::Secant
            && self.neuron == NeuronKind::Lif
            && (self.output != Output::Rate || !(2..=64).contains(&self.steps) || self.link == Link::Spikes)
        {
            let needs = "needs `output = rate`, 2 to 64 steps, and a constant current: `link = signal`";
            return bad("surrogate", format!("is `secant`, which {needs}"));
        }
        Ok(())
    }

    /// The units.
    pub fn neuron(&self) -> Neuron {
        let steps = if self.neuron == NeuronKind::Relu { 1 } else { self.steps };
        Neuron {
            kind: self.neuron,
            beta: self.beta,
            threshold: self.threshold,
            reset: self.reset,
            steps,
            output: self.output,
            surrogate: self.surrogate,
        }
    }

    /// How rows are normalised.
    pub fn norm(&self) -> Norm {
        Norm { kind: self.norm, eps: self.norm_eps }
    }

    /// How a batch is fetched.
    pub fn gather(&self, classes: usize) -> Gather {
        Gather { classes, amplitude: self.label_amplitude, norm: self.norm(), dropout: Dropout::NONE }
    }

    /// How a batch is fetched to learn from.
    pub(crate) fn gather_to_learn(&self, classes: usize, seed: u64) -> Gather {
        let dropout = Dropout { rate: self.pixel_dropout, seed: seed ^ 0x9E37_79B9 };
        Gather { dropout, ..self.gather(classes) }
    }

    /// Which of layer `layer`'s units are silenced, if any.
    pub(crate) fn dropout(&self, seed: u64, layer: usize) -> Dropout {
        Dropout { rate: self.dropout, seed: seed ^ ((layer as u64 + 1) << 40) }
    }

    /// How the label enters.
    pub fn label(&self) -> LabelRow {
        LabelRow { amplitude: self.label_amplitude }
    }

    /// How wrong labels are drawn.
    pub fn draw(&self, classes: usize, seed: u64) -> LabelDraw {
        let sharpness = match self.negatives {
            Negatives::Uniform => 0.0,
            Negatives::Hard => self.sharpness * self.per_goodness(),
            Negatives::Head => self.sharpness,
        };
        LabelDraw { classes, seed, sharpness }
    }

    /// What a layer minimises.
    pub fn objective(&self) -> Objective {
        match self.objective {
            ObjectiveKind::Softplus => Objective::Softplus { theta: self.theta },
            ObjectiveKind::Pair => Objective::Pair { alpha: self.alpha * self.per_goodness() },
        }
    }

    /// What `alpha` and `sharpness` are multiplied by before they meet a goodness. A spike takes `threshold` off the
    /// membrane, so a rate times the threshold is the current that a unit let through: in squares of that they mean the
    /// same whatever the threshold, and the same as for rectifiers.
    fn per_goodness(&self) -> f32 {
        let rate = self.neuron == NeuronKind::Lif && self.output == Output::Rate;
        if rate { self.threshold * self.threshold } else { 1.0 }
    }

    /// The optimiser of a run of `last_step` steps.
    pub(crate) fn adam(&self, last_step: u32) -> Adam {
        let cool_from = (f64::from(self.cool_from) * f64::from(last_step)).round() as u32;
        let cool_from = if self.cool_from < 1.0 { cool_from } else { u32::MAX };
        Adam { cool_from, last_step, decay: self.weight_decay, ..Adam::constant(self.learning_rate) }
    }
}
