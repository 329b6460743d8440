//! This module writes labels over the first pixels of images. The positive has the true label, the negative a wrong
//! one.

use std::ops::Range;

use ff_tensor::{
    Augment, Augmentation, Device, DrawLabels, Dropout, Gather, Tensor, expect_augmentations, expect_shape,
};
use ndarray::{Array1, Array2, Axis, Slice};

use crate::config::NegativesConfig;
use crate::input::{Images, Input};
use crate::order::epoch_order;
use crate::pairs::{Pairs, Step};
use crate::pass::Shape;
use crate::ranks::Ranks;
use crate::seeds::{Stream, stream};
use crate::slices::SliceScores;
use crate::{Config, Error, Network, Result, upload};

/// The images that a training goes through, on the device. They are unchanged, or changed for the present epoch.
pub struct ImageSet<D: Device> {
    images: Tensor<D, u8>,
    targets: Tensor<D, u32>,
    order: Tensor<D, u32>,
    changes: Option<Changes<D>>,
}

/// The changes that make the images differ from epoch to epoch.
struct Changes<D: Device> {
    originals: Tensor<D, u8>,
    list: Vec<Augmentation>,
    width: usize,
    height: usize,
}

impl<D: Device> ImageSet<D> {
    /// Uploads the images `range` of a set. It refuses images and labels that a network for `pixels` pixels and
    /// `classes` classes cannot learn.
    ///
    /// # Errors
    /// Fails for an empty set, images of another size, a label that is no class, or a device without room.
    pub fn new(
        dev: &D,
        images: &Array2<u8>,
        labels: &Array1<u8>,
        range: Range<usize>,
        pixels: usize,
        classes: usize,
    ) -> Result<Self> {
        let n = labels.len();
        let refuse = |reason| Err(Error::Config { key: "train_samples", reason });
        if range.is_empty() {
            return refuse("leaves no image to train on".into());
        }
        if range.end > n {
            return refuse(format!("asks for the images {range:?}, but there are {n}"));
        }
        expect_shape("training", "images", [images.nrows(), images.ncols()], [n, pixels])?;
        if let Some(i) = labels.iter().position(|&label| usize::from(label) >= classes) {
            return Err(Error::Label { image: i, label: labels[i], classes });
        }
        let images = images.slice_axis(Axis(0), Slice::from(range.clone()));
        let labels = labels.slice_axis(Axis(0), Slice::from(range.clone()));
        let (images, targets) = (upload::images(dev, images)?, upload::labels(dev, labels)?);
        Ok(Self { images, targets, order: dev.zeros(range.len(), 1)?, changes: None })
    }

    /// Returns the images of the present epoch, `[n, pixels]`.
    pub fn images(&self) -> &Tensor<D, u8> {
        &self.images
    }

    /// Returns their labels, `[n, 1]`.
    pub fn targets(&self) -> &Tensor<D, u32> {
        &self.targets
    }

    /// Returns the order in which the present epoch goes through them, `[n, 1]`.
    pub fn order(&self) -> &Tensor<D, u32> {
        &self.order
    }

    /// Lets the images change before each epoch, as [`Trainer::augmented`](crate::Trainer::augmented) says.
    ///
    /// # Errors
    /// Fails for images of another size, a change that is out of bounds, or a device without room.
    pub fn augment(&mut self, dev: &D, list: &[Augmentation], width: usize, height: usize) -> Result<()> {
        if let Some(before) = self.changes.take() {
            self.images = before.originals;
        }
        if list.is_empty() {
            return Ok(());
        }
        expect_augmentations(list, width, height)?;
        let [n, pixels] = self.images.shape();
        expect_shape("augment", "images", [n, pixels], [n, width * height])?;
        let originals = std::mem::replace(&mut self.images, dev.zeros(n, pixels)?);
        self.changes = Some(Changes { originals, list: list.to_vec(), width, height });
        Ok(())
    }

    /// Returns the changes that are made to the images before each epoch.
    pub fn augmentations(&self) -> &[Augmentation] {
        self.changes.as_ref().map_or(&[], |changes| &changes.list)
    }

    /// Prepares the order and the changes of epoch `epoch`, counted from 0.
    ///
    /// # Errors
    /// Fails if the device fails.
    pub fn begin(&mut self, dev: &D, seed: u64, epoch: usize) -> ff_tensor::Result<()> {
        let order = epoch_order(self.order.rows(), seed, epoch as u64);
        dev.write(&mut self.order, &order)?;
        let Some(Changes { originals, list, width, height }) = &self.changes else { return Ok(()) };
        let (width, height, epoch) = (*width, *height, epoch as u64);
        Augment { out: &mut self.images, images: originals, list, width, height, seed, epoch }.on(dev)
    }
}

/// A source of pairs. It gives each image with its true label, and with a wrong one.
pub struct LabelOverlay<D: Device> {
    set: ImageSet<D>,
    images: Images<D>,
    /// The true labels, then the wrong ones, `[2 B, 1]`.
    pair: Tensor<D, u32>,
    /// The goodness of each label in layer 1, `[B, classes]`.
    scores: Tensor<D>,
    /// The neutral label, `[B, 1]`. It says nothing about the class.
    neutral: Tensor<D, u32>,
    config: Config,
    classes: usize,
    batches: usize,
    /// The scores of the first layer, if its units are shared out among ranks.
    shared: Option<SliceScores<D>>,
}

impl<D: Device> LabelOverlay<D> {
    /// Makes a source for `network`, from a set on the device. A batch larger than the set is cut to it.
    ///
    /// # Errors
    /// Fails for an impossible network, or a device without room.
    pub fn new(network: &Network<D>, set: ImageSet<D>) -> Result<Self> {
        network.config.validate(network.pixels, network.classes)?;
        network.check(network.pixels)?;
        expect_shape("training", "images", set.images.shape(), [set.images.rows(), network.pixels])?;
        let (dev, classes, config) = (&network.dev, network.classes, network.config.clone());
        let n = set.targets.rows();
        let batch = config.batch.min(n);
        let (pixels, [_, units]) = (network.pixels, network.layers[0].shape());
        let images = Images::new(dev, batch, pixels, classes, units)?;
        let shared = match &network.ranks {
            Some(Ranks::Units(slices)) => {
                let (sizes, all) = ([images.shares.rows(), batch, classes], config.layers[0]);
                Some(SliceScores::new(dev, &network.layers[0], slices.clone(), sizes, all)?)
            }
            _ => None,
        };
        Ok(Self {
            images,
            pair: dev.zeros(2 * batch, 1)?,
            scores: dev.zeros(batch, classes)?,
            neutral: dev.upload(batch, 1, &vec![classes as u32; batch])?,
            batches: n / batch,
            classes,
            config,
            set,
            shared,
        })
    }

    /// Returns the set that the pairs are made of.
    pub(crate) fn set_mut(&mut self) -> &mut ImageSet<D> {
        &mut self.set
    }

    pub(crate) fn set(&self) -> &ImageSet<D> {
        &self.set
    }
}

impl<D: Device> Pairs<D> for LabelOverlay<D> {
    fn batch(&self) -> usize {
        self.images.labels.rows()
    }

    fn batches(&self) -> usize {
        self.batches
    }

    fn inputs(&self) -> usize {
        self.images.xhat.cols()
    }

    fn begin(&mut self, dev: &D, seed: u64, epoch: usize) -> Result<()> {
        Ok(self.set.begin(dev, seed, epoch)?)
    }

    fn fetch(&mut self, step: &Step<D>) -> ff_tensor::Result<()> {
        let Images { xhat, scale, labels, shares } = &mut self.images;
        let (config, seed) = (&self.config, stream(step.seed, Stream::Pixels(step.turn())));
        Gather {
            xhat,
            scale,
            labels,
            images: &self.set.images,
            targets: &self.set.targets,
            order: &self.set.order,
            clock: step.clock,
            classes: self.classes,
            amplitude: config.label_amplitude,
            norm: config.norm(),
            dropout: Dropout { rate: config.pixel_dropout, seed },
        }
        .on(step.dev)?;
        step.layers[0].connection.current(step.dev, shares, xhat)
    }

    fn neutral(&self) -> Option<(Input<'_, D>, &Tensor<D, u32>)> {
        let input = self.images.overlay(&self.neutral, self.config.label_amplitude);
        Some((input, &self.images.labels))
    }

    fn draw(&mut self, step: &Step<D>, scores: Option<&Tensor<D>>) -> ff_tensor::Result<()> {
        let hard = matches!(self.config.negatives, NegativesConfig::Hard { .. });
        if let (true, Input::Overlay(images)) =
            (hard, self.images.overlay(&self.neutral, self.config.label_amplitude))
        {
            match &mut self.shared {
                None => step.layers[0].label_scores(step.dev, &mut self.scores, &images)?,
                Some(shared) => {
                    shared.label_scores(step.dev, &step.layers[0], &mut self.scores, &images)?;
                }
            }
        }
        DrawLabels {
            pair: &mut self.pair,
            labels: &self.images.labels,
            scores: if hard { Some(&self.scores) } else { scores },
            clock: step.clock,
            classes: self.classes,
            seed: stream(step.seed, Stream::Labels(step.turn())),
            sharpness: self.config.sharpness(),
        }
        .on(step.dev)
    }

    fn pairs(&self) -> Input<'_, D> {
        self.images.overlay(&self.pair, self.config.label_amplitude)
    }

    fn shape(&self, copies: usize) -> Shape {
        Shape { rows: copies * self.batch(), train: false, shares: self.images.xhat.rows() }
    }
}
