//! These ops compute the heads' loss, update the weights and advance the clock.

use super::{Op, expect_clock, expect_columns, expect_formula, expect_log, refuse};
use crate::optimiser::MOST_MOMENTS;
use crate::{Clock, Memory, Optimiser, Result, Tensor, expect_shape};

/// Computes the cross-entropy of the softmax of scores, and the gradient of its mean. Image `b`'s loss is `-ln
/// softmax(sharpness scores[b])[label[b]]`. It is number `batch B + b` of `losses`. Beyond the end of `losses` it is
/// not written.
pub struct SoftmaxLoss<'a, D: Memory> {
    /// `[images of an epoch, 1]`
    pub losses: &'a mut Tensor<D>,
    /// `[B, classes]`
    pub dscores: &'a mut Tensor<D>,
    /// `[B, classes]`
    pub scores: &'a Tensor<D>,
    /// `[B, 1]`
    pub labels: &'a Tensor<D, u32>,
    /// Gives the batch.
    pub clock: &'a Clock<D>,
    /// Scores are multiplied by this before the softmax.
    pub sharpness: f32,
}

impl<D: Memory> Op for SoftmaxLoss<'_, D> {
    fn check(&self) -> Result<()> {
        let [batch, classes] = self.scores.shape();
        expect_columns("softmax_loss", "scores", classes)?;
        expect_shape("softmax_loss", "dscores", self.dscores.shape(), self.scores.shape())?;
        expect_shape("softmax_loss", "labels", self.labels.shape(), [batch, 1])?;
        expect_log("softmax_loss", self.losses)?;
        expect_clock("softmax_loss", self.clock)
    }
}

/// Runs one step of an optimiser, at the clock's step.
pub struct Update<'a, D: Memory> {
    /// The weight can have any shape.
    pub weight: &'a mut Tensor<D>,
    /// The optimiser's moments. Each one has the weight's shape, and there are as many as the optimiser needs.
    pub moments: &'a mut [Tensor<D>],
    /// The gradient has the weight's shape.
    pub gradient: &'a Tensor<D>,
    /// Gives the step.
    pub clock: &'a Clock<D>,
    /// The optimiser's formula.
    pub optimiser: &'a dyn Optimiser,
}

impl<D: Memory> Op for Update<'_, D> {
    fn check(&self) -> Result<()> {
        expect_formula("update", self.optimiser)?;
        let wanted = self.optimiser.moments().len();
        if wanted > MOST_MOMENTS || self.moments.len() != wanted {
            let (got, most) = (self.moments.len(), MOST_MOMENTS);
            return refuse(
                "update",
                format!("{got} moments for an optimiser with {wanted}; at most {most} are possible"),
            );
        }
        for moment in self.moments.iter() {
            expect_shape("update", "moments", moment.shape(), self.weight.shape())?;
        }
        expect_shape("update", "gradient", self.gradient.shape(), self.weight.shape())?;
        expect_clock("update", self.clock)
    }
}

/// Adds one to the clock's step and batch. Both start again from 0 after 2^32 - 1.
pub struct Advance<'a, D: Memory> {
    /// `[1, 2]`
    pub clock: &'a mut Clock<D>,
}

impl<D: Memory> Op for Advance<'_, D> {
    fn check(&self) -> Result<()> {
        expect_clock("advance", self.clock)
    }
}
