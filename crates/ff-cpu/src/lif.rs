//! Leaky integrate-and-fire units over T steps, and the rectifier. The only place where the neuron is defined:
//!
//! ```text
//! mem_t  = beta mem_{t-1} + I_t - threshold spk_{t-1}       reset `subtract`; mem_0 = 0
//!        | beta mem_{t-1} (1 - spk_{t-1}) + I_t             reset `zero`
//!        | beta mem_{t-1} + I_t                             reset `none`
//! spk_t  = 1 if mem_t > threshold, else 0                   strict; the reset acts one step later, as in snnTorch
//! signal = mem_T | (1/T) sum_t spk_t | max(0, I)            output `membrane` | `rate` | relu
//! ```
//! The reset counts as a constant when differentiating, as in snnTorch, and a spike has the derivative
//! `S'(mem_t - threshold)`. For a constant current the trace `a_t = d mem_t / dI` runs along with the scan:
//!
//! ```text
//! a_t    = beta keep_t a_{t-1} + 1,     keep_t = 1 - spk_{t-1} if reset `zero`, else 1
//! slope  = a_T | (1/T) sum_t S'(mem_t - threshold) a_t | [I > 0]
//! ```
//! A membrane that is not finite makes the signal NaN: as a unit that never spikes it would pass unnoticed.
//!
//! For a current with a row per step, each step has a slope of its own, a trace that runs backwards:
//!
//! ```text
//! slope_t = (S'(mem_t - threshold) / T, or 1 at t = T for the membrane) + beta keep_{t+1} slope_{t+1}
//! ```

use ff_tensor::{Neuron, NeuronKind, Output, Reset, Surrogate};

use crate::device::BLOCK;
use crate::lanes::{LANES, Lanes, load, store, vectorised};
use crate::staircase::Staircase;

/// The rows that an op works on: all of them, or one task's share.
pub(crate) struct Rows<'a> {
    pub signal: &'a mut [f32],
    pub slope: Option<&'a mut [f32]>,
    pub spikes: Option<&'a mut [f32]>,
    pub current: &'a [f32],
}

/// How many rows a sample has in `slope` and `current`, and in `spikes`.
#[derive(Clone, Copy)]
struct Steps {
    current: usize,
    spikes: usize,
}

/// See [`ff_tensor::Device::lif`]. `n` units; `in_time`: the current has a row per step.
pub(crate) fn lif(rows: Rows, bias: Option<&[f32]>, n: usize, in_time: bool, p: &Neuron) {
    let count_only = rows.slope.is_none() && rows.spikes.is_none() && !in_time;
    let staircase = if count_only { Staircase::of(p) } else { None };
    let steps = Steps { current: if in_time { p.steps } else { 1 }, spikes: p.steps };
    share_out(rows, n, steps, &|mut rows: Rows| {
        let rows = &mut rows;
        vectorised(
            #[inline(always)]
            || match (&staircase, p.kind, p.surrogate) {
                (Some(stairs), ..) => climb(rows, bias, n, stairs),
                (_, NeuronKind::Relu, _) => relu(rows, bias, n),
                (.., Surrogate::Atan) => scan::<Atan>(rows, bias, n, in_time, p),
                (.., Surrogate::FastSigmoid) => scan::<FastSigmoid>(rows, bias, n, in_time, p),
                (.., Surrogate::Triangle) => scan::<Triangle>(rows, bias, n, in_time, p),
                (.., Surrogate::Boxcar) => scan::<Boxcar>(rows, bias, n, in_time, p),
            },
        )
    });
}

/// Halves the rows until a block is left, in parallel.
fn share_out(rows: Rows, n: usize, steps: Steps, body: &(impl Fn(Rows) + Sync)) {
    let count = rows.signal.len() / n.max(1);
    if count <= BLOCK {
        return body(rows);
    }
    let half = (count / 2).next_multiple_of(BLOCK) * n;
    let (signal, signal_2) = rows.signal.split_at_mut(half);
    let (slope, slope_2) = split_option(rows.slope, half * steps.current);
    let (spikes, spikes_2) = split_option(rows.spikes, half * steps.spikes);
    let (current, current_2) = rows.current.split_at(half * steps.current);
    rayon::join(
        || share_out(Rows { signal, slope, spikes, current }, n, steps, body),
        || {
            let rows = Rows { signal: signal_2, slope: slope_2, spikes: spikes_2, current: current_2 };
            share_out(rows, n, steps, body)
        },
    );
}

fn split_option(rows: Option<&mut [f32]>, at: usize) -> (Option<&mut [f32]>, Option<&mut [f32]>) {
    match rows.map(|rows| rows.split_at_mut(at)) {
        Some((a, b)) => (Some(a), Some(b)),
        None => (None, None),
    }
}

/// A stand-in for the derivative of a spike.
pub(crate) trait Derivative {
    /// `S'(u)`.
    fn at(u: f32) -> f32;
}
pub(crate) struct Atan;
pub(crate) struct FastSigmoid;
pub(crate) struct Triangle;
pub(crate) struct Boxcar;

impl Derivative for Atan {
    #[inline(always)]
    fn at(u: f32) -> f32 {
        let x = std::f32::consts::PI * u;
        1.0 / (1.0 + x * x)
    }
}
impl Derivative for FastSigmoid {
    #[inline(always)]
    fn at(u: f32) -> f32 {
        let x = 1.0 + 25.0 * u.abs();
        1.0 / (x * x)
    }
}
impl Derivative for Triangle {
    #[inline(always)]
    fn at(u: f32) -> f32 {
        (1.0 - u.abs()).max(0.0)
    }
}
impl Derivative for Boxcar {
    #[inline(always)]
    fn at(u: f32) -> f32 {
        if u.abs() < 0.5 { 1.0 } else { 0.0 }
    }
}

/// Side by side units between two steps.
#[derive(Clone, Copy)]
struct State {
    mem: Lanes,
    spk: Lanes,
    /// `1 - spk_{t-1}` if the reset is `zero`, else 1.
    keep: Lanes,
}

impl State {
    const REST: State = State { mem: [0.0; LANES], spk: [0.0; LANES], keep: [1.0; LANES] };

    /// One time step.
    #[inline(always)]
    fn step(&mut self, current: &Lanes, p: &Neuron) {
        let subtract = if p.reset == Reset::Subtract { p.threshold } else { 0.0 };
        let zero = if p.reset == Reset::Zero { 1.0 } else { 0.0 };
        for k in 0..LANES {
            self.keep[k] = 1.0 - zero * self.spk[k];
            self.mem[k] = p.beta * (self.keep[k] * self.mem[k]) + current[k] - subtract * self.spk[k];
            self.spk[k] = if self.mem[k] > p.threshold { 1.0 } else { 0.0 };
        }
    }
}

/// Signal and, if `LEARN`, slope of units with a constant current. `emit(t, spk)` sees each step's spikes.
#[inline(always)]
pub(crate) fn constant<S: Derivative, const LEARN: bool>(
    current: &Lanes,
    p: &Neuron,
    mut emit: impl FnMut(usize, &Lanes),
) -> (Lanes, Lanes) {
    let mut state = State::REST;
    let (mut count, mut trace, mut slope) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for t in 0..p.steps {
        state.step(current, p);
        emit(t, &state.spk);
        for k in 0..LANES {
            count[k] += state.spk[k];
            if LEARN {
                trace[k] = p.beta * (state.keep[k] * trace[k]) + 1.0;
                slope[k] += S::at(state.mem[k] - p.threshold) * trace[k];
            }
        }
    }
    match p.output {
        Output::Membrane => (state.mem, trace),
        Output::Rate => (rate(&count, &state.mem, p.steps), slope.map(|s| s * (1.0 / p.steps as f32))),
    }
}

/// Spikes per step, or NaN where the membrane (or the current that drives it) is not finite.
#[inline(always)]
pub(crate) fn rate(count: &Lanes, mem: &Lanes, steps: usize) -> Lanes {
    let per_step = 1.0 / steps as f32;
    let mut rate = [0.0; LANES];
    for k in 0..LANES {
        rate[k] = count[k] * per_step + 0.0 * mem[k];
    }
    rate
}

/// `max(0, I)`, or NaN if the current is not finite.
#[inline(always)]
pub(crate) fn rectified(current: Lanes) -> Lanes {
    current.map(|i| i.max(0.0) + 0.0 * i)
}

/// Rows of which only the rate is wanted.
#[inline(always)]
fn climb(rows: &mut Rows, bias: Option<&[f32]>, n: usize, stairs: &Staircase) {
    for (signal, current) in rows.signal.chunks_exact_mut(n).zip(rows.current.chunks_exact(n)) {
        for offset in (0..n).step_by(LANES) {
            let i = with_bias(load(current, offset), bias, offset);
            store(signal, offset, &stairs.rate(&i));
        }
    }
}

/// All LIF rows of a block.
#[inline(always)]
fn scan<S: Derivative>(rows: &mut Rows, bias: Option<&[f32]>, n: usize, in_time: bool, p: &Neuron) {
    let size = if in_time { n * p.steps } else { n };
    for r in 0..rows.signal.len() / n {
        let signal = &mut rows.signal[r * n..][..n];
        let slope = rows.slope.as_mut().map(|s| &mut s[r * size..][..size]);
        let spikes = rows.spikes.as_mut().map(|s| &mut s[r * n * p.steps..][..n * p.steps]);
        let current = &rows.current[r * size..][..size];
        if in_time {
            scan_train::<S>(signal, slope, spikes, current, bias, p);
        } else {
            scan_constant::<S>(signal, slope, spikes, current, bias, p);
        }
    }
}

#[inline(always)]
fn scan_constant<S: Derivative>(
    signal: &mut [f32],
    mut slope: Option<&mut [f32]>,
    mut spikes: Option<&mut [f32]>,
    current: &[f32],
    bias: Option<&[f32]>,
    p: &Neuron,
) {
    let n = signal.len();
    for offset in (0..n).step_by(LANES) {
        let i = with_bias(load(current, offset), bias, offset);
        let (out, slope_out) = match (&mut slope, &mut spikes) {
            (_, Some(spikes)) => {
                constant::<S, true>(&i, p, |t, spk| store(&mut spikes[t * n..][..n], offset, spk))
            }
            (Some(_), None) => constant::<S, true>(&i, p, |_, _| ()),
            (None, None) => constant::<S, false>(&i, p, |_, _| ()),
        };
        store(signal, offset, &out);
        if let Some(slope) = &mut slope {
            store(slope, offset, &slope_out);
        }
    }
}

/// One sample's units with a current per step: forwards for the signal, backwards for each step's slope.
#[inline(always)]
fn scan_train<S: Derivative>(
    signal: &mut [f32],
    mut slope: Option<&mut [f32]>,
    mut spikes: Option<&mut [f32]>,
    current: &[f32],
    bias: Option<&[f32]>,
    p: &Neuron,
) {
    let n = signal.len();
    for offset in (0..n).step_by(LANES) {
        let mut state = State::REST;
        let mut count = [0.0; LANES];
        for t in 0..p.steps {
            state.step(&with_bias(load(&current[t * n..][..n], offset), bias, offset), p);
            for k in 0..LANES {
                count[k] += state.spk[k];
            }
            if let Some(spikes) = &mut spikes {
                store(&mut spikes[t * n..][..n], offset, &state.spk);
            }
            if let Some(slope) = &mut slope {
                // The membrane is kept here until the way back.
                store(&mut slope[t * n..][..n], offset, &state.mem);
            }
        }
        match p.output {
            Output::Membrane => store(signal, offset, &state.mem),
            Output::Rate => store(signal, offset, &rate(&count, &state.mem, p.steps)),
        }
        if let Some(slope) = &mut slope {
            slopes_backwards::<S>(slope, n, offset, p);
        }
    }
}

/// Turns the membranes in `slope` into slopes, from the last step to the first.
#[inline(always)]
fn slopes_backwards<S: Derivative>(slope: &mut [f32], n: usize, offset: usize, p: &Neuron) {
    let per_step = 1.0 / p.steps as f32;
    // What comes back from step t + 1.
    let mut later = [0.0; LANES];
    for t in (0..p.steps).rev() {
        let mem = load(&slope[t * n..][..n], offset);
        let mut out = [0.0; LANES];
        for k in 0..LANES {
            let u = mem[k] - p.threshold;
            let own = match p.output {
                Output::Membrane if t + 1 == p.steps => 1.0,
                Output::Membrane => 0.0,
                Output::Rate => S::at(u) * per_step,
            };
            let forgotten = p.reset == Reset::Zero && mem[k] > p.threshold;
            out[k] = own + if forgotten { 0.0 } else { p.beta * later[k] };
        }
        later = out;
        store(&mut slope[t * n..][..n], offset, &out);
    }
}

#[inline(always)]
pub(crate) fn with_bias(mut current: Lanes, bias: Option<&[f32]>, offset: usize) -> Lanes {
    if let Some(bias) = bias {
        let bias = load(bias, offset);
        for k in 0..LANES {
            current[k] += bias[k];
        }
    }
    current
}

#[inline(always)]
fn relu(rows: &mut Rows, bias: Option<&[f32]>, n: usize) {
    for (r, (signal, current)) in
        rows.signal.chunks_exact_mut(n).zip(rows.current.chunks_exact(n)).enumerate()
    {
        for offset in (0..n).step_by(LANES) {
            let i = with_bias(load(current, offset), bias, offset);
            store(signal, offset, &rectified(i));
            if let Some(slope) = &mut rows.slope {
                store(&mut slope[r * n..][..n], offset, &i.map(|i| if i > 0.0 { 1.0 } else { 0.0 }));
            }
        }
    }
}
