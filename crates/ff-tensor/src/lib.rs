//! The vocabulary of the engine: what a [`Device`] can do, the [`Tensor`]s it does it on, and the parameters
//! of each op.
//!
//! Everything else speaks in these words: `ff-cpu` implements them, `ff-net` puts them in order. This crate
//! computes nothing itself but random draws, which have to be equal on every device.

pub mod augmentation;
pub mod checks;
pub mod device;
pub mod error;
pub mod params;
pub mod random;
pub mod tensor;

pub use augmentation::Augmentation;
pub use device::{CurrentGrad, Device};
pub use error::{Error, Result, expect_shape};
pub use params::{
    Adam, Augment, Dropout, Gather, Goodness, LabelDraw, LabelRow, LocalLoss, Neuron, NeuronKind, Norm,
    NormKind, Objective, Output, Reset, Softmax, Surrogate,
};
pub use tensor::{Clock, Element, Tensor};
