//! This module lists the errors between a caller and a device.

/// The result of an op.
pub type Result<T> = std::result::Result<T, Error>;

/// Either the caller asked an op for something impossible, or a device failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor does not have the shape that the op needs.
    #[error("{op}: `{tensor}` is {got:?} but {expected:?} is needed")]
    Shape {
        /// The op that refused.
        op: &'static str,
        /// The argument's name in the op.
        tensor: &'static str,
        /// The shape that the caller passed, `[rows, columns]`.
        got: [usize; 2],
        /// The shape that the other arguments require.
        expected: [usize; 2],
    },
    /// A parameter has an impossible value.
    #[error("{op}: {reason}")]
    Parameter {
        /// The op that refused.
        op: &'static str,
        /// Says which parameter it is and what is wrong with it.
        reason: String,
    },
    /// The device has too little memory.
    #[error("{device}: out of memory: {} asked for, {} free", size(*.needed), size(*.free))]
    Memory {
        /// The device's own name.
        device: String,
        /// The number of bytes that the caller asked for.
        needed: usize,
        /// The number of bytes that were free.
        free: usize,
    },
    /// The device itself failed, and its driver reported an error.
    #[error("{device}: {reason}")]
    Device {
        /// The device's own name.
        device: String,
        /// The driver's message.
        reason: String,
    },
}

/// Formats a number of bytes for people to read.
fn size(bytes: usize) -> String {
    match bytes as f64 {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b => format!("{b} bytes"),
    }
}

/// Checks that `got` is the shape that the op needs.
///
/// # Errors
/// If it is not. The error names the op, the tensor and both shapes.
pub fn expect_shape(
    op: &'static str,
    tensor: &'static str,
    got: [usize; 2],
    expected: [usize; 2],
) -> Result<()> {
    if got == expected { Ok(()) } else { Err(Error::Shape { op, tensor, got, expected }) }
}
