//! What a device can do: memory, and the ops of the algorithm.
//!
//! One sample's path through training is the table of contents: `augment`, `gather`, `draw_labels`, `matmul`,
//! `label_current`, `local_grad`, `share_grad`, `matmul`, `update`. When the network only answers, `units_forward` and
//! `row_goodness` stand in the place of `local_grad`. Each op is a struct in [`ops`](crate::ops), which says its equation
//! and its shapes; `op.on(&dev)` checks it and runs it.
//!
//! Every op is what a single kernel launch can be: every buffer belongs to the caller, nothing is allocated, nothing is read
//! back to the host. What changes from step to step (which batch, the optimiser's step, the counter of random draws) stands
//! in a [`Clock`](crate::Clock) on the device.

use std::ops::ControlFlow;

use crate::error::Result;
use crate::memory::{Element, Memory};
use crate::ops::*;
use crate::tensor::Tensor;

/// A place to compute. Cloning gives another handle to the same device.
///
/// # Errors
/// Any method may say that there is no room, or that the device itself failed. A device that is handed another device's
/// tensor refuses it.
#[allow(clippy::missing_errors_doc)] // they are the same for all of them
pub trait Device: Memory + Clone + Send + Sync {
    /// What the device calls itself: `cpu`, `cuda:0`.
    fn name(&self) -> String;

    // -- memory ---------------------------------------------------------------------------------------------

    /// A tensor of zeros.
    fn zeros<T: Element>(&self, rows: usize, cols: usize) -> Result<Tensor<Self, T>>;

    /// A tensor with the host's numbers, row-major.
    fn upload<T: Element>(&self, rows: usize, cols: usize, data: &[T]) -> Result<Tensor<Self, T>>;

    /// Overwrites a tensor with the host's numbers, row-major.
    fn write<T: Element>(&self, to: &mut Tensor<Self, T>, data: &[T]) -> Result<()>;

    /// The tensor's numbers, row-major; waits for all ops before it.
    fn download<T: Element>(&self, from: &Tensor<Self, T>) -> Result<Vec<T>>;

    /// Waits until every op has run.
    fn synchronise(&self) -> Result<()>;

    /// Runs `step` so many times, and `after` whenever one has been handed to the device, unless that says to stop. Gives the
    /// number of steps that were run.
    ///
    /// A device may call `step` once, record its launches and repeat them. So a step asks for the same ops with the same
    /// tensors and parameters each time, neither allocates nor downloads, and takes what changes from the clock.
    ///
    /// # Errors
    /// What `step` says.
    fn repeat(
        &self,
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

    /// Rows that a scan over many images does well to take at a time: enough to keep the device busy, few enough to stay
    /// in its caches.
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

    // -- linear units only ----------------------------------------------------------------------------------

    /// See [`RowFactor`].
    fn row_factor(&self, op: Checked<RowFactor<Self>>) -> Result<()>;
    /// See [`ShareGoodness`].
    fn share_goodness(&self, op: Checked<ShareGoodness<Self>>) -> Result<()>;
    /// See [`PairLosses`].
    fn pair_losses(&self, op: Checked<PairLosses<Self>>) -> Result<()>;
}
