//! What several ops ask of their arguments.

pub(crate) use ff_tensor::checks::{
    expect_augment, expect_bias, expect_copies, expect_factor, expect_pairs, expect_shares, expect_units,
};

use ff_tensor::{Clock, Result, Tensor, expect_shape};

use crate::Cpu;

/// The numbers, if there are any.
pub(crate) fn slice(tensor: Option<&Tensor<Cpu>>) -> Option<&[f32]> {
    tensor.map(|tensor| tensor.data.as_slice())
}

/// The part of an epoch's losses that belongs to the clock's batch.
///
/// # Errors
/// If it lies beyond the end.
pub(crate) fn this_batch<'a>(
    op: &'static str,
    losses: &'a mut Tensor<Cpu>,
    batch: usize,
    clock: &Clock<Cpu>,
) -> Result<&'a mut [f32]> {
    let start = clock.data[1] as usize * batch;
    expect_shape(op, "losses", losses.shape(), [losses.rows().max(start + batch), 1])?;
    Ok(&mut losses.data[start..start + batch])
}
