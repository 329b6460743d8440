//! This module measures a trained network on the test images, for its report. No choice depends on these results.

use std::cmp::Ordering;

use ff_data::Dataset;
use ff_net::{Model, Network, Predictor, Scores, Trace, trace};
use ff_tensor::Device;
use indicatif::ProgressBar;
use ndarray::Axis;

use crate::failure::Outcome;
use crate::figures;
use crate::operations::Operations;
use crate::screen::follow;
use crate::verdict::{Judge, Verdict};

/// All results of the measurements.
pub struct Findings {
    /// The result of the trained network.
    pub test: Verdict,
    /// The scores of the same network before it learned.
    pub before: Scores,
    /// The labels of the test images.
    pub truth: Vec<usize>,
    /// A wrong label for each test image, drawn at random.
    pub wrong: Vec<usize>,
    /// The labels that goodness predicted.
    pub predicted: Vec<usize>,
    /// One image that is looked at closely.
    pub closely: Closely,
    /// The number of pixels in an image.
    pub pixels: usize,
    /// The number of units in each layer.
    pub layers: Vec<usize>,
}

/// One image that is looked at closely.
pub struct Closely {
    /// The index of the image. It is the first image that was predicted right, or else the first image.
    pub image: usize,
    /// Its label, and the wrong label with the largest goodness.
    pub labels: [usize; 2],
    /// The traces of each layer with the two labels, `[labels][layers]`. They are `None` for rectifiers.
    pub traces: Option<[Vec<Trace>; 2]>,
}

/// Returns the number of images over which [`look`] moves its bar.
pub fn work(set: &Dataset) -> u64 {
    2 * set.test.len() as u64
}

/// Measures the trained network and the untrained one.
pub fn look<D: Device>(dev: &D, model: &Model, set: &Dataset, bar: &ProgressBar) -> Outcome<Findings> {
    let (network, config) = (model.network(dev)?, model.config.clone());
    let (pixels, layers, seed) = (network.pixels, config.layers.clone(), config.seed);
    let test = Judge::new(&network)?.judge(&network, &set.test, &mut follow(bar, 0, 1))?;
    let untrained = Network::new(dev, config, pixels, model.classes)?;
    let mut second_half = follow(bar, set.test.len() as u64, 1);
    let before = Predictor::new(&untrained)?.scan_with(&untrained, &set.test.images, &mut second_half)?;

    let truth = figures::truth(&set.test);
    let wrong = figures::wrong_labels(&truth, set.classes, seed);
    let predicted: Vec<usize> = test.goodness.scores.predict().iter().map(|&label| label as usize).collect();
    let image = truth.iter().zip(&predicted).position(|(truth, predicted)| truth == predicted).unwrap_or(0);
    let goodness = test.goodness.scores.of_image(image);
    let others = (0..set.classes).filter(|label| *label != truth[image]);
    let rival = others.max_by(|a, b| goodness[*a].total_cmp(&goodness[*b])).unwrap_or(0);
    let labels = [truth[image], rival];
    let alone = set.test.images.select(Axis(0), &[image]);
    let traces = trace(&network, &alone, &labels.map(|label| label as u32))?;
    let traces = traces.and_then(|traces| traces.try_into().ok());
    let closely = Closely { image, labels, traces };
    Ok(Findings { test, before, truth, wrong, predicted, closely, pixels, layers })
}

impl Findings {
    /// Counts the images by their label and the predicted label, `[truth][predicted]`.
    pub fn confusion(&self) -> Vec<Vec<usize>> {
        let classes = self.before.classes;
        let mut counts = vec![vec![0; classes]; classes];
        for (&truth, &predicted) in self.truth.iter().zip(&self.predicted) {
            counts[truth][predicted] += 1;
        }
        counts
    }

    /// Returns the images that got a wrong label. First come those whose true label had the smallest share of the winner's
    /// goodness.
    pub fn mistakes(&self) -> Vec<usize> {
        let share = |i: usize| {
            let goodness = self.test.goodness.scores.of_image(i);
            goodness[self.truth[i]] / goodness[self.predicted[i]]
        };
        let wrong = (0..self.truth.len()).filter(|&i| self.truth[i] != self.predicted[i]);
        let mut wrong: Vec<(f32, usize)> = wrong.map(|i| (share(i), i)).collect();
        wrong.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        wrong.into_iter().map(|(_, i)| i).collect()
    }

    /// Returns, for each layer, the percentage of images whose true label had a larger goodness than the wrong one. An image
    /// where both had the same goodness counts half.
    pub fn parted(&self, scores: &Scores) -> Vec<f64> {
        let of_layer = |layer: &Vec<f32>| {
            let [right, wrong] =
                [&self.truth, &self.wrong].map(|labels| figures::of_labels(layer, scores.classes, labels));
            let point = |(right, wrong): (&f32, &f32)| match right.total_cmp(wrong) {
                Ordering::Greater => 1.0,
                Ordering::Equal => 0.5,
                Ordering::Less => 0.0,
            };
            100.0 * right.iter().zip(&wrong).map(point).sum::<f64>() / right.len() as f64
        };
        scores.layers.iter().map(of_layer).collect()
    }

    /// Counts the operations of one prediction that tries all labels, with `spikes` of each layer. Without them, the units count
    /// as if they passed on numbers.
    pub fn operations(&self, spikes: Option<&[f64]>) -> Operations {
        let classes = self.before.classes;
        Operations::count(self.pixels, &self.layers, classes, classes, 0..0, spikes)
    }

    /// Counts the operations of one prediction in one pass with the heads, in the same way.
    pub fn operations_in_one_pass(&self, spikes: Option<&[f64]>) -> Operations {
        let heads = 0..self.layers.len();
        Operations::count(self.pixels, &self.layers, self.before.classes, 1, heads, spikes)
    }
}
