//! What can go wrong between a caller and a device.

/// The result of an op.
pub type Result<T> = std::result::Result<T, Error>;

/// An op that was asked for something impossible, or a device that failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor does not have the shape that the op needs.
    #[error("{op}: `{tensor}` is {got:?} but {expected:?} is needed")]
    Shape {
        /// The op that refused.
        op: &'static str,
        /// The argument's name in the op's signature.
        tensor: &'static str,
        /// The shape that was handed in, `[rows, columns]`.
        got: [usize; 2],
        /// The shape that the other arguments ask for.
        expected: [usize; 2],
    },
    /// A parameter that cannot be.
    #[error("{op}: {reason}")]
    Parameter {
        /// The op that refused.
        op: &'static str,
        /// Which parameter, and what is wrong with it.
        reason: String,
    },
    /// The device has no room.
    #[error("{device}: out of memory: {} asked for, {} free", size(*.needed), size(*.free))]
    Memory {
        /// Which device, as it names itself.
        device: String,
        /// Bytes that were asked for.
        needed: usize,
        /// Bytes that there were.
        free: usize,
    },
    /// The device itself failed: a driver's error.
    #[error("{device}: {reason}")]
    Device {
        /// Which device, as it names itself.
        device: String,
        /// What it said.
        reason: String,
    },
}

/// Bytes, for people.
fn size(bytes: usize) -> String {
    match bytes as f64 {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b => format!("{b} bytes"),
    }
}

/// Whether `got` is the shape that the op needs.
///
/// # Errors
/// If it is not: names op, tensor and both shapes.
pub fn expect_shape(
    op: &'static str,
    tensor: &'static str,
    got: [usize; 2],
    expected: [usize; 2],
) -> Result<()> {
    if got == expected { Ok(()) } else { Err(Error::Shape { op, tensor, got, expected }) }
}
