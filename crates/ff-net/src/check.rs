//! This module checks your own formulas. It compares their derivatives with finite differences, and one device with
//! another.
//!
//! ```
//! use ff_net::{check, formulas::{Atan, Lif, Output, Pair, Reset, Squares}};
//!
//! check::neuron(&Lif::<Atan>::new(0.9, 1.0, Reset::Subtract, 8, Output::Rate))?;
//! check::goodness(&Squares::Mean)?;
//! check::objective(&Pair { alpha: 6.0 })?;
//! # Ok::<_, String>(())
//! ```
//! A spike jumps, so its derivative is a choice. What is checked of `dspike` is that it is the derivative of the smooth
//! function that the neuron names in [`Neuron::soft_spike`], or of `spike` itself if it names none. All else is checked as it
//! stands. Where a formula has a kink or a jump between two points, that pair of points is left out; a formula that is
//! nothing but kinks is refused.

mod devices;

pub use devices::devices;

use ff_tensor::neuron::State;
use ff_tensor::units::{Backward, Samples};
use ff_tensor::{Goodness, Neuron, Objective, Readout, Units, random};

/// The number of points at which a derivative is checked.
const POINTS: u64 = 400;
/// The step of finite differences, for numbers of size one.
const STEP: f32 = 1.0 / 128.0;
/// The tolerance between a derivative and the difference. It is a share of the derivative's size, or of one if the
/// derivative is smaller.
const TOLERANCE: f32 = 0.05;

/// Returns a point between `low` and `high`.
fn point(stream: u64, i: u64, low: f32, high: f32) -> f32 {
    low + (high - low) * random::uniform(stream, i)
}

/// Returns the slope of `f` at `x`, or `None` at a kink or a jump.
fn slope(f: impl Fn(f32) -> f32, x: f32, size: f32) -> Option<f32> {
    let h = STEP * x.abs().max(1.0);
    let (before, here, after) = (f(x - h), f(x), f(x + h));
    let (left, right) = ((here - before) / h, (after - here) / h);
    let smooth = (right - left).abs() <= 5.0 * STEP * (size + left.abs().max(right.abs()));
    smooth.then_some((after - before) / (2.0 * h))
}

/// The size of the slopes of `f`, at most one. Next to one, all slopes of a gentle function would pass for zero.
fn size(f: impl Fn(f32) -> f32, low: f32, high: f32) -> f32 {
    let at = |i: u64| low + (high - low) * i as f32 / POINTS as f32;
    let slopes = (0..POINTS).map(|i| (f(at(i + 1)) - f(at(i))).abs() / (at(i + 1) - at(i)));
    slopes.fold(0.0, f32::max).clamp(1e-3, 1.0)
}

/// Compares derivatives with slopes, and counts the points.
struct Tally {
    size: f32,
    checked: usize,
}

impl Tally {
    fn hold(&mut self, what: &str, at: &str, got: f32, slope: Option<f32>) -> Result<(), String> {
        let Some(wanted) = slope else { return Ok(()) };
        self.checked += 1;
        match (got - wanted).abs() <= TOLERANCE * wanted.abs().max(self.size) {
            true => Ok(()),
            false => Err(format!("{what} is {got} at {at}, but a finite difference gives {wanted}")),
        }
    }

    fn end(self, what: &str) -> Result<(), String> {
        match self.checked as u64 >= POINTS / 4 {
            true => Ok(()),
            false => Err(format!(
                "{what} is smooth at {} of {POINTS} points only: nothing is proved",
                self.checked
            )),
        }
    }
}

/// Checks `term` and `dterm` of a goodness, for signals from -3 to 3.
///
/// # Errors
/// The message says what differs, and where.
pub fn goodness(goodness: &dyn Goodness) -> Result<(), String> {
    if goodness.term(0.0) != 0.0 {
        return Err(format!("term(0) is {}, but has to be 0", goodness.term(0.0)));
    }
    let mut tally = Tally { size: size(|x| goodness.term(x), -3.0, 3.0), checked: 0 };
    for i in 0..POINTS {
        let x = point(1, i, -3.0, 3.0);
        let slope = slope(|x| goodness.term(x), x, tally.size);
        tally.hold("dterm", &format!("{x}"), goodness.dterm(x), slope)?;
    }
    tally.end("term")
}

/// Checks the loss of an objective and its two derivatives, for goodnesses from 0 to 2.
///
/// # Errors
/// The message says what differs, and where.
pub fn objective(objective: &dyn Objective) -> Result<(), String> {
    let mut tally = Tally { size: size(|x| objective.of_pair(x, 1.0).loss, 0.0, 2.0), checked: 0 };
    for i in 0..POINTS {
        let (p, n) = (point(2, i, 0.0, 2.0), point(3, i, 0.0, 2.0));
        let (pair, at) = (objective.of_pair(p, n), format!("g+ = {p}, g- = {n}"));
        let of_positive = slope(|x| objective.of_pair(x, n).loss, p, tally.size);
        let of_negative = slope(|x| objective.of_pair(p, x).loss, n, tally.size);
        tally.hold("dpositive", &at, pair.dpositive, of_positive)?;
        tally.hold("dnegative", &at, pair.dnegative, of_negative)?;
    }
    tally.end("the loss")
}

/// Checks `dstep` and `dspike` of a neuron along its own way through time. The currents are up to three times the one
/// that makes it spike in each step. It also checks that a row of units has the same slope forwards and backwards.
///
/// # Errors
/// The message says what differs, and where.
pub fn neuron<N: Neuron>(neuron: &N) -> Result<(), String> {
    Neuron::validate(neuron)?;
    let (mut of_step, mut of_spike) = (Tally { size: 1.0, checked: 0 }, Tally { size: 1.0, checked: 0 });
    for i in 0..POINTS / 4 {
        let (current, mut state) = (point(4, i, -1.0, 6.0), N::State::ZERO);
        for t in 0..neuron.steps().clamp(4, 16) {
            step(neuron, state, current, &mut of_step, &format!("step {t} under a current of {current}"))?;
            state = neuron.step(state, current);
            spike(neuron, state, &mut of_spike, &format!("step {t} under a current of {current}"))?;
        }
    }
    of_step.end("step")?;
    of_spike.end("soft_spike")?;
    forwards_and_backwards(neuron)
}

fn step<N: Neuron>(
    neuron: &N,
    state: N::State,
    current: f32,
    tally: &mut Tally,
    at: &str,
) -> Result<(), String> {
    let after = neuron.step(state, current);
    for (to, _) in after.as_ref().iter().enumerate() {
        let new = |state: N::State, current| neuron.step(state, current).as_ref()[to];
        let d = neuron.dstep(state, after, N::State::ZERO, 1.0).as_ref()[to];
        tally.hold(
            &format!("dstep of state {to} to the current"),
            at,
            d,
            slope(|x| new(state, x), current, 1.0),
        )?;
        for from in 0..N::State::LEN {
            let d = neuron.dstep(state, after, change::<N::State>(from), 0.0).as_ref()[to];
            let moved = slope(|x| new(with(state, from, x), current), state.as_ref()[from], 1.0);
            tally.hold(&format!("dstep of state {to} to state {from}"), at, d, moved)?;
        }
    }
    Ok(())
}

fn spike<N: Neuron>(neuron: &N, state: N::State, tally: &mut Tally, at: &str) -> Result<(), String> {
    let soft = |state| neuron.soft_spike(state).unwrap_or_else(|| neuron.spike(state));
    for from in 0..N::State::LEN {
        let d = neuron.dspike(state, change::<N::State>(from));
        let moved = slope(|x| soft(with(state, from, x)), state.as_ref()[from], 1.0);
        tally.hold(&format!("dspike to state {from}"), at, d, moved).map_err(|e| {
            match neuron.soft_spike(state) {
                None if neuron.spikes() => {
                    format!("{e}; a spike jumps, so name a smooth function in `soft_spike`")
                }
                _ => e,
            }
        })?;
    }
    Ok(())
}

/// Returns a change of one number of the state.
fn change<S: State>(i: usize) -> S {
    with(S::ZERO, i, 1.0)
}

fn with<S: State>(mut state: S, i: usize, x: f32) -> S {
    state.as_mut()[i] = x;
    state
}

/// Compares the slope under a constant current with the sum of the slopes of its steps. The first runs forwards and the
/// others run backwards, so they agree only if `dstep` and `dspike` are linear in the change that they are given.
fn forwards_and_backwards<N: Neuron>(neuron: &N) -> Result<(), String> {
    let (n, steps) = (40, neuron.steps());
    let current: Vec<f32> = (0..n).map(|i| point(5, i as u64, -1.0, 6.0)).collect();
    let trains = current.repeat(steps);
    let mut kept = Vec::new();
    let mut slopes_of = |current: &[f32], in_time| {
        let (mut signal, mut spikes, mut slope) =
            (vec![0.0; n], vec![0.0; n * steps], vec![0.0; current.len()]);
        neuron.forward(
            &mut Samples {
                n,
                signal: &mut signal,
                slope: Some(&mut slope),
                // The samples ask for spikes, so that the slope is not that of a neuron's own shorter way.
                spikes: Some(&mut spikes),
                current,
                bias: None,
                in_time,
            },
            &mut kept,
        );
        slope
    };
    let (slope, of_steps) = (slopes_of(&current, false), slopes_of(&trains, true));
    agree(&current, &slope, &of_steps)?;
    if Neuron::readout(neuron) == Readout::Rate {
        let (dpassed, mut dcurrent) = (vec![1.0; n], vec![0.0; n * steps]);
        let back = Backward { n, dcurrent: &mut dcurrent, dpassed: &dpassed, current: &trains, rows: 1 };
        neuron.backward(back, &mut kept);
        agree(&current, &slope, &dcurrent)?;
    }
    Ok(())
}

/// Checks that the slopes of the steps, `[T, n]`, add up to the slope under a constant current, `[n]`.
fn agree(current: &[f32], slope: &[f32], of_steps: &[f32]) -> Result<(), String> {
    for (j, (now, slope)) in current.iter().zip(slope).enumerate() {
        let sum: f32 = of_steps.iter().skip(j).step_by(current.len()).sum();
        if (sum - slope).abs() > 1e-3 * slope.abs().max(1.0) {
            return Err(format!(
                "the slope under a current of {now} is {slope} forwards, but {sum} backwards"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
