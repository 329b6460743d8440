//! The pictures of a run: which numbers go into which plot.

use std::path::Path;

use ff_net::{Model, Schedule, Scores};
use ff_tensor::{Device, Objective, random};

use super::{Metrics, Run};
use crate::failure::Outcome;
use crate::plot;

impl<D: Device> Run<'_, D> {
    /// Draws all plots of the run into its directory.
    pub(super) fn plot(&self, model: &Model, test: &Scores) -> Outcome<()> {
        let dir = self.dir.subdirectory("plots")?;
        let names: Vec<String> = (1..=model.weights.len()).map(|l| format!("layer {l}")).collect();
        let curves: Vec<Vec<f64>> = (0..names.len()).map(|layer| self.losses_of(layer)).collect();
        let curves: Vec<plot::LayerCurve> =
            names.iter().zip(&curves).map(|(name, points)| plot::LayerCurve { name, points }).collect();
        plot::loss(&dir.join("loss.png"), &curves, "epoch")?;

        let joint = self.settings.config.schedule == Schedule::Joint;
        let errors: Vec<f64> = self.notes.metrics.iter().map(|m| m.error).collect();
        let of_layer = |l: usize| {
            self.notes
                .metrics
                .iter()
                .map(|m| m.layer_error.get(l).copied().unwrap_or(f64::NAN))
                .collect::<Vec<f64>>()
        };
        let per_layer: Vec<Vec<f64>> =
            if joint { (0..names.len()).map(of_layer).collect() } else { Vec::new() };
        plot::error(&dir.join("error.png"), self.watched_name, &errors, &per_layer)?;

        let (width, height) = (self.set.width, self.set.height);
        let negatives = self.wrong_labels();
        plot::samples(&dir.join("samples.png"), width, height, &self.sample_rows(&negatives))?;
        self.plot_goodness(&dir, &names, test)?;
        let weight = &model.weights[0].weight;
        let units: Vec<Vec<f32>> = weight.columns().into_iter().take(96).map(|w| w.to_vec()).collect();
        Ok(plot::weights(&dir.join("weights.png"), width, height, &units)?)
    }

    /// Mean loss of a layer in each epoch in which it learned.
    fn losses_of(&self, layer: usize) -> Vec<f64> {
        let of_epoch = |m: &Metrics| m.losses.iter().find(|l| l.layer == layer + 1).map(|l| l.loss);
        self.notes.metrics.iter().filter_map(of_epoch).collect()
    }

    /// The labels of the test images.
    fn truth(&self) -> Vec<usize> {
        self.set.test.labels.iter().map(|&label| usize::from(label)).collect()
    }

    /// A wrong label for each test image, each equally likely.
    fn wrong_labels(&self) -> Vec<usize> {
        let (classes, seed) = (self.set.classes, self.settings.config.seed);
        let off = |i: usize| 1 + random::bits(seed, i as u64) as usize % (classes - 1);
        self.truth().into_iter().enumerate().map(|(i, label)| (label + off(i)) % classes).collect()
    }

    fn sample_rows(&self, negatives: &[usize]) -> Vec<plot::SampleRow<'static>> {
        let shown = self.set.test.len().min(8);
        let image = |i: usize, label: Option<usize>| {
            with_label(self.set.test.images.row(i).iter().copied(), label, self.set.classes)
        };
        let truth = self.truth();
        let row = |title, label: &dyn Fn(usize) -> Option<usize>| plot::SampleRow {
            title,
            images: (0..shown).map(|i| image(i, label(i))).collect(),
        };
        vec![
            row("original", &|_| None),
            row("positive", &|i| Some(truth[i])),
            row("negative", &|i| Some(negatives[i])),
        ]
    }

    fn plot_goodness(&self, dir: &Path, names: &[String], test: &Scores) -> Outcome<()> {
        let (truth, wrong) = (self.truth(), self.wrong_labels());
        let of = |layer: &[f32], labels: &[usize]| -> Vec<f32> {
            layer.chunks_exact(test.classes).zip(labels).map(|(row, &label)| row[label]).collect()
        };
        let both: Vec<[Vec<f32>; 2]> =
            test.layers.iter().map(|layer| [of(layer, &truth), of(layer, &wrong)]).collect();
        let theta = match self.settings.config.objective() {
            Objective::Softplus { theta } => Some(theta),
            Objective::Pair { .. } => None,
        };
        let layers: Vec<plot::LayerGoodness> = names
            .iter()
            .zip(&both)
            .map(|(name, [positive, negative])| plot::LayerGoodness {
                name,
                positive,
                negative,
                threshold: theta,
            })
            .collect();
        Ok(plot::goodness(&dir.join("goodness.png"), &layers)?)
    }
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
