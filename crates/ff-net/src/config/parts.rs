//! This module has the parts of the settings that come in kinds. Each kind has its own numbers, so that settings that
//! make no sense cannot be written.

use std::sync::Arc;

use ff_tensor::{Objective, Units};
use serde::{Deserialize, Serialize};

use crate::formulas::{
    Atan, Boxcar, FastSigmoid, Lif, Output, Pair, Relu, Reset, Secant, Softplus, Surrogate, Triangle,
};

/// The surrogate for the derivative of a spike. The types of these names in [`formulas`](crate::formulas) give the equations.
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
    /// The share of the membrane potential that is left after a step.
    pub beta: f32,
    /// A unit spikes when its membrane potential is strictly above this.
    pub threshold: f32,
    /// Says what a spike does to the membrane one step later.
    pub reset: Reset,
    /// The number of time steps T.
    pub steps: usize,
    /// The output that the layer passes on and is judged by.
    pub output: Output,
    /// The surrogate for the derivative of the spike.
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

/// The kind of neuron.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NeuronConfig {
    /// The neuron is leaky integrate-and-fire.
    Lif(LifConfig),
    /// The neuron is a rectifier, `max(0, I)`, without time.
    Relu {},
}

impl NeuronConfig {
    /// A rectifier.
    pub const RELU: Self = Self::Relu {};

    /// Returns the settings if the neuron is leaky integrate-and-fire.
    pub fn lif(&self) -> Option<&LifConfig> {
        match self {
            Self::Lif(lif) => Some(lif),
            Self::Relu {} => None,
        }
    }
}

/// The kind of objective.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ObjectiveConfig {
    /// [`Softplus`](crate::formulas::Softplus)
    Softplus {
        /// The goodness that separates positive from negative.
        #[serde(default = "theta")]
        theta: f32,
    },
    /// [`Pair`](crate::formulas::Pair)
    Pair {
        /// The steepness. It is in squares of the threshold if units are judged by their rate.
        #[serde(default = "alpha")]
        alpha: f32,
    },
}

impl ObjectiveConfig {
    /// The tutorial's objective.
    pub(crate) const SOFTPLUS: Self = Self::Softplus { theta: THETA };
    /// The objective that is used if nothing else is said.
    pub(crate) const PAIR: Self = Self::Pair { alpha: ALPHA };
}

/// How the wrong label of a negative is drawn. It is never the true one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NegativesConfig {
    /// Each wrong label is equally likely.
    Uniform {},
    /// A label is drawn in proportion to `exp(sharpness g)`, where `g` is the goodness that layer 1 gives to the label.
    Hard {
        /// Says how strongly a high goodness is preferred. It is in squares of the threshold if units are judged by
        /// their rate.
        #[serde(default = "sharpness")]
        sharpness: f32,
    },
    /// A label is drawn in proportion to `exp(sharpness s)`, where `s` is the score that the head of the last learning
    /// layer gives to it.
    Head {
        /// Says how strongly a high score is preferred.
        #[serde(default = "sharpness")]
        sharpness: f32,
    },
}

impl NegativesConfig {
    /// The draw by goodness with the default sharpness.
    pub(crate) const HARD: Self = Self::Hard { sharpness: SHARPNESS };
    /// The draw by the head with the default sharpness.
    pub(crate) const HEAD: Self = Self::Head { sharpness: SHARPNESS };
}

/// The tutorial's threshold.
const THETA: f32 = 5.0;
/// The default of a kind without a value. The presets have better values.
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

/// These methods turn names and numbers into formulas. This is the only place where they meet.
impl NeuronConfig {
    /// Returns the neuron.
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
    /// Returns the objective. Its steepness is multiplied by `per_goodness` where it counts in squares of a threshold.
    pub(crate) fn formula(&self, per_goodness: f32) -> Arc<dyn Objective> {
        match *self {
            Self::Softplus { theta } => Arc::new(Softplus { theta }),
            Self::Pair { alpha } => Arc::new(Pair { alpha: alpha * per_goodness }),
        }
    }
}
