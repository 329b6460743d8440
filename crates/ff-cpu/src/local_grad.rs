//! This module computes a layer's gradient in one pass over its current. The units compute their signals, the loss
//! compares the goodness of a positive with that of its negative, and the gradient goes back to the current. The pair's
//! rows stay in cache all the while.
//!
//! ```text
//! g     = factor sum_j term(signal_j)     L = objective(g+, g-)     dg = dL/dg
//! dI    = dg factor dterm(signal) slope,  slope = d signal / d current: the neuron's
//! ```
//! Dropout silences units at random, so that no unit relies on another (N. Srivastava et al., JMLR 15, 2014). The
//! signal and the spikes of a silenced unit are 0, and so is its gradient. The two rows of a pair lose the same units,
//! because their goodnesses are compared.

use ff_tensor::units::Samples;
use ff_tensor::{Dropout, Goodness, Objective, Units, objective};

use crate::block::BLOCK;
use crate::lanes::vectorised;
use crate::units::{Steps, answer, split_at};

/// Some pairs: all of them, or the share of one task. Of each two fields, the first one belongs to the positives.
pub(crate) struct Pairs<'a> {
    /// Samples with a slope. The slope is kept in the memory that will hold `dcurrent`.
    pub samples: [Samples<'a>; 2],
    pub goodness: [&'a mut [f32]; 2],
    pub losses: &'a mut [f32],
}

/// The parameters that are the same for all pairs.
pub(crate) struct Local<'a> {
    pub n: usize,
    pub batch: usize,
    /// The clock's step.
    pub step: u32,
    pub steps: Steps,
    pub dropout: Dropout,
    pub units: &'a dyn Units,
    pub goodness: &'a dyn Goodness,
    pub objective: &'a dyn Objective,
}

/// See [`ff_tensor::LocalGrad`].
pub(crate) fn local_grad(pairs: Pairs, local: &Local) {
    share_out(pairs, 0, local);
}

/// Halves the pairs until few are left, and works on the halves in parallel. The first pair has the number `b`.
fn share_out(pairs: Pairs, b: usize, local: &Local) {
    let count = pairs.losses.len();
    if count <= BLOCK / 2 {
        return learn(pairs, b, local);
    }
    let half = (count / 2).next_multiple_of(BLOCK / 2);
    let (losses, losses_2) = pairs.losses.split_at_mut(half);
    let [positive, negative] = pairs.goodness.map(|goodness| goodness.split_at_mut(half));
    let [(samples, samples_2), (other, other_2)] =
        pairs.samples.map(|samples| split_at(samples, half, local.steps));
    let first = Pairs { samples: [samples, other], goodness: [positive.0, negative.0], losses };
    let second =
        Pairs { samples: [samples_2, other_2], goodness: [positive.1, negative.1], losses: losses_2 };
    rayon::join(|| share_out(first, b, local), || share_out(second, b + half, local));
}

fn learn(mut pairs: Pairs, b: usize, local: &Local) {
    let n = local.n;
    for (samples, goodness) in pairs.samples.iter_mut().zip(&mut pairs.goodness) {
        answer(samples, local.units);
        silence(samples, b, local);
        for (goodness, signal) in goodness.iter_mut().zip(samples.signal.chunks_exact(n)) {
            *goodness = local.goodness.of_row(signal);
        }
    }
    let factor = local.goodness.factor(n);
    for (i, loss) in pairs.losses.iter_mut().enumerate() {
        let [positive, negative] = pairs.goodness.each_ref().map(|goodness| goodness[i]);
        let pair = objective::share_of_batch(local.objective, positive, negative, local.batch);
        *loss = pair.loss;
        for (samples, dgoodness) in pairs.samples.iter_mut().zip([pair.dpositive, pair.dnegative]) {
            let size = n * local.steps.current;
            let Some(dcurrent) = samples.slope.as_mut().map(|slope| &mut slope[i * size..][..size]) else {
                continue;
            };
            local.goodness.to_current(dcurrent, &samples.signal[i * n..][..n], dgoodness * factor);
        }
    }
}

/// Applies dropout to samples that belong to the images from number `b` on.
fn silence(samples: &mut Samples, b: usize, local: &Local) {
    let (n, dropout) = (local.n, local.dropout);
    if dropout.rate == 0.0 {
        return;
    }
    let silence = |values: &mut [f32], b: usize| {
        vectorised(
            #[inline(always)]
            || {
                for (j, x) in values.iter_mut().enumerate() {
                    *x = if dropout.silences(local.step, b, n, j) { 0.0 } else { *x };
                }
            },
        )
    };
    let in_steps = |rows: &mut [f32], steps: usize| {
        rows.chunks_exact_mut(n).enumerate().for_each(|(row, values)| silence(values, b + row / steps));
    };
    in_steps(samples.signal, 1);
    // A signal of 0 makes the gradient 0 only if `dterm(0)` is 0. Otherwise the slope is set to 0 too.
    if local.goodness.dterm(0.0) != 0.0
        && let Some(slope) = &mut samples.slope
    {
        in_steps(slope, local.steps.current);
    }
    if let Some(spikes) = &mut samples.spikes {
        in_steps(spikes, local.steps.spikes);
    }
}
