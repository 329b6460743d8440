//! The numbers of an epoch, as they stand in `metrics.jsonl`.

use ff_net::EpochReport;
use serde::{Deserialize, Serialize};

use crate::verdict::Verdict;

/// An epoch, as in `metrics.jsonl`.
#[derive(Serialize, Deserialize)]
pub struct Metrics {
    /// Counted from 1.
    pub epoch: usize,
    /// Of the layers that learned.
    pub losses: Vec<LayerLoss>,
    /// Of all layers together, in percent.
    pub error: f64,
    /// Of each layer alone, in percent.
    pub layer_error: Vec<f64>,
    /// Of the heads in one pass, in percent.
    pub head_error: Option<f64>,
    /// That training took, without the look at the error.
    pub seconds: f64,
    /// Images that it learned from in a second.
    pub samples_per_second: f64,
}

/// The mean loss of a layer that learned; layers are counted from 1.
#[derive(Serialize, Deserialize)]
pub struct LayerLoss {
    pub layer: usize,
    pub loss: f64,
}

impl Metrics {
    /// Of an epoch that took so many `seconds` for so many images.
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
