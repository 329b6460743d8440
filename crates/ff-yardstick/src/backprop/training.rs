//! This module holds the training, with the backward pass from the scores to each layer's weights.

use ff_net::formulas::Adam;
use ff_net::seeds::{Stream, stream};
use ff_net::training::batch_means;
use ff_net::{Control, Error, ImageSet, Progress, Result, to_the_end};
use ff_tensor::{
    Advance, Augmentation, Clock, Device, Dropout, MatMul, Optimiser, SoftmaxLoss, Tensor, UnitsBackward,
    Update,
};
use ndarray::{Array1, Array2};

use super::{Backprop, Pass, Source};

/// A network in training by backpropagation, on a set of images that is on the device.
///
/// ```text
/// dV     = rate_L^T dscores,                 drate_L = dscores V^T
/// dI_l   = units_backward(dspk_l),           through time
/// dW_l   = sum_t spk_{l-1},t^T dI_l,t        dspk_{l-1},t = dI_l,t W_l^T
/// ```
pub struct BackpropTrainer<D: Device> {
    net: Backprop<D>,
    set: ImageSet<D>,
    pass: Pass<D>,
    dscores: Tensor<D>,
    back: Vec<Back<D>>,
    learning: Vec<Learning<D>>,
    adam: Adam,
    losses: Tensor<D>,
    clock: Clock<D>,
    epochs_done: usize,
}

/// The gradients of a hidden layer.
struct Back<D: Device> {
    dcurrent: Tensor<D>,
    dpassed: Tensor<D>,
}

/// The gradients of a layer's weights, and the optimiser's moments.
struct Learning<D: Device> {
    dweight: Tensor<D>,
    moments: Vec<Tensor<D>>,
}

impl<D: Device> Learning<D> {
    fn new(dev: &D, weight: &Tensor<D>, optimiser: &dyn Optimiser) -> ff_tensor::Result<Self> {
        let like = || dev.zeros(weight.rows(), weight.cols());
        let moments = optimiser.moments().iter().map(|_| like()).collect::<ff_tensor::Result<_>>()?;
        Ok(Self { dweight: like()?, moments })
    }
}

impl<D: Device> BackpropTrainer<D> {
    /// Prepares to train on `images` `[n, pixels]` with `labels` `[n]`. The last ones, `validation_samples` of them, are held
    /// out. A batch larger than the set is cut to its size.
    ///
    /// # Errors
    /// Fails if the set is empty, the images have another size, a label is no class, there are too many steps, or the device has
    /// no room.
    pub fn new(net: Backprop<D>, images: &Array2<u8>, labels: &Array1<u8>) -> Result<Self> {
        let (dev, (train, _)) = (net.dev.clone(), net.config.split(labels.len())?);
        let batch = net.config.batch.min(train.len());
        let batches = train.len() / batch;
        let steps = net.config.epochs.saturating_mul(batches);
        let last_step = u32::try_from(steps).map_err(|_| Error::Config {
            key: "epochs",
            reason: format!("asks for {steps} steps; at most {} are possible", u32::MAX),
        })?;
        let set = ImageSet::new(&dev, images, labels, train, net.pixels, net.classes)?;
        let like = |tensor: &Tensor<D>| dev.zeros(tensor.rows(), tensor.cols());
        let (pass, adam) = (net.pass(batch)?, net.config.adam(last_step));
        let back = pass
            .hidden
            .iter()
            .map(|hidden| Ok(Back { dcurrent: like(&hidden.current)?, dpassed: like(hidden.passed())? }));
        let learning = net.weights.iter().map(|weight| Learning::new(&dev, weight, &adam));
        Ok(Self {
            set,
            dscores: like(&pass.scores)?,
            back: back.collect::<ff_tensor::Result<_>>()?,
            learning: learning.collect::<ff_tensor::Result<_>>()?,
            losses: dev.zeros(batches * batch, 1)?,
            clock: dev.zeros(1, 2)?,
            epochs_done: 0,
            adam,
            pass,
            net,
        })
    }

    /// Trains on images that change before each epoch, as [`Trainer::augmented`](ff_net::Trainer::augmented) says.
    ///
    /// # Errors
    /// Fails if the images have another size, a change is out of bounds, or the device has no room.
    pub fn augmented(mut self, list: &[Augmentation], width: usize, height: usize) -> Result<Self> {
        self.set.augment(&self.net.dev, list, width, height)?;
        Ok(self)
    }

    /// Trains for one epoch and returns the mean loss.
    ///
    /// # Errors
    /// Fails if a loss or a weight is no longer finite, if all epochs have ended, or if the device fails.
    pub fn epoch(&mut self) -> Result<f64> {
        self.epoch_with(&mut to_the_end)
    }

    /// Trains for one epoch and returns the mean loss. It calls `control` after each batch. An epoch that `control` stops is not
    /// counted and cannot be continued.
    ///
    /// # Errors
    /// Fails as [`epoch`](Self::epoch) does, or if `control` stopped it.
    pub fn epoch_with(&mut self, control: Control) -> Result<f64> {
        let (dev, config, all) = (self.net.dev.clone(), &self.net.config, self.batches());
        let (seed, epochs) = (config.seed, config.epochs);
        if self.epochs_done >= epochs {
            let reason =
                format!("is {epochs}, and so many have ended; set it higher before the training starts");
            return Err(Error::Config { key: "epochs", reason });
        }
        self.set.begin(&dev, seed, self.epochs_done)?;
        dev.write(&mut self.clock, &[(self.epochs_done * all) as u32, 0])?;
        let mut done = 0;
        let mut step = || {
            self.step()?;
            Advance { clock: &mut self.clock }.on(&dev)
        };
        let mut after = || {
            done += 1;
            control(Progress { done, all })
        };
        if dev.repeat(all, &mut step, &mut after)? < all {
            return Err(Error::Stopped);
        }
        self.epochs_done += 1;
        self.mean_loss()
    }

    /// Trains on one batch: a forward pass, a backward pass, and a step of Adam.
    fn step(&mut self) -> ff_tensor::Result<()> {
        let (set, clock, config) = (&self.set, &self.clock, &self.net.config);
        let source = Source { images: set.images(), targets: set.targets(), order: set.order(), clock };
        let seed = stream(config.seed, Stream::Pixels(0));
        self.net.fetch(&mut self.pass, source, Dropout { rate: config.pixel_dropout, seed })?;
        self.net.forward(&mut self.pass)?;
        self.backward()?;
        let (clock, optimiser) = (&self.clock, &self.adam);
        for (weight, l) in self.net.weights.iter_mut().zip(&mut self.learning) {
            let (moments, gradient) = (&mut l.moments[..], &l.dweight);
            Update { weight, moments, gradient, clock, optimiser }.on(&self.net.dev)?;
        }
        Ok(())
    }

    /// Computes the gradient of each layer's weights from the scores.
    fn backward(&mut self) -> ff_tensor::Result<()> {
        let (net, pass, rows) = (&self.net, &self.pass, self.dscores.rows());
        let (dev, weights, units, clock) = (&net.dev, &net.weights, &*net.units, &self.clock);
        let (losses, dscores) = (&mut self.losses, &mut self.dscores);
        SoftmaxLoss { losses, dscores, scores: &pass.scores, labels: &pass.labels, clock, sharpness: 1.0 }
            .on(dev)?;
        for i in (0..weights.len()).rev() {
            // The forward pass computed current = input W. The output units' current is their score.
            let (below, here) = self.back.split_at_mut(i);
            let dcurrent = here.first().map_or(&self.dscores, |here| &here.dcurrent);
            let (c, a) = (&mut self.learning[i].dweight, pass.input(i));
            MatMul { c, a, transpose_a: true, b: dcurrent, transpose_b: false }.on(dev)?;
            let Some(Back { dcurrent: dbelow, dpassed }) = below.last_mut() else { break };
            let (a, b, current) = (dcurrent, &weights[i], &pass.hidden[i - 1].current);
            MatMul { c: dpassed, a, transpose_a: false, b, transpose_b: true }.on(dev)?;
            UnitsBackward { dcurrent: dbelow, dpassed, current, rows, units }.on(dev)?;
        }
        Ok(())
    }

    fn batches(&self) -> usize {
        self.losses.rows() / self.dscores.rows()
    }

    fn mean_loss(&self) -> Result<f64> {
        let (dev, epoch) = (&self.net.dev, self.epochs_done);
        let losses = batch_means(&dev.download(&self.losses)?, self.dscores.rows());
        if let Some(batch) = losses.iter().position(|loss| !loss.is_finite()) {
            let layer = self.net.weights.len();
            return Err(Error::Diverged { layer, epoch, batch: batch + 1, loss: losses[batch] });
        }
        // Units with a membrane that is not a number pass on no spikes, and no loss above them shows this.
        for (i, weight) in self.net.weights.iter().enumerate() {
            if let Some(&loss) = dev.download(weight)?.iter().find(|weight| !weight.is_finite()) {
                return Err(Error::Diverged { layer: i + 1, epoch, batch: losses.len(), loss });
            }
        }
        Ok(losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / losses.len() as f64)
    }

    /// Returns the last gradient of each layer's weights. Tests compare it with finite differences.
    pub fn dweights(&self) -> impl Iterator<Item = &Tensor<D>> {
        self.learning.iter().map(|l| &l.dweight)
    }

    /// Returns the network as it is now.
    pub fn net(&self) -> &Backprop<D> {
        &self.net
    }

    /// Ends the training and returns the network as it is now.
    pub fn into_net(self) -> Backprop<D> {
        self.net
    }
}
