//! The label's share of layer 1's weight gradient: the transpose of `label_current`.
//!
//! ```text
//! dW[label[r]] += amplitude s[b] dI[r],   b = r % B
//! ```
//! One task per label, each going through the rows in order: no two tasks write the same row of dW.

use ff_tensor::LabelRow;
use rayon::prelude::*;

use crate::lanes::vectorised;

/// See [`ff_tensor::Device::label_grad`]. `n` units.
pub(crate) fn label_grad(
    dweight: &mut [f32],
    dcurrent: &[f32],
    labels: &[u32],
    scale: &[f32],
    n: usize,
    p: &LabelRow,
) {
    let classes = labels.iter().max().map_or(0, |&top| top as usize + 1);
    dweight[..classes * n].par_chunks_mut(n).enumerate().for_each(|(class, dweight)| {
        vectorised(
            #[inline(always)]
            || {
                for (r, _) in labels.iter().enumerate().filter(|&(_, &label)| label as usize == class) {
                    let a = p.amplitude * scale[r % scale.len()];
                    let dcurrent = &dcurrent[r * n..][..n];
                    for j in 0..n {
                        dweight[j] += a * dcurrent[j];
                    }
                }
            },
        );
    });
}
