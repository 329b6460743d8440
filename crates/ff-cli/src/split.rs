//! Which of a data set's training images are learned from, which are held out, and on which of them errors are measured.

use ff_data::Samples;
use ff_net::Config;

use crate::failure::{Failure, Outcome};

/// Images on which each epoch's error is measured where none are held out.
pub const EPOCH_IMAGES: usize = 2_000;
/// Images on which the final training error is measured, as many as MNIST has for the test.
pub const TRAIN_ERROR_IMAGES: usize = 10_000;

/// The images to learn from, and those that are held out.
pub fn split(all: &Samples, config: &Config) -> Outcome<(Samples, Samples)> {
    if config.validation_samples >= all.len() {
        let message = format!("holding {} images out leaves none to train on", config.validation_samples);
        return Err(Failure::new(message).advise("`--set validation_samples=N` with a smaller N"));
    }
    let (train, held_out) = all.split_last(config.validation_samples);
    let train = if config.train_samples > 0 { train.take(config.train_samples) } else { train };
    Ok((train, held_out))
}
