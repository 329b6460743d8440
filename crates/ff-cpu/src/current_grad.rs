//! From the goodness back to the current, and the bias's sum over rows.
//!
//! ```text
//! g = factor sum_j signal_j^2   =>   dI = dg 2 factor signal slope
//! ```

use ff_tensor::Goodness;
use rayon::prelude::*;

use crate::lanes::vectorised;

/// See [`ff_tensor::Device::current_grad`]. `n` units; the slope has `steps` rows per row of the signal.
pub(crate) fn current_grad(
    dcurrent: &mut [f32],
    dgoodness: &[f32],
    signal: &[f32],
    slope: &[f32],
    n: usize,
    steps: usize,
    p: Goodness,
) {
    let factor = 2.0 * p.factor(n);
    let size = n * steps;
    dcurrent
        .par_chunks_mut(size)
        .zip(slope.par_chunks(size))
        .zip(signal.par_chunks(n))
        .zip(dgoodness)
        .with_min_len(8)
        .for_each(|(((dcurrent, slope), signal), &dg)| {
            let dg = dg * factor;
            vectorised(
                #[inline(always)]
                || {
                    for (dcurrent, slope) in dcurrent.chunks_exact_mut(n).zip(slope.chunks_exact(n)) {
                        for j in 0..n {
                            dcurrent[j] = dg * signal[j] * slope[j];
                        }
                    }
                },
            );
        });
}

/// See [`ff_tensor::Device::sum_rows`].
pub(crate) fn sum_rows(dbias: &mut [f32], dcurrent: &[f32]) {
    dbias.fill(0.0);
    for row in dcurrent.chunks_exact(dbias.len()) {
        for (dbias, dcurrent) in dbias.iter_mut().zip(row) {
            *dbias += dcurrent;
        }
    }
}
