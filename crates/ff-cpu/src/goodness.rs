//! Goodness of each row, of each label, and of linear units that are still in shares.
//!
//! ```text
//! g[r] = factor sum_j term(signal[r, j])
//! ```

use std::cell::RefCell;

use ff_tensor::units::Samples;
use ff_tensor::{Goodness, Units};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::labels::label_row;
use crate::lanes::{LANES, Sums, arch, vector, vectorised};
use crate::units::answer;

thread_local! {
    /// Current and signal of one row, kept from op to op, so that nothing is allocated.
    static ROW: RefCell<[Vec<f32>; 2]> = RefCell::default();
}

/// See [`ff_tensor::RowGoodness`]. `n` units.
pub(crate) fn row_goodness(goodness: &mut [f32], signal: &[f32], n: usize, formula: &dyn Goodness) {
    goodness
        .par_iter_mut()
        .zip(signal.par_chunks(n))
        .with_min_len(32)
        .for_each(|(goodness, signal)| *goodness = formula.of_row(signal));
}

/// Computes the goodness of some rows of `n` signals, on this thread.
pub(crate) fn of_rows(goodness: &mut [f32], signal: &[f32], n: usize, formula: &dyn Goodness) {
    for (goodness, signal) in goodness.iter_mut().zip(signal.chunks_exact(n)) {
        *goodness = formula.of_row(signal);
    }
}

/// See [`ff_tensor::ShareGoodness`]. `n` units.
pub(crate) fn share_goodness(
    goodness: &mut [f32],
    shares: &[f32],
    scale: &[f32],
    labels: &[u32],
    factor: Option<&[f32]>,
    n: usize,
    amplitude: f32,
    goodness_factor: f32,
) {
    let (images, of_labels) = shares.split_at(scale.len() * n);
    goodness.par_iter_mut().zip(labels).enumerate().with_min_len(32).for_each(|(r, (goodness, &label))| {
        let b = r % scale.len();
        let (image, label) = (&images[b * n..][..n], label_row(of_labels, label, n));
        let energy = arch().dispatch(Energy { image, label, a: amplitude * scale[b] });
        *goodness = goodness_factor * factor.map_or(1.0, |t| t[r] * t[r]) * energy;
    });
}

/// `sum_j (image_j + a label_j)^2`.
struct Energy<'a> {
    image: &'a [f32],
    label: &'a [f32],
    a: f32,
}

impl WithSimd for Energy<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (n, a) = (self.image.len(), simd.splat_f32s(self.a));
        let mut sums = Sums::zero(simd);
        for group in (0..n).step_by(LANES) {
            for v in 0..LANES / S::F32_LANES {
                let at = (group + v * S::F32_LANES).min(n);
                let label = simd.mul_f32s(a, vector(simd, self.label, at));
                sums.add_squares(simd, v, simd.add_f32s(vector(simd, self.image, at), label));
            }
        }
        sums.total()
    }
}

/// What [`label_goodness`] is taken of.
pub(crate) struct Candidates<'a> {
    pub shares: &'a [f32],
    pub scale: &'a [f32],
    pub bias: Option<&'a [f32]>,
    pub n: usize,
    pub amplitude: f32,
    pub units: &'a dyn Units,
    pub goodness: &'a dyn Goodness,
}

/// See [`ff_tensor::LabelGoodness`]. A row's current and signal are used again for the next one, so they stay in the core's
/// innermost cache.
pub(crate) fn label_goodness(scores: &mut [f32], candidates: &Candidates) {
    let (n, scale) = (candidates.n, candidates.scale);
    let (images, label_rows) = candidates.shares.split_at(scale.len() * n);
    let classes = scores.len() / scale.len().max(1);
    scores.par_chunks_mut(classes.max(1)).zip(images.par_chunks(n)).zip(scale).with_min_len(4).for_each(
        |((scores, image), &scale)| {
            ROW.with_borrow_mut(|[current, signal]| {
                current.resize(n, 0.0);
                signal.resize(n, 0.0);
                for (score, label) in scores.iter_mut().zip(label_rows.chunks_exact(n)) {
                    candidate(current, image, label, candidates.amplitude * scale);
                    let mut samples = Samples {
                        n,
                        signal,
                        slope: None,
                        spikes: None,
                        current,
                        bias: candidates.bias,
                        in_time: false,
                    };
                    answer(&mut samples, candidates.units);
                    *score = candidates.goodness.of_row(signal);
                }
            });
        },
    );
}

/// `I = image + a label`.
fn candidate(current: &mut [f32], image: &[f32], label: &[f32], a: f32) {
    vectorised(
        #[inline(always)]
        || {
            for ((current, image), label) in current.iter_mut().zip(image).zip(label) {
                *current = image + a * label;
            }
        },
    );
}
