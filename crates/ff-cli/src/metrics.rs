//! This module has the numbers of an epoch, as they are in `metrics.jsonl`.

use ff_net::EpochReport;
use serde::{Deserialize, Serialize};

use crate::verdict::Verdict;

/// The numbers of one epoch, which are one line of `metrics.jsonl`.
#[derive(Serialize, Deserialize)]
pub struct Metrics {
    /// The number of the epoch, counted from 1.
    pub epoch: usize,
    /// The losses of the layers that learned.
    pub losses: Vec<LayerLoss>,
    /// The error of all layers together, in percent.
    pub error: f64,
    /// The error of each layer alone, in percent.
    pub layer_error: Vec<f64>,
    /// The error of the heads in one pass, in percent.
    pub head_error: Option<f64>,
    /// The seconds that the training took, without the measurement of the error.
    pub seconds: f64,
    /// The number of images per second that the network learned from.
    pub samples_per_second: f64,
}

/// The mean loss of a layer that learned. Layers are counted from 1.
#[derive(Serialize, Deserialize)]
pub struct LayerLoss {
    pub layer: usize,
    pub loss: f64,
}

impl Metrics {
    /// Collects the numbers of an epoch that took `seconds` seconds for `images` images.
    pub fn new(report: &EpochReport, verdict: &Verdict, seconds: f64, images: usize) -> Self {
        let losses = report.mean_losses().into_iter();
        Self {
            epoch: report.epoch,
            losses: losses.map(|(layer, loss)| LayerLoss { layer: layer + 1, loss }).collect(),
            error: verdict.goodness.error,
            layer_error: verdict.goodness.layer_error.clone(),
            head_error: verdict.head.as_ref().map(|head| head.error),
            seconds,
            samples_per_second: images as f64 / seconds,
        }
    }
}
