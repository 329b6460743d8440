//! How well a network does on labelled images, in both of its ways: trying all labels, and one pass with the heads.

use ff_data::Samples;
use ff_net::prediction::error_percent;
use ff_net::{Control, Network, Predictor, Scores};
use ff_tensor::Device;
use serde_json::{Value, json};

use crate::failure::Outcome;
use crate::screen::thousands;

/// Images on which each epoch's error is measured where none are held out.
pub const EPOCH_IMAGES: usize = 2_000;
/// Images on which the final training error is measured, as many as MNIST has for the test.
pub const TRAIN_ERROR_IMAGES: usize = 10_000;

/// Asks a network, again and again.
pub struct Judge<D: Device> {
    all_labels: Predictor<D>,
    heads: Option<Predictor<D>>,
}

/// What came out.
pub struct Verdict {
    /// By goodness.
    pub goodness: Way,
    /// By the heads, if there are any.
    pub head: Option<Way>,
}

/// One way of telling labels.
pub struct Way {
    /// What each label got.
    pub scores: Scores,
    /// Of all layers together, in percent.
    pub error: f64,
    /// Of each layer alone, in percent.
    pub layer_error: Vec<f64>,
}

impl<D: Device> Judge<D> {
    /// Buffers for `network`.
    pub fn new(network: &Network<D>) -> Outcome<Self> {
        Ok(Self { all_labels: Predictor::new(network)?, heads: Predictor::one_pass(network)? })
    }

    /// The verdict on `set`; `control` is told of its images.
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

    /// `layer 1 alone 1.23 %, layer 2 alone 1.10 %`.
    pub fn layers(&self) -> String {
        let one = |(l, error): (usize, &f64)| format!("layer {} alone {error:.2} %", l + 1);
        self.layer_error.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
    }
}

impl Verdict {
    /// What to say beside the error by goodness.
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

    /// Adds the numbers, which are those of the test images, to a document.
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
