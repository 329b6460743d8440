//! Training: batches of images, a wrong label for each, and every layer learning from its own goodness.

use std::ops::ControlFlow;

use ff_tensor::checks::expect_augment;
use ff_tensor::{Adam, Augment, Augmentation, Clock, Device, Tensor, expect_shape};
use ndarray::{Array1, Array2};

use crate::head::{HeadActivity, HeadLearning};
use crate::layer::{Activity, Images, Labels, Learning, Rule};
use crate::{Config, Error, Head, Layer, Negatives, Network, Purpose, Result, Schedule, upload};

/// A network in training on a set of images that lies on the device.
pub struct Trainer<D: Device> {
    network: Network<D>,
    set: TrainingSet<D>,
    images: Images<D>,
    pair: Tensor<D, u32>,
    scores: Tensor<D>,
    activities: Vec<Activity<D>>,
    pub(crate) learning: Vec<Learning<D>>,
    pub(crate) losses: Vec<Tensor<D>>,
    pub(crate) heads: Option<Heads<D>>,
    clock: Clock<D>,
    batches: usize,
    pub(crate) epochs_done: usize,
    /// Of the epoch that has not ended.
    pub(crate) batches_done: usize,
}

/// What the heads learn from: the layers' answers to the neutral label.
pub(crate) struct Heads<D: Device> {
    neutral: Tensor<D, u32>,
    activities: Vec<Activity<D>>,
    own: Vec<HeadActivity<D>>,
    pub learning: Vec<HeadLearning<D>>,
    pub losses: Vec<Tensor<D>>,
}

/// The images of the present epoch, their labels, and their order.
pub(crate) struct TrainingSet<D: Device> {
    pub images: Tensor<D, u8>,
    pub targets: Tensor<D, u32>,
    pub order: Tensor<D, u32>,
    changes: Option<Changes<D>>,
}

/// How the images come to differ from epoch to epoch.
struct Changes<D: Device> {
    originals: Tensor<D, u8>,
    list: Vec<Augmentation>,
    width: usize,
    height: usize,
}

impl<D: Device> TrainingSet<D> {
    /// Refuses what cannot be learned by a network for `pixels` pixels and `classes` classes.
    pub fn new(
        dev: &D,
        images: &Array2<u8>,
        labels: &Array1<u8>,
        pixels: usize,
        classes: usize,
    ) -> Result<Self> {
        let n = labels.len();
        if n == 0 {
            return Err(Error::Config { key: "train_samples", reason: "leaves no image to train on".into() });
        }
        expect_shape("training", "images", [images.nrows(), images.ncols()], [n, pixels])?;
        if let Some(i) = labels.iter().position(|&label| usize::from(label) >= classes) {
            return Err(Error::Label { image: i, label: labels[i], classes });
        }
        let (images, targets) = (upload::images(dev, images)?, upload::labels(dev, labels)?);
        Ok(Self { images, targets, order: dev.zeros(n, 1)?, changes: None })
    }

    /// See [`Trainer::augmented`].
    pub fn augmented(mut self, dev: &D, list: &[Augmentation], width: usize, height: usize) -> Result<Self> {
        if let Some(before) = self.changes.take() {
            self.images = before.originals;
        }
        if list.is_empty() {
            return Ok(self);
        }
        let shape = self.images.shape();
        expect_augment(shape, shape, &Augment { list, width, height, seed: 0, epoch: 0 })?;
        let originals = std::mem::replace(&mut self.images, dev.zeros(shape[0], shape[1])?);
        self.changes = Some(Changes { originals, list: list.to_vec(), width, height });
        Ok(self)
    }

    /// Gets ready for epoch `epoch`, counted from 0, through the images in `order`.
    pub fn begin(&mut self, dev: &D, order: &[u32], seed: u64, epoch: usize) -> ff_tensor::Result<()> {
        dev.write(&mut self.order, order)?;
        let Some(Changes { originals, list, width, height }) = &self.changes else { return Ok(()) };
        let p = Augment { list, width: *width, height: *height, seed, epoch: epoch as u64 };
        dev.augment(&mut self.images, originals, &p)
    }
}

/// What an epoch came to.
#[derive(Debug, Clone)]
pub struct EpochReport {
    /// Counted from 1; over all layers if greedy.
    pub epoch: usize,
    /// The layers that learned, counted from 0, and the loss of each batch.
    pub losses: Vec<(usize, Vec<f32>)>,
    /// The same of the heads.
    pub head_losses: Vec<(usize, Vec<f32>)>,
}

impl EpochReport {
    /// Each learning layer's mean loss.
    pub fn mean_losses(&self) -> Vec<(usize, f64)> {
        let mean = |losses: &[f32]| losses.iter().map(|&l| f64::from(l)).sum::<f64>() / losses.len() as f64;
        self.losses.iter().map(|(layer, losses)| (*layer, mean(losses))).collect()
    }
}

impl<D: Device> Trainer<D> {
    /// Prepares to train on `images` `[n, pixels]` with `labels` `[n]`. A batch larger than the set is cut to it.
    ///
    /// # Errors
    /// An empty set, images of another size, a label that is no class, or a device without room.
    pub fn new(network: Network<D>, images: &Array2<u8>, labels: &Array1<u8>) -> Result<Self> {
        let (dev, n) = (network.dev.clone(), labels.len());
        let set = TrainingSet::new(&dev, images, labels, network.pixels, network.classes)?;
        let batch = network.config.batch.min(n);
        let batches = n / batch;
        let activities = network.activities(batch, 2, Purpose::Learning)?;
        let heads = network.config.head.then(|| Heads::new(&network, batch, batches)).transpose()?;
        let learning = network.layers.iter().zip(&activities).map(|(l, a)| Learning::new(&dev, l, a));
        Ok(Self {
            images: Images::new(&dev, batch, network.pixels, network.classes)?,
            pair: dev.zeros(2 * batch, 1)?,
            scores: dev.zeros(batch, network.classes)?,
            learning: learning.collect::<ff_tensor::Result<_>>()?,
            losses: network
                .layers
                .iter()
                .map(|_| dev.zeros(batches * batch, 1))
                .collect::<ff_tensor::Result<_>>()?,
            clock: dev.zeros(1, 2)?,
            heads,
            activities,
            set,
            network,
            batches,
            epochs_done: 0,
            batches_done: 0,
        })
    }

    /// Trains on images that change before each epoch: what `list` does to one follows from the config's seed, the epoch
    /// and the image's index. They are `width` pixels wide and `height` high. With an empty list they stay as they are.
    ///
    /// # Errors
    /// Images of another size, a change that is out of bounds, or a device without room.
    pub fn augmented(mut self, list: &[Augmentation], width: usize, height: usize) -> Result<Self> {
        self.set = self.set.augmented(&self.network.dev, list, width, height)?;
        Ok(self)
    }

    /// Epochs of the whole run: of all layers one after the other if greedy.
    pub fn epochs(&self) -> usize {
        match self.network.config.schedule {
            Schedule::Joint => self.network.config.epochs,
            Schedule::Greedy => self.network.config.epochs * self.network.layers.len(),
        }
    }

    /// Steps of an epoch.
    pub fn batches(&self) -> usize {
        self.batches
    }

    /// Epochs that have ended.
    pub fn epochs_done(&self) -> usize {
        self.epochs_done
    }

    /// Steps that are done of the epoch that has not ended.
    pub fn batches_done(&self) -> usize {
        self.batches_done
    }

    /// Images per step.
    pub fn batch(&self) -> usize {
        self.images.labels.rows()
    }

    /// The network as it stands.
    pub fn network(&self) -> &Network<D> {
        &self.network
    }

    /// The network as it stands, for good.
    pub fn into_network(self) -> Network<D> {
        self.network
    }

    /// Trains for one epoch through the images in `order`, a permutation of all of them, calling `on_step` after
    /// each batch.
    ///
    /// # Errors
    /// A loss that is no longer a number, or a failing device.
    pub fn epoch(&mut self, order: &[u32], on_step: &mut dyn FnMut()) -> Result<EpochReport> {
        let mut on_step = || {
            on_step();
            ControlFlow::Continue(())
        };
        self.go_on(order, &mut on_step)
    }

    /// Trains as [`epoch`](Self::epoch) does until `on_step` breaks: `None` then, if batches are left. The next call, with the
    /// same order, goes on with them, and ends as if there had been no break.
    ///
    /// # Errors
    /// As above.
    pub fn epoch_until(
        &mut self,
        order: &[u32],
        on_step: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<Option<EpochReport>> {
        let report = self.go_on(order, on_step)?;
        Ok((self.batches_done == 0).then_some(report))
    }

    /// To the end of the epoch, or until `on_step` breaks.
    fn go_on(&mut self, order: &[u32], on_step: &mut dyn FnMut() -> ControlFlow<()>) -> Result<EpochReport> {
        let dev = self.network.dev.clone();
        self.set.begin(&dev, order, self.network.config.seed, self.epochs_done)?;
        let stage = self.stage();
        // Greedy layers each have an optimiser of their own, which starts from zero.
        let epoch_of_stage = self.epochs_done % self.network.config.epochs;
        let step = epoch_of_stage * self.batches + self.batches_done;
        dev.write(&mut self.clock, &[step as u32, self.batches_done as u32])?;
        let left = self.batches - self.batches_done;
        let mut step = || {
            self.step(stage)?;
            dev.advance(&mut self.clock)
        };
        let ran = dev.repeat(left, &mut step, on_step)?;
        let report = self.report(stage)?;
        self.batches_done += ran;
        if ran == left {
            (self.epochs_done, self.batches_done) = (self.epochs_done + 1, 0);
        }
        Ok(report)
    }

    /// The layer whose turn it is, if greedy.
    fn stage(&self) -> Option<usize> {
        match self.network.config.schedule {
            Schedule::Joint => None,
            Schedule::Greedy => Some(self.epochs_done / self.network.config.epochs),
        }
    }

    /// One batch: a wrong label for each image, then layer after layer answers and learns. All that changes from batch to
    /// batch is on the device: see [`Device::repeat`].
    fn step(&mut self, stage: Option<usize>) -> ff_tensor::Result<()> {
        let Network { dev, config, classes, layers, heads, .. } = &mut self.network;
        let (set, images, row) = (&self.set, &mut self.images, config.label());
        let seed = config.seed ^ ((stage.unwrap_or(0) as u64) << 32);
        let clock = &self.clock;
        let (objective, adam) = (config.objective(), config.adam((config.epochs * self.batches) as u32));
        let learns = |layer| stage.is_none_or(|stage| stage == layer);

        dev.gather(
            &mut images.xhat,
            &mut images.scale,
            &mut images.labels,
            &set.images,
            &set.targets,
            &set.order,
            clock,
            &config.gather_to_learn(*classes, seed),
        )?;
        layers[0].image_current(dev, &mut self.activities[0], images)?;
        if let Some(of_heads) = &mut self.heads {
            let shares = &mut self.activities[0].shares;
            of_heads.step(dev, layers, heads, shares, images, config, clock, &adam, stage)?;
        }
        if config.negatives == Negatives::Hard {
            layers[0].label_scores(dev, &mut self.scores, &self.activities[0], images, &row)?;
        }
        let scores = match (config.negatives, &self.heads) {
            (Negatives::Head, Some(heads)) => &heads.own[stage.unwrap_or(layers.len() - 1)].scores,
            _ => &self.scores,
        };
        dev.draw_labels(&mut self.pair, &images.labels, scores, clock, &config.draw(*classes, seed))?;

        let labels = Labels { labels: &self.pair, scale: &images.scale, row };
        for i in 0..=stage.unwrap_or(layers.len() - 1) {
            let (below, above) = self.activities.split_at_mut(i);
            let (below, activity) = (below.last(), &mut above[0]);
            if !learns(i) {
                match below {
                    None => layers[i].answer_images(dev, activity, &labels)?,
                    Some(below) => layers[i].answer(dev, activity, below, &labels)?,
                }
                continue;
            }
            let rule = Rule { clock, dropout: config.dropout(seed, i), objective, adam };
            let (learning, log) = (&mut self.learning[i], &mut self.losses[i]);
            match below {
                None => layers[i].learn_images(dev, learning, log, activity, images, &labels, &rule)?,
                Some(below) => layers[i].learn(dev, learning, log, activity, below, &labels, &rule)?,
            }
        }
        Ok(())
    }

    /// Reads the epoch's losses.
    fn report(&self, stage: Option<usize>) -> Result<EpochReport> {
        let losses = self.read(&self.losses, stage)?;
        let head_losses = self.heads.as_ref().map(|heads| self.read(&heads.losses, stage)).transpose()?;
        Ok(EpochReport { epoch: self.epochs_done + 1, losses, head_losses: head_losses.unwrap_or_default() })
    }

    /// Refuses a loss that is not a number.
    fn read(&self, logs: &[Tensor<D>], only: Option<usize>) -> Result<Vec<(usize, Vec<f32>)>> {
        let mut losses = Vec::new();
        for (layer, log) in logs.iter().enumerate() {
            if only.is_some_and(|only| only != layer) {
                continue;
            }
            let log = batch_means(&self.network.dev.download(log)?, self.batch());
            if let Some(batch) = log.iter().position(|loss| !loss.is_finite()) {
                let (layer, epoch) = (layer + 1, self.epochs_done + 1);
                return Err(Error::Diverged { layer, epoch, batch: batch + 1, loss: log[batch] });
            }
            losses.push((layer, log));
        }
        Ok(losses)
    }
}

/// Each batch's mean loss, from the losses of its images.
pub(crate) fn batch_means(losses: &[f32], batch: usize) -> Vec<f32> {
    let mean = |losses: &[f32]| losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / batch as f64;
    losses.chunks_exact(batch).map(|losses| mean(losses) as f32).collect()
}

impl<D: Device> Heads<D> {
    fn new(network: &Network<D>, batch: usize, batches: usize) -> Result<Self> {
        let (dev, heads) = (&network.dev, &network.heads);
        let own = heads.iter().map(|head| HeadActivity::new(dev, head, batch));
        let learning = heads.iter().map(|head| HeadLearning::new(dev, head, batch));
        Ok(Self {
            neutral: dev.upload(batch, 1, &vec![network.classes as u32; batch])?,
            activities: network.activities(batch, 1, Purpose::Signals)?,
            own: own.collect::<ff_tensor::Result<_>>()?,
            learning: learning.collect::<ff_tensor::Result<_>>()?,
            losses: heads.iter().map(|_| dev.zeros(batches * batch, 1)).collect::<ff_tensor::Result<_>>()?,
        })
    }

    /// The layers answer to the neutral label and the heads learn from that, or only that of the layer whose turn it is.
    /// `shares` is layer 1's product of the images, which is lent to this pass.
    fn step(
        &mut self,
        dev: &D,
        layers: &[Layer<D>],
        heads: &mut [Head<D>],
        shares: &mut Tensor<D>,
        images: &Images<D>,
        config: &Config,
        clock: &Clock<D>,
        adam: &Adam,
        stage: Option<usize>,
    ) -> ff_tensor::Result<()> {
        let labels = Labels { labels: &self.neutral, scale: &images.scale, row: config.label() };
        std::mem::swap(shares, &mut self.activities[0].shares);
        for i in 0..=stage.unwrap_or(layers.len() - 1) {
            let (below, above) = self.activities.split_at_mut(i);
            match below.last() {
                None => layers[0].answer_images(dev, &mut above[0], &labels)?,
                Some(below) => layers[i].answer(dev, &mut above[0], below, &labels)?,
            }
            if stage.is_some_and(|stage| stage != i) {
                continue;
            }
            let (own, learning, losses) = (&mut self.own[i], &mut self.learning[i], &mut self.losses[i]);
            heads[i].answer(dev, own, &above[0], &config.norm())?;
            heads[i].learn(dev, learning, losses, own, &images.labels, clock, adam)?;
        }
        std::mem::swap(shares, &mut self.activities[0].shares);
        Ok(())
    }
}
