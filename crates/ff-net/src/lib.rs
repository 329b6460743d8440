//! Spiking networks that learn with the Forward-Forward algorithm, on any device. There is no backpropagation: each layer
//! learns from its own goodness.
//!
//! # In the order in which data flows
//!
//! 1. A [`Config`] has all settings. Its default is the snnTorch tutorial's network. [`Config::validate`] names a setting that
//!    cannot be, by its key.
//! 2. A [`Network`] is that config with weights on a [`Device`](ff_tensor::Device): random ones, or given
//!    [`LayerWeights`], `[in, out]` each.
//! 3. [`Pairs`] are positives and negatives. [`LabelOverlay`] makes them of images `[n, pixels]`, a byte a pixel, and labels
//!    `[n]`: the positive has its true label in the first pixels, the negative a wrong one. A source of your own may make them
//!    of anything ([`pairs`]).
//! 4. A [`Trainer`] owns the pairs, their order, gradients, moments and the streams of random numbers ([`seeds`]).
//!    [`Trainer::epoch`] is a whole epoch. [`Control`] is how it tells of progress and is stopped.
//! 5. A [`Layer`] is a [`Connection`] and its units. It has a *goodness*, by default the mean of its squared signals, and
//!    learns to give more of it to positives than to negatives, from that alone. [`layer`] is the algorithm. All layers learn on
//!    each batch, or one after the other ([`Schedule`]). Between them go signals or spikes ([`Link`]).
//! 6. An [`EpochReport`] has the loss of each layer that learned.
//! 7. A [`Predictor`] tries all labels on each image. [`Scores`] has their goodness `[n, classes]` for each layer, and the label
//!    with the most. Or a [`Head`] beside each layer tells the label in one pass ([`head`]).
//! 8. A [`Checkpoint`] is a training that was stopped, on its way to a file and back. [`Trainer::save`] and [`Stored`] do
//!    without a copy of it in memory.
//! 9. A [`Model`] is a network as a file, with its settings and its [`Origin`]. [`Model::import`] takes PyTorch's weights.
//!
//! [`formulas`] has the engine's own neurons, goodness, objectives and optimiser, one file each. [`check`] proves formulas of
//! your own. [`trace()`] shows what each unit does for one image, step by step. [`trial`] asks whether a device computes what
//! another one does.
//!
//! [`Network::over_units`] and [`Network::over_layers`] make the part that one of several [ranks](peers) has. A trainer and a
//! predictor take it as they take a whole network.
//!
//! On one kind of processor, the same seed gives the same bits, whatever the number of threads.
//!
//! # Errors
//!
//! Every [`Error`] is one sentence. It names a setting that cannot be, by its key; a label that is no class; a loss that is no
//! longer a number, with layer, epoch and batch; a model file that cannot be used, by its path; or it says what the device
//! said, for instance that an array has the wrong shape. Nothing here panics on what comes from outside.

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
mod kept;
mod label_overlay;
pub mod layer;
pub mod layers;
mod linear;
mod model;
mod network;
mod order;
pub mod pairs;
pub mod pass;
pub mod peers;
pub mod prediction;
mod ranks;
pub mod rendezvous;
mod restoring;
mod saving;
pub mod seeds;
mod slices;
mod source;
mod stages;
mod stream;
mod trace;
pub mod training;
pub mod transport;
pub mod trial;
pub mod upload;

pub use checkpoint::Checkpoint;
pub use config::{
    Config, Kind, LifConfig, Link, NegativesConfig, NeuronConfig, ObjectiveConfig, Schedule, SurrogateKind,
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
pub use peers::Peers;
pub use prediction::{Predictor, Scores};
pub use restoring::Stored;
pub use trace::{Trace, trace};
pub use training::{EpochReport, Trainer};
