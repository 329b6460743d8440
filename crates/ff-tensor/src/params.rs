//! The parameters of each op: a variant that differs only by a formula is a field here, not another op.

use serde::{Deserialize, Serialize};

use crate::Augmentation;

/// Parameters of [`augment`](crate::Device::augment).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Augment<'a> {
    /// What is done to an image, from first to last.
    pub list: &'a [Augmentation],
    /// Of an image, in pixels.
    pub width: usize,
    /// Of an image, in pixels; `(width + 3) (height + 3)` is below 2^23.
    pub height: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// Counted from 0; each has draws of its own.
    pub epoch: u64,
}

/// How a row is scaled before it meets the weights, `xhat = x / (norm(x) + eps)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Norm {
    /// Which norm.
    pub kind: NormKind,
    /// Keeps a row of zeros finite. 1e-4 in the snnTorch tutorial.
    pub eps: f32,
}

/// The norm of a row of `n` numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NormKind {
    /// `sqrt(sum x^2)`: a row of length one. The snnTorch tutorial's.
    L2,
    /// `sqrt(mean x^2)`: a row whose numbers are of size one. Hinton's Matlab code.
    Rms,
}

impl Norm {
    /// The factor `1 / (norm + eps)` of a row of `n` numbers with `energy = sum x^2`.
    #[inline(always)]
    pub fn factor(&self, energy: f32, n: usize) -> f32 {
        let square = match self.kind {
            NormKind::L2 => energy,
            NormKind::Rms => energy / n as f32,
        };
        1.0 / (square.sqrt() + self.eps)
    }
}

/// Parameters of [`gather`](crate::Device::gather).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gather {
    /// The first `classes` pixels make room for the label; 0 where none enters.
    pub classes: usize,
    /// What the label's pixel holds; its energy is part of the row's norm.
    pub amplitude: f32,
    /// The norm of image and label together.
    pub norm: Norm,
    /// Pixels that go missing.
    pub dropout: Dropout,
}

impl Gather {
    /// Rows below the images: one for each label and the neutral one, if a label enters at all.
    pub fn label_rows(&self) -> usize {
        if self.classes == 0 { 0 } else { self.classes + 1 }
    }
}

/// Dropout: each unit is silenced with probability `rate`, on its own, anew
/// in each step (N. Srivastava et al., JMLR 15, 2014). What is left is not scaled up: the next layer normalises it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// Probability to be silenced, below 1; 0 silences nothing.
    pub rate: f32,
    /// Seed of the draws; the counter is the clock's step, the image and the unit.
    pub seed: u64,
}

impl Dropout {
    /// Nothing is silenced.
    pub const NONE: Self = Self { rate: 0.0, seed: 0 };

    /// Whether unit `unit` of `n` is silenced for image `b` of the batch.
    #[inline(always)]
    pub fn silences(&self, step: u32, b: usize, n: usize, unit: usize) -> bool {
        let counter = (u64::from(step) << 32) | (b * n + unit) as u64;
        crate::random::uniform(self.seed, counter) < self.rate
    }
}

/// Parameters of [`label_current`](crate::Device::label_current) and [`share_grad`](crate::Device::share_grad).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelRow {
    /// What the label's pixel holds.
    pub amplitude: f32,
}

/// Parameters of [`draw_labels`](crate::Device::draw_labels).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelDraw {
    /// Number of classes, at least two.
    pub classes: usize,
    /// Seed of the draws; the counter is the clock's step and the row.
    pub seed: u64,
    /// A wrong label is drawn in proportion to `exp(sharpness * score)`; 0 draws uniformly.
    pub sharpness: f32,
}

/// A layer's units: what happens to an input current over `steps` time steps.
///
/// The four equations stand at the top of `ff-cpu/src/lif.rs`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neuron {
    /// Leaky integrate-and-fire, or the rectifier of the tutorial's section 7.
    pub kind: NeuronKind,
    /// Share of the membrane potential that is left after a step. 0.8 in the tutorial.
    pub beta: f32,
    /// A unit spikes when its membrane potential is strictly above this. snnTorch's default: 1.
    pub threshold: f32,
    /// What a spike does to the membrane one step later.
    pub reset: Reset,
    /// Time steps T, at least one.
    pub steps: usize,
    /// What the layer passes on and is judged by.
    pub output: Output,
    /// What stands in for the derivative of the spike.
    pub surrogate: Surrogate,
}

impl Neuron {
    /// Whether what a unit passes on is its current itself: the membrane after a single step, which no reset has
    /// touched yet. The tutorial's units are.
    pub fn is_linear(&self) -> bool {
        self.kind == NeuronKind::Lif && self.output == Output::Membrane && self.steps == 1
    }
}

impl Default for Neuron {
    /// The tutorial's neuron: `snn.Leaky(beta=0.8)` for one step, read at the membrane.
    fn default() -> Self {
        Self {
            kind: NeuronKind::Lif,
            beta: 0.8,
            threshold: 1.0,
            reset: Reset::Subtract,
            steps: 1,
            output: Output::Membrane,
            surrogate: Surrogate::Atan,
        }
    }
}

/// The kind of unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NeuronKind {
    /// Leaky integrate-and-fire.
    Lif,
    /// `max(0, I)`, without time.
    Relu,
}

/// What a spike does to the membrane, one step after it (snnTorch's `reset_mechanism`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reset {
    /// Takes the threshold off.
    Subtract,
    /// Sets the membrane to zero before the next current comes in.
    Zero,
    /// Nothing.
    None,
}

/// What a LIF layer passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// The membrane potential after the last step: the tutorial's choice.
    Membrane,
    /// Spikes per step, in `[0, 1]`.
    Rate,
}

/// What stands in for the derivative of a spike, as a function of `u = mem - threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surrogate {
    /// `1 / (1 + (pi u)^2)`: snnTorch's default (`atan`, alpha 2).
    Atan,
    /// `1 / (1 + 25 |u|)^2`: snnTorch's `fast_sigmoid` with its default slope.
    FastSigmoid,
    /// `max(0, 1 - |u|)`.
    Triangle,
    /// 1 where `|u| < 1/2`, else 0.
    Boxcar,
    /// Not of a spike but of the rate under a constant current, which is a staircase: the slope of the straight line
    /// along it, from no spike to one in each step. With `I_1` and `I_T` the currents at which the first and the last
    /// spike come in, `w = (I_T - I_1) T / (T - 1)`, and `u = max(0, |I - (I_1 + I_T) / 2| - w / 2) / (w / 10)`:
    /// `1 / w / (1 + u^2)`.
    Secant,
}

/// Goodness of a row of `n` signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goodness {
    /// `sum signal^2 / n`: the tutorial's.
    Mean,
    /// `sum signal^2`: Hinton's.
    Sum,
}

impl Goodness {
    /// What the sum of squares of `n` signals is multiplied by.
    pub fn factor(self, n: usize) -> f32 {
        match self {
            Goodness::Mean => 1.0 / n as f32,
            Goodness::Sum => 1.0,
        }
    }
}

/// What a layer minimises, given the goodness of a positive and of a negative sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Objective {
    /// Mean of `softplus(theta - g+)` and `softplus(g- - theta)`: the tutorial's, with theta 5.
    Softplus {
        /// Goodness that tells positive from negative.
        theta: f32,
    },
    /// Mean of `silu(-alpha (g+ - g-))` over pairs of the same image: the Swish variant of the pair loss of
    /// SymBa (H.-C. Lee, J. Song, arXiv 2303.08418).
    Pair {
        /// How steep.
        alpha: f32,
    },
}

/// Parameters of [`local_grad`](crate::Device::local_grad): from a layer's current to its loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalLoss {
    /// The units.
    pub neuron: Neuron,
    /// Units that fall silent.
    pub dropout: Dropout,
    /// How the signals become one number.
    pub goodness: Goodness,
    /// What is minimised.
    pub objective: Objective,
}

/// Parameters of [`softmax_loss`](crate::Device::softmax_loss).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Softmax {
    /// What scores are multiplied by before the softmax.
    pub sharpness: f32,
}

/// Parameters of [`adam`](crate::Device::adam) (D. Kingma, J. Ba, arXiv 1412.6980; torch's defaults).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Learning rate of the first steps. 0.03 in the tutorial.
    pub learning_rate: f32,
    /// Decay of the mean of gradients.
    pub beta1: f32,
    /// Decay of the mean of squared gradients.
    pub beta2: f32,
    /// Keeps the division finite.
    pub eps: f32,
    /// Share of a weight that is taken off in a step, times the learning rate (I. Loshchilov, F. Hutter, "Decoupled
    /// weight decay regularization", arXiv 1711.05101); 0 in the tutorial.
    pub decay: f32,
    /// From this step on the rate falls linearly, to reach zero at `last_step`. Equal to `last_step`: never.
    pub cool_from: u32,
    /// The step after the last one.
    pub last_step: u32,
}

impl Adam {
    /// Torch's defaults with a constant learning rate.
    pub fn constant(learning_rate: f32) -> Self {
        let forever = u32::MAX;
        Self {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            decay: 0.0,
            cool_from: forever,
            last_step: forever,
        }
    }

    /// The learning rate of step `step` (0 is the first).
    pub fn rate_at(&self, step: u32) -> f32 {
        if step < self.cool_from {
            return self.learning_rate;
        }
        let left = self.last_step.saturating_sub(step) as f32;
        self.learning_rate * left / self.last_step.saturating_sub(self.cool_from).max(1) as f32
    }
}
