//! This module has the parts of the settings that come in kinds. Each kind has its own numbers, so that settings that
//! make no sense cannot be written.

use std::sync::Arc;

use ff_tensor::{Objective, Units};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::formulas::{
    Atan, Boxcar, FastSigmoid, Lif, Output, Pair, Relu, Reset, Secant, Softplus, Surrogate, Triangle,
};

/// One kind of a part of the settings.
#[derive(Debug)]
pub struct Kind {
    /// The name of the kind, as a config file has it.
    pub name: &'static str,
    /// The names of the values that this kind has.
    pub values: &'static [&'static str],
}

/// A part of the settings that comes in kinds.
pub(super) trait Kinds: DeserializeOwned {
    /// All kinds.
    const KINDS: &'static [Kind];

    /// Returns the kind of this name, with its defaults.
    fn named(name: &str) -> Option<Self>;
}

/// The surrogate for the derivative of a spike. The types of these names in [`formulas`](crate::formulas) give the equations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
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
#[non_exhaustive]
pub enum NeuronConfig {
    /// The neuron is leaky integrate-and-fire.
    Lif(LifConfig),
    /// The neuron is a rectifier, `max(0, I)`, without time.
    Relu {},
}

impl NeuronConfig {
    /// A rectifier.
    pub const RELU: Self = Self::Relu {};
    /// All kinds of neurons.
    pub const KINDS: &'static [Kind] = &[
        Kind { name: "lif", values: &["beta", "threshold", "reset", "steps", "output", "surrogate"] },
        Kind { name: "relu", values: &[] },
    ];

    /// Returns the name of the kind, as a config file has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lif(_) => "lif",
            Self::Relu {} => "relu",
        }
    }

    /// Returns the settings if the neuron is leaky integrate-and-fire.
    pub fn lif(&self) -> Option<&LifConfig> {
        if let Self::Lif(lif) = self { Some(lif) } else { None }
    }

    /// Returns every number, with its bounds.
    pub(crate) fn numbers(&self) -> Vec<(&'static str, f32, f32, f32)> {
        match self {
            Self::Lif(lif) => vec![
                ("neuron.lif.beta", lif.beta, 0.0, 1.0),
                ("neuron.lif.threshold", lif.threshold, 1e-6, 1e6),
                ("neuron.lif.steps", lif.steps as f32, 1.0, 1e3),
            ],
            Self::Relu {} => Vec::new(),
        }
    }
}

impl Kinds for NeuronConfig {
    const KINDS: &'static [Kind] = Self::KINDS;

    fn named(name: &str) -> Option<Self> {
        match name {
            "lif" => Some(Self::Lif(LifConfig::default())),
            "relu" => Some(Self::RELU),
            _ => None,
        }
    }
}

/// The kind of objective.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
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
    /// All kinds of objectives.
    pub const KINDS: &'static [Kind] =
        &[Kind { name: "softplus", values: &["theta"] }, Kind { name: "pair", values: &["alpha"] }];
    /// The tutorial's objective.
    pub(crate) const SOFTPLUS: Self = Self::Softplus { theta: THETA };
    /// The objective that is used if nothing else is said.
    pub(crate) const PAIR: Self = Self::Pair { alpha: ALPHA };

    /// Returns the goodness that separates positive from negative, if the objective has one.
    pub fn threshold(&self) -> Option<f32> {
        if let Self::Softplus { theta } = self { Some(*theta) } else { None }
    }

    /// Returns every number, with its bounds.
    pub(crate) fn numbers(&self) -> Vec<(&'static str, f32, f32, f32)> {
        match *self {
            Self::Softplus { theta } => vec![("objective.softplus.theta", theta, -1e9, 1e9)],
            Self::Pair { alpha } => vec![("objective.pair.alpha", alpha, 1e-6, 1e6)],
        }
    }
}

impl Kinds for ObjectiveConfig {
    const KINDS: &'static [Kind] = Self::KINDS;

    fn named(name: &str) -> Option<Self> {
        match name {
            "softplus" => Some(Self::SOFTPLUS),
            "pair" => Some(Self::PAIR),
            _ => None,
        }
    }
}

/// How the wrong label of a negative is drawn. It is never the true one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
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
    /// All kinds of draws.
    pub const KINDS: &'static [Kind] = &[
        Kind { name: "uniform", values: &[] },
        Kind { name: "hard", values: &["sharpness"] },
        Kind { name: "head", values: &["sharpness"] },
    ];
    /// The draw by goodness with the default sharpness.
    pub(crate) const HARD: Self = Self::Hard { sharpness: SHARPNESS };
    /// The draw by the head with the default sharpness.
    pub(crate) const HEAD: Self = Self::Head { sharpness: SHARPNESS };

    /// Returns every number, with its bounds.
    pub(crate) fn numbers(&self) -> Vec<(&'static str, f32, f32, f32)> {
        match *self {
            Self::Uniform {} => Vec::new(),
            Self::Hard { sharpness } => vec![("negatives.hard.sharpness", sharpness, 0.0, 1e6)],
            Self::Head { sharpness } => vec![("negatives.head.sharpness", sharpness, 0.0, 1e6)],
        }
    }
}

impl Kinds for NegativesConfig {
    const KINDS: &'static [Kind] = Self::KINDS;

    fn named(name: &str) -> Option<Self> {
        match name {
            "uniform" => Some(Self::Uniform {}),
            "hard" => Some(Self::HARD),
            "head" => Some(Self::HEAD),
            _ => None,
        }
    }
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
        match self {
            Self::Lif(lif) => lif.units(),
            Self::Relu {} => Arc::new(Relu),
        }
    }
}

impl LifConfig {
    fn units(&self) -> Arc<dyn Units> {
        match self.surrogate {
            SurrogateKind::Atan => self.units_with::<Atan>(),
            SurrogateKind::FastSigmoid => self.units_with::<FastSigmoid>(),
            SurrogateKind::Triangle => self.units_with::<Triangle>(),
            SurrogateKind::Boxcar => self.units_with::<Boxcar>(),
            SurrogateKind::Secant => self.units_with::<Secant>(),
        }
    }

    fn units_with<S: Surrogate>(&self) -> Arc<dyn Units> {
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
