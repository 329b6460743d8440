//! The parts of the settings that come in kinds, each kind with its own numbers: what makes no sense cannot be written.

use std::sync::Arc;

use ff_tensor::{Objective, Units};
use serde::{Deserialize, Serialize};

use crate::formulas::{
    Atan, Boxcar, FastSigmoid, Lif, Output, Pair, Relu, Reset, Secant, Softplus, Surrogate, Triangle,
};

/// What stands in for the derivative of a spike. The formulas stand at the types of these names in [`formulas`].
///
/// [`formulas`]: crate::formulas
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SurrogateKind {
    /// [`Atan`](crate::formulas::Atan)
    Atan,
    /// [`FastSigmoid`](crate::formulas::FastSigmoid)
    FastSigmoid,
    /// [`Triangle`](crate::formulas::Triangle)
    Triangle,
    /// [`Boxcar`](crate::formulas::Boxcar)
    Boxcar,
    /// [`Secant`](crate::formulas::Secant)
    Secant,
}

/// The settings of a leaky integrate-and-fire unit; see [`Lif`](crate::formulas::Lif). The default is the tutorial's:
/// `snn.Leaky(beta=0.8)` for one step, read at the membrane.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LifConfig {
    /// Share of the membrane potential that is left after a step.
    pub beta: f32,
    /// A unit spikes when its membrane potential is strictly above this.
    pub threshold: f32,
    /// What a spike does to the membrane one step later.
    pub reset: Reset,
    /// Time steps T.
    pub steps: usize,
    /// What the layer passes on and is judged by.
    pub output: Output,
    /// What stands in for the derivative of the spike.
    pub surrogate: SurrogateKind,
}

impl Default for LifConfig {
    fn default() -> Self {
        Self {
            beta: 0.8,
            threshold: 1.0,
            reset: Reset::Subtract,
            steps: 1,
            output: Output::Membrane,
            surrogate: SurrogateKind::Atan,
        }
    }
}

/// Which neuron.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NeuronConfig {
    /// Leaky integrate-and-fire.
    Lif(LifConfig),
    /// `max(0, I)`, without time.
    Relu {},
}

impl NeuronConfig {
    /// A rectifier.
    pub const RELU: Self = Self::Relu {};

    /// Leaky integrate-and-fire with these settings.
    pub fn lif(&self) -> Option<&LifConfig> {
        match self {
            Self::Lif(lif) => Some(lif),
            Self::Relu {} => None,
        }
    }
}

/// Which objective.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ObjectiveConfig {
    /// [`Softplus`](crate::formulas::Softplus)
    Softplus {
        /// The goodness that tells positive from negative.
        #[serde(default = "theta")]
        theta: f32,
    },
    /// [`Pair`](crate::formulas::Pair)
    Pair {
        /// How steep it is, in squares of the threshold if units are judged by their rate.
        #[serde(default = "alpha")]
        alpha: f32,
    },
}

impl ObjectiveConfig {
    /// The tutorial's.
    pub(crate) const SOFTPLUS: Self = Self::Softplus { theta: THETA };
    /// Where nothing else is said.
    pub(crate) const PAIR: Self = Self::Pair { alpha: ALPHA };
}

/// How the wrong label of a negative is drawn. It is never the true one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NegativesConfig {
    /// Each wrong label is equally likely.
    Uniform {},
    /// In proportion to `exp(sharpness g)`, where `g` is the goodness that layer 1 gives to the label.
    Hard {
        /// How strongly a high goodness is preferred, in squares of the threshold if units are judged by their rate.
        #[serde(default = "sharpness")]
        sharpness: f32,
    },
    /// In proportion to `exp(sharpness s)`, where `s` is the score that the head of the last learning layer gives to it.
    Head {
        /// How strongly a high score is preferred.
        #[serde(default = "sharpness")]
        sharpness: f32,
    },
}

impl NegativesConfig {
    /// By goodness, where nothing else is said.
    pub(crate) const HARD: Self = Self::Hard { sharpness: SHARPNESS };
    /// By the head, where nothing else is said.
    pub(crate) const HEAD: Self = Self::Head { sharpness: SHARPNESS };
}

/// The tutorial's threshold.
const THETA: f32 = 5.0;
/// What a kind without a value gets; the presets say what is better.
const ALPHA: f32 = 6.0;
const SHARPNESS: f32 = 6.0;

fn theta() -> f32 {
    THETA
}

fn alpha() -> f32 {
    ALPHA
}

fn sharpness() -> f32 {
    SHARPNESS
}

/// From names and numbers to formulas: the only place where they meet.
impl NeuronConfig {
    /// The neuron.
    pub fn units(&self) -> Arc<dyn Units> {
        let Self::Lif(lif) = self else { return Arc::new(Relu) };
        match lif.surrogate {
            SurrogateKind::Atan => lif.units::<Atan>(),
            SurrogateKind::FastSigmoid => lif.units::<FastSigmoid>(),
            SurrogateKind::Triangle => lif.units::<Triangle>(),
            SurrogateKind::Boxcar => lif.units::<Boxcar>(),
            SurrogateKind::Secant => lif.units::<Secant>(),
        }
    }
}

impl LifConfig {
    fn units<S: Surrogate>(&self) -> Arc<dyn Units> {
        let Self { beta, threshold, reset, steps, output, .. } = *self;
        Arc::new(Lif::<S>::new(beta, threshold, reset, steps, output))
    }
}

impl ObjectiveConfig {
    /// The objective, whose steepness is multiplied by `per_goodness` where it counts in squares of a threshold.
    pub(crate) fn formula(&self, per_goodness: f32) -> Arc<dyn Objective> {
        match *self {
            Self::Softplus { theta } => Arc::new(Softplus { theta }),
            Self::Pair { alpha } => Arc::new(Pair { alpha: alpha * per_goodness }),
        }
    }
}
