//! This module refuses impossible settings and names each by its key.

use super::{Config, Link, NegativesConfig, SurrogateKind};
use crate::{Error, Result};

/// The largest number of weights of one layer: 4 GiB with the optimiser's moments and the gradient.
const MOST_WEIGHTS: usize = 1 << 28;

fn bad<T>(key: &'static str, reason: String) -> Result<T> {
    Err(Error::Config { key, reason })
}

impl Config {
    /// Refuses settings that cannot work on images of `pixels` pixels in `classes` classes.
    ///
    /// # Errors
    /// The error names the first impossible setting, by its key.
    pub fn validate(&self, pixels: usize, classes: usize) -> Result<()> {
        if classes < 2 || pixels <= classes {
            return bad("layers", format!("cannot fit a label of {classes} classes into {pixels} pixels"));
        }
        self.validate_layers(pixels)?;
        self.validate_parts()
    }

    /// Refuses layers that cannot work on `inputs` inputs.
    fn validate_layers(&self, inputs: usize) -> Result<()> {
        let mut inputs = inputs;
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
        Ok(())
    }

    /// Refuses settings that are impossible for every input.
    pub(crate) fn validate_parts(&self) -> Result<()> {
        if matches!(self.negatives, NegativesConfig::Head { .. }) && !self.head {
            return bad("negatives", "is `head`, but no head learns: set `head` to true".into());
        }
        for (key, value, least, most) in
            [("batch", self.batch, 1, 65_536), ("epochs", self.epochs, 1, 1_000_000)]
        {
            if !(least..=most).contains(&value) {
                return bad(key, format!("is {value}; {least} to {most} is possible"));
            }
        }
        for (key, value, least, most) in self.numbers() {
            if !(least..=most).contains(&value) {
                return bad(key, format!("is {value}; {least} to {most} is possible"));
            }
        }
        self.validate_neuron()
    }

    /// Returns every number, with its bounds.
    fn numbers(&self) -> Vec<(&'static str, f32, f32, f32)> {
        let mut all = vec![
            ("weight_scale", self.weight_scale, 1e-6, 1e6),
            ("norm_eps", self.norm_eps, 0.0, 1.0),
            ("label_amplitude", self.label_amplitude, 1e-6, 1e6),
            ("learning_rate", self.learning_rate, 0.0, 1e3),
            ("dropout", self.dropout, 0.0, 0.99),
            ("pixel_dropout", self.pixel_dropout, 0.0, 0.99),
            ("weight_decay", self.weight_decay, 0.0, 1e3),
            ("cool_from", self.cool_from, 0.0, 1.0),
        ];
        all.extend(self.neuron.numbers());
        all.extend(self.objective.numbers());
        all.extend(self.negatives.numbers());
        all
    }

    fn validate_neuron(&self) -> Result<()> {
        let (units, spikes_pass) = (self.units(), self.link == Link::Spikes);
        let climbs = units.validate().is_ok() && !spikes_pass;
        if self.neuron.lif().is_some_and(|lif| lif.surrogate == SurrogateKind::Secant) && !climbs {
            let needs =
                "needs `neuron.lif.output = rate`, 2 to 64 steps, and a constant current: `link = signal`";
            return bad("neuron.lif.surrogate", format!("is `secant`, which {needs}"));
        }
        if spikes_pass && !units.spikes() {
            return bad("link", format!("is `spikes`, but {} units do not spike", self.neuron.name()));
        }
        units
            .validate()
            .or_else(|reason| bad("neuron", format!("is `{}`, whose {reason}", self.neuron.name())))
    }
}
