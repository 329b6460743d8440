//! Adam, as torch has it (D. Kingma, J. Ba, arXiv 1412.6980):
//!
//! ```text
//! m = beta1 m + (1 - beta1) dW           v = beta2 v + (1 - beta2) dW^2
//! W = (1 - rate decay) W - rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)        t = 1, 2, ...
//! ```
//! A moment whose gradients have ceased would shrink for ever, down to numbers so small (denormal, below 1e-38) that
//! processors calculate with them a hundred times more slowly. What is too small to move a weight, next to an eps of
//! 1e-8, therefore counts as zero.

use ff_tensor::Adam;
use ff_tensor::constants::{SMALLEST_GRADIENT, SMALLEST_MEAN, SMALLEST_SQUARE};
use rayon::prelude::*;

use crate::lanes::vectorised;

/// Weights that one task takes at a time: four streams of 16 KiB, within a core's own cache.
const CHUNK: usize = 4096;

#[inline(always)]
fn unless_below(smallest: f32, x: f32) -> f32 {
    if x.abs() < smallest { 0.0 } else { x }
}

/// See [`ff_tensor::Device::adam`]. `step` is the clock's, 0 at first.
pub(crate) fn adam(
    weight: &mut [f32],
    mean: &mut [f32],
    square: &mut [f32],
    dweight: &[f32],
    step: u32,
    p: &Adam,
) {
    let t = f64::from(step) + 1.0;
    let size = (f64::from(p.rate_at(step)) / (1.0 - f64::from(p.beta1).powf(t))) as f32;
    let kept = (1.0 - f64::from(p.rate_at(step)) * f64::from(p.decay)) as f32;
    let correction = (1.0 / (1.0 - f64::from(p.beta2).powf(t)).sqrt()) as f32;
    weight
        .par_chunks_mut(CHUNK)
        .zip(mean.par_chunks_mut(CHUNK))
        .zip(square.par_chunks_mut(CHUNK))
        .zip(dweight.par_chunks(CHUNK))
        .for_each(|(((weight, mean), square), dweight)| {
            vectorised(
                #[inline(always)]
                || {
                    for i in 0..weight.len() {
                        let dw = unless_below(SMALLEST_GRADIENT, dweight[i]);
                        mean[i] = unless_below(SMALLEST_MEAN, p.beta1 * mean[i] + (1.0 - p.beta1) * dw);
                        let v = p.beta2 * square[i] + (1.0 - p.beta2) * dw * dw;
                        square[i] = unless_below(SMALLEST_SQUARE, v);
                        let change = size * mean[i] / (square[i].sqrt() * correction + p.eps);
                        weight[i] = kept * weight[i] - change;
                    }
                },
            );
        });
}
