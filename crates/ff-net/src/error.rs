//! This module lists what can go wrong in building, training, saving and loading a network.

use std::path::PathBuf;

/// The result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of this crate. Its message is one sentence that says what is wrong, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting has an impossible value.
    #[error("`{key}` {reason}")]
    Config {
        /// The setting's key, such as `epochs` or `neuron.lif.beta`.
        key: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// An image has a label that is no class.
    #[error("image {image} has label {label}, but there are {classes} classes")]
    Label {
        /// The index of the image, counted from 0.
        image: usize,
        /// The label that it has.
        label: u8,
        /// The number of classes. Labels are below this.
        classes: usize,
    },
    /// An epoch after the last one was asked for.
    #[error("the training has ended after its {epochs} epochs; `Trainer::extend` makes it longer")]
    Ended {
        /// The number of epochs that the training had.
        epochs: usize,
    },
    /// The control that was told of the progress asked to stop.
    #[error("stopped before the end")]
    Stopped,
    /// The loss stopped being a number.
    #[error("the loss of layer {layer} became {loss} in epoch {epoch}, batch {batch}")]
    Diverged {
        /// The number of the layer, counted from 1.
        layer: usize,
        /// The number of the epoch, counted from 1.
        epoch: usize,
        /// The number of the batch, counted from 1.
        batch: usize,
        /// The loss, which is NaN or infinite.
        loss: f32,
    },
    /// A model file or a checkpoint cannot be used.
    #[error("{}: {reason}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A checkpoint belongs to another training.
    #[error("the checkpoint {reason}")]
    Checkpoint {
        /// This says what does not fit.
        reason: String,
    },
    /// The device refused an operation.
    #[error(transparent)]
    Device(#[from] ff_tensor::Error),
}
