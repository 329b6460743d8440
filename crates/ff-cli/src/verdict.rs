//! This module measures how well a network predicts labels in both ways: it tries all labels, or it uses one pass with the heads.

use ff_data::Samples;
use ff_net::prediction::error_percent;
use ff_net::{Control, Network, Predictor, Scores};
use ff_tensor::Device;
use serde_json::{Value, json};

use crate::failure::Outcome;
use crate::screen::thousands;

/// The largest number of images on which each epoch's error is measured, if none are held out.
pub const EPOCH_IMAGES: usize = 2_000;
/// The largest number of images on which the final training error is measured. MNIST has as many test images.
pub const TRAIN_ERROR_IMAGES: usize = 10_000;

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
