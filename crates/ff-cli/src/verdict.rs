//! This module measures how well a network predicts labels in both ways: it tries all labels, or it uses one pass with the heads.

use ff_data::{Dataset, Samples};
use ff_net::prediction::error_percent;
use ff_net::{Control, Network, Predictor, Scores, to_the_end};
use ff_tensor::Device;
use serde_json::{Value, json};

use crate::data;
use crate::failure::Outcome;
use crate::screen::thousands;
use crate::settings::Settings;

/// The largest number of images on which each epoch's error is measured, if none are held out.
const EPOCH_IMAGES: usize = 2_000;
/// The largest number of images on which the final training error is measured. MNIST has as many test images.
pub const TRAIN_ERROR_IMAGES: usize = 10_000;

/// The images on which a training is measured.
pub struct Watched {
    /// The images on which each epoch's error is measured.
    pub each_epoch: Samples,
    /// Their name in messages.
    pub name: &'static str,
    /// The number of training images that the network learns from. These are the first ones of the set.
    pub train_samples: usize,
}

impl Watched {
    /// Chooses the images: those that are held out, or the first of those that the network learns from.
    pub fn of(settings: &Settings, set: &Dataset) -> Outcome<Self> {
        let (train, held_out) = data::split(&settings.config, set.train.len())?;
        let train_samples = train.len();
        let (each_epoch, name) = match held_out.len() {
            0 => (set.train.take(train_samples.min(EPOCH_IMAGES)), "training images"),
            n => (set.train.split_last(n).1, "held-out images"),
        };
        Ok(Self { each_epoch, name, train_samples })
    }

    /// Measures a network that has been trained: on the test images, and on images that it has learned from.
    pub fn at_the_end<D: Device>(&self, network: &Network<D>, set: &Dataset) -> Outcome<[Verdict; 2]> {
        let mut judge = Judge::new(network)?;
        let test = judge.judge(network, &set.test, &mut to_the_end)?;
        let seen = set.train.take(self.train_samples.min(TRAIN_ERROR_IMAGES));
        Ok([test, judge.judge(network, &seen, &mut to_the_end)?])
    }
}

/// The buffers to measure the same network again and again.
pub struct Judge<D: Device> {
    all_labels: Predictor<D>,
    heads: Option<Predictor<D>>,
}

/// The result of a measurement.
pub struct Verdict {
    /// The result by goodness, where all labels are tried.
    pub goodness: Way,
    /// The result by the heads in one pass, if there are heads.
    pub head: Option<Way>,
}

/// The result of one way of predicting labels.
pub struct Way {
    /// The score that each label got.
    pub scores: Scores,
    /// The error of all layers together, in percent.
    pub error: f64,
    /// The error of each layer alone, in percent.
    pub layer_error: Vec<f64>,
}

impl<D: Device> Judge<D> {
    /// Makes the buffers for `network`.
    pub fn new(network: &Network<D>) -> Outcome<Self> {
        Ok(Self { all_labels: Predictor::new(network)?, heads: Predictor::one_pass(network)? })
    }

    /// Measures `network` on `set`. `control` is told how many images have been tried with all labels.
    pub fn judge(&mut self, network: &Network<D>, set: &Samples, control: Control) -> Outcome<Verdict> {
        let goodness = Way::of(self.all_labels.scan_with(network, &set.images, control)?, set);
        let head = match &mut self.heads {
            Some(heads) => Some(Way::of(heads.scan(network, &set.images)?, set)),
            None => None,
        };
        Ok(Verdict { goodness, head })
    }
}

impl Way {
    fn of(scores: Scores, set: &Samples) -> Self {
        let error = error_percent(&scores.predict(), &set.labels);
        let alone = |l| error_percent(&scores.predict_by_layer(l), &set.labels);
        let layer_error = (0..scores.layers.len()).map(alone).collect();
        Self { scores, error, layer_error }
    }

    /// Returns the error of each layer, such as `layer 1 alone 1.23 %, layer 2 alone 1.10 %`.
    pub fn layers(&self) -> String {
        let one = |(l, error): (usize, &f64)| format!("layer {} alone {error:.2} %", l + 1);
        self.layer_error.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
    }
}

impl Verdict {
    /// Returns the lines to print beside the error by goodness.
    pub fn remarks(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(head) = &self.head {
            lines.push(format!("one pass with the heads: {:.2} % ({})", head.error, head.layers()));
        }
        if let Some(spikes) = self.goodness.scores.spikes_per_inference() {
            let one_pass = self.head.as_ref().and_then(|head| head.scores.spikes_per_inference());
            let one_pass = one_pass.map(|spikes| format!(", {} in one pass", thousands(spikes)));
            let all = thousands(spikes);
            lines.push(format!("{all} spikes for one prediction{}", one_pass.unwrap_or_default()));
        }
        lines
    }

    /// Adds the numbers to a document. They are the numbers of the test images.
    pub fn write(&self, document: &mut Value) {
        document["test_error"] = json!(self.goodness.error);
        document["layer_test_error"] = json!(self.goodness.layer_error);
        document["spikes_per_inference"] = json!(self.goodness.scores.spikes_per_inference());
        let head = self.head.as_ref();
        document["head_test_error"] = json!(head.map(|head| head.error));
        document["layer_head_test_error"] = json!(head.map(|head| &head.layer_error));
        document["spikes_in_one_pass"] = json!(head.and_then(|head| head.scores.spikes_per_inference()));
    }
}
