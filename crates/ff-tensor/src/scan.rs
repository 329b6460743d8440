//! This module runs neurons over their time steps, [`GROUP`] of them side by side. The equations are in `neuron.rs`.
//!
//! The loop over the units of a group is the inner one. So the compiler makes vector instructions of it, and the states
//! of the group stay in registers.

use crate::lanes::{GROUP, Group, groups, load, store};
use crate::neuron::{Neuron, Readout, Row, State, lane, mean_over_steps, scan, set_lane, with_bias};

/// Runs a row of units that have a constant current and whose spikes are needed. It writes the slope if `LEARN`.
#[inline(always)]
pub(crate) fn passing<N: Neuron, const LEARN: bool>(neuron: &N, row: Row, spikes: &mut [f32]) {
    let Row { signal, slope, current, bias } = row;
    let n = signal.len();
    for at in groups(n) {
        let (sum, slopes) = scan::<N, LEARN>(
            neuron,
            &with_bias(load(current, at), bias, at),
            #[inline(always)]
            |t, passed| store(&mut spikes[t * n..][..n], at, passed),
        );
        store(signal, at, &sum);
        if LEARN {
            store(slope, at, &slopes);
        }
    }
    mean_over_steps(neuron, signal);
    if LEARN {
        mean_over_steps(neuron, slope);
    }
}

/// Runs a row of units that have a current for each step.
#[inline(always)]
pub(crate) fn train<N: Neuron>(
    neuron: &N,
    signal: &mut [f32],
    mut slope: Option<&mut [f32]>,
    mut spikes: Option<&mut [f32]>,
    current: &[f32],
    bias: Option<&[f32]>,
    kept: &mut Vec<f32>,
) {
    let (n, steps) = (signal.len(), Neuron::steps(neuron));
    let kept = room(kept, (steps + 1) * N::State::LEN * GROUP);
    let rate = neuron.readout() == Readout::Rate;
    let per_step = 1.0 / steps as f32;
    for at in groups(n) {
        let mut sum = [0.0; GROUP];
        let last = through_time(
            neuron,
            kept,
            steps,
            #[inline(always)]
            |t| with_bias(load(&current[t * n..][..n], at), bias, at),
            #[inline(always)]
            |t, passed| {
                for k in 0..GROUP {
                    sum[k] += passed[k];
                }
                if let Some(spikes) = &mut spikes {
                    store(&mut spikes[t * n..][..n], at, passed);
                }
            },
        );
        let membrane = last.as_ref()[0];
        for k in 0..GROUP {
            sum[k] = if rate { sum[k] * per_step + 0.0 * membrane[k] } else { membrane[k] };
        }
        store(signal, at, &sum);
        if let Some(slope) = &mut slope {
            through_time_backwards(
                neuron,
                kept,
                steps,
                #[inline(always)]
                |_| [if rate { per_step } else { 0.0 }; GROUP],
                if rate { 0.0 } else { 1.0 },
                #[inline(always)]
                |t, dcurrent| store(&mut slope[t * n..][..n], at, dcurrent),
            );
        }
    }
}

/// Runs the time steps of [`GROUP`] units. `kept` receives the states before the first step and after each step.
/// Returns the last state.
#[inline(always)]
pub(crate) fn through_time<N: Neuron>(
    neuron: &N,
    kept: &mut [f32],
    steps: usize,
    current: impl Fn(usize) -> Group,
    mut emit: impl FnMut(usize, &Group),
) -> <N::State as State>::Side {
    let size = N::State::LEN * GROUP;
    let mut state = N::State::SIDE;
    kept[..size].fill(0.0);
    for t in 0..steps {
        let (current, mut passed) = (current(t), [0.0; GROUP]);
        for k in 0..GROUP {
            let after = neuron.step(lane(&state, k), current[k]);
            passed[k] = neuron.spike(after);
            set_lane(&mut state, k, after);
        }
        put_side::<N::State>(&mut kept[(t + 1) * size..][..size], &state);
        emit(t, &passed);
    }
    state
}

/// Goes back through the time steps. `dpassed(t)` is the gradient of the output in step `t`, and `dmembrane` is that of
/// the last membrane. `emit(t, dI_t)` receives the current's gradient.
#[inline(always)]
pub(crate) fn through_time_backwards<N: Neuron>(
    neuron: &N,
    kept: &[f32],
    steps: usize,
    dpassed: impl Fn(usize) -> Group,
    dmembrane: f32,
    mut emit: impl FnMut(usize, &Group),
) {
    let size = N::State::LEN * GROUP;
    // This is the gradient of the state after step t, without the part that comes from that step's own output.
    let mut later = N::State::SIDE;
    later.as_mut()[0] = [dmembrane; GROUP];
    let mut after_all = side::<N::State>(&kept[steps * size..][..size]);
    for t in (0..steps).rev() {
        let before_all = side::<N::State>(&kept[t * size..][..size]);
        let (dpassed, mut dcurrent) = (dpassed(t), [0.0; GROUP]);
        for k in 0..GROUP {
            let (before, after) = (lane(&before_all, k), lane(&after_all, k));
            let mut own: N::State = lane(&later, k);
            for i in 0..N::State::LEN {
                own.as_mut()[i] += neuron.dspike(after, unit::<N::State>(i)) * dpassed[k];
            }
            dcurrent[k] = dot(own, neuron.dstep(before, after, N::State::ZERO, 1.0));
            let mut earlier = N::State::ZERO;
            for i in 0..N::State::LEN {
                earlier.as_mut()[i] = dot(own, neuron.dstep(before, after, unit::<N::State>(i), 0.0));
            }
            set_lane(&mut later, k, earlier);
        }
        after_all = before_all;
        emit(t, &dcurrent);
    }
}

/// Returns a change of one number of the state.
#[inline(always)]
fn unit<S: State>(i: usize) -> S {
    let mut unit = S::ZERO;
    unit.as_mut()[i] = 1.0;
    unit
}

#[inline(always)]
fn dot<S: State>(a: S, b: S) -> f32 {
    let products = a.as_ref().iter().zip(b.as_ref()).map(|(a, b)| a * b);
    products.reduce(|sum, x| sum + x).unwrap_or(0.0)
}

#[inline(always)]
fn put_side<S: State>(to: &mut [f32], side: &S::Side) {
    for (to, lanes) in to.chunks_exact_mut(GROUP).zip(side.as_ref()) {
        to.copy_from_slice(lanes);
    }
}

#[inline(always)]
fn side<S: State>(from: &[f32]) -> S::Side {
    let mut side = S::SIDE;
    for (lanes, from) in side.as_mut().iter_mut().zip(from.chunks_exact(GROUP)) {
        lanes.copy_from_slice(from);
    }
    side
}

/// Returns a scratch buffer that only grows.
#[inline(always)]
pub(crate) fn room(kept: &mut Vec<f32>, size: usize) -> &mut [f32] {
    if kept.len() < size {
        kept.resize(size, 0.0);
    }
    &mut kept[..size]
}
