//! This module draws the random numbers of one image.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

/// The random draws for one image.
pub(super) struct Draws(ChaCha8Rng);

impl Draws {
    /// Makes the draws of image number `i`. They come from a stream of its own.
    pub fn of_image(rng: &ChaCha8Rng, i: usize) -> Self {
        let mut own = rng.clone();
        own.set_stream(i as u64);
        Self(own)
    }

    /// Draws a number that is uniform within plus or minus `bound`.
    pub fn within(&mut self, bound: f32) -> f32 {
        bound * ((self.0.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0)
    }

    /// Draws a whole number, one of `-bound..=bound`.
    pub fn whole(&mut self, bound: u32) -> f32 {
        let place = (u64::from(self.0.next_u32()) * (2 * u64::from(bound) + 1)) >> 32;
        place as f32 - bound as f32
    }
}
