//! This module says what a device can do: it has memory, and it runs the ops of the algorithm.
//!
//! One sample goes through these ops in training, in this order: `augment`, `gather`, `draw_labels`, `matmul`,
//! `label_current`, `local_grad`, `share_grad`, `matmul`, `update`. If the network only predicts, `units_forward` and
//! `row_goodness` replace `local_grad`. If the units of a layer are shared out among ranks, `slice_signals` and `slice_grad`
//! replace it. Each op is a struct in [`ops`](crate::ops), which gives its equation and its shapes. `op.on(&dev)` checks the op
//! and runs it.
//!
//! Every op can be a single kernel launch. Every buffer belongs to the caller, the op allocates nothing, and it reads
//! nothing back to the host. Some numbers change from step to step: the batch, the optimiser's step, the counter of
//! random draws. They are in a [`Clock`](crate::Clock) on the device.

use std::ops::ControlFlow;

use crate::error::Result;
use crate::memory::{Element, Memory};
use crate::ops::*;
use crate::tensor::Tensor;

/// A place to compute. A clone is another handle to the same device.
///
/// # Errors
/// Any method may report that there is no memory, or that the device itself failed. A device refuses a tensor of
/// another device.
#[allow(clippy::missing_errors_doc)] // they are the same for all of them
pub trait Device: Memory + Clone + Send + Sync {
    /// Returns the device's own name: `cpu`, `cuda:0`.
    fn name(&self) -> String;

    // -- memory ---------------------------------------------------------------------------------------------

    /// Allocates a tensor of zeros.
    fn zeros<T: Element>(&self, rows: usize, cols: usize) -> Result<Tensor<Self, T>>;

    /// Makes a tensor from the host's numbers, row-major.
    fn upload<T: Element>(&self, rows: usize, cols: usize, data: &[T]) -> Result<Tensor<Self, T>>;

    /// Overwrites a tensor with the host's numbers, row-major.
    fn write<T: Element>(&self, to: &mut Tensor<Self, T>, data: &[T]) -> Result<()>;

    /// Copies the tensor's numbers, row-major. It waits for all earlier ops.
    fn read<T: Element>(&self, from: &Tensor<Self, T>, to: &mut [T]) -> Result<()>;

    /// Returns the tensor's numbers, row-major. It waits for all earlier ops.
    fn download<T: Element>(&self, from: &Tensor<Self, T>) -> Result<Vec<T>> {
        let mut numbers = vec![T::default(); from.rows() * from.cols()];
        self.read(from, &mut numbers)?;
        Ok(numbers)
    }

    /// Waits until every op has run.
    fn synchronise(&self) -> Result<()>;

    /// Runs `step` this many times. It calls `after` whenever a step has been handed to the device, and it stops if
    /// `after` says so. Returns the number of steps that were run.
    ///
    /// A device may call `step` once, record its launches and repeat them. So a step has to ask for the same ops with
    /// the same tensors and parameters each time. It must not allocate or download, and it takes all changing numbers
    /// from the clock.
    ///
    /// # Errors
    /// The errors of `step`.
    fn repeat(
        &self,
        times: usize,
        step: &mut dyn FnMut() -> Result<()>,
        after: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<usize> {
        one_by_one(times, step, after)
    }

    /// Returns a good number of rows for one part of a scan over many images. These rows keep the device busy and still
    /// fit in its caches.
    fn scan_rows(&self) -> usize {
        1_280
    }

    // -- what comes in --------------------------------------------------------------------------------------

    /// See [`Augment`].
    fn augment(&self, op: Checked<Augment<Self>>) -> Result<()>;
    /// See [`Gather`].
    fn gather(&self, op: Checked<Gather<Self>>) -> Result<()>;
    /// See [`DrawLabels`].
    fn draw_labels(&self, op: Checked<DrawLabels<Self>>) -> Result<()>;
    /// See [`Select`].
    fn select(&self, op: Checked<Select<Self>>) -> Result<()>;
    /// See [`Normalise`].
    fn normalise(&self, op: Checked<Normalise<Self>>) -> Result<()>;

    // -- the current ----------------------------------------------------------------------------------------

    /// See [`MatMul`].
    fn matmul(&self, op: Checked<MatMul<Self>>) -> Result<()>;
    /// See [`LabelCurrent`].
    fn label_current(&self, op: Checked<LabelCurrent<Self>>) -> Result<()>;

    // -- the units and their goodness -----------------------------------------------------------------------

    /// See [`UnitsForward`].
    fn units_forward(&self, op: Checked<UnitsForward<Self>>) -> Result<()>;
    /// See [`RowGoodness`].
    fn row_goodness(&self, op: Checked<RowGoodness<Self>>) -> Result<()>;
    /// See [`LabelGoodness`].
    fn label_goodness(&self, op: Checked<LabelGoodness<Self>>) -> Result<()>;

    // -- learning -------------------------------------------------------------------------------------------

    /// See [`LocalGrad`].
    fn local_grad(&self, op: Checked<LocalGrad<Self>>) -> Result<()>;
    /// See [`SliceSignals`].
    fn slice_signals(&self, op: Checked<SliceSignals<Self>>) -> Result<()>;
    /// See [`SliceGrad`].
    fn slice_grad(&self, op: Checked<SliceGrad<Self>>) -> Result<()>;
    /// See [`ShareGrad`].
    fn share_grad(&self, op: Checked<ShareGrad<Self>>) -> Result<()>;
    /// See [`SumRows`].
    fn sum_rows(&self, op: Checked<SumRows<Self>>) -> Result<()>;
    /// See [`SoftmaxLoss`].
    fn softmax_loss(&self, op: Checked<SoftmaxLoss<Self>>) -> Result<()>;
    /// See [`UnitsBackward`].
    fn units_backward(&self, op: Checked<UnitsBackward<Self>>) -> Result<()>;
    /// See [`Update`].
    fn update(&self, op: Checked<Update<Self>>) -> Result<()>;
    /// See [`Advance`].
    fn advance(&self, op: Checked<Advance<Self>>) -> Result<()>;

    // -- what travels to other ranks ------------------------------------------------------------------------

    /// See [`Pack`].
    fn pack(&self, op: Checked<Pack<Self>>) -> Result<()>;
    /// See [`Unpack`].
    fn unpack(&self, op: Checked<Unpack<Self>>) -> Result<()>;

    // -- linear units only ----------------------------------------------------------------------------------

    /// See [`RowFactor`].
    fn row_factor(&self, op: Checked<RowFactor<Self>>) -> Result<()>;
    /// See [`ShareGoodness`].
    fn share_goodness(&self, op: Checked<ShareGoodness<Self>>) -> Result<()>;
    /// See [`PairLosses`].
    fn pair_losses(&self, op: Checked<PairLosses<Self>>) -> Result<()>;
}

/// Runs `step` this many times, or until `after` says that it is enough. Returns the number of steps that were run. Unlike
/// [`Device::repeat`], nothing is recorded, so a step may do anything.
///
/// # Errors
/// The errors of `step`.
pub fn one_by_one(
    times: usize,
    step: &mut dyn FnMut() -> Result<()>,
    after: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<usize> {
    for done in 1..=times {
        step()?;
        if after().is_break() {
            return Ok(done);
        }
    }
    Ok(times)
}
