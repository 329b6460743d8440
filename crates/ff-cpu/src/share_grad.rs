//! From the copies' current gradients to those of the shares: the transpose of `label_current`.
//!
//! ```text
//! dshares[b]     = sum over copies of t[r] dI[r],                       b = r % B
//! dshares[B + l] = sum over rows with label l of amplitude s[b] t[r] dI[r]
//! ```
//! One task per label, each going through the rows in order: no two tasks write the same row.

use ff_tensor::LabelRow;
use rayon::prelude::*;

use crate::lanes::vectorised;

/// See [`ff_tensor::Device::share_grad`]. `n` units.
pub(crate) fn share_grad(
    dshares: &mut [f32],
    dcurrent: &[f32],
    labels: &[u32],
    scale: &[f32],
    factor: Option<&[f32]>,
    n: usize,
    p: &LabelRow,
) {
    let batch = scale.len();
    let t = |r: usize| factor.map_or(1.0, |factor| factor[r]);
    let (images, of_labels) = dshares.split_at_mut(batch * n);
    let sum_copies = || {
        images.par_chunks_mut(n).with_min_len(8).enumerate().for_each(|(b, dshares)| {
            dshares.fill(0.0);
            for r in (b..labels.len()).step_by(batch) {
                add(dshares, t(r), &dcurrent[r * n..][..n]);
            }
        });
    };
    let sum_labels = || {
        of_labels.par_chunks_mut(n).enumerate().for_each(|(class, dshares)| {
            dshares.fill(0.0);
            for (r, _) in labels.iter().enumerate().filter(|&(_, &label)| label as usize == class) {
                add(dshares, p.amplitude * scale[r % batch] * t(r), &dcurrent[r * n..][..n]);
            }
        });
    };
    rayon::join(sum_copies, sum_labels);
}

/// `to += by x`.
fn add(to: &mut [f32], by: f32, x: &[f32]) {
    vectorised(
        #[inline(always)]
        || {
            for (to, x) in to.iter_mut().zip(x) {
                *to += by * x;
            }
        },
    );
}
