//! The one-pass head: beside each layer a linear softmax classifier, which reads the layer's answer to an image with
//! the neutral label. With it an image is told in one pass instead of one for each label, and the labels that it
//! takes for likely make hard negatives (G. Hinton, arXiv 2212.13345, section 3.3).
//!
//! ```text
//! scores = xhat V,    xhat the layer's signals, normalised as for the next layer
//! ```
//! It learns along with its layer and from its own cross-entropy. No gradient goes into the layer.

use ff_tensor::{Adam, Clock, Device, Norm, Result, Softmax, Tensor};

use crate::layer::Activity;

/// A head's weights: zeros at first, so that every class is equally likely.
pub struct Head<D: Device> {
    /// `[units, classes]`, V.
    pub weight: Tensor<D>,
}

/// What a head computes for a batch of B.
pub struct HeadActivity<D: Device> {
    /// `[B, units]`
    xhat: Tensor<D>,
    /// `[B, classes]`, before the softmax.
    pub scores: Tensor<D>,
}

/// What a head needs to learn.
pub struct HeadLearning<D: Device> {
    dscores: Tensor<D>,
    dweight: Tensor<D>,
    pub(crate) mean: Tensor<D>,
    pub(crate) square: Tensor<D>,
}

impl<D: Device> Head<D> {
    /// Scores of what the layer answered to the neutral label, `[B, units]`.
    ///
    /// # Errors
    /// Shapes that do not match, or a failing device; so for all methods here.
    pub fn answer(&self, dev: &D, a: &mut HeadActivity<D>, layer: &Activity<D>, norm: &Norm) -> Result<()> {
        dev.normalise(&mut a.xhat, &layer.signal, 1, norm)?;
        dev.matmul(&mut a.scores, &a.xhat, false, &self.weight, false)
    }

    /// A step towards the true labels, after `answer`.
    ///
    /// # Errors
    /// As above.
    pub fn learn(
        &mut self,
        dev: &D,
        learning: &mut HeadLearning<D>,
        losses: &mut Tensor<D>,
        a: &HeadActivity<D>,
        labels: &Tensor<D, u32>,
        clock: &Clock<D>,
        adam: &Adam,
    ) -> Result<()> {
        let l = learning;
        let softmax = Softmax { sharpness: 1.0 };
        dev.softmax_loss(losses, &mut l.dscores, &a.scores, labels, clock, &softmax)?;
        dev.matmul(&mut l.dweight, &a.xhat, true, &l.dscores, false)?;
        dev.adam(&mut self.weight, &mut l.mean, &mut l.square, &l.dweight, clock, adam)
    }
}

impl<D: Device> HeadActivity<D> {
    /// Buffers for `head` and a batch of `batch`.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn new(dev: &D, head: &Head<D>, batch: usize) -> Result<Self> {
        let [units, classes] = head.weight.shape();
        Ok(Self { xhat: dev.zeros(batch, units)?, scores: dev.zeros(batch, classes)? })
    }
}

impl<D: Device> HeadLearning<D> {
    /// Buffers for `head` and a batch of `batch`.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn new(dev: &D, head: &Head<D>, batch: usize) -> Result<Self> {
        let [units, classes] = head.weight.shape();
        let weights = || dev.zeros(units, classes);
        Ok(Self {
            dscores: dev.zeros(batch, classes)?,
            dweight: weights()?,
            mean: weights()?,
            square: weights()?,
        })
    }

    /// The last weight gradient, `[units, classes]`.
    pub fn dweight(&self) -> &Tensor<D> {
        &self.dweight
    }
}
