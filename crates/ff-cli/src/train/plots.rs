//! This module draws the plots of a run.

use std::path::Path;

use ff_data::Dataset;
use ff_net::{Config, Model, Scores};
use ff_report::plot::{Goodness, Plot};

use crate::failure::Outcome;
use crate::figures;
use crate::metrics::Metrics;

/// Draws the loss and the error of each epoch. The error was measured on `watched`.
pub fn of_learning(dir: &Path, config: &Config, metrics: &[Metrics], watched: &str) -> Outcome<()> {
    figures::loss(metrics, config.layers.len()).save(&dir.join("loss.png"))?;
    Ok(figures::error(metrics, config, watched).save(&dir.join("error.png"))?)
}

/// Draws test images, the goodness of each trained layer for them, and the weights of units.
pub fn of_result(dir: &Path, set: &Dataset, model: &Model, test: &Scores) -> Outcome<()> {
    let truth = figures::truth(&set.test);
    let wrong = figures::wrong_labels(&truth, set.classes, model.config.seed);
    figures::samples(set, &truth, &wrong).save(&dir.join("samples.png"))?;
    let layers = figures::goodness(test, &model.config, &truth, &wrong);
    Goodness { layers, columns: 3 }.save(&dir.join("goodness.png"))?;
    Ok(figures::weights(set, &model.weights[0].weight).save(&dir.join("weights.png"))?)
}
