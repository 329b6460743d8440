//! Layers, networks, objectives, training and prediction: the Forward-Forward algorithm itself, on any device.
//!
//! Read [`layer`] first: it is the algorithm, and holds nothing but the order of the ops. [`network`] stacks
//! layers, [`training`] feeds them batches, [`checkpoint`] keeps one that was stopped, [`prediction`] asks them for every label's goodness. [`backprop`] is the other way of learning,
//! to measure this one by.

pub mod backprop;
pub mod checkpoint;
pub mod config;
pub mod error;
mod file;
pub mod head;
mod import;
pub mod layer;
pub mod model;
pub mod network;
pub mod prediction;
pub mod torch;
pub mod trace;
pub mod training;
pub mod trial;
pub mod tutorial;
mod upload;

pub use backprop::{Backprop, BackpropTrainer};
pub use checkpoint::Checkpoint;
pub use config::{Config, Link, Negatives, ObjectiveKind, Schedule};
pub use error::{Error, Result};
pub use head::Head;
pub use layer::Layer;
pub use model::{Model, Origin};
pub use network::{LayerWeights, Network, Purpose};
pub use prediction::{Predictor, Scores};
pub use trace::{Trace, trace};
pub use training::{EpochReport, Trainer};

/// The README's example, compiled and run by `cargo test`.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
