//! This module changes each image a little in each epoch. Images are shifted, turned, scaled, slanted and bent.
//!
//! ```text
//! out(p) = image(M (p - c) + t + d(p) + c)      p, c, t, d(p): x and y in pixels; c: the image's middle
//! ```
//!
//! All changes of a list become one such map. It leads from a pixel of `out` to the place in `image` from which the
//! pixel comes. The image is read only once, so a long list blurs it no more than a short one. Values between pixels
//! are bilinear, and the surroundings of the image are background. A map by whole pixels copies bytes.
//!
//! A changed image depends only on the list, the seed, the epoch and the image's index. Its random draws are words of a
//! ChaCha stream. ChaCha numbers its streams, so the draws of image 100 do not need those of the images before it. The
//! code uses no function whose last bit differs between systems. Only places change: the ink gets no noise and no
//! change of contrast.

mod draws;
mod map;

use ff_tensor::Augmentation;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;

use draws::Draws;
use map::Map;

/// The changes to the images of an epoch.
pub(crate) struct Change<'a> {
    pub list: &'a [Augmentation],
    pub width: usize,
    pub height: usize,
    pub seed: u64,
    pub epoch: u64,
}

/// See [`ff_tensor::Augment`].
pub(crate) fn augment(out: &mut [u8], images: &[u8], p: &Change) {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&p.seed.to_le_bytes());
    key[8..16].copy_from_slice(&p.epoch.to_le_bytes());
    let (rng, pixels) = (ChaCha8Rng::from_seed(key), p.width * p.height);
    let pairs = out.par_chunks_exact_mut(pixels).zip(images.par_chunks_exact(pixels));
    pairs.enumerate().with_min_len(64).for_each_init(
        || Map::new(p.width, p.height),
        |map, (i, (out, image))| {
            let mut draws = Draws::of_image(&rng, i);
            map.draw(p.list, &mut draws);
            map.read(out, image);
        },
    );
}

#[cfg(test)]
#[path = "augment_tests.rs"]
mod tests;
