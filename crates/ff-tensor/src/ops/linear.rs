//! These ops are only for linear units. The output of such layers stays in shares (see
//! [`LabelCurrent`](crate::LabelCurrent)), because only products stand between an image and their signal.

use super::{
    Op, expect_clock, expect_columns, expect_copies, expect_factor, expect_formula, expect_log, expect_pairs,
    expect_shares,
};
use crate::{Clock, Memory, Norm, Objective, Result, Tensor, expect_shape};

/// Computes the scale of each row of a layer's output before it meets the next weights, if the output is in shares:
/// `t[r] = u[r] / (norm + eps)`. `u` is the layer's own factor (1 if it has none). The norm follows from the row's
/// goodness, because the goodness is a multiple of the row's sum of squares.
pub struct RowFactor<'a, D: Memory> {
    /// `[R, 1]`
    pub factor: &'a mut Tensor<D>,
    /// `[R, 1]`, of the layer below.
    pub goodness: &'a Tensor<D>,
    /// `[R, 1]`, u, of the layer below.
    pub below: Option<&'a Tensor<D>>,
    /// Units of the layer below.
    pub units: usize,
    /// The goodness of the layer below is its sum of squares times this.
    pub goodness_factor: f32,
    /// The norm that rows are divided by.
    pub norm: Norm,
}

impl<D: Memory> Op for RowFactor<'_, D> {
    fn check(&self) -> Result<()> {
        let rows = self.goodness.rows();
        expect_columns("row_factor", "units", self.units)?;
        expect_shape("row_factor", "factor", self.factor.shape(), [rows, 1])?;
        expect_shape("row_factor", "goodness", self.goodness.shape(), [rows, 1])?;
        expect_factor("row_factor", self.below, rows)
    }
}

/// Computes the goodness of linear units from the shares of their current. No activation is stored.
pub struct ShareGoodness<'a, D: Memory> {
    /// `[R, 1]`
    pub goodness: &'a mut Tensor<D>,
    /// `[B + classes + 1, n]`
    pub shares: &'a Tensor<D>,
    /// `[B, 1]`
    pub scale: &'a Tensor<D>,
    /// `[R, 1]`
    pub labels: &'a Tensor<D, u32>,
    /// `[R, 1]`, t. It is 1 if it is left out.
    pub factor: Option<&'a Tensor<D>>,
    /// The value of the label's pixel.
    pub amplitude: f32,
    /// The goodness is the sum of squares times this.
    pub goodness_factor: f32,
}

impl<D: Memory> Op for ShareGoodness<'_, D> {
    fn check(&self) -> Result<()> {
        let (r, n) = (self.labels.rows(), self.shares.cols());
        expect_columns("share_goodness", "shares", n)?;
        expect_shape("share_goodness", "labels", self.labels.shape(), [r, 1])?;
        expect_shape("share_goodness", "goodness", self.goodness.shape(), [r, 1])?;
        expect_copies("share_goodness", "scale", self.scale.shape(), r)?;
        expect_shares("share_goodness", "shares", self.shares.shape(), self.scale.rows(), n)?;
        expect_factor("share_goodness", self.factor, r)
    }
}

/// Computes the losses of the pairs, as in [`LocalGrad`](crate::LocalGrad), and the gradient of their mean: `dL/dg` of
/// positives and negatives.
pub struct PairLosses<'a, D: Memory> {
    /// `[pairs of an epoch, 1]`
    pub losses: &'a mut Tensor<D>,
    /// `[2 B, 1]`
    pub dgoodness: &'a mut Tensor<D>,
    /// `[2 B, 1]`
    pub goodness: &'a Tensor<D>,
    /// Gives the batch.
    pub clock: &'a Clock<D>,
    /// The loss that is minimised.
    pub objective: &'a dyn Objective,
}

impl<D: Memory> Op for PairLosses<'_, D> {
    fn check(&self) -> Result<()> {
        expect_pairs("pair_losses", self.goodness, self.goodness.rows())?;
        expect_formula("pair_losses", self.objective)?;
        expect_shape("pair_losses", "dgoodness", self.dgoodness.shape(), self.goodness.shape())?;
        expect_log("pair_losses", self.losses)?;
        expect_clock("pair_losses", self.clock)
    }
}
