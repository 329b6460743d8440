//! The vocabulary of a Forward-Forward engine for spiking networks: what a [`Device`] can do, the [`Tensor`]s it does it
//! on, and the parameters of each op. `ff-cpu` and `ff-cuda` are devices, `ff-net` puts their ops in order.
//!
//! In the order in which data flows:
//!
//! | op | what it does | its parameters |
//! |---|---|---|
//! | [`gather`](Device::gather) | fetches a batch of images `[B, in]`, makes room for the label, normalises | [`Gather`], [`Norm`] |
//! | [`draw_labels`](Device::draw_labels) | a wrong label for each image | [`LabelDraw`] |
//! | [`matmul`](Device::matmul) | meets the weights `[in, out]` | |
//! | [`label_current`](Device::label_current) | the current of each copy: its image's and its label's | [`LabelRow`] |
//! | [`lif`](Device::lif) | the units, over all time steps: signals `[R, n]`, spikes `[R T, n]` | [`Neuron`] |
//! | [`goodness`](Device::goodness) | one number for each row `[R, 1]` | [`Goodness`] |
//! | [`local_grad`](Device::local_grad) | those two, the loss, and back to the current, in closed form | [`LocalLoss`], [`Objective`] |
//! | [`share_grad`](Device::share_grad) | what all copies of an image want of its current | [`CurrentGrad`] |
//! | [`adam`](Device::adam) | moves the weights | [`Adam`] |
//!
//! [`device`] says what B, R, T and *shares* are, and what an op may not do. What changes from step to step is in a
//! [`Clock`]. This crate computes nothing itself but [`random`] draws, which have to be equal on every device.
//!
//! # Errors
//!
//! An op returns [`Error`]: a tensor of the wrong shape, with the op's and the tensor's name and both shapes; no room; or
//! what the device's driver said. Numbers are not looked at: a NaN goes through.
//!
//! # Writing a device
//!
//! Implement [`Device`], with [`checks`] for the shapes; every method says its equation, and the tests of the repository
//! (`tests/devices`) compare each op with the CPU's, bit for bit.

#![forbid(unsafe_code)]

pub mod augmentation;
pub mod checks;
pub mod constants;
pub mod device;
mod error;
mod params;
pub mod random;
mod tensor;

pub use augmentation::Augmentation;
pub use device::{CurrentGrad, Device};
pub use error::{Error, Result, expect_shape};
pub use params::{
    Adam, Augment, Dropout, Gather, Goodness, LabelDraw, LabelRow, LocalLoss, Neuron, NeuronKind, Norm,
    NormKind, Objective, Output, Reset, Softmax, Surrogate,
};
pub use tensor::{Clock, Element, Tensor};
