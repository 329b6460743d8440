//! This module begins a training, or goes on with one from a checkpoint.

use ff_data::Dataset;
use ff_net::{Checkpoint, Network, Trainer};
use ff_tensor::Device;

use crate::settings::Settings;

/// Makes the trainer. It holds out the last training images by itself, as the settings say.
pub fn begin<D: Device>(
    dev: &D,
    settings: &Settings,
    set: &Dataset,
    from: Option<&Checkpoint>,
) -> ff_net::Result<Trainer<D>> {
    let (images, labels) = (&set.train.images, &set.train.labels);
    let trainer = match from {
        Some(checkpoint) => checkpoint.trainer(dev, images, labels)?,
        None => {
            let network = Network::new(dev, settings.config.clone(), set.width * set.height, set.classes)?;
            Trainer::new(network, images, labels)?
        }
    };
    // A checkpoint has its own list of augmentations, which this list replaces. Checkpoints of older programs have none.
    trainer.augmented(&settings.augment, set.width, set.height)
}
