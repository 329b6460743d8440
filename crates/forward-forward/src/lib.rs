//! Spiking neural networks that learn with the Forward-Forward algorithm, without backpropagation. This is the one crate
//! to name: it has no code of its own, and hands on what you need from the others.
//!
//! | here | what it has | its crate |
//! |---|---|---|
//! | the root | settings, networks, training, prediction and model files | [`ff_net`] |
//! | [`cpu`] | the processor as a device: [`cpu::Cpu`] | [`ff_cpu`] |
//! | `cuda` | an NVIDIA GPU as a device, with the feature `cuda`, which is on by default | `ff_cuda` |
//! | [`data`] | data sets: found, fetched, read or drawn; the order of an epoch | [`ff_data`] |
//! | [`tensor`] | tensors and the single steps of the algorithm, for who computes something of his own | [`ff_tensor`] |
//!
//! All images and labels are arrays of [`ndarray`], which is handed on too, so that its version fits.
//!
//! # From images to predictions
//!
//! 1. A [`Config`] has all settings: [`Config::quick`] is a good start.
//! 2. A [`Network`] has weights on a [`Device`].
//! 3. A [`Trainer`] teaches it, epoch by epoch, and says in an [`EpochReport`] how that went.
//! 4. A [`Predictor`] tells the labels of images, as [`Scores`].
//! 5. A [`Model`] is a network as a file. A [`Checkpoint`] is a training as a file.
//!
//! This is `examples/01-train.rs`:
//!
//! ```
#![doc = include_str!("../examples/01-train.rs")]
//! ```
//!
//! The other examples are `02-own-data`, `03-new-neuron`, `04-new-objective`, `05-watch-goodness`, `06-continual` and
//! `07-predict`: `cargo run -p forward-forward --example 07-predict`.

#![forbid(unsafe_code)]

// Settings.
pub use ff_net::{Config, Link, Negatives, ObjectiveKind, Schedule};
pub use ff_tensor::{Augmentation, Goodness, NeuronKind, NormKind, Output, Reset, Surrogate};

// Networks, and what a layer does.
pub use ff_net::{Head, Layer, LayerWeights, Network, Purpose, head, layer};
pub use ff_tensor::Device;

// Training.
pub use ff_net::{Checkpoint, EpochReport, Trainer, checkpoint, training};

// Prediction, and a look inside.
pub use ff_net::{Predictor, Scores, Trace, prediction, trace, trial};

// Files.
pub use ff_net::{Model, Origin};

// What Forward-Forward is compared with.
pub use ff_net::{Backprop, BackpropTrainer, backprop, torch, tutorial};

pub use ff_net::{Error, Result};

#[doc(inline)]
pub use ff_cpu as cpu;
#[cfg(feature = "cuda")]
#[doc(inline)]
pub use ff_cuda as cuda;
#[doc(inline)]
pub use ff_data as data;
#[doc(inline)]
pub use ff_tensor as tensor;
pub use ndarray;
