//! Images, each a little different in each epoch: shifted, turned, scaled, slanted, bent.
//!
//! ```text
//! out(p) = image(M (p - c) + t + d(p) + c)      p, c, t, d(p): x and y in pixels; c: the image's middle
//! ```
//!
//! All that a list does to an image becomes one such map from a pixel of `out` to the place in `image` that it
//! comes from, and the image is read once, so a long list blurs no more than a short one. Between pixels the image
//! is bilinear, around it is background. A map by whole pixels copies bytes.
//!
//! An image depends only on the list, the seed, the epoch and its index. Its draws are words of a stream of ChaCha's, which
//! counts them, so that whoever needs the hundredth need not draw those before. No function is used whose last bit differs
//! between systems. Only places change: ink gets no noise and no contrast.

mod draws;
mod map;

use ff_tensor::Augmentation;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;

use draws::Draws;
use map::Map;

/// What is done to the images of an epoch.
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
