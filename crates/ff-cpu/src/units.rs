//! The units of a layer, in parallel over samples. What a unit does is its neuron's own business: see
//! [`ff_tensor::neuron`].

use std::cell::RefCell;

use ff_tensor::Units;
use ff_tensor::units::{Backward, Samples};
use rayon::prelude::*;

use crate::block::BLOCK;

thread_local! {
    /// The states of the time steps, kept from op to op, so that nothing is allocated.
    static KEPT: RefCell<Vec<f32>> = RefCell::default();
}

/// How many rows a sample has in what belongs to the current, and in the spikes.
#[derive(Clone, Copy)]
pub(crate) struct Steps {
    pub current: usize,
    pub spikes: usize,
}

impl Steps {
    pub(crate) fn of(units: &dyn Units, in_time: bool) -> Self {
        let spikes = units.steps();
        Self { current: if in_time { spikes } else { 1 }, spikes }
    }
}

/// See [`ff_tensor::UnitsForward`].
pub(crate) fn forward(samples: Samples, units: &dyn Units) {
    let steps = Steps::of(units, samples.in_time);
    share_out(samples, 0, steps, &|mut samples, _| answer(&mut samples, units));
}

/// Some samples, on this thread.
pub(crate) fn answer(samples: &mut Samples, units: &dyn Units) {
    KEPT.with_borrow_mut(|kept| units.forward(samples, kept));
}

/// The first `count` samples, and the others.
pub(crate) fn split_at(samples: Samples, count: usize, steps: Steps) -> (Samples, Samples) {
    let Samples { n, signal, slope, spikes, current, bias, in_time } = samples;
    let at = count * n;
    let (signal, signal_2) = signal.split_at_mut(at);
    let (slope, slope_2) = split_option(slope, at * steps.current);
    let (spikes, spikes_2) = split_option(spikes, at * steps.spikes);
    let (current, current_2) = current.split_at(at * steps.current);
    let second =
        Samples { n, signal: signal_2, slope: slope_2, spikes: spikes_2, current: current_2, bias, in_time };
    (Samples { n, signal, slope, spikes, current, bias, in_time }, second)
}

fn split_option(rows: Option<&mut [f32]>, at: usize) -> (Option<&mut [f32]>, Option<&mut [f32]>) {
    rows.map(|rows| rows.split_at_mut(at)).unzip()
}

/// Halves the samples until a block is left, in parallel. `body` gets a block and the number of its first sample. The first
/// sample of all has the number `r`.
pub(crate) fn share_out(samples: Samples, r: usize, steps: Steps, body: &(impl Fn(Samples, usize) + Sync)) {
    let count = samples.signal.len() / samples.n;
    if count <= BLOCK {
        return body(samples, r);
    }
    let half = (count / 2).next_multiple_of(BLOCK);
    let (first, second) = split_at(samples, half, steps);
    rayon::join(|| share_out(first, r, steps, body), || share_out(second, r + half, steps, body));
}

/// See [`ff_tensor::UnitsBackward`]. `steps` are the rows of a sample in the current and in what was passed on.
pub(crate) fn backward(
    dcurrent: &mut [f32],
    dpassed: &[f32],
    current: &[f32],
    n: usize,
    steps: [usize; 2],
    units: &dyn Units,
) {
    let sizes = steps.map(|steps| n * steps);
    dcurrent
        .par_chunks_exact_mut(sizes[0])
        .zip(current.par_chunks_exact(sizes[0]))
        .zip(dpassed.par_chunks_exact(sizes[1]))
        .with_min_len(4)
        .for_each(|((dcurrent, current), dpassed)| {
            let sample = Backward { n, dcurrent, dpassed, current, rows: 1 };
            KEPT.with_borrow_mut(|kept| units.backward(sample, kept));
        });
}
