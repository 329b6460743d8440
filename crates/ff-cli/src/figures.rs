//! Which numbers of a data set and a network go into which plot, for all who draw them.

use ff_data::{Dataset, Samples};
use ff_net::{Config, ObjectiveConfig, Schedule, Scores};
use ff_report::plot;
use ff_tensor::random;
use ndarray::Array2;

use crate::metrics::Metrics;

/// `layer 1`, `layer 2`, ...
pub fn layer_names(layers: usize) -> Vec<String> {
    (1..=layers).map(|l| format!("layer {l}")).collect()
}

/// The loss of each of `layers` in the epochs in which it learned.
pub fn loss(metrics: &[Metrics], layers: usize) -> plot::Lines {
    let of_layer = |(l, name)| {
        let in_epoch = |m: &Metrics| m.losses.iter().find(|own| own.layer == l + 1).map(|own| own.loss);
        plot::LayerCurve { name, points: metrics.iter().filter_map(in_epoch).collect() }
    };
    plot::loss(layer_names(layers).into_iter().enumerate().map(of_layer).collect(), "epoch")
}

/// The error after each epoch, on `images`; and of each layer alone, if all learn at the same time.
pub fn error(metrics: &[Metrics], config: &Config, images: &str) -> plot::Lines {
    let alone =
        |l: usize| metrics.iter().map(|m| m.layer_error.get(l).copied().unwrap_or(f64::NAN)).collect();
    let layers = if config.schedule == Schedule::Joint { config.layers.len() } else { 0 };
    let together = metrics.iter().map(|m| m.error).collect();
    plot::error(images, together, (0..layers).map(alone).collect())
}

/// The labels of images.
pub fn truth(samples: &Samples) -> Vec<usize> {
    samples.labels.iter().map(|&label| usize::from(label)).collect()
}

/// A wrong label for each image, each equally likely.
pub fn wrong_labels(truth: &[usize], classes: usize, seed: u64) -> Vec<usize> {
    let off = |i: usize| 1 + random::bits(seed, i as u64) as usize % (classes - 1);
    truth.iter().enumerate().map(|(i, label)| (label + off(i)) % classes).collect()
}

/// An image with a label in its first pixels, as the network sees it, in `0..=1`.
pub fn with_label(pixels: impl Iterator<Item = u8>, label: Option<usize>, classes: usize) -> Vec<f32> {
    let mut image: Vec<f32> = pixels.map(|p| f32::from(p) / 255.0).collect();
    if let Some(label) = label {
        image[..classes].fill(0.0);
        image[label] = 1.0;
    }
    image
}

/// The first test images as they are, with their label, and with a wrong one.
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

/// Of its images.
pub fn shape(set: &Dataset) -> plot::Shape {
    plot::Shape { width: set.width, height: set.height }
}

/// What a layer gave to one label of each image.
pub fn of_labels(layer: &[f32], classes: usize, labels: &[usize]) -> Vec<f32> {
    layer.chunks_exact(classes).zip(labels).map(|(row, &label)| row[label]).collect()
}

/// Each layer's goodness with the true and with a wrong label.
pub fn goodness(
    scores: &Scores,
    config: &Config,
    truth: &[usize],
    wrong: &[usize],
) -> Vec<plot::LayerGoodness> {
    let threshold = match config.objective {
        ObjectiveConfig::Softplus { theta } => Some(theta),
        ObjectiveConfig::Pair { .. } => None,
    };
    let layers = layer_names(scores.layers.len()).into_iter().zip(&scores.layers);
    let panel = |(name, layer): (String, &Vec<f32>)| plot::LayerGoodness {
        name,
        positive: of_labels(layer, scores.classes, truth),
        negative: of_labels(layer, scores.classes, wrong),
        threshold,
    };
    layers.map(panel).collect()
}

/// The first layer's, `[pixels, units]`.
pub fn weights(set: &Dataset, weight: &Array2<f32>) -> plot::Weights {
    plot::Weights { shape: shape(set), units: weight.columns().into_iter().map(|w| w.to_vec()).collect() }
}
