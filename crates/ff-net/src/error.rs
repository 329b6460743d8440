//! What can go wrong in building, training, saving and loading a network.

use std::path::PathBuf;

/// The result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, Error>;

/// One sentence each: what is wrong, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that cannot be.
    #[error("`{key}` {reason}")]
    Config {
        /// The setting's key, such as `epochs` or `neuron.lif.beta`.
        key: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// A label that is no class.
    #[error("image {image} has label {label}, but there are {classes} classes")]
    Label {
        /// Counted from 0.
        image: usize,
        /// What it has.
        label: u8,
        /// Labels are below this.
        classes: usize,
    },
    /// An epoch after the last one was asked for.
    #[error("the training has ended after its {epochs} epochs; `Trainer::extend` makes it longer")]
    Ended {
        /// Epochs that it had.
        epochs: usize,
    },
    /// Whoever was told of the progress said that it was enough.
    #[error("stopped before the end")]
    Stopped,
    /// The loss stopped being a number.
    #[error("the loss of layer {layer} became {loss} in epoch {epoch}, batch {batch}")]
    Diverged {
        /// Counted from 1.
        layer: usize,
        /// Counted from 1.
        epoch: usize,
        /// Counted from 1.
        batch: usize,
        /// NaN or infinity.
        loss: f32,
    },
    /// A model file or a checkpoint that cannot be used.
    #[error("{}: {reason}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A checkpoint of another training.
    #[error("the checkpoint {reason}")]
    Checkpoint {
        /// What does not fit.
        reason: String,
    },
    /// The device refused.
    #[error(transparent)]
    Device(#[from] ff_tensor::Error),
}
