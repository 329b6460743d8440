//! What several ops ask of their arguments, on every device.

use crate::{Augment, Augmentation, Device, Error, Neuron, Result, Tensor, expect_shape};

/// Images and changed images are of the size that `augment` is told, and each change is within its bounds.
///
/// # Errors
/// If it is not so; so for all checks here.
pub fn expect_augment(out: [usize; 2], images: [usize; 2], p: &Augment) -> Result<()> {
    let refuse = |reason| Err(Error::Parameter { op: "augment", reason });
    // Places in a framed image are numbers without a fraction in f32.
    const MOST: usize = 1 << 23;
    let framed = p.width.saturating_add(3).saturating_mul(p.height.saturating_add(3));
    if p.width == 0 || p.height == 0 || framed >= MOST {
        return refuse(format!(
            "images have {} x {} pixels; 1 to some 8 million are possible",
            p.width, p.height
        ));
    }
    expect_shape("augment", "images", images, [images[0], p.width * p.height])?;
    expect_shape("augment", "out", out, images)?;
    p.list.iter().try_for_each(Augmentation::validate).or_else(refuse)
}

/// A factor, if there is one, has a number for each of `rows` rows.
///
/// # Errors
/// As above.
pub fn expect_factor<D: Device>(op: &'static str, factor: Option<&Tensor<D>>, rows: usize) -> Result<()> {
    factor.map_or(Ok(()), |factor| expect_shape(op, "factor", factor.shape(), [rows, 1]))
}

/// A bias, if there is one, has a number for each of `units` units.
///
/// # Errors
/// As above.
pub fn expect_bias<D: Device>(op: &'static str, bias: Option<&Tensor<D>>, units: usize) -> Result<()> {
    bias.map_or(Ok(()), |bias| expect_shape(op, "bias", bias.shape(), [1, units]))
}

/// Shares are a row for each of `batch` images, and at least one for a label.
///
/// # Errors
/// As above.
pub fn expect_shares(
    op: &'static str,
    tensor: &'static str,
    got: [usize; 2],
    batch: usize,
    units: usize,
) -> Result<()> {
    expect_shape(op, tensor, got, [got[0].max(batch + 1), units])
}

/// `got` has to be a batch of which `copies` is a whole number of copies.
///
/// # Errors
/// As above.
pub fn expect_copies(
    op: &'static str,
    tensor: &'static str,
    got: [usize; 2],
    copies: [usize; 2],
) -> Result<()> {
    if got[0] > 0 && copies[0].is_multiple_of(got[0]) && got[1] == copies[1] {
        Ok(())
    } else {
        Err(Error::Shape { op, tensor, got, expected: copies })
    }
}

/// Units with a signal of this shape fit to their spikes, current and bias; whether the current has a row per step.
///
/// # Errors
/// As above.
pub fn expect_units<D: Device>(
    op: &'static str,
    signal: [usize; 2],
    spikes: Option<&Tensor<D>>,
    current: &Tensor<D>,
    bias: Option<&Tensor<D>>,
    p: &Neuron,
) -> Result<bool> {
    let [rows, n] = signal;
    let in_time = current.rows() != rows;
    expect_shape(op, "current", current.shape(), [if in_time { rows * p.steps } else { rows }, n])?;
    if let Some(spikes) = spikes {
        expect_shape(op, "spikes", spikes.shape(), [rows * p.steps, n])?;
    }
    expect_bias(op, bias, n)?;
    Ok(in_time)
}

/// `rows` are positives and as many negatives, each with its goodness; how many pairs.
///
/// # Errors
/// As above.
pub fn expect_pairs<D: Device>(op: &'static str, goodness: &Tensor<D>, rows: usize) -> Result<usize> {
    expect_shape(op, "goodness", goodness.shape(), [rows, 1])?;
    expect_shape(op, "goodness (an odd number of rows)", [rows % 2, 0], [0, 0])?;
    Ok(rows / 2)
}
