//! Training: pairs of a positive and a negative, and every layer learning from its own goodness.

mod lasting;
mod timed;
mod together;

use ff_tensor::{Advance, Augmentation, Clock, Device, Dropout, Objective, Optimiser, Tensor};
use ndarray::{Array1, Array2};
use std::ops::Range;
use std::sync::Arc;

use crate::control::{Control, Progress, to_the_end};
use crate::heads::Heads;
use crate::label_overlay::{ImageSet, LabelOverlay};
use crate::layer::{Learning, Lesson, Reduce};
use crate::pairs::{Pairs, Step};
use crate::pass::{Pass, Purpose};
use crate::ranks::Ranks;
use crate::seeds::{Stream, stream};
use crate::source::{Source, StagePairs};
use crate::{Error, Network, Result, Schedule};

pub(crate) use lasting::is_weight;

/// A network in training, on data that lies on the device.
///
/// It owns whatever a training is made of: the order of the samples, the epoch, the streams of random numbers, gradients
/// and moments. [`epoch`](Self::epoch) is a whole call.
///
/// The network may be the part of one rank ([`Network::over_units`], [`Network::over_layers`]). Then all ranks make the same
/// calls at the same time. Rank 0 tells the others when to stop, so the `control` of [`epoch_with`](Self::epoch_with) counts
/// only there. Its report is that of all layers.
pub struct Trainer<D: Device> {
    network: Network<D>,
    source: Source<D>,
    pass: Box<dyn Pass<D>>,
    pub(crate) learning: Vec<Learning<D>>,
    pub(crate) losses: Vec<Tensor<D>>,
    pub(crate) heads: Option<Heads<D>>,
    objective: Arc<dyn Objective>,
    optimiser: Arc<dyn Optimiser>,
    reduce: Box<Reduce<D>>,
    clock: Clock<D>,
    held_out: Range<usize>,
    /// Pairs in a batch and batches in an epoch, as the source had them when the buffers were made.
    sizes: [usize; 2],
    pub(crate) epochs_done: usize,
    /// Of the epoch that has not ended.
    pub(crate) batches_done: usize,
}

/// What came of an epoch.
#[derive(Debug, Clone)]
pub struct EpochReport {
    /// The number of the epoch, counted from 1; over all layers if greedy.
    pub epoch: usize,
    /// The layers that learned, counted from 0, and the loss of each batch.
    pub losses: Vec<(usize, Vec<f32>)>,
    /// The same for the heads.
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
    /// Prepares to train on `images` `[n, pixels]` with `labels` `[n]`, of which the config's `validation_samples` last ones
    /// are held out. A batch larger than the set is cut to it.
    ///
    /// # Errors
    /// An empty set, images of another size, a label that is no class, or a device without room.
    pub fn new(network: Network<D>, images: &Array2<u8>, labels: &Array1<u8>) -> Result<Self> {
        let (train, held_out) = network.config.split(labels.len())?;
        let (dev, pixels, classes) = (&network.dev, network.pixels, network.classes);
        let set = ImageSet::new(dev, images, labels, train, pixels, classes)?;
        let source = Source::Images(Box::new(LabelOverlay::new(&network, set)?));
        Ok(Self { held_out, ..Self::of_source(network, source)? })
    }

    /// Prepares to train on pairs from any source.
    ///
    /// # Errors
    /// Pairs that the first layer cannot take, layers that do not fit on each other, or a device without room.
    pub fn with_pairs(network: Network<D>, pairs: Box<dyn Pairs<D>>) -> Result<Self> {
        Self::of_source(network, Source::Other(pairs))
    }

    fn of_source(network: Network<D>, source: Source<D>) -> Result<Self> {
        let source = match &network.ranks {
            Some(Ranks::Layers(stage, _)) => {
                Source::Stage(Box::new(StagePairs::new(&network.dev, source, stage.clone())?))
            }
            _ => source,
        };
        let pairs = source.pairs();
        network.config.validate_parts()?;
        network.check(pairs.inputs())?;
        let (dev, config, layers) = (network.dev.clone(), &network.config, &network.layers);
        let (batch, batches) = (pairs.batch(), pairs.batches());
        if batch == 0
            || batches == 0
            || batch.checked_mul(2 * batches.min(1 << 31)).is_none_or(|all| all > 1 << 32)
        {
            let reason =
                format!("is {batch}, in {batches} batches: a source has 1 to 2^31 pairs in an epoch");
            return Err(Error::Config { key: "batch", reason });
        }
        let steps = config.epochs.saturating_mul(batches);
        let last_step = u32::try_from(steps).map_err(|_| Error::Config {
            key: "epochs",
            reason: format!("asks for {steps} steps; at most {} are possible", u32::MAX),
        })?;
        let (objective, optimiser) = (network.objective.clone(), network.optimiser(last_step));
        let purpose = Purpose::Learning { dropout: config.dropout > 0.0 };
        let pass = network.pass(pairs.shape(2), purpose)?;
        let learning = (0..layers.len()).map(|i| pass.learning(&dev, layers, i, &*optimiser));
        let learning = learning.collect::<ff_tensor::Result<_>>()?;
        let heads = Heads::new(&network, pairs, &*optimiser)?;
        let losses = layers.iter().map(|_| dev.zeros(batches * batch, 1));
        Ok(Self {
            losses: losses.collect::<ff_tensor::Result<_>>()?,
            clock: dev.zeros(1, 2)?,
            reduce: Box::new(|_, _| Ok(())),
            held_out: 0..0,
            sizes: [batch, batches],
            epochs_done: 0,
            batches_done: 0,
            source,
            pass,
            learning,
            heads,
            objective,
            optimiser,
            network,
        })
    }

    /// Trains on images that change before each epoch: what `list` does to one follows from the config's seed, the epoch
    /// and the image's index. They are `width` pixels wide and `height` high. With an empty list they stay as they are.
    ///
    /// # Errors
    /// Images of another size, a change that is out of bounds, pairs that are not made of images, or a device without room.
    pub fn augmented(mut self, list: &[Augmentation], width: usize, height: usize) -> Result<Self> {
        match self.source.images_mut() {
            Some(images) => images.set_mut().augment(&self.network.dev, list, width, height)?,
            None if list.is_empty() => {}
            None => {
                let reason = "changes images, but the pairs of this training come from another source".into();
                return Err(Error::Config { key: "augment", reason });
            }
        }
        Ok(self)
    }

    /// What is done to the images before each epoch.
    pub fn augmentations(&self) -> &[Augmentation] {
        self.source.images().map_or(&[], |images| images.set().augmentations())
    }

    /// Puts something between the gradients of a layer, or of a head, and their use: a sum over ranks, clipping.
    pub fn reduce(&mut self, reduce: Box<Reduce<D>>) {
        self.reduce = reduce;
    }

    /// Epochs of the whole run: of all layers one after the other if greedy.
    pub fn epochs(&self) -> usize {
        self.network.config.epochs * self.turns()
    }

    fn turns(&self) -> usize {
        match self.network.config.schedule {
            Schedule::Joint => 1,
            Schedule::Greedy => self.network.layers.len(),
        }
    }

    /// Lets the training go on for `more` epochs after the last one, with all moments as they are. The learning rate is that
    /// of a run which was as long from the start. Only a training of all layers together can be extended.
    ///
    /// # Errors
    /// If layers learn one after the other, or if there are too many steps.
    pub fn extend(&mut self, more: usize) -> Result<()> {
        let bad = |key, reason: String| Err(Error::Config { key, reason });
        if self.network.config.schedule == Schedule::Greedy {
            return bad("schedule", "is `greedy`: a layer that has had its turn does not learn on".into());
        }
        let epochs = self.network.config.epochs.saturating_add(more);
        let Ok(last_step) = u32::try_from(epochs.saturating_mul(self.batches())) else {
            return bad("epochs", format!("would become {epochs}, which are more steps than can be counted"));
        };
        self.optimiser = self.network.optimiser(last_step);
        // A checkpoint keeps the settings, and has to find the training as long as it is now.
        self.network.config.epochs = epochs;
        Ok(())
    }

    /// Steps of an epoch.
    pub fn batches(&self) -> usize {
        self.sizes[1]
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
        self.sizes[0]
    }

    /// The images that are held out of the set that [`new`](Self::new) was given.
    pub fn held_out(&self) -> Range<usize> {
        self.held_out.clone()
    }

    /// The network as it stands, or this rank's part of it.
    pub fn network(&self) -> &Network<D> {
        &self.network
    }

    /// The same, for good.
    pub fn into_network(self) -> Network<D> {
        self.network
    }

    /// Trains for one epoch.
    ///
    /// # Errors
    /// A loss that is no longer a number, an epoch after the last one, or a failing device.
    pub fn epoch(&mut self) -> Result<EpochReport> {
        self.go_on(&mut to_the_end)
    }

    /// Trains for one epoch, or until `control` breaks: `None` then, if batches are left. The next call goes on with them,
    /// and ends as if there had been no break.
    ///
    /// # Errors
    /// As [`epoch`](Self::epoch).
    pub fn epoch_with(&mut self, control: Control) -> Result<Option<EpochReport>> {
        let before = self.epochs_done;
        let report = self.go_on(control)?;
        Ok((self.epochs_done > before).then_some(report))
    }

    /// To the end of the epoch, or until `control` breaks.
    fn go_on(&mut self, control: Control) -> Result<EpochReport> {
        let all = self.batches();
        if self.epochs_done >= self.epochs() {
            return Err(Error::Ended { epochs: self.epochs() });
        }
        let Network { dev, config, ranks, .. } = &self.network;
        let (dev, seed, ranks) = (dev.clone(), config.seed, ranks.clone());
        self.source.pairs_mut().begin(&dev, seed, self.epochs_done)?;
        let turn = self.turn();
        // Greedy layers each have an optimiser of their own, which starts from zero.
        let epoch_of_stage = self.epochs_done % self.network.config.epochs;
        let step = epoch_of_stage * all + self.batches_done;
        dev.write(&mut self.clock, &[step as u32, self.batches_done as u32])?;
        let (before, mut done) = (self.batches_done, self.batches_done);
        let transport = ranks.as_ref().map(Ranks::transport);
        let mut step = || {
            self.step(turn)?;
            Advance { clock: &mut self.clock }.on(&dev)?;
            transport.map_or(Ok(()), |transport| transport.finish(&dev))
        };
        let mut after = || {
            done += 1;
            control(Progress { done, all })
        };
        let ran = match &ranks {
            None => dev.repeat(all - before, &mut step, &mut after),
            Some(ranks) => ranks.repeat(turn, all - before, &mut step, &mut after),
        };
        // After an error, too: what has been learned is not learned again.
        self.batches_done = done;
        // Rank 0 may have stopped between two epochs. Then it collects nothing either.
        let collected =
            ran.map_err(Error::from).and_then(|ran| if ran > 0 { self.collect_losses() } else { Ok(()) });
        let report = collected.and_then(|()| self.report(turn)).inspect_err(|_| {
            if let Some(transport) = transport {
                transport.give_up();
            }
        })?;
        if self.batches_done == all {
            (self.epochs_done, self.batches_done) = (self.epochs_done + 1, 0);
        }
        Ok(report)
    }

    /// The layer whose turn it is, if greedy.
    fn turn(&self) -> Option<usize> {
        match self.network.config.schedule {
            Schedule::Joint => None,
            Schedule::Greedy => Some(self.epochs_done / self.network.config.epochs),
        }
    }

    /// One batch: the heads learn, negatives are drawn, then layer after layer answers and learns. All that changes from
    /// batch to batch is on the device: see [`Device::repeat`].
    fn step(&mut self, turn: Option<usize>) -> ff_tensor::Result<()> {
        let Network { dev, config, layers, heads, .. } = &mut self.network;
        let (pairs, optimiser, clock) = (self.source.pairs_mut(), &*self.optimiser, &self.clock);
        let (seed, last) = (config.seed, turn.unwrap_or(layers.len() - 1));
        pairs.fetch(&Step { dev, clock, layers, seed, turn })?;
        if let (Some(own), Some((input, labels))) = (&mut self.heads, pairs.neutral()) {
            let reduce = &mut *self.reduce;
            own.step(dev, layers, heads, input, labels, config.norm(), clock, optimiser, reduce, turn)?;
        }
        let scores = self.heads.as_ref().map(|own| own.scores(last));
        pairs.draw(&Step { dev, clock, layers, seed, turn }, scores)?;
        for i in 0..=last {
            if turn.is_some_and(|turn| turn != i) {
                self.pass.answer(dev, layers, i, pairs.pairs())?;
                continue;
            }
            let (units, objective) = (Stream::Units(turn.unwrap_or(0), i), &*self.objective);
            let dropout = Dropout { rate: config.dropout, seed: stream(seed, units) };
            let (losses, reduce) = (&mut self.losses[i], &mut *self.reduce);
            let mut lesson = Lesson { clock, dropout, objective, optimiser, losses, reduce };
            self.pass.learn(dev, layers, i, pairs.pairs(), &mut self.learning[i], &mut lesson)?;
        }
        Ok(())
    }

    /// Reads the epoch's losses.
    fn report(&self, turn: Option<usize>) -> Result<EpochReport> {
        let losses = self.read(&self.losses, turn)?;
        let head_losses = self.heads.as_ref().map(|heads| self.read(&heads.losses, turn)).transpose()?;
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
pub fn batch_means(losses: &[f32], batch: usize) -> Vec<f32> {
    let batch = batch.max(1);
    let mean = |losses: &[f32]| losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / batch as f64;
    losses.chunks_exact(batch).map(|losses| mean(losses) as f32).collect()
}
