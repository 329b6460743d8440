//! `op.on(&dev)`: check an op, then run it.

use crate::device::Device;
use crate::error::Result;
use crate::ops::*;

/// Gives each op its `on`: check it, then run it.
macro_rules! runs {
    ($($op:ident => $method:ident),* $(,)?) => {$(
        impl<D: Device> $op<'_, D> {
            /// Checks the op and runs it on a device.
            ///
            /// # Errors
            /// What does not fit, or what the device says.
            pub fn on(self, dev: &D) -> Result<()> {
                dev.$method(Checked::new(self)?)
            }
        }
    )*};
}

runs! {
    Augment => augment, Gather => gather, DrawLabels => draw_labels, Normalise => normalise, Select => select, MatMul => matmul,
    LabelCurrent => label_current, UnitsForward => units_forward, RowGoodness => row_goodness,
    LabelGoodness => label_goodness, LocalGrad => local_grad, SoftmaxLoss => softmax_loss, ShareGrad => share_grad,
    UnitsBackward => units_backward, SumRows => sum_rows, Update => update, Advance => advance,
    SliceSignals => slice_signals, SliceGrad => slice_grad, Pack => pack, Unpack => unpack,
    RowFactor => row_factor, ShareGoodness => share_goodness, PairLosses => pair_losses,
}
