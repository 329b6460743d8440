//! This module draws the plots of a run.

use std::path::Path;

use ff_data::Dataset;
use ff_net::{Config, Network, Scores};
use ff_report::plot::{Goodness, Plot};
use ff_tensor::Device;
use ndarray::ArrayView2;

use crate::failure::{Failure, Outcome};
use crate::figures;
use crate::metrics::Metrics;

/// Draws the loss and the error of each epoch. The error was measured on `watched`.
pub fn of_learning(dir: &Path, config: &Config, metrics: &[Metrics], watched: &str) -> Outcome<()> {
    figures::loss(metrics, config.layers.len()).save(&dir.join("loss.png"))?;
    Ok(figures::error(metrics, config, watched).save(&dir.join("error.png"))?)
}

/// Draws test images, the goodness of each trained layer for them, and the weights of units.
/// A rank has some units of the first layer at least, and more need not be shown.
pub fn of_result<D: Device>(dir: &Path, set: &Dataset, network: &Network<D>, test: &Scores) -> Outcome<()> {
    let config = &network.config;
    let truth = figures::truth(&set.test);
    let wrong = figures::wrong_labels(&truth, set.classes, config.seed);
    figures::samples(set, &truth, &wrong).save(&dir.join("samples.png"))?;
    let layers = figures::goodness(test, config, &truth, &wrong);
    Goodness { layers, columns: 3 }.save(&dir.join("goodness.png"))?;
    let weight = network.layers[0].weight();
    let numbers = network.dev.download(weight)?;
    let first_layer =
        ArrayView2::from_shape(weight.shape(), &numbers).map_err(|e| Failure::new(e.to_string()))?;
    Ok(figures::weights(set, first_layer, config.layers[0]).save(&dir.join("weights.png"))?)
}
