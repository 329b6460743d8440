//! Goodness: how strongly a layer answers.
//!
//! ```text
//! g[r] = factor sum_j signal[r, j]^2,    factor = 1/n for the mean, 1 for the sum
//! ```

use ff_tensor::{Goodness, LabelRow, Neuron, NeuronKind};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::lanes::{LANES, Sums, arch, sum_squares, vector, vectorised};
use crate::lif::{constant, rectified, with_bias};
use crate::staircase::Staircase;
use crate::surrogate::Atan;

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

/// See [`ff_tensor::Device::share_goodness`]. `n` units.
pub(crate) fn share_goodness(
    goodness: &mut [f32],
    shares: &[f32],
    scale: &[f32],
    labels: &[u32],
    factor: Option<&[f32]>,
    n: usize,
    p: &LabelRow,
    g: Goodness,
) {
    let (images, of_labels) = shares.split_at(scale.len() * n);
    goodness.par_iter_mut().zip(labels).enumerate().with_min_len(32).for_each(|(r, (goodness, &label))| {
        let b = r % scale.len();
        let (image, label) = (&images[b * n..][..n], &of_labels[label as usize * n..][..n]);
        let energy = arch().dispatch(Energy { image, label, a: p.amplitude * scale[b] });
        *goodness = g.factor(n) * factor.map_or(1.0, |t| t[r] * t[r]) * energy;
    });
}

/// `sum_j (image_j + a label_j)^2`.
struct Energy<'a> {
    image: &'a [f32],
    label: &'a [f32],
    a: f32,
}

impl WithSimd for Energy<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        energy(
            simd,
            self.image,
            self.label,
            self.a,
            #[inline(always)]
            |current, _| current,
        )
    }
}

/// `sum_j signal(image_j + a label_j)^2`; `signal(current, j)`. (A current of 0, past the end of a row, has to give 0.)
#[inline(always)]
fn energy<S: Simd>(
    simd: S,
    image: &[f32],
    label: &[f32],
    a: f32,
    signal: impl Fn(S::f32s, usize) -> S::f32s,
) -> f32 {
    let (n, a) = (image.len(), simd.splat_f32s(a));
    let mut sums = Sums::zero(simd);
    for group in (0..n).step_by(LANES) {
        for v in 0..LANES / S::F32_LANES {
            let at = (group + v * S::F32_LANES).min(n);
            let label = simd.mul_f32s(a, vector(simd, label, at));
            let current = simd.add_f32s(vector(simd, image, at), label);
            sums.add_squares(simd, v, signal(current, at));
        }
    }
    sums.total()
}

/// See [`ff_tensor::Device::label_goodness`]. The current, the scan and the sum of `label_current`, `lif` and
/// `goodness`, on numbers that stay in registers: equal to them bit for bit.
pub(crate) fn label_goodness(
    scores: &mut [f32],
    shares: &[f32],
    scale: &[f32],
    bias: Option<&[f32]>,
    n: usize,
    label: &LabelRow,
    neuron: &Neuron,
    goodness: Goodness,
) {
    let (images, label_rows) = shares.split_at(scale.len() * n);
    let classes = scores.len() / scale.len();
    let staircase = Staircase::of(neuron);
    let (amplitude, factor) = (label.amplitude, goodness.factor(n));
    scores.par_chunks_mut(classes).zip(images.par_chunks(n)).zip(scale).with_min_len(4).for_each(
        |((scores, base), &scale)| {
            let a = amplitude * scale;
            let staircase = &staircase;
            arch().dispatch(Candidates { scores, base, label_rows, a, bias, neuron, staircase });
            scores.iter_mut().for_each(|score| *score *= factor);
        },
    );
}

/// One image with all labels: for each of them `sum_j signal_j^2`.
struct Candidates<'a> {
    scores: &'a mut [f32],
    base: &'a [f32],
    label_rows: &'a [f32],
    a: f32,
    bias: Option<&'a [f32]>,
    neuron: &'a Neuron,
    staircase: &'a Option<Staircase>,
}

impl WithSimd for Candidates<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (score, row) in self.scores.iter_mut().zip(self.label_rows.chunks_exact(self.base.len())) {
            *score = energy(
                simd,
                self.base,
                row,
                self.a,
                #[inline(always)]
                |current, at| {
                    let current = with_bias(simd, current, self.bias, at);
                    signal(simd, current, self.neuron, self.staircase)
                },
            );
        }
    }
}

/// Nothing learns here, and so the surrogate does not matter.
#[inline(always)]
fn signal<S: Simd>(simd: S, current: S::f32s, neuron: &Neuron, staircase: &Option<Staircase>) -> S::f32s {
    match (staircase, neuron.kind) {
        (Some(stairs), _) => stairs.rate(simd, current),
        (None, NeuronKind::Relu) => rectified(simd, current),
        (None, NeuronKind::Lif) => {
            constant::<S, Atan, false>(
                simd,
                current,
                neuron,
                #[inline(always)]
                |_, _| (),
            )
            .0
        }
    }
}
