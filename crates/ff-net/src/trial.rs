//! This module runs a short training on made-up images. It checks that a device computes the same as another one,
//! before a long training is left to that device.

use ff_tensor::{Augmentation, Device, random};
use ndarray::{Array1, Array2};

use crate::{Config, Network, Result, Trainer};

/// Returns how far the losses on `dev` are from those on `reference`, as a share of the largest. If both devices are
/// sound, the difference is a few roundings. One spike more or less makes some thousandths of the largest loss. The
/// trial takes milliseconds.
///
/// # Errors
/// Fails for a device that fails, or losses that are no numbers.
pub fn disagreement<D: Device, R: Device>(dev: &D, reference: &R) -> Result<f32> {
    let (losses, expected) = (losses(dev)?, losses(reference)?);
    let largest = expected.iter().fold(0.0f32, |largest, loss| largest.max(loss.abs()));
    Ok(losses.iter().zip(&expected).fold(0.0f32, |off, (ours, its)| off.max((ours - its).abs())) / largest)
}

/// Returns the losses of layers and heads in each step of a small spiking net. The net uses all ops that presets use.
///
/// # Errors
/// Fails for a device that fails, or losses that are no numbers.
pub fn losses<D: Device>(dev: &D) -> Result<Vec<f32>> {
    let (images, side, classes) = (80, 6, 4);
    let pixels = side * side;
    let mut config = Config {
        layers: vec![40, 24],
        dropout: 0.1,
        pixel_dropout: 0.1,
        learning_rate: 3e-3,
        epochs: 2,
        batch: 20,
        ..Config::quick()
    };
    config.lif_mut().threshold = 1.0;
    let draw = |seed: u64, i: usize| random::bits(seed, i as u64);
    // Each class has its own pixels. Three in four of the others are dark.
    let pixel = |(image, pixel): (usize, usize)| match (image + pixel).is_multiple_of(classes) {
        true => draw(1, image * pixels + pixel) as u8 | 128,
        false => draw(2, image * pixels + pixel) as u8 * u8::from(draw(3, image * pixels + pixel) % 4 == 0),
    };
    let set = Array2::from_shape_fn((images, pixels), pixel);
    let labels = Array1::from_shape_fn(images, |image| (image % classes) as u8);
    let list = [
        Augmentation::Elastic { strength: 0.5, smoothness: 2.0 },
        Augmentation::Affine { rotate: 90.0, scale: 0.1, shear: 5.0, shift: 0.2 },
    ];
    let trainer = Trainer::new(Network::new(dev, config, pixels, classes)?, &set, &labels)?;
    let mut trainer = trainer.augmented(&list, side, side)?;
    let mut losses = Vec::new();
    for _ in 0..trainer.epochs() {
        let report = trainer.epoch()?;
        losses.extend(report.losses.into_iter().chain(report.head_losses).flat_map(|(_, losses)| losses));
    }
    Ok(losses)
}
