//! The input current of each copy, from the shares of its image and of its label.
//!
//! ```text
//! I[r] = t[r] (shares[b] + amplitude s[b] shares[B + label[r]]),   b = r % B
//! ```
//! A one-hot label picks one row of the weights, so a label costs one row added, not a product.

use rayon::prelude::*;

use crate::labels::label_row;
use crate::lanes::vectorised;

/// See [`ff_tensor::LabelCurrent`]. `n` units.
pub(crate) fn label_current(
    current: &mut [f32],
    shares: &[f32],
    scale: &[f32],
    labels: &[u32],
    factor: Option<&[f32]>,
    n: usize,
    amplitude: f32,
) {
    let (images, of_labels) = shares.split_at(scale.len() * n);
    current.par_chunks_mut(n).zip(labels).with_min_len(8).enumerate().for_each(|(r, (current, &label))| {
        let b = r % scale.len();
        let image = &images[b * n..][..n];
        let of_label = label_row(of_labels, label, n);
        let a = amplitude * scale[b];
        let t = factor.map_or(1.0, |factor| factor[r]);
        vectorised(
            #[inline(always)]
            || {
                for j in 0..n {
                    current[j] = t * (image[j] + a * of_label[j]);
                }
            },
        );
    });
}
