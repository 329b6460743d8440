//! Spiking neural networks that learn with the Forward-Forward algorithm, without backpropagation. This is the one crate
//! to name: it has no code of its own, and hands on what you need from the others.
//!
//! | here | what it has | its crate |
//! |---|---|---|
//! | the root | settings, networks, training, prediction, model files; your formulas' traits | [`ff_net`], [`ff_tensor`] |
//! | [`formulas`] | the engine's own neurons, goodness, objectives and optimiser | [`ff_net::formulas`] |
//! | [`check`] | proof for formulas of your own | [`ff_net::check`] |
//! | [`cpu`] | the processor as a device: [`cpu::Cpu`] | [`ff_cpu`] |
//! | `cuda` | an NVIDIA GPU as a device, with the feature `cuda`, which is on by default | `ff_cuda` |
//! | [`data`] | data sets: found, fetched, read or drawn | [`ff_data`] |
//! | [`tensor`] | tensors and the single steps of the algorithm | [`ff_tensor`] |
//! | [`yardstick`] | backpropagation and snnTorch's tutorial, to compare with | [`ff_yardstick`] |
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
//! # Parts of your own
//!
//! Each is one type, in one file of your own, and the ordinary [`Trainer`] trains with it:
//!
//! | part | trait | how the network gets it | example |
//! |---|---|---|---|
//! | a neuron | [`Neuron`] | `network.layers[i].units = Arc::new(..)` | `03-new-neuron` |
//! | a goodness | [`Goodness`] | `network.layers[i].goodness = Arc::new(..)` | `04-new-objective` |
//! | an objective | [`Objective`] | `network.objective = Arc::new(..)` | `04-new-objective` |
//! | an optimiser | [`Optimiser`] | `network.optimiser = Some(Arc::new(..))` | `08-new-optimiser` |
//! | a connection | [`Connection`] | `network.layers[i].connection = Box::new(..)` | `09-new-connection` |
//! | pairs | [`Pairs`] | [`Trainer::with_pairs`] | `02-own-data`, `10-without-labels` |
//!
//! The others are `05-watch-goodness`, `06-continual` and `07-predict`: `cargo run -p forward-forward --example 07-predict`.

#![forbid(unsafe_code)]

// Settings.
pub use ff_net::formulas;
pub use ff_net::{
    Config, LifConfig, Link, NegativesConfig, NeuronConfig, ObjectiveConfig, Schedule, SurrogateKind,
};
pub use ff_tensor::{Augmentation, NormKind};

// Networks, and what a layer does.
pub use ff_net::{Connection, Dense, Head, Input, Layer, LayerWeights, Network, head, input, layer, pass};
pub use ff_tensor::Device;

// Formulas of your own.
pub use ff_net::check;
pub use ff_tensor::{Formula, Goodness, Neuron, Numbers, Objective, Optimiser, PairLoss, Readout, Units};

// Training.
pub use ff_net::{
    Checkpoint, Control, EpochReport, Pairs, Progress, Trainer, checkpoint, epoch_order, pairs, training,
};

// Prediction, and a look inside.
pub use ff_net::{Predictor, Scores, Trace, prediction, trace, trial};

// Files.
pub use ff_net::{Model, Origin};

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
#[doc(inline)]
pub use ff_yardstick as yardstick;
pub use ndarray;
