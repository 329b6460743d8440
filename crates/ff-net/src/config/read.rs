//! This module reads settings in typed parts. It also reads the short keys of older files, which stay as another way to
//! say the same (`beta` for `neuron.lif.beta`).

use std::fmt;
use std::marker::PhantomData;

use ff_tensor::NormKind;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::parts::Kinds;
use super::{
    Config, LifConfig, Link, NegativesConfig, NeuronConfig, ObjectiveConfig, Schedule, SurrogateKind,
};
use crate::formulas::{Output, Reset, Squares};

/// All keys of the settings. A key that is missing keeps its default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Read {
    layers: Vec<usize>,
    neuron: Option<Part<NeuronConfig>>,
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
    objective: Option<Part<ObjectiveConfig>>,
    theta: Option<f32>,
    alpha: Option<f32>,
    negatives: Option<Part<NegativesConfig>>,
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

/// A part by the name of its kind, or with the kind's values: `"lif"`, `{ lif = { beta = 0.9 } }`.
#[derive(Clone, Copy)]
struct Part<T>(T);

impl<'de, T: Kinds> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneKind(PhantomData))
    }
}

struct OneKind<T>(PhantomData<T>);

/// Says which kinds there are, as serde does.
fn one_of<T: Kinds>() -> String {
    let names: Vec<&str> = T::KINDS.iter().map(|kind| kind.name).collect();
    match names[..] {
        [one, other] => format!("`{one}` or `{other}`"),
        _ => format!("one of `{}`", names.join("`, `")),
    }
}

impl<'de, T: Kinds> Visitor<'de> for OneKind<T> {
    type Value = Part<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&one_of::<T>())
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Part<T>, E> {
        let unknown = || E::custom(format_args!("unknown variant `{name}`, expected {}", one_of::<T>()));
        T::named(name).map(Part).ok_or_else(unknown)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part<T>, A::Error> {
        let part = T::deserialize(MapAccessDeserializer::new(&mut map))?;
        match map.next_key::<String>()? {
            None => Ok(Part(part)),
            Some(_) => Err(A::Error::custom(format!(
                "more than one kind is named, but it must be {}",
                one_of::<T>()
            ))),
        }
    }
}

/// These methods read the short keys. Older files write them beside each other, whatever they are for: `beta` of a
/// rectifier has no effect.
impl Read {
    fn neuron(&self) -> NeuronConfig {
        let mut neuron = self.neuron.map_or_else(|| NeuronConfig::Lif(LifConfig::default()), |part| part.0);
        if let NeuronConfig::Lif(lif) = &mut neuron {
            lif.beta = self.beta.unwrap_or(lif.beta);
            lif.threshold = self.threshold.unwrap_or(lif.threshold);
            lif.reset = self.reset.unwrap_or(lif.reset);
            lif.steps = self.steps.unwrap_or(lif.steps);
            lif.output = self.output.unwrap_or(lif.output);
            lif.surrogate = self.surrogate.unwrap_or(lif.surrogate);
        }
        neuron
    }

    fn objective(&self) -> ObjectiveConfig {
        let mut objective = self.objective.map_or(ObjectiveConfig::SOFTPLUS, |part| part.0);
        match &mut objective {
            ObjectiveConfig::Softplus { theta } => *theta = self.theta.unwrap_or(*theta),
            ObjectiveConfig::Pair { alpha } => *alpha = self.alpha.unwrap_or(*alpha),
        }
        objective
    }

    fn negatives(&self) -> NegativesConfig {
        let mut negatives = self.negatives.map_or(NegativesConfig::Uniform {}, |part| part.0);
        match &mut negatives {
            NegativesConfig::Uniform {} => {}
            NegativesConfig::Hard { sharpness } | NegativesConfig::Head { sharpness } => {
                *sharpness = self.sharpness.unwrap_or(*sharpness);
            }
        }
        negatives
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Read::deserialize(deserializer).map(Self::from)
    }
}

impl From<Read> for Config {
    fn from(read: Read) -> Self {
        Self {
            neuron: read.neuron(),
            objective: read.objective(),
            negatives: read.negatives(),
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
        }
    }
}
