//! What several ops ask of their arguments.

use ff_tensor::{Error, Result, Tensor, expect_shape};

use crate::Cpu;

/// The numbers, if there are any.
pub(crate) fn slice(tensor: Option<&Tensor<Cpu>>) -> Option<&[f32]> {
    tensor.map(|tensor| tensor.data.as_slice())
}

/// A factor, if there is one, has a number for each of `rows` rows.
pub(crate) fn expect_factor(op: &'static str, factor: Option<&Tensor<Cpu>>, rows: usize) -> Result<()> {
    factor.map_or(Ok(()), |factor| expect_shape(op, "factor", factor.shape(), [rows, 1]))
}

/// Shares are a row for each of `batch` images, and at least one for a label.
pub(crate) fn expect_shares(
    op: &'static str,
    tensor: &'static str,
    got: [usize; 2],
    batch: usize,
    units: usize,
) -> Result<()> {
    expect_shape(op, tensor, got, [got[0].max(batch + 1), units])
}

/// `got` has to be a batch of which `copies` is a whole number of copies.
pub(crate) fn expect_copies(
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
