//! The vocabulary of a Forward-Forward engine for spiking networks: what a [`Device`] can do, the [`Tensor`]s it does it
//! on, the ops, and the four kinds of formula that anybody can add. `ff-cpu` and `ff-cuda` are devices, `ff-net` puts their
//! ops in order.
//!
//! # Formulas
//!
//! | trait | what it says | once in Rust, once as CUDA text |
//! |---|---|---|
//! | [`Neuron`] | how a current becomes spikes and a signal | `step`, `spike` and their derivatives |
//! | [`Goodness`] | how signals become one number | `term`, `factor` |
//! | [`Objective`] | what a layer minimises | `of_pair` |
//! | [`Optimiser`] | how a gradient moves a weight | `factors`, `update` |
//!
//! # Ops, in the order in which data flows
//!
//! | op | what it does |
//! |---|---|
//! | [`Augment`] | changes each image a little, once an epoch |
//! | [`Gather`] | fetches a batch of images `[B, in]`, makes room for the label, normalises |
//! | [`Select`] | fetches a batch of rows of numbers |
//! | [`DrawLabels`] | draws a wrong label for each image |
//! | [`Normalise`] | scales the rows that come from the layer below |
//! | [`MatMul`] | multiplies with the weights `[in, out]` |
//! | [`LabelCurrent`] | puts the current of each copy together: its image's and its label's |
//! | [`UnitsForward`] | runs the units over all time steps: signals `[R, n]`, spikes `[R T, n]` |
//! | [`RowGoodness`] | makes one number of each row of signals `[R, 1]` |
//! | [`LocalGrad`] | does those two, takes the loss, and goes back to the current, in closed form |
//! | [`ShareGrad`] | collects what all copies of an image want of its current |
//! | [`Update`] | moves the weights |
//!
//! Beside that path stand [`LabelGoodness`] (all labels at once, for hard negatives), [`SoftmaxLoss`] (the heads),
//! [`SumRows`] (biases), [`SliceSignals`] and [`SliceGrad`] (the halves of [`LocalGrad`], for a layer whose units are shared
//! out), [`Pack`] and [`Unpack`] (what travels to other ranks), [`UnitsBackward`] (backpropagation, to compare with),
//! [`Advance`] (the clock) and three ops for linear units.
//!
//! # Errors
//!
//! An op returns [`Error`]: a tensor of the wrong shape, with the op's and the tensor's name and both shapes; a parameter
//! that cannot be; no room; or what the device's driver said. Numbers are not looked at: a NaN goes through.
//!
//! # Writing a device
//!
//! Implement [`Device`]. It is only handed ops that have been checked, and tensors whose storage has the right length. The
//! tests of the repository (`tests/devices`) compare each op with the CPU's, bit for bit.

#![forbid(unsafe_code)]

pub mod augmentation;
pub mod constants;
pub mod device;
mod error;
pub mod formula;
pub mod goodness;
pub mod lanes;
mod memory;
pub mod neuron;
pub mod objective;
mod on;
pub mod ops;
pub mod optimiser;
pub mod packing;
mod params;
pub mod random;
mod scan;
mod tensor;
mod transport;
pub mod units;

pub use augmentation::Augmentation;
pub use device::Device;
pub use error::{Error, Result, expect_shape};
pub use formula::{Formula, Numbers};
pub use goodness::Goodness;
pub use memory::{Element, Memory, Storage};
pub use neuron::{Neuron, Readout};
pub use objective::{Objective, PairLoss};
pub use ops::{
    Advance, Augment, Checked, CurrentGrad, DrawLabels, Gather, LabelCurrent, LabelGoodness, LocalGrad,
    MatMul, Normalise, Op, Pack, PairLosses, RowFactor, RowGoodness, Select, ShareGoodness, ShareGrad,
    SliceGrad, SliceSignals, SoftmaxLoss, SumRows, UnitsBackward, UnitsForward, Unpack, Update,
    expect_augmentations,
};
pub use optimiser::Optimiser;
pub use packing::Packing;
pub use params::{Dropout, Norm, NormKind};
pub use tensor::{Clock, Tensor, element_count};
pub use transport::{Transport, expect_lengths};
pub use units::Units;
