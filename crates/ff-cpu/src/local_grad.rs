//! What a layer learns from, in one pass over its current: the units answer, the goodness of a positive is held against that
//! of its negative, and the loss is led back to the current, with the pair's rows still in cache.
//!
//! ```text
//! g     = factor sum_j signal_j^2     L = objective(g+, g-)     dg = dL/dg
//! dI    = dg 2 factor signal slope,   slope = d signal / d current: see lif.rs
//! ```
//! Dropout silences units at random, so that none relies on another (N. Srivastava et al., JMLR 15, 2014): their signal and
//! spikes are 0, and with the signal the gradient. The two rows of a pair lose the same ones, as their goodnesses are
//! compared.

use ff_tensor::{Dropout, LocalLoss};

use crate::device::BLOCK;
use crate::lanes::{arch, sum_squares, vectorised};
use crate::lif::{Block, Rows, Steps, staircase};
use crate::objective::of_pair;
use crate::staircase::Staircase;

/// Some pairs: all of them, or one task's share. Of each two, the first belongs to the positives.
pub(crate) struct Pairs<'a> {
    /// With a slope, kept where `dcurrent` will be.
    pub rows: [Rows<'a>; 2],
    pub goodness: [&'a mut [f32]; 2],
    pub losses: &'a mut [f32],
}

/// What is the same for all pairs.
pub(crate) struct Local<'a> {
    /// `[n]`
    pub bias: Option<&'a [f32]>,
    pub n: usize,
    /// Whether the current has a row per step.
    pub in_time: bool,
    pub batch: usize,
    /// The clock's.
    pub step: u32,
    pub p: &'a LocalLoss,
}

/// See [`ff_tensor::Device::local_grad`].
pub(crate) fn local_grad(pairs: Pairs, local: &Local) {
    let staircase = staircase(&pairs.rows[0], local.in_time, &local.p.neuron);
    share_out(pairs, 0, local, &staircase);
}

/// Halves the pairs, whose first is number `b`, until few are left, in parallel.
fn share_out(pairs: Pairs, b: usize, local: &Local, staircase: &Option<Staircase>) {
    let count = pairs.losses.len();
    if count <= BLOCK / 2 {
        return learn(pairs, b, local, staircase);
    }
    let half = (count / 2).next_multiple_of(BLOCK / 2);
    let (losses, losses_2) = pairs.losses.split_at_mut(half);
    let [positive, negative] = pairs.goodness.map(|goodness| goodness.split_at_mut(half));
    let [(rows, rows_2), (other, other_2)] =
        pairs.rows.map(|rows| rows.split_at(half, local.n, local.steps()));
    let first = Pairs { rows: [rows, other], goodness: [positive.0, negative.0], losses };
    let second = Pairs { rows: [rows_2, other_2], goodness: [positive.1, negative.1], losses: losses_2 };
    rayon::join(|| share_out(first, b, local, staircase), || share_out(second, b + half, local, staircase));
}

fn learn(mut pairs: Pairs, b: usize, local: &Local, staircase: &Option<Staircase>) {
    let Local { n, in_time, p, .. } = *local;
    for (rows, goodness) in pairs.rows.iter_mut().zip(&mut pairs.goodness) {
        let (bias, p) = (local.bias, &p.neuron);
        arch().dispatch(Block { rows: rows.reborrow(), bias, n, in_time, p, staircase });
        silence(rows, b, local);
        for (goodness, signal) in goodness.iter_mut().zip(rows.signal.chunks_exact(n)) {
            *goodness = local.p.goodness.factor(n)
                * vectorised(
                    #[inline(always)]
                    || sum_squares(signal),
                );
        }
    }
    let factor = 2.0 * p.goodness.factor(n);
    for (i, loss) in pairs.losses.iter_mut().enumerate() {
        let [positive, negative] = pairs.goodness.each_ref().map(|goodness| goodness[i]);
        let (of_pair, dpositive, dnegative) = of_pair(positive, negative, local.batch, &p.objective);
        *loss = of_pair;
        for (rows, dgoodness) in pairs.rows.iter_mut().zip([dpositive, dnegative]) {
            let size = n * local.steps().current;
            let Some(dcurrent) = rows.slope.as_mut().map(|slope| &mut slope[i * size..][..size]) else {
                continue;
            };
            to_current(dcurrent, &rows.signal[i * n..][..n], dgoodness * factor);
        }
    }
}

/// From the slope to the current's gradient.
fn to_current(dcurrent: &mut [f32], signal: &[f32], by: f32) {
    vectorised(
        #[inline(always)]
        || {
            for dcurrent in dcurrent.chunks_exact_mut(signal.len()) {
                for (d, signal) in dcurrent.iter_mut().zip(signal) {
                    *d *= by * signal;
                }
            }
        },
    );
}

/// Dropout of rows that belong to the images from number `b` on.
fn silence(rows: &mut Rows, b: usize, local: &Local) {
    let (n, dropout): (usize, &Dropout) = (local.n, &local.p.dropout);
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
    rows.signal.chunks_exact_mut(n).enumerate().for_each(|(i, row)| silence(row, b + i));
    if let Some(spikes) = &mut rows.spikes {
        let steps = local.p.neuron.steps;
        spikes.chunks_exact_mut(n).enumerate().for_each(|(row, values)| silence(values, b + row / steps));
    }
}

impl Local<'_> {
    fn steps(&self) -> Steps {
        Steps::of(&self.p.neuron, self.in_time)
    }
}
