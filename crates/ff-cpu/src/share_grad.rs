//! From the copies' goodness back to the shares: `current_grad`, then the transpose of `label_current`, in one pass.
//!
//! ```text
//! dI[r]          = dg[r] 2 factor signal[r] slope[r]
//! dshares[b]     = sum over copies of t[r] dI[r],                               b = r % B
//! dshares[B + l] = sum over rows with label l of amplitude s[b] t[r] dI[r]
//! ```
//! One task per label, each going through the rows in order: no two tasks write the same row.

use ff_tensor::{Goodness, LabelRow};
use rayon::prelude::*;

use crate::lanes::vectorised;

/// What the copies' gradients follow from; see [`ff_tensor::Device::share_grad`].
pub(crate) struct Copies<'a> {
    pub dgoodness: &'a [f32],
    pub signal: &'a [f32],
    pub slope: Option<&'a [f32]>,
    pub labels: &'a [u32],
    pub factor: Option<&'a [f32]>,
}

/// See [`ff_tensor::Device::share_grad`]. `n` units.
pub(crate) fn share_grad(
    dshares: &mut [f32],
    copies: Copies,
    scale: &[f32],
    n: usize,
    g: Goodness,
    p: &LabelRow,
) {
    let (batch, rows) = (scale.len(), copies.labels.len());
    let (images, of_labels) = dshares.split_at_mut(batch * n);
    let factor = 2.0 * g.factor(n);
    let dcurrent = |r: usize| copies.dgoodness[r] * factor * copies.factor.map_or(1.0, |t| t[r]);
    let sum_copies = || {
        images.par_chunks_mut(n).with_min_len(8).enumerate().for_each(|(b, dshares)| {
            dshares.fill(0.0);
            for r in (b..rows).step_by(batch) {
                copies.add(dshares, r, dcurrent(r));
            }
        });
    };
    let sum_labels = || {
        of_labels.par_chunks_mut(n).enumerate().for_each(|(class, dshares)| {
            dshares.fill(0.0);
            for r in (0..rows).filter(|&r| copies.labels[r] as usize == class) {
                copies.add(dshares, r, p.amplitude * scale[r % batch] * dcurrent(r));
            }
        });
    };
    rayon::join(sum_copies, sum_labels);
}

impl Copies<'_> {
    /// `to += by signal[r] slope[r]`.
    fn add(&self, to: &mut [f32], r: usize, by: f32) {
        let n = to.len();
        let signal = &self.signal[r * n..][..n];
        let slope = self.slope.map(|slope| &slope[r * n..][..n]);
        vectorised(
            #[inline(always)]
            || match slope {
                Some(slope) => {
                    for j in 0..n {
                        to[j] += by * signal[j] * slope[j];
                    }
                }
                None => {
                    for j in 0..n {
                        to[j] += by * signal[j];
                    }
                }
            },
        );
    }
}
