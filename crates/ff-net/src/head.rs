//! This module has the one-pass head. It is a linear softmax classifier beside each layer, and it reads the layer's
//! answer to an image with the neutral label. With it an image is classified in one pass instead of one for each label.
//! The labels that it finds likely make hard negatives (G. Hinton, arXiv 2212.13345, section 3.3).
//!
//! ```text
//! scores = xhat V,    xhat the layer's signals, normalised as for the next layer
//! ```
//! It learns along with its layer and from its own cross-entropy. No gradient goes into the layer.

use ff_tensor::{Clock, Device, MatMul, Norm, Normalise, Optimiser, Result, SoftmaxLoss, Tensor, Update};

/// A head's weights. They are zero at first, so that every class is equally likely.
pub struct Head<D: Device> {
    /// The weights V, `[units, classes]`.
    pub weight: Tensor<D>,
}

/// The numbers that a head computes for a batch of B.
pub struct HeadActivity<D: Device> {
    /// The normalised signals, `[B, units]`.
    xhat: Tensor<D>,
    /// The scores before the softmax, `[B, classes]`.
    pub scores: Tensor<D>,
}

/// The buffers that a head needs to learn.
pub struct HeadLearning<D: Device> {
    dscores: Tensor<D>,
    dweight: Tensor<D>,
    pub(crate) moments: Vec<Tensor<D>>,
}

impl<D: Device> Head<D> {
    /// Computes the scores of the signals `[B, units]` with which the layer answers the neutral label.
    ///
    /// # Errors
    /// Fails for shapes that do not match, or a failing device.
    pub fn answer(&self, dev: &D, a: &mut HeadActivity<D>, signal: &Tensor<D>, norm: Norm) -> Result<()> {
        Normalise { xhat: &mut a.xhat, x: signal, steps: 1, norm }.on(dev)?;
        MatMul { c: &mut a.scores, a: &a.xhat, transpose_a: false, b: &self.weight, transpose_b: false }
            .on(dev)
    }

    /// Takes a step towards the true labels. It comes after `answer`.
    ///
    /// # Errors
    /// Fails for shapes that do not match, or a failing device.
    pub fn learn(
        &mut self,
        dev: &D,
        learning: &mut HeadLearning<D>,
        losses: &mut Tensor<D>,
        a: &HeadActivity<D>,
        labels: &Tensor<D, u32>,
        clock: &Clock<D>,
        optimiser: &dyn Optimiser,
    ) -> Result<()> {
        let HeadLearning { dscores, dweight, moments } = learning;
        SoftmaxLoss { losses, dscores, scores: &a.scores, labels, clock, sharpness: 1.0 }.on(dev)?;
        MatMul { c: dweight, a: &a.xhat, transpose_a: true, b: dscores, transpose_b: false }.on(dev)?;
        Update { weight: &mut self.weight, moments, gradient: dweight, clock, optimiser }.on(dev)
    }
}

impl<D: Device> HeadActivity<D> {
    /// Makes buffers for `head` and a batch of `batch`.
    ///
    /// # Errors
    /// Fails if the device has no room.
    pub fn new(dev: &D, head: &Head<D>, batch: usize) -> Result<Self> {
        let [units, classes] = head.weight.shape();
        Ok(Self { xhat: dev.zeros(batch, units)?, scores: dev.zeros(batch, classes)? })
    }
}

impl<D: Device> HeadLearning<D> {
    /// Makes buffers for `head` and a batch of `batch`.
    ///
    /// # Errors
    /// Fails if the device has no room.
    pub fn new(dev: &D, head: &Head<D>, batch: usize, optimiser: &dyn Optimiser) -> Result<Self> {
        let [units, classes] = head.weight.shape();
        Ok(Self {
            dscores: dev.zeros(batch, classes)?,
            dweight: dev.zeros(units, classes)?,
            moments: optimiser.moments().iter().map(|_| dev.zeros(units, classes)).collect::<Result<_>>()?,
        })
    }

    /// Returns the last weight gradient, `[units, classes]`.
    pub fn dweight(&self) -> &Tensor<D> {
        &self.dweight
    }
}
