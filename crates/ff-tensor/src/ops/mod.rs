//! This module has the ops. Each op is a struct, its fields are the arguments of a kernel, and the outputs come first.
//!
//! The requirements of an op on its tensors are written once, in [`Op::check`]. A device only ever gets a [`Checked`]
//! op, so the CPU and a GPU refuse the same things with the same words. Some things cannot be checked beforehand,
//! because they are in a device's memory. They have the same defined outcome everywhere: a label beyond the last one
//! counts as the last one, an image that does not exist is a row of NaN, and a loss beyond the end of the log is not
//! written.
//!
//! ```
//! # use ff_tensor::{Device, MatMul, Result, Tensor};
//! # fn product<D: Device>(dev: &D, c: &mut Tensor<D>, a: &Tensor<D>, b: &Tensor<D>) -> Result<()> {
//! MatMul { c, a, transpose_a: false, b, transpose_b: false }.on(dev)
//! # }
//! ```
//!
//! In the shapes, B is the batch, n is the number of units of a layer, and T is the number of time steps. R = K B rows
//! are K *copies* of the batch, which differ only by their label. K = 2 in training: row `b` is the positive and row `B
//! + b` the negative. K = classes if all labels are tried. Row `r` belongs to sample `r % B`. With time, row `r T + t`
//! is step `t` of row `r`.

mod input;
mod learn;
mod linear;
mod overlay;
mod packing;
mod product;
mod slices;
mod units;

pub use input::{Augment, DrawLabels, Gather, Normalise, Select, expect_augmentations};
pub use learn::{Advance, SoftmaxLoss, Update};
pub use linear::{PairLosses, RowFactor, ShareGoodness};
pub use overlay::{CurrentGrad, LabelCurrent, LabelGoodness, ShareGrad};
pub use packing::{Pack, Unpack};
pub use product::{MatMul, SumRows};
pub use slices::{SliceGrad, SliceSignals};
pub use units::{LocalGrad, RowGoodness, UnitsBackward, UnitsForward};

use crate::{Error, Formula, Memory, Result, Tensor, Units, expect_shape, formula};

/// The check that every op has.
pub trait Op {
    /// Checks that shapes and parameters fit together.
    ///
    /// # Errors
    /// The error names the op, the tensor and both shapes, or the parameter and what is wrong with it.
    fn check(&self) -> Result<()>;
}

/// An op that has been checked. There is no other way to make one:
///
/// ```compile_fail,E0423
/// # use ff_tensor::{Checked, Device, MatMul};
/// fn unchecked<D: Device>(op: MatMul<D>) -> Checked<MatMul<D>> {
///     Checked(op)
/// }
/// ```
pub struct Checked<O>(O);

impl<O: Op> Checked<O> {
    /// Checks an op.
    ///
    /// # Errors
    /// As [`Op::check`].
    pub fn new(op: O) -> Result<Self> {
        op.check()?;
        Ok(Self(op))
    }

    /// Returns the op, for a device to run.
    pub fn into_inner(self) -> O {
        self.0
    }
}

fn refuse<T>(op: &'static str, reason: String) -> Result<T> {
    Err(Error::Parameter { op, reason })
}

/// Checks that a clock has two numbers.
fn expect_clock<D: Memory>(op: &'static str, clock: &Tensor<D, u32>) -> Result<()> {
    expect_shape(op, "clock", clock.shape(), [1, 2])
}

/// Checks that a tensor has columns at all.
fn expect_columns(op: &'static str, tensor: &'static str, cols: usize) -> Result<()> {
    if cols > 0 { Ok(()) } else { refuse(op, format!("`{tensor}` has no columns")) }
}

/// Returns whether two shapes have as many numbers.
fn same_count(a: [usize; 2], b: [usize; 2]) -> bool {
    a[0].checked_mul(a[1]).is_some_and(|count| Some(count) == b[0].checked_mul(b[1]))
}

/// Checks that a log has one column. It holds a loss for each pair or image.
fn expect_log<D: Memory>(op: &'static str, losses: &Tensor<D>) -> Result<()> {
    expect_shape(op, "losses", losses.shape(), [losses.rows(), 1])
}

/// Checks that a factor, if there is one, has a number for each of `rows` rows.
fn expect_factor<D: Memory>(op: &'static str, factor: Option<&Tensor<D>>, rows: usize) -> Result<()> {
    factor.map_or(Ok(()), |factor| expect_shape(op, "factor", factor.shape(), [rows, 1]))
}

/// Checks that a bias, if there is one, has a number for each of `units` units.
fn expect_bias<D: Memory>(op: &'static str, bias: Option<&Tensor<D>>, units: usize) -> Result<()> {
    bias.map_or(Ok(()), |bias| expect_shape(op, "bias", bias.shape(), [1, units]))
}

/// Checks that shares have a row for each of `batch` images, and at least one row for a label.
fn expect_shares(
    op: &'static str,
    tensor: &'static str,
    got: [usize; 2],
    batch: usize,
    n: usize,
) -> Result<()> {
    expect_shape(op, tensor, got, [got[0].max(batch + 1), n])
}

/// Checks that `got` is a batch, `[B, 1]`, and that `rows` are a whole number of copies of it.
fn expect_copies(op: &'static str, tensor: &'static str, got: [usize; 2], rows: usize) -> Result<()> {
    match got[0] > 0 && rows.is_multiple_of(got[0]) && got[1] == 1 {
        true => Ok(()),
        false => Err(Error::Shape { op, tensor, got, expected: [rows, 1] }),
    }
}

/// Checks that a formula has no more numbers than fit.
fn expect_formula(op: &'static str, formula: &dyn Formula) -> Result<()> {
    let (len, most) = (formula.numbers().len(), formula::MOST_WORDS);
    if len <= most {
        Ok(())
    } else {
        refuse(op, format!("{formula:?} has {len} numbers; at most {most} are possible"))
    }
}

/// Returns how many rows `units` have for `rows` samples that have a row for each time step.
fn rows_in_time(op: &'static str, rows: usize, units: &dyn Units) -> Result<usize> {
    let steps = units.steps();
    if units.states() == 0 {
        return refuse(op, format!("{units:?} has no state: a neuron has one number at least"));
    }
    match rows.checked_mul(steps) {
        Some(all) if (1..=1 << 16).contains(&steps) => Ok(all),
        _ => refuse(op, format!("{steps} time steps; 1 to 65536 are possible")),
    }
}

/// Checks that the units' signal of this shape fits their spikes, current and bias. Returns whether the current has a
/// row per step.
fn expect_units<D: Memory>(
    op: &'static str,
    signal: [usize; 2],
    spikes: Option<&Tensor<D>>,
    current: &Tensor<D>,
    bias: Option<&Tensor<D>>,
    units: &dyn Units,
) -> Result<bool> {
    let [rows, n] = signal;
    expect_columns(op, "signal", n)?;
    expect_formula(op, units)?;
    units.validate().or_else(|reason| refuse(op, reason))?;
    let all = rows_in_time(op, rows, units)?;
    let in_time = current.rows() != rows;
    expect_shape(op, "current", current.shape(), [if in_time { all } else { rows }, n])?;
    if let Some(spikes) = spikes {
        expect_shape(op, "spikes", spikes.shape(), [all, n])?;
    }
    expect_bias(op, bias, n)?;
    Ok(in_time)
}

/// Checks that `rows` are positives and as many negatives, and that each has its goodness. Returns the number of pairs.
fn expect_pairs<D: Memory>(op: &'static str, goodness: &Tensor<D>, rows: usize) -> Result<usize> {
    expect_shape(op, "goodness", goodness.shape(), [rows, 1])?;
    expect_shape(op, "goodness (an odd number of rows)", [rows % 2, 0], [0, 0])?;
    Ok(rows / 2)
}

/// Checks that `rows` are a whole number of samples of `steps` rows.
fn rows_of_steps(op: &'static str, tensor: &'static str, rows: usize, steps: usize) -> Result<()> {
    match steps > 0 && rows.is_multiple_of(steps) {
        true => Ok(()),
        false => refuse(op, format!("`{tensor}` has {rows} rows, which are not a multiple of {steps} steps")),
    }
}
