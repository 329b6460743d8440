//! What several ops ask of their arguments.

pub(crate) use ff_tensor::checks::{expect_copies, expect_factor, expect_shares};

use ff_tensor::Tensor;

use crate::Cpu;

/// The numbers, if there are any.
pub(crate) fn slice(tensor: Option<&Tensor<Cpu>>) -> Option<&[f32]> {
    tensor.map(|tensor| tensor.data.as_slice())
}
