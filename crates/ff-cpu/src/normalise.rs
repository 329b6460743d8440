//! This module normalises rows. Otherwise a layer could read the goodness of the layer below from the length of its
//! input.
//!
//! ```text
//! xhat = x / (norm(m) + eps)       m = x, or the mean over time of a spike train
//! ```

use ff_tensor::Norm;
use rayon::prelude::*;

use crate::block::BLOCK;
use crate::lanes::{LANES, Lanes, add_squares, load, sum_squares, total, vectorised};

/// See [`ff_tensor::Normalise`]. There are `n` columns, and `steps` consecutive rows belong to one sample.
pub(crate) fn normalise(xhat: &mut [f32], x: &[f32], n: usize, steps: usize, p: &Norm) {
    let size = n * steps;
    xhat.par_chunks_mut(BLOCK * size).zip(x.par_chunks(BLOCK * size)).for_each(|(xhat, x)| {
        vectorised(
            #[inline(always)]
            || {
                for (xhat, x) in xhat.chunks_exact_mut(size).zip(x.chunks_exact(size)) {
                    let energy = if steps == 1 { sum_squares(x) } else { energy_of_mean(x, n, steps) };
                    let s = p.factor(energy, n);
                    for (xhat, &x) in xhat.iter_mut().zip(x) {
                        *xhat = s * x;
                    }
                }
            },
        )
    });
}

/// Returns `sum_j (1/T sum_t x[t, j])^2`.
#[inline(always)]
fn energy_of_mean(x: &[f32], n: usize, steps: usize) -> f32 {
    let mut sum = [0.0; LANES];
    for offset in (0..n).step_by(LANES) {
        let mut mean = [0.0; LANES];
        for t in 0..steps {
            let row: Lanes = load(&x[t * n..][..n], offset);
            for k in 0..LANES {
                mean[k] += row[k];
            }
        }
        for mean in &mut mean {
            *mean /= steps as f32;
        }
        add_squares(&mut sum, &mean);
    }
    total(sum)
}
