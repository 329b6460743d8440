//! Spiking networks that learn with the Forward-Forward algorithm, on any device: no backpropagation, each layer learns
//! from its own goodness.
//!
//! # In the order in which data flows
//!
//! 1. A [`Config`] has all settings; its default is the snnTorch tutorial's network. [`Config::validate`] says by its key
//!    what cannot be.
//! 2. A [`Network`] is that config with weights on a [`Device`](ff_tensor::Device): random ones, or given
//!    [`LayerWeights`], `[in, out]` each.
//! 3. A [`Trainer`] takes images `[n, pixels]`, a byte a pixel, and labels `[n]` to the device, and an epoch's order of
//!    them at a time. Of each image it makes a positive, with its true label in the first pixels, and a negative, with a
//!    wrong one ([`Negatives`]). [`training`] is that loop.
//! 4. A [`Layer`] answers: it normalises what comes in, weighs it, runs its units, and has a *goodness*, the mean of its
//!    squared signals. It learns to give positives more of it than negatives ([`ObjectiveKind`]), from that alone: see
//!    [`layer`], which is the algorithm. All layers learn on each batch, or one after the other ([`Schedule`]); between them
//!    go signals or spikes ([`Link`]).
//! 5. An [`EpochReport`] has the loss of each layer that learned.
//! 6. A [`Predictor`] tries all labels on each image `[n, pixels]`; [`Scores`] has their goodness `[n, classes]` for each
//!    layer, and the label with the most. Or a [`Head`] beside each layer tells the label in one pass ([`head`]).
//! 7. A [`Checkpoint`] is a training that was stopped, on its way to a file and back ([`checkpoint`]).
//! 8. A [`Model`] is a network as a file, with its settings and its [`Origin`]; [`Model::import`] takes PyTorch's weights.
//!
//! [`trace()`] shows what each unit does for one image, step by step. [`trial`] asks whether a device computes what another
//! one does. [`backprop`] is the other way of learning, by hand in the same engine, to measure this one by. [`tutorial`]
//! repeats the snnTorch tutorial to the digit, with [`torch`]'s random numbers.
//!
//! The same seed gives the same bits, whatever the number of threads.
//!
//! # Errors
//!
//! Every [`Error`] is one sentence: a setting that cannot be, by its key; a label that is no class; a loss that is no longer
//! a number, with layer, epoch and batch; a model file that cannot be used, by its path; or what the device said, which is
//! where arrays of a wrong shape end. Nothing here panics on what comes from outside.
//!
//! # Examples
//!
//! They stand in the crate `forward-forward`, which hands on what is here together with devices and data.

#![forbid(unsafe_code)]

pub mod check;
pub mod checkpoint;
mod config;
mod connection;
mod control;
mod error;
mod file;
pub mod formulas;
pub mod head;
mod heads;
mod import;
pub mod input;
mod label_overlay;
pub mod layer;
pub mod layers;
mod linear;
mod model;
mod network;
mod order;
pub mod pairs;
pub mod pass;
pub mod prediction;
pub mod seeds;
mod trace;
pub mod training;
pub mod trial;
pub mod upload;

pub use checkpoint::Checkpoint;
pub use config::{
    Config, LifConfig, Link, NegativesConfig, NeuronConfig, ObjectiveConfig, Schedule, SurrogateKind,
};
pub use connection::{Connection, Dense};
pub use control::{Control, Progress, to_the_end};
pub use error::{Error, Result};
pub use head::Head;
pub use input::{Input, Overlay};
pub use label_overlay::{ImageSet, LabelOverlay};
pub use layer::Layer;
pub use model::{Model, Origin};
pub use network::{LayerWeights, Network, uniform};
pub use order::epoch_order;
pub use pairs::Pairs;
pub use prediction::{Predictor, Scores};
pub use trace::{Trace, trace};
pub use training::{EpochReport, Trainer};
