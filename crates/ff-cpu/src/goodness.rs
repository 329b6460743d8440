//! Goodness: how strongly a layer answers.
//!
//! ```text
//! g[r] = factor sum_j signal[r, j]^2,    factor = 1/n for the mean, 1 for the sum
//! ```

use ff_tensor::{Goodness, LabelRow, Neuron, NeuronKind};
use rayon::prelude::*;

use crate::lanes::{LANES, Lanes, add_squares, load, sum_squares, total, vectorised};
use crate::lif::{Atan, constant, rectified, with_bias};
use crate::staircase::Staircase;

/// See [`ff_tensor::Device::goodness`]. `n` units.
pub(crate) fn goodness(goodness: &mut [f32], signal: &[f32], n: usize, p: Goodness) {
    let factor = p.factor(n);
    goodness.par_iter_mut().zip(signal.par_chunks(n)).with_min_len(32).for_each(|(goodness, signal)| {
        *goodness = factor
            * vectorised(
                #[inline(always)]
                || sum_squares(signal),
            );
    });
}

/// See [`ff_tensor::Device::label_goodness`]. The current, the scan and the sum of `label_current`, `lif` and
/// `goodness`, on numbers that stay in registers: equal to them bit for bit.
pub(crate) fn label_goodness(
    scores: &mut [f32],
    base: &[f32],
    scale: &[f32],
    label_rows: &[f32],
    bias: Option<&[f32]>,
    n: usize,
    label: &LabelRow,
    neuron: &Neuron,
    goodness: Goodness,
) {
    let classes = label_rows.len() / n;
    let factor = goodness.factor(n);
    let staircase = Staircase::of(neuron);
    scores.par_chunks_mut(classes).zip(base.par_chunks(n)).zip(scale).with_min_len(4).for_each(
        |((scores, base), &scale)| {
            vectorised(
                #[inline(always)]
                || {
                    let a = label.amplitude * scale;
                    for (score, row) in scores.iter_mut().zip(label_rows.chunks_exact(n)) {
                        *score = factor
                            * match &staircase {
                                Some(stairs) => candidate(base, row, a, bias, |i| stairs.rate(i)),
                                None => candidate(base, row, a, bias, |i| signal_of(i, neuron)),
                            };
                    }
                },
            )
        },
    );
}

/// `sum_j signal_j^2` of one candidate label.
#[inline(always)]
fn candidate(
    base: &[f32],
    row: &[f32],
    a: f32,
    bias: Option<&[f32]>,
    signal: impl Fn(&Lanes) -> Lanes,
) -> f32 {
    let mut sum = [0.0; LANES];
    for offset in (0..base.len()).step_by(LANES) {
        let (base, row) = (load(base, offset), load(row, offset));
        let mut current = [0.0; LANES];
        for k in 0..LANES {
            current[k] = base[k] + a * row[k];
        }
        add_squares(&mut sum, &signal(&with_bias(current, bias, offset)));
    }
    total(sum)
}

/// Where nothing learns, and so the surrogate does not matter.
#[inline(always)]
fn signal_of(current: &Lanes, p: &Neuron) -> Lanes {
    match p.kind {
        NeuronKind::Relu => rectified(*current),
        NeuronKind::Lif => constant::<Atan, false>(current, p, |_, _| ()).0,
    }
}
