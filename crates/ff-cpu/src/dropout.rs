//! Silences units at random, so that none relies on another (N. Srivastava et al., JMLR 15, 2014).
//!
//! ```text
//! signal[r, j] = 0, spk_t[r, j] = 0     where u(step, r % B, j) < rate
//! ```
//! The copies of an image lose the same units: their goodnesses are compared with each other.

use ff_tensor::Dropout;
use rayon::prelude::*;

use crate::lanes::vectorised;

/// See [`ff_tensor::Device::dropout`]. `n` units, `batch` images; `step` is the clock's.
pub(crate) fn dropout(
    signal: &mut [f32],
    spikes: Option<&mut [f32]>,
    n: usize,
    batch: usize,
    step: u32,
    p: &Dropout,
) {
    let silence = |values: &mut [f32], b: usize| {
        vectorised(
            #[inline(always)]
            || {
                for (j, x) in values.iter_mut().enumerate() {
                    *x = if p.silences(step, b, n, j) { 0.0 } else { *x };
                }
            },
        )
    };
    signal.par_chunks_exact_mut(n).with_min_len(4).enumerate().for_each(|(r, row)| silence(row, r % batch));
    if let Some(spikes) = spikes {
        let steps = spikes.len() / signal.len();
        spikes
            .par_chunks_exact_mut(n)
            .with_min_len(4)
            .enumerate()
            .for_each(|(row, values)| silence(values, row / steps % batch));
    }
}
