//! The label's share of layer 1's input current.
//!
//! ```text
//! I[r] = base[b] + amplitude s[b] W[label[r]],   b = r % B
//! ```
//! A one-hot label picks one row of W, so a label costs one row added, not a product.

use ff_tensor::LabelRow;
use rayon::prelude::*;

use crate::lanes::vectorised;

/// See [`ff_tensor::Device::label_current`]. `n` units.
pub(crate) fn label_current(
    current: &mut [f32],
    base: &[f32],
    scale: &[f32],
    labels: &[u32],
    weight: &[f32],
    n: usize,
    p: &LabelRow,
) {
    current.par_chunks_mut(n).zip(labels).with_min_len(8).enumerate().for_each(|(r, (current, &label))| {
        let b = r % scale.len();
        let base = &base[b * n..][..n];
        let row = &weight[label as usize * n..][..n];
        let a = p.amplitude * scale[b];
        vectorised(
            #[inline(always)]
            || {
                for j in 0..n {
                    current[j] = base[j] + a * row[j];
                }
            },
        );
    });
}
