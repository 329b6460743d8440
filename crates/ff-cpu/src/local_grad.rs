//! This module computes a layer's gradient in one pass over its current. The units compute their signals, the loss
//! compares the goodness of a positive with that of its negative, and the gradient goes back to the current. The pair's
//! rows stay in cache all the while.
//!
//! ```text
//! g     = factor sum_j term(signal_j)     L = objective(g+, g-)     dg = dL/dg
//! dI    = dg factor dterm(signal) slope,  slope = d signal / d current: the neuron's
//! ```
//! Its two halves are in `slice_signals.rs`, with dropout, and in `slice_grad.rs`. Here they run over all units of the layer,
//! a few pairs at a time.

use ff_tensor::units::Samples;

use crate::block::BLOCK;
use crate::goodness::of_rows;
use crate::slice_grad::{self, Grad};
use crate::slice_signals::{self, Signals};
use crate::units::split_at;

/// Some pairs: all of them, or the share of one task. Of each two fields, the first one belongs to the positives.
pub(crate) struct Pairs<'a> {
    /// Samples with a slope. The slope is kept in the memory that will hold `dcurrent`.
    pub samples: [Samples<'a>; 2],
    pub goodness: [&'a mut [f32]; 2],
    pub losses: &'a mut [f32],
}

/// The parameters of the two halves.
pub(crate) struct Local<'a> {
    pub signals: Signals<'a>,
    pub grad: Grad<'a>,
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
        pairs.samples.map(|samples| split_at(samples, half, local.signals.steps));
    let first = Pairs { samples: [samples, other], goodness: [positive.0, negative.0], losses };
    let second =
        Pairs { samples: [samples_2, other_2], goodness: [positive.1, negative.1], losses: losses_2 };
    rayon::join(|| share_out(first, b, local), || share_out(second, b + half, local));
}

fn learn(mut pairs: Pairs, b: usize, local: &Local) {
    let Local { signals, grad } = local;
    for (samples, goodness) in pairs.samples.iter_mut().zip(&mut pairs.goodness) {
        slice_signals::of_rows(samples, b, signals);
        of_rows(goodness, samples.signal, grad.all, grad.goodness);
    }
    let Pairs { samples, goodness, losses } = pairs;
    let [(dpositive, positive), (dnegative, negative)] =
        samples.map(|samples| (samples.slope.unwrap_or_default(), &*samples.signal));
    let (dcurrent, signal) = ([dpositive, dnegative], [positive, negative]);
    slice_grad::from_goodness(slice_grad::Pairs { dcurrent, goodness, losses, signal }, grad);
}
