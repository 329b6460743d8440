//! Settings as they are read: in typed parts, and with the short keys of older files, which stay as another way to say the
//! same (`beta` for `neuron.lif.beta`).

use serde::Deserialize;

use super::{
    Config, LifConfig, Link, NegativesConfig, NeuronConfig, ObjectiveConfig, Schedule, SurrogateKind,
};
use crate::formulas::{Output, Reset, Squares};
use ff_tensor::NormKind;

/// A kind by its name, or with its numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Part<T> {
    Name(String),
    Typed(T),
}

/// All keys. What is not there keeps its default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Read {
    layers: Vec<usize>,
    neuron: Option<Part<serde_json::Value>>,
    beta: Option<f32>,
    threshold: Option<f32>,
    reset: Option<Reset>,
    steps: Option<usize>,
    output: Option<Output>,
    surrogate: Option<SurrogateKind>,
    link: Link,
    bias: bool,
    weight_scale: f32,
    norm: NormKind,
    norm_eps: f32,
    label_amplitude: f32,
    goodness: Squares,
    objective: Option<Part<serde_json::Value>>,
    theta: Option<f32>,
    alpha: Option<f32>,
    negatives: Option<Part<serde_json::Value>>,
    sharpness: Option<f32>,
    schedule: Schedule,
    epochs: usize,
    batch: usize,
    learning_rate: f32,
    head: bool,
    dropout: f32,
    pixel_dropout: f32,
    weight_decay: f32,
    cool_from: f32,
    seed: u64,
    train_samples: usize,
    validation_samples: usize,
}

impl Default for Read {
    fn default() -> Self {
        let c = Config::default();
        Self {
            layers: c.layers,
            neuron: None,
            beta: None,
            threshold: None,
            reset: None,
            steps: None,
            output: None,
            surrogate: None,
            link: c.link,
            bias: c.bias,
            weight_scale: c.weight_scale,
            norm: c.norm,
            norm_eps: c.norm_eps,
            label_amplitude: c.label_amplitude,
            goodness: c.goodness,
            objective: None,
            theta: None,
            alpha: None,
            negatives: None,
            sharpness: None,
            schedule: c.schedule,
            epochs: c.epochs,
            batch: c.batch,
            learning_rate: c.learning_rate,
            head: c.head,
            dropout: c.dropout,
            pixel_dropout: c.pixel_dropout,
            weight_decay: c.weight_decay,
            cool_from: c.cool_from,
            seed: c.seed,
            train_samples: c.train_samples,
            validation_samples: c.validation_samples,
        }
    }
}

/// The short keys, which older files write beside each other, whatever they are for: `beta` of a rectifier says nothing.
impl Read {
    fn neuron(&self) -> Result<NeuronConfig, String> {
        let mut neuron = match &self.neuron {
            None => NeuronConfig::Lif(LifConfig::default()),
            Some(Part::Name(name)) => match name.as_str() {
                "lif" => NeuronConfig::Lif(LifConfig::default()),
                "relu" => NeuronConfig::RELU,
                other => return Err(unknown("neuron", other, &["lif", "relu"])),
            },
            Some(Part::Typed(value)) => typed("neuron", value)?,
        };
        if let NeuronConfig::Lif(lif) = &mut neuron {
            lif.beta = self.beta.unwrap_or(lif.beta);
            lif.threshold = self.threshold.unwrap_or(lif.threshold);
            lif.reset = self.reset.unwrap_or(lif.reset);
            lif.steps = self.steps.unwrap_or(lif.steps);
            lif.output = self.output.unwrap_or(lif.output);
            lif.surrogate = self.surrogate.unwrap_or(lif.surrogate);
        }
        Ok(neuron)
    }

    fn objective(&self) -> Result<ObjectiveConfig, String> {
        let mut objective = match &self.objective {
            None => ObjectiveConfig::SOFTPLUS,
            Some(Part::Name(name)) => match name.as_str() {
                "softplus" => ObjectiveConfig::SOFTPLUS,
                "pair" => ObjectiveConfig::PAIR,
                other => return Err(unknown("objective", other, &["softplus", "pair"])),
            },
            Some(Part::Typed(value)) => typed("objective", value)?,
        };
        match &mut objective {
            ObjectiveConfig::Softplus { theta } => *theta = self.theta.unwrap_or(*theta),
            ObjectiveConfig::Pair { alpha } => *alpha = self.alpha.unwrap_or(*alpha),
        }
        Ok(objective)
    }

    fn negatives(&self) -> Result<NegativesConfig, String> {
        const SHARPNESS: f32 = 6.0;
        let mut negatives = match &self.negatives {
            None => NegativesConfig::Uniform {},
            Some(Part::Name(name)) => match name.as_str() {
                "uniform" => NegativesConfig::Uniform {},
                "hard" => NegativesConfig::Hard { sharpness: SHARPNESS },
                "head" => NegativesConfig::Head { sharpness: SHARPNESS },
                other => return Err(unknown("negatives", other, &["uniform", "hard", "head"])),
            },
            Some(Part::Typed(value)) => typed("negatives", value)?,
        };
        match &mut negatives {
            NegativesConfig::Uniform {} => {}
            NegativesConfig::Hard { sharpness } | NegativesConfig::Head { sharpness } => {
                *sharpness = self.sharpness.unwrap_or(*sharpness);
            }
        }
        Ok(negatives)
    }
}

fn typed<T: serde::de::DeserializeOwned>(key: &str, value: &serde_json::Value) -> Result<T, String> {
    T::deserialize(value).map_err(|e| format!("`{key}`: {e}"))
}

fn unknown(key: &str, got: &str, known: &[&str]) -> String {
    format!("`{key}` is `{got}`, but must be one of `{}`", known.join("`, `"))
}

impl TryFrom<Read> for Config {
    type Error = String;

    fn try_from(read: Read) -> Result<Self, String> {
        Ok(Self {
            neuron: read.neuron()?,
            objective: read.objective()?,
            negatives: read.negatives()?,
            layers: read.layers,
            link: read.link,
            bias: read.bias,
            weight_scale: read.weight_scale,
            norm: read.norm,
            norm_eps: read.norm_eps,
            label_amplitude: read.label_amplitude,
            goodness: read.goodness,
            schedule: read.schedule,
            epochs: read.epochs,
            batch: read.batch,
            learning_rate: read.learning_rate,
            head: read.head,
            dropout: read.dropout,
            pixel_dropout: read.pixel_dropout,
            weight_decay: read.weight_decay,
            cool_from: read.cool_from,
            seed: read.seed,
            train_samples: read.train_samples,
            validation_samples: read.validation_samples,
        })
    }
}
