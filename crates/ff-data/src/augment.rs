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
//! An image depends only on the list, the seed, the epoch and its index. As in [`mod@crate::synthetic`], no
//! function is used whose last bit differs between systems. Only places change: ink gets no noise and no contrast.

mod map;

use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use map::Map;

/// A way of changing an image. A list of them is applied from first to last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Augmentation {
    /// By whole pixels along each axis, each of `-pixels..=pixels` equally likely.
    Shift {
        /// At most, in pixels; 0 to 1,000.
        pixels: u32,
    },
    /// `q - c = R(rotate) K(shear) diag(scale) (p - c) + shift`, about the middle `c`, with
    /// `K(a) = [1, tan a; 0, 1]`; each value uniform within plus or minus its bound (D. Cireşan et al., Deep, Big,
    /// Simple Neural Nets for Handwritten Digit Recognition, 2010). A bound that is not given is 0.
    Affine {
        /// In degrees, 0 to 180.
        #[serde(default)]
        rotate: f32,
        /// Width and height, each on its own, times 1 plus or minus this share, 0 to 0.9.
        #[serde(default)]
        scale: f32,
        /// Slant of vertical lines in degrees, 0 to 60.
        #[serde(default)]
        shear: f32,
        /// Along each axis, in pixels and parts of pixels, 0 to 1,000.
        #[serde(default)]
        shift: f32,
    },
    /// A smooth random displacement of each pixel (P. Simard, D. Steinkraus, J. Platt, Best Practices for
    /// Convolutional Neural Networks Applied to Visual Document Analysis, 2003).
    ///
    /// There, uniform random vectors, one a pixel, are blurred by a Gaussian. Here they stand on a grid as coarse as
    /// the field is smooth, between whose points the cubic B-spline runs, a bell whose deviation is `1 / sqrt(3)` of
    /// the grid's step. This is the Gaussian's field to the eye and to within 0.02 in its correlation,
    /// `exp(-(distance / (2 smoothness))^2)`, at a small part of the price. The grid's place is random, so no pixel
    /// is special. The displacement belongs to the pixels of the finished image, whatever follows in the list.
    Elastic {
        /// Root mean square of the displacement's length over fields and pixels, in pixels; 0 to 100. From half of
        /// `smoothness` the strokes of some of MNIST's digits tear or flow together, from three quarters of it those
        /// of many; as strong as it is smooth, it leaves few digits that can be read.
        strength: f32,
        /// Deviation of the Gaussian, in pixels; 1 to 100. Simard's is 4, with a strength of about 2 (alpha = 34).
        smoothness: f32,
    },
}

impl Augmentation {
    /// Whether each value is within its bounds.
    ///
    /// # Errors
    /// One sentence that names the key, its bounds and the value.
    pub fn validate(&self) -> Result<(), String> {
        let within = |key: &str, value: f32, low: f32, high: f32| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(format!("{key} must be from {low} to {high}, not {value}"))
        };
        match *self {
            Self::Shift { pixels } => within("shift.pixels", pixels as f32, 0.0, 1_000.0),
            Self::Affine { rotate, scale, shear, shift } => within("affine.rotate", rotate, 0.0, 180.0)
                .and_then(|()| within("affine.scale", scale, 0.0, 0.9))
                .and_then(|()| within("affine.shear", shear, 0.0, 60.0))
                .and_then(|()| within("affine.shift", shift, 0.0, 1_000.0)),
            Self::Elastic { strength, smoothness } => within("elastic.strength", strength, 0.0, 100.0)
                .and_then(|()| within("elastic.smoothness", smoothness, 1.0, 100.0)),
        }
    }
}

/// Writes a changed copy of each of `images` into `out`, both `[n, width * height]`.
///
/// # Panics
/// If a shape is not this one, an image has more than 8 million pixels, `out` is not in row order, or the list is
/// not valid.
pub fn augment(
    out: &mut Array2<u8>,
    images: &Array2<u8>,
    width: usize,
    height: usize,
    list: &[Augmentation],
    seed: u64,
    epoch: u64,
) {
    let pixels = width * height;
    assert!(pixels > 0 && images.ncols() == pixels, "{:?}: not {width} x {height}", images.dim());
    assert_eq!(out.dim(), images.dim(), "augment: out and images differ in shape");
    for augmentation in list {
        augmentation.validate().unwrap_or_else(|e| panic!("{e}"));
    }
    let images = images.as_standard_layout();
    let (Some(out), Some(images)) = (out.as_slice_mut(), images.as_slice()) else {
        panic!("augment: out is not in row order");
    };
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&epoch.to_le_bytes());
    let rng = ChaCha8Rng::from_seed(key);
    let pairs = out.par_chunks_exact_mut(pixels).zip(images.par_chunks_exact(pixels));
    pairs.enumerate().with_min_len(64).for_each_init(
        || Map::new(width, height),
        |map, (i, (out, image))| {
            let mut draws = Draws(rng.clone());
            draws.0.set_stream(i as u64);
            map.draw(list, &mut draws);
            map.read(out, image);
        },
    );
}

/// What is drawn for one image.
struct Draws(ChaCha8Rng);

impl Draws {
    /// Uniform within plus or minus `bound`.
    fn within(&mut self, bound: f32) -> f32 {
        bound * ((self.0.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0)
    }

    /// One of `-bound..=bound`, a whole number.
    fn whole(&mut self, bound: u32) -> f32 {
        let place = (u64::from(self.0.next_u32()) * (2 * u64::from(bound) + 1)) >> 32;
        place as f32 - bound as f32
    }
}

#[cfg(test)]
#[path = "augment_tests.rs"]
mod tests;
