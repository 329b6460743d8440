//! What a layer learns from, in one pass over its current: the units answer, the goodness of a positive is held against
//! that of its negative, and the loss is led back to the current, with the pair's rows still in cache.
//!
//! ```text
//! g     = factor sum_j term(signal_j)     L = objective(g+, g-)     dg = dL/dg
//! dI    = dg factor dterm(signal) slope,  slope = d signal / d current: the neuron's
//! ```
//! Dropout silences units at random, so that none relies on another (N. Srivastava et al., JMLR 15, 2014). Their signal and
//! spikes are 0 and their gradient is 0 too. The two rows of a pair lose the same units, as their goodnesses are compared.

use ff_tensor::units::Samples;
use ff_tensor::{Dropout, Goodness, Objective, Units, objective};

use crate::block::BLOCK;
use crate::lanes::vectorised;
use crate::units::{Steps, answer, split_at};

/// Some pairs: all of them, or one task's share. Of each two, the first belongs to the positives.
pub(crate) struct Pairs<'a> {
    /// With a slope, kept where `dcurrent` will be.
    pub samples: [Samples<'a>; 2],
    pub goodness: [&'a mut [f32]; 2],
    pub losses: &'a mut [f32],
}

/// What is the same for all pairs.
pub(crate) struct Local<'a> {
    pub n: usize,
    pub batch: usize,
    /// The clock's.
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

/// Halves the pairs, whose first is number `b`, until few are left, in parallel.
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

/// Dropout of samples that belong to the images from number `b` on.
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
    // What a signal of 0 does not multiply away is silenced too.
    if local.goodness.dterm(0.0) != 0.0
        && let Some(slope) = &mut samples.slope
    {
        in_steps(slope, local.steps.current);
    }
    if let Some(spikes) = &mut samples.spikes {
        in_steps(spikes, local.steps.spikes);
    }
}
