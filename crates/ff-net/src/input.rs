//! What comes into a layer.

use ff_tensor::{CurrentGrad, Device, Gather, LabelCurrent, Result, ShareGrad, Tensor};

use crate::connection::Connection;

/// What comes into a layer. It is normalised already.
pub enum Input<'a, D: Device> {
    /// `[R, in]`, constant over the time steps.
    Rows(&'a Tensor<D>),
    /// `[R T, in]`, a row for each time step.
    Train(&'a Tensor<D>),
    /// Images with labels over their first pixels.
    Overlay(Overlay<'a, D>),
}

impl<D: Device> Clone for Input<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Device> Copy for Input<'_, D> {}

/// Images with labels over their first pixels, which are multiplied with the weights once for all labels:
///
/// ```text
/// I[r] = image[b] W + a s[b] W[label[r]],     b = r % B
/// ```
/// The product `shares` has the image's part in its first B rows and `W[label]` in the rows below, so every copy of an
/// image costs one row added instead of a product. Backwards, all copies are added up first, and one product follows.
pub struct Overlay<'a, D: Device> {
    /// `[B + classes + 1, in]`: the images with the label's slots empty, then a row for each label and the neutral one.
    pub xhat: &'a Tensor<D>,
    /// `[B + classes + 1, out]`: the product of `xhat` with the weights of the layer that it comes into.
    pub shares: &'a Tensor<D>,
    /// `[B, 1]`: what normalised each image.
    pub scale: &'a Tensor<D>,
    /// `[R, 1]`: the label of each row.
    pub labels: &'a Tensor<D, u32>,
    /// What the label's pixel holds.
    pub amplitude: f32,
}

impl<D: Device> Clone for Overlay<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Device> Copy for Overlay<'_, D> {}

impl<D: Device> Overlay<'_, D> {
    /// The current of each copy, `[R, out]`.
    pub(crate) fn current(&self, dev: &D, current: &mut Tensor<D>) -> Result<()> {
        let Self { shares, scale, labels, amplitude, .. } = *self;
        LabelCurrent { current, shares, scale, labels, factor: None, amplitude }.on(dev)
    }

    /// From the current's gradient to that of the weights. `dshares` is room for that of the shares.
    pub(crate) fn gradient(
        &self,
        dev: &D,
        connection: &dyn Connection<D>,
        gradients: &mut [Tensor<D>],
        dshares: &mut Tensor<D>,
        dcurrent: &Tensor<D>,
    ) -> Result<()> {
        let Self { labels, scale, amplitude, .. } = *self;
        let of_copies = CurrentGrad::Stored(dcurrent);
        ShareGrad { dshares, dcurrent: of_copies, labels, scale, factor: None, amplitude }.on(dev)?;
        connection.gradient(dev, gradients, self.xhat, dshares)
    }
}

/// A batch of images as layer 1 sees them.
pub struct Images<D: Device> {
    /// `[B + classes + 1, in]`, as in [`Overlay`].
    pub xhat: Tensor<D>,
    /// `[B, 1]`
    pub scale: Tensor<D>,
    /// `[B, 1]`, the true ones.
    pub labels: Tensor<D, u32>,
    /// `[B + classes + 1, out]`, as in [`Overlay`].
    pub shares: Tensor<D>,
}

impl<D: Device> Images<D> {
    /// Buffers for `batch` images of `pixels` pixels in `classes` classes, and a first layer of `units` units.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn new(dev: &D, batch: usize, pixels: usize, classes: usize, units: usize) -> Result<Self> {
        let rows = batch + Gather::<D>::label_rows(classes);
        Ok(Self {
            xhat: dev.zeros(rows, pixels)?,
            scale: dev.zeros(batch, 1)?,
            labels: dev.zeros(batch, 1)?,
            shares: dev.zeros(rows, units)?,
        })
    }

    /// The images with these labels.
    pub fn overlay<'a>(&'a self, labels: &'a Tensor<D, u32>, amplitude: f32) -> Input<'a, D> {
        let Self { xhat, shares, scale, .. } = self;
        Input::Overlay(Overlay { xhat, shares, scale, labels, amplitude })
    }
}
