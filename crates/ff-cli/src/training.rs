//! This module begins a training.

use ff_data::Dataset;
use ff_net::{Network, Trainer};
use ff_tensor::Device;

use crate::settings::Settings;

/// Makes the trainer of `network`, which may be the part of a rank. It holds out the last training images by itself, as the
/// settings say.
pub fn begin<D: Device>(
    network: Network<D>,
    settings: &Settings,
    set: &Dataset,
) -> ff_net::Result<Trainer<D>> {
    let trainer = Trainer::new(network, &set.train.images, &set.train.labels)?;
    trainer.augmented(&settings.augment, set.width, set.height)
}
