//! Prediction: every label is tried on every image, and the one with the largest goodness wins.
//!
//! The image's product in layer 1 is taken once for all labels.

use ff_tensor::{Clock, Device, Tensor, expect_shape};
use ndarray::{Array1, Array2};

use crate::layer::{Activity, Images};
use crate::{Network, Result, upload};

/// Buffers for scans of a network on batches of images.
pub struct Predictor<D: Device> {
    images: Images<D>,
    candidates: Tensor<D, u32>,
    activities: Vec<Activity<D>>,
    clock: Clock<D>,
}

/// The goodness of every label for `n` images.
#[derive(Debug, Clone)]
pub struct Scores {
    /// For each layer `[n, classes]`, row-major.
    pub layers: Vec<Vec<f32>>,
    /// Number of labels.
    pub classes: usize,
    /// Spikes in the whole network for one image with one label, mean over images and labels; `None` if what
    /// crosses between layers is not spikes.
    pub spikes_per_label: Option<f64>,
}

impl<D: Device> Predictor<D> {
    /// Buffers for `network`.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn new(network: &Network<D>) -> Result<Self> {
        let (dev, classes) = (&network.dev, network.classes);
        let batch = (dev.scan_rows() / classes).max(1);
        let candidates: Vec<u32> = (0..classes).flat_map(|c| std::iter::repeat_n(c as u32, batch)).collect();
        Ok(Self {
            images: Images::new(dev, batch, network.pixels, classes)?,
            candidates: dev.upload(batch * classes, 1, &candidates)?,
            activities: network.activities(batch, classes, false)?,
            clock: dev.zeros(1, 2)?,
        })
    }

    /// Every label's goodness for `images` `[n, pixels]`. `on_images(k)` is told of progress.
    ///
    /// # Errors
    /// Images of another size, or a failing device.
    pub fn scan(
        &mut self,
        network: &Network<D>,
        images: &Array2<u8>,
        on_images: &mut dyn FnMut(usize),
    ) -> Result<Scores> {
        let dev = &network.dev;
        let (n, pixels) = images.dim();
        expect_shape("scan", "images", [n, pixels], [n, network.pixels])?;
        let batch = self.images.labels.rows();
        let set = upload::images(dev, images)?;
        let targets = dev.zeros(n, 1)?;
        // The last batch is filled up with the last image.
        let order: Vec<u32> = (0..n.next_multiple_of(batch)).map(|i| i.min(n - 1) as u32).collect();
        let order = dev.upload(order.len(), 1, &order)?;
        dev.write(&mut self.clock, &[0, 0])?;
        let mut scores = Scores {
            layers: vec![vec![0.0; n * network.classes]; network.layers.len()],
            classes: network.classes,
            spikes_per_label: None,
        };
        let mut spikes = 0.0;
        for first in (0..n).step_by(batch) {
            let Images { xhat, scale, labels } = &mut self.images;
            let p = network.config.gather(network.classes);
            dev.gather(xhat, scale, labels, &set, &targets, &order, &self.clock, &p)?;
            dev.advance(&mut self.clock)?;
            network.forward(&mut self.activities, &self.images, &self.candidates)?;
            let here = batch.min(n - first);
            self.keep_goodness(dev, &mut scores, first, here)?;
            spikes += self.count_spikes(network, here)?.unwrap_or(f64::NAN);
            on_images(here);
        }
        let mean = spikes / (n * network.classes) as f64;
        scores.spikes_per_label = mean.is_finite().then_some(mean);
        Ok(scores)
    }

    fn keep_goodness(&self, dev: &D, scores: &mut Scores, first: usize, here: usize) -> Result<()> {
        let (batch, classes) = (self.images.labels.rows(), scores.classes);
        for (activity, scores) in self.activities.iter().zip(&mut scores.layers) {
            let goodness = dev.download(&activity.goodness)?;
            for b in 0..here {
                for c in 0..classes {
                    scores[(first + b) * classes + c] = goodness[c * batch + b];
                }
            }
        }
        Ok(())
    }

    /// Spikes of the first `here` images of this batch, in all layers with all labels.
    fn count_spikes(&self, network: &Network<D>, here: usize) -> Result<Option<f64>> {
        let batch = self.images.labels.rows();
        let mut sum = 0.0;
        for (activity, layer) in self.activities.iter().zip(&network.layers) {
            let Some(rows) = activity.spikes_per_row(&network.dev, &layer.neuron)? else { return Ok(None) };
            let real = rows.iter().enumerate().filter(|&(r, _)| r % batch < here);
            sum += real.map(|(_, &spikes)| f64::from(spikes)).sum::<f64>();
        }
        Ok(Some(sum))
    }
}

impl Scores {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.layers[0].len() / self.classes
    }

    /// Whether there was no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sum over layers of each label's goodness for image `i`, `[classes]`.
    pub fn of_image(&self, i: usize) -> Vec<f32> {
        let of_label = |c| self.layers.iter().map(|layer| layer[i * self.classes + c]).sum();
        (0..self.classes).map(of_label).collect()
    }

    /// The label with the largest goodness over all layers, for each image.
    pub fn predict(&self) -> Vec<u32> {
        (0..self.len()).map(|i| argmax(&self.of_image(i))).collect()
    }

    /// The label with the largest goodness in one layer, for each image.
    pub fn predict_by_layer(&self, layer: usize) -> Vec<u32> {
        self.layers[layer].chunks_exact(self.classes).map(argmax).collect()
    }

    /// Spikes for one prediction: all labels are tried.
    pub fn spikes_per_inference(&self) -> Option<f64> {
        self.spikes_per_label.map(|spikes| spikes * self.classes as f64)
    }
}

/// Share of wrong predictions, in percent.
pub fn error_percent(predicted: &[u32], labels: &Array1<u8>) -> f64 {
    let wrong = predicted.iter().zip(labels).filter(|&(&p, &l)| p != u32::from(l)).count();
    100.0 * wrong as f64 / labels.len() as f64
}

/// The first of the largest, as torch has it.
fn argmax(scores: &[f32]) -> u32 {
    let mut best = 0;
    for (c, &score) in scores.iter().enumerate() {
        if score > scores[best] {
            best = c;
        }
    }
    best as u32
}
