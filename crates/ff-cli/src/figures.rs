//! This module puts the numbers of a data set and a network into plots, for all commands that draw them.

use ff_data::{Dataset, Samples};
use ff_net::{Config, Schedule, Scores};
use ff_report::plot;
use ff_tensor::random;
use ndarray::ArrayView2;

use crate::metrics::Metrics;

/// Returns the names `layer 1`, `layer 2` and so on.
pub fn layer_names(layers: usize) -> Vec<String> {
    (1..=layers).map(|l| format!("layer {l}")).collect()
}

/// Returns the loss curves of `layers` layers. A curve has only the epochs in which its layer learned.
pub fn loss(metrics: &[Metrics], layers: usize) -> plot::Lines {
    let of_layer = |(l, name)| {
        let in_epoch = |m: &Metrics| m.losses.iter().find(|own| own.layer == l + 1).map(|own| own.loss);
        plot::LayerCurve { name, points: metrics.iter().filter_map(in_epoch).collect() }
    };
    plot::loss(layer_names(layers).into_iter().enumerate().map(of_layer).collect(), "epoch")
}

/// Returns the curve of the error on `images` after each epoch. If all layers learn at the same time, each layer alone has a
/// curve too.
pub fn error(metrics: &[Metrics], config: &Config, images: &str) -> plot::Lines {
    let alone =
        |l: usize| metrics.iter().map(|m| m.layer_error.get(l).copied().unwrap_or(f64::NAN)).collect();
    let layers = if config.schedule == Schedule::Joint { config.layers.len() } else { 0 };
    let together = metrics.iter().map(|m| m.error).collect();
    plot::error(images, together, (0..layers).map(alone).collect())
}

/// Returns the label of each image.
pub fn truth(samples: &Samples) -> Vec<usize> {
    samples.labels.iter().map(|&label| usize::from(label)).collect()
}

/// Draws a wrong label for each image. All wrong labels are equally likely.
pub fn wrong_labels(truth: &[usize], classes: usize, seed: u64) -> Vec<usize> {
    let off = |i: usize| 1 + random::bits(seed, i as u64) as usize % (classes - 1);
    truth.iter().enumerate().map(|(i, label)| (label + off(i)) % classes).collect()
}

/// Returns an image with values in `0..=1`. If there is a label, the first `classes` pixels are its one-hot code.
pub fn with_label(pixels: impl Iterator<Item = u8>, label: Option<usize>, classes: usize) -> Vec<f32> {
    let mut image: Vec<f32> = pixels.map(|p| f32::from(p) / 255.0).collect();
    if let Some(label) = label {
        image[..classes].fill(0.0);
        image[label] = 1.0;
    }
    image
}

/// Returns the first test images, up to eight: as they are, with their label, and with a wrong label.
pub fn samples(set: &Dataset, truth: &[usize], wrong: &[usize]) -> plot::Samples {
    let shown = set.test.len().min(8);
    let row = |title, label: &dyn Fn(usize) -> Option<usize>| plot::SampleRow {
        title,
        images: (0..shown)
            .map(|i| with_label(set.test.images.row(i).iter().copied(), label(i), set.classes))
            .collect(),
    };
    let rows = vec![
        row("original", &|_| None),
        row("positive", &|i| Some(truth[i])),
        row("negative", &|i| Some(wrong[i])),
    ];
    plot::Samples { shape: shape(set), rows }
}

/// Returns the shape of the set's images.
pub fn shape(set: &Dataset) -> plot::Shape {
    plot::Shape { width: set.width, height: set.height }
}

/// Returns the score that a layer gave to one label of each image. `layer` is `[n, classes]`.
pub fn of_labels(layer: &[f32], classes: usize, labels: &[usize]) -> Vec<f32> {
    layer.chunks_exact(classes).zip(labels).map(|(row, &label)| row[label]).collect()
}

/// Returns each layer's goodness with the true label and with a wrong one.
pub fn goodness(
    scores: &Scores,
    config: &Config,
    truth: &[usize],
    wrong: &[usize],
) -> Vec<plot::LayerGoodness> {
    let threshold = config.objective.threshold();
    let layers = layer_names(scores.layers.len()).into_iter().zip(&scores.layers);
    let panel = |(name, layer): (String, &Vec<f32>)| plot::LayerGoodness {
        name,
        positive: of_labels(layer, scores.classes, truth),
        negative: of_labels(layer, scores.classes, wrong),
        threshold,
    };
    layers.map(panel).collect()
}

/// Returns the weights of the first units of the first layer, which has `all` units. `weight` is `[pixels, units]`.
pub fn weights(set: &Dataset, weight: ArrayView2<f32>, all: usize) -> plot::Weights {
    let units = weight.columns().into_iter().take(plot::Weights::MOST).map(|w| w.to_vec()).collect();
    plot::Weights { shape: shape(set), units, all }
}
