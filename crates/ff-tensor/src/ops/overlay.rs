//! These ops work on images with a label over their first pixels. Each image is multiplied with the weights only once.
//!
//! The copies of an image differ by a multiple of one row of weights. So the images are multiplied without labels, and
//! the labels without images. The results are the *shares*, and they are added up afterwards. Shares are `[B + classes
//! + 1, n]`: there is a row for each image, one for each label, and one for the neutral label. The neutral label has
//! the number `classes`. It says nothing, because it is the mean of the others.

use super::{
    Op, expect_bias, expect_columns, expect_copies, expect_factor, expect_formula, expect_shares,
    rows_in_time,
};
use crate::{Goodness, Memory, Result, Tensor, Units, expect_shape};

/// Computes the input current of each copy: `I[r] = t[r] (shares[r % B] + amplitude s[r % B] shares[B + label[r]])`.
pub struct LabelCurrent<'a, D: Memory> {
    /// `[R, n]`
    pub current: &'a mut Tensor<D>,
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
}

impl<D: Memory> Op for LabelCurrent<'_, D> {
    fn check(&self) -> Result<()> {
        let [r, n] = self.current.shape();
        expect_columns("label_current", "current", n)?;
        expect_copies("label_current", "scale", self.scale.shape(), r)?;
        expect_shares("label_current", "shares", self.shares.shape(), self.scale.rows(), n)?;
        expect_shape("label_current", "labels", self.labels.shape(), [r, 1])?;
        expect_factor("label_current", self.factor, r)
    }
}

/// Computes a layer's goodness for every label at once. It does the work of [`LabelCurrent`], the units and their
/// goodness for all candidates, and stores no activation.
pub struct LabelGoodness<'a, D: Memory> {
    /// `[B, classes]`
    pub scores: &'a mut Tensor<D>,
    /// `[B + classes + 1, n]`
    pub shares: &'a Tensor<D>,
    /// `[B, 1]`
    pub scale: &'a Tensor<D>,
    /// `[1, n]`
    pub bias: Option<&'a Tensor<D>>,
    /// The value of the label's pixel.
    pub amplitude: f32,
    /// The units.
    pub units: &'a dyn Units,
    /// Their goodness.
    pub goodness: &'a dyn Goodness,
}

impl<D: Memory> Op for LabelGoodness<'_, D> {
    fn check(&self) -> Result<()> {
        let ([b, classes], n) = (self.scores.shape(), self.shares.cols());
        expect_columns("label_goodness", "shares", n)?;
        expect_columns("label_goodness", "scores", classes)?;
        expect_shape("label_goodness", "scale", self.scale.shape(), [b, 1])?;
        expect_shape("label_goodness", "shares", self.shares.shape(), [b + classes + 1, n])?;
        expect_formula("label_goodness", self.units)?;
        expect_formula("label_goodness", self.goodness)?;
        self.units.validate().or_else(|reason| super::refuse("label_goodness", reason))?;
        rows_in_time("label_goodness", b, self.units)?;
        expect_bias("label_goodness", self.bias, n)
    }
}

/// Computes the gradient of the shares. `dshares[b]` is the sum of `t[r] dI[r]` over the copies of image `b`.
/// `dshares[B + l]` is the sum of `amplitude s[r % B] t[r] dI[r]` over the rows with label `l`, in the order of the
/// rows. All copies share one image, so the weights' gradient then needs only one product.
pub struct ShareGrad<'a, D: Memory> {
    /// `[B + classes + 1, n]`
    pub dshares: &'a mut Tensor<D>,
    /// The current's gradient.
    pub dcurrent: CurrentGrad<'a, D>,
    /// `[R, 1]`
    pub labels: &'a Tensor<D, u32>,
    /// `[B, 1]`
    pub scale: &'a Tensor<D>,
    /// `[R, 1]`, t. It is 1 if it is left out.
    pub factor: Option<&'a Tensor<D>>,
    /// The value of the label's pixel.
    pub amplitude: f32,
}

/// The gradient of a layer's current, for [`ShareGrad`].
pub enum CurrentGrad<'a, D: Memory> {
    /// The gradient as [`LocalGrad`](crate::LocalGrad) leaves it, `[R, n]`.
    Stored(&'a Tensor<D>),
    /// The gradient of linear units with a goodness of squares, `dI = dg 2 factor I`. Their current follows from its
    /// shares.
    Linear {
        /// `[B + classes + 1, n]`
        shares: &'a Tensor<D>,
        /// `[R, 1]`, from [`PairLosses`](crate::PairLosses).
        dgoodness: &'a Tensor<D>,
        /// The goodness is the sum of squares times this.
        goodness_factor: f32,
    },
}

impl<D: Memory> Op for ShareGrad<'_, D> {
    fn check(&self) -> Result<()> {
        let (r, n) = (self.labels.rows(), self.dshares.cols());
        expect_columns("share_grad", "dshares", n)?;
        expect_shape("share_grad", "labels", self.labels.shape(), [r, 1])?;
        expect_copies("share_grad", "scale", self.scale.shape(), r)?;
        expect_shares("share_grad", "dshares", self.dshares.shape(), self.scale.rows(), n)?;
        expect_factor("share_grad", self.factor, r)?;
        match &self.dcurrent {
            CurrentGrad::Stored(dcurrent) => expect_shape("share_grad", "dcurrent", dcurrent.shape(), [r, n]),
            CurrentGrad::Linear { shares, dgoodness, .. } => {
                expect_shape("share_grad", "shares", shares.shape(), self.dshares.shape())?;
                expect_shape("share_grad", "dgoodness", dgoodness.shape(), [r, 1])
            }
        }
    }
}
