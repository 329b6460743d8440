//! These ops prepare the input: they change images from epoch to epoch, fetch a batch of them, draw wrong labels and
//! normalise rows.

use super::{Op, expect_clock, expect_columns, refuse, rows_of_steps};
use crate::{Augmentation, Clock, Dropout, Memory, Norm, Result, Tensor, expect_shape};

/// Changes each image a little, at random: `out(p) = image(M (p - c) + t + d(p) + c)`. `M`, `t` and `d` are drawn from
/// the seed, the epoch and the image's index. They have the same bits on every device.
///
/// This op runs once an epoch and not in a step. It may upload the list to the device, so
/// [`Device::repeat`](crate::Device::repeat) does not accept it.
pub struct Augment<'a, D: Memory> {
    /// `[N, height * width]`
    pub out: &'a mut Tensor<D, u8>,
    /// `[N, height * width]`
    pub images: &'a Tensor<D, u8>,
    /// The changes of an image, from first to last.
    pub list: &'a [Augmentation],
    /// Width of an image, in pixels.
    pub width: usize,
    /// Height of an image, in pixels. `(width + 3) (height + 3)` is below 2^23.
    pub height: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// The epoch, counted from 0. Each epoch has its own draws.
    pub epoch: u64,
}

impl<D: Memory> Op for Augment<'_, D> {
    fn check(&self) -> Result<()> {
        let (width, height) = (self.width, self.height);
        expect_augmentations(self.list, width, height)?;
        let images = self.images.shape();
        expect_shape("augment", "images", images, [images[0], width * height])?;
        expect_shape("augment", "out", self.out.shape(), images)
    }
}

/// Checks that images of this size can be changed in this way.
///
/// # Errors
/// The error names the size or the change that is impossible.
pub fn expect_augmentations(list: &[Augmentation], width: usize, height: usize) -> Result<()> {
    // Places in a framed image have to be whole numbers that `f32` holds exactly.
    const MOST: usize = 1 << 23;
    let framed = width.saturating_add(3).saturating_mul(height.saturating_add(3));
    if width == 0 || height == 0 || framed >= MOST {
        let reason = format!("images have {width} x {height} pixels; 1 to some 8 million are possible");
        return refuse("augment", reason);
    }
    list.iter().try_for_each(Augmentation::validate).or_else(|reason| refuse("augment", reason))
}

/// Fetches the clock's batch of images, makes room for the label and normalises image and label together: `xhat[b] =
/// s[b] * pixels / 255`, with zeros in the first `classes` slots and where a pixel is dropped, and `s[b] = 1 / (norm of
/// image and label + eps)`. The norm is the same for every label, so one `xhat` serves the positive, the negative and
/// all candidates. Below the images there is a row for each label, with a one in its slot. The last row is the neutral
/// label's, with `1 / classes` in each slot. If `classes` is 0, no label enters, and `xhat` is `[B, in]`.
///
/// An index beyond the images, or a batch beyond the order, gives a row of NaN and label 0. The loss will show this.
pub struct Gather<'a, D: Memory> {
    /// `[B + classes + 1, in]`, or `[B, in]` without labels.
    pub xhat: &'a mut Tensor<D>,
    /// `[B, 1]`
    pub scale: &'a mut Tensor<D>,
    /// `[B, 1]`
    pub labels: &'a mut Tensor<D, u32>,
    /// `[N, in]`
    pub images: &'a Tensor<D, u8>,
    /// `[N, 1]`
    pub targets: &'a Tensor<D, u32>,
    /// Indices of images, `[ordered, 1]`. Batch `k` is `order[k B..]`.
    pub order: &'a Tensor<D, u32>,
    /// Says which batch is fetched, and for which step the dropped pixels are drawn.
    pub clock: &'a Clock<D>,
    /// The first `classes` pixels make room for the label. It is 0 if no label enters.
    pub classes: usize,
    /// The value of the label's pixel. Its energy is part of the row's norm.
    pub amplitude: f32,
    /// The norm of image and label together.
    pub norm: Norm,
    /// Says which pixels are dropped.
    pub dropout: Dropout,
}

impl<D: Memory> Gather<'_, D> {
    /// Returns the number of rows below the images: one for each label and the neutral one, or 0 if no label enters.
    pub fn label_rows(classes: usize) -> usize {
        if classes == 0 { 0 } else { classes.saturating_add(1) }
    }
}

impl<D: Memory> Op for Gather<'_, D> {
    fn check(&self) -> Result<()> {
        let (pixels, b) = (self.images.cols(), self.scale.rows());
        expect_columns("gather", "images", pixels)?;
        if self.classes > pixels {
            return refuse("gather", format!("{} labels do not fit into {pixels} pixels", self.classes));
        }
        expect_shape("gather", "xhat", self.xhat.shape(), [b + Self::label_rows(self.classes), pixels])?;
        expect_shape("gather", "scale", self.scale.shape(), [b, 1])?;
        expect_shape("gather", "labels", self.labels.shape(), [b, 1])?;
        expect_shape("gather", "targets", self.targets.shape(), [self.images.rows(), 1])?;
        expect_shape("gather", "order", self.order.shape(), [self.order.rows(), 1])?;
        expect_clock("gather", self.clock)
    }
}

/// Writes the true labels into the first B rows and a wrong label for each into the next B. The wrong label is drawn
/// from the other classes, in proportion to `exp(sharpness * score)`. The draw's counter is `(clock's step, row)`: see
/// [`random`](crate::random).
pub struct DrawLabels<'a, D: Memory> {
    /// `[2 B, 1]`
    pub pair: &'a mut Tensor<D, u32>,
    /// `[B, 1]`
    pub labels: &'a Tensor<D, u32>,
    /// `[B, classes]`. If it is left out, each wrong label is equally likely.
    pub scores: Option<&'a Tensor<D>>,
    /// Gives the step.
    pub clock: &'a Clock<D>,
    /// Number of classes, at least two.
    pub classes: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// Says how strongly a high score is preferred.
    pub sharpness: f32,
}

impl<D: Memory> Op for DrawLabels<'_, D> {
    fn check(&self) -> Result<()> {
        let batch = self.labels.rows();
        if !(2..1 << 24).contains(&self.classes) {
            return refuse("draw_labels", format!("{} classes; 2 to 2^24 are possible", self.classes));
        }
        expect_shape("draw_labels", "labels", self.labels.shape(), [batch, 1])?;
        expect_shape("draw_labels", "pair", self.pair.shape(), [2 * batch, 1])?;
        if let Some(scores) = self.scores {
            expect_shape("draw_labels", "scores", scores.shape(), [batch, self.classes])?;
        }
        expect_clock("draw_labels", self.clock)
    }
}

/// Normalises rows: `xhat = x / (norm + eps)`. With `steps` T, the rows are spike trains, and the norm is that of a
/// row's mean over time. So the train's mean is what a rate would have given.
pub struct Normalise<'a, D: Memory> {
    /// `[R T, in]`
    pub xhat: &'a mut Tensor<D>,
    /// `[R T, in]`
    pub x: &'a Tensor<D>,
    /// The number of consecutive rows of `x` that belong to one sample.
    pub steps: usize,
    /// The norm that rows are divided by.
    pub norm: Norm,
}

impl<D: Memory> Op for Normalise<'_, D> {
    fn check(&self) -> Result<()> {
        expect_columns("normalise", "x", self.x.cols())?;
        expect_shape("normalise", "xhat", self.xhat.shape(), self.x.shape())?;
        rows_of_steps("normalise", "x", self.x.rows(), self.steps)
    }
}

/// Fetches the clock's batch of rows from a table: `rows[r] = table[order[batch R + r]]`. A row that does not exist
/// becomes NaN.
pub struct Select<'a, D: Memory> {
    /// `[R, in]`
    pub rows: &'a mut Tensor<D>,
    /// `[N, in]`
    pub table: &'a Tensor<D>,
    /// Indices into the table, `[ordered, 1]`.
    pub order: &'a Tensor<D, u32>,
    /// Gives the batch.
    pub clock: &'a Clock<D>,
}

impl<D: Memory> Op for Select<'_, D> {
    fn check(&self) -> Result<()> {
        expect_columns("select", "table", self.table.cols())?;
        expect_shape("select", "rows", self.rows.shape(), [self.rows.rows(), self.table.cols()])?;
        expect_shape("select", "order", self.order.shape(), [self.order.rows(), 1])?;
        expect_clock("select", self.clock)
    }
}
