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
use pulp::{Simd, WithSimd};

use crate::device::BLOCK;
use crate::lanes::{arch, put, vector};
use crate::staircase::Staircase;
use crate::surrogate::{Atan, Boxcar, Derivative, FastSigmoid, Triangle};

/// The rows that an op works on: all of them, or one task's share.
pub(crate) struct Rows<'a> {
    pub signal: &'a mut [f32],
    /// Only where something learns.
    pub slope: Option<&'a mut [f32]>,
    pub spikes: Option<&'a mut [f32]>,
    pub current: &'a [f32],
}

/// How many rows a sample has in `slope` and `current`, and in `spikes`.
#[derive(Clone, Copy)]
pub(crate) struct Steps {
    pub current: usize,
    pub spikes: usize,
}

impl Steps {
    pub(crate) fn of(p: &Neuron, in_time: bool) -> Self {
        Self { current: if in_time { p.steps } else { 1 }, spikes: p.steps }
    }
}

impl<'a> Rows<'a> {
    /// The first `count` rows, and the others.
    pub(crate) fn split_at(self, count: usize, n: usize, steps: Steps) -> (Self, Self) {
        let at = count * n;
        let (signal, signal_2) = self.signal.split_at_mut(at);
        let (slope, slope_2) = split_option(self.slope, at * steps.current);
        let (spikes, spikes_2) = split_option(self.spikes, at * steps.spikes);
        let (current, current_2) = self.current.split_at(at * steps.current);
        let first = Self { signal, slope, spikes, current };
        (first, Self { signal: signal_2, slope: slope_2, spikes: spikes_2, current: current_2 })
    }

    /// The same rows, for a while.
    pub(crate) fn reborrow(&mut self) -> Rows<'_> {
        Rows {
            signal: self.signal,
            slope: self.slope.as_deref_mut(),
            spikes: self.spikes.as_deref_mut(),
            current: self.current,
        }
    }
}

fn split_option(rows: Option<&mut [f32]>, at: usize) -> (Option<&mut [f32]>, Option<&mut [f32]>) {
    rows.map(|rows| rows.split_at_mut(at)).unzip()
}

/// See [`ff_tensor::Device::lif`]. `n` units; `in_time`: the current has a row per step.
pub(crate) fn lif(rows: Rows, bias: Option<&[f32]>, n: usize, in_time: bool, p: &Neuron) {
    let staircase = staircase(&rows, in_time, p);
    share_out(rows, n, Steps::of(p, in_time), &|rows: Rows| {
        arch().dispatch(Block { rows, bias, n, in_time, p, staircase: &staircase });
    });
}

/// The thresholds that spare the time steps, where only a count is wanted.
pub(crate) fn staircase(rows: &Rows, in_time: bool, p: &Neuron) -> Option<Staircase> {
    let count_only =
        rows.spikes.is_none() && !in_time && (rows.slope.is_none() || p.surrogate == Surrogate::Secant);
    if count_only { Staircase::of(p) } else { None }
}

/// Halves the rows until a block is left, in parallel.
fn share_out(rows: Rows, n: usize, steps: Steps, body: &(impl Fn(Rows) + Sync)) {
    let count = rows.signal.len() / n.max(1);
    if count <= BLOCK {
        return body(rows);
    }
    let (first, second) = rows.split_at((count / 2).next_multiple_of(BLOCK), n, steps);
    rayon::join(|| share_out(first, n, steps, body), || share_out(second, n, steps, body));
}

/// Side by side units between two steps.
pub(crate) struct State<S: Simd> {
    pub mem: S::f32s,
    pub spk: S::m32s,
}

impl<S: Simd> State<S> {
    #[inline(always)]
    pub(crate) fn rest(simd: S) -> Self {
        let zero = simd.splat_f32s(0.0);
        Self { mem: zero, spk: simd.less_than_f32s(zero, zero) }
    }

    /// One time step.
    #[inline(always)]
    pub(crate) fn step(&mut self, simd: S, current: S::f32s, p: &Neuron) {
        let (zero, threshold) = (simd.splat_f32s(0.0), simd.splat_f32s(p.threshold));
        let mem = simd.add_f32s(self.faded(simd, self.mem, p), current);
        self.mem = match p.reset {
            Reset::Subtract => simd.sub_f32s(mem, simd.select_f32s(self.spk, threshold, zero)),
            Reset::Zero | Reset::None => mem,
        };
        self.spk = simd.greater_than_f32s(self.mem, threshold);
    }

    /// What a step leaves of `x`: `beta keep x`.
    #[inline(always)]
    pub(crate) fn faded(&self, simd: S, x: S::f32s, p: &Neuron) -> S::f32s {
        let kept = match p.reset {
            Reset::Zero => simd.select_f32s(self.spk, simd.splat_f32s(0.0), x),
            Reset::Subtract | Reset::None => x,
        };
        simd.mul_f32s(simd.splat_f32s(p.beta), kept)
    }

    /// `x`, and one more where there is a spike.
    #[inline(always)]
    fn counted(&self, simd: S, x: S::f32s) -> S::f32s {
        simd.select_f32s(self.spk, simd.add_f32s(x, simd.splat_f32s(1.0)), x)
    }

    /// Ones and zeros.
    #[inline(always)]
    fn spikes(&self, simd: S) -> S::f32s {
        self.counted(simd, simd.splat_f32s(0.0))
    }
}

/// Signal and, if `LEARN`, slope of units with a constant current. `emit(t, spk)` sees each step's spikes.
#[inline(always)]
pub(crate) fn constant<S: Simd, D: Derivative, const LEARN: bool>(
    simd: S,
    current: S::f32s,
    p: &Neuron,
    mut emit: impl FnMut(usize, S::f32s),
) -> (S::f32s, S::f32s) {
    let (zero, threshold) = (simd.splat_f32s(0.0), simd.splat_f32s(p.threshold));
    let mut state = State::rest(simd);
    let (mut count, mut trace, mut slope) = (zero, zero, zero);
    for t in 0..p.steps {
        if LEARN {
            trace = simd.add_f32s(state.faded(simd, trace, p), simd.splat_f32s(1.0));
        }
        state.step(simd, current, p);
        emit(t, state.spikes(simd));
        count = state.counted(simd, count);
        if LEARN {
            let near = D::at(simd, simd.sub_f32s(state.mem, threshold));
            slope = simd.add_f32s(slope, simd.mul_f32s(near, trace));
        }
    }
    match p.output {
        Output::Membrane => (state.mem, trace),
        Output::Rate => {
            let per_step = simd.splat_f32s(1.0 / p.steps as f32);
            (rate(simd, count, state.mem, p.steps), simd.mul_f32s(slope, per_step))
        }
    }
}

/// Spikes per step, or NaN where the membrane (or the current that drives it) is not finite.
#[inline(always)]
pub(crate) fn rate<S: Simd>(simd: S, count: S::f32s, mem: S::f32s, steps: usize) -> S::f32s {
    let per_step = simd.splat_f32s(1.0 / steps as f32);
    simd.add_f32s(simd.mul_f32s(count, per_step), simd.mul_f32s(simd.splat_f32s(0.0), mem))
}

/// `max(0, I)`, or NaN if the current is not finite.
#[inline(always)]
pub(crate) fn rectified<S: Simd>(simd: S, current: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.add_f32s(simd.max_f32s(current, zero), simd.mul_f32s(zero, current))
}

#[inline(always)]
pub(crate) fn with_bias<S: Simd>(simd: S, current: S::f32s, bias: Option<&[f32]>, at: usize) -> S::f32s {
    match bias {
        Some(bias) => simd.add_f32s(current, vector(simd, bias, at)),
        None => current,
    }
}

/// Some rows, and how to go through them.
pub(crate) struct Block<'a> {
    pub rows: Rows<'a>,
    pub bias: Option<&'a [f32]>,
    pub n: usize,
    pub in_time: bool,
    pub p: &'a Neuron,
    pub staircase: &'a Option<Staircase>,
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (self.staircase, self.p.kind, self.p.surrogate) {
            (Some(stairs), ..) => self.climb(simd, stairs),
            (_, NeuronKind::Relu, _) => self.relu(simd),
            (.., Surrogate::Atan) => self.scan::<S, Atan>(simd),
            (.., Surrogate::FastSigmoid) => self.scan::<S, FastSigmoid>(simd),
            (.., Surrogate::Triangle) => self.scan::<S, Triangle>(simd),
            (.., Surrogate::Boxcar | Surrogate::Secant) => self.scan::<S, Boxcar>(simd),
        }
    }
}

impl Block<'_> {
    /// Rows of which only the rate is wanted.
    #[inline(always)]
    fn climb<S: Simd>(mut self, simd: S, stairs: &Staircase) {
        let rows = self.rows.signal.chunks_exact_mut(self.n).zip(self.rows.current.chunks_exact(self.n));
        for (r, (signal, current)) in rows.enumerate() {
            for at in (0..self.n).step_by(S::F32_LANES) {
                let i = with_bias(simd, vector(simd, current, at), self.bias, at);
                put(simd, signal, at, stairs.rate(simd, i));
                if let Some(slope) = &mut self.rows.slope {
                    put(simd, &mut slope[r * self.n..][..self.n], at, stairs.slope(simd, i));
                }
            }
        }
    }

    #[inline(always)]
    fn relu<S: Simd>(mut self, simd: S) {
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        let rows = self.rows.signal.chunks_exact_mut(self.n).zip(self.rows.current.chunks_exact(self.n));
        for (r, (signal, current)) in rows.enumerate() {
            for at in (0..self.n).step_by(S::F32_LANES) {
                let i = with_bias(simd, vector(simd, current, at), self.bias, at);
                put(simd, signal, at, rectified(simd, i));
                if let Some(slope) = &mut self.rows.slope {
                    let slopes = simd.select_f32s(simd.greater_than_f32s(i, zero), one, zero);
                    put(simd, &mut slope[r * self.n..][..self.n], at, slopes);
                }
            }
        }
    }

    /// All LIF rows.
    #[inline(always)]
    fn scan<S: Simd, D: Derivative>(mut self, simd: S) {
        let (n, p) = (self.n, self.p);
        let size = if self.in_time { n * p.steps } else { n };
        for r in 0..self.rows.signal.len() / n {
            let row = Rows {
                signal: &mut self.rows.signal[r * n..][..n],
                slope: self.rows.slope.as_mut().map(|s| &mut s[r * size..][..size]),
                spikes: self.rows.spikes.as_mut().map(|s| &mut s[r * n * p.steps..][..n * p.steps]),
                current: &self.rows.current[r * size..][..size],
            };
            if self.in_time {
                scan_train::<S, D>(simd, row, self.bias, p);
            } else {
                scan_constant::<S, D>(simd, row, self.bias, p);
            }
        }
    }
}

#[inline(always)]
fn scan_constant<S: Simd, D: Derivative>(simd: S, mut row: Rows, bias: Option<&[f32]>, p: &Neuron) {
    let n = row.signal.len();
    for at in (0..n).step_by(S::F32_LANES) {
        let i = with_bias(simd, vector(simd, row.current, at), bias, at);
        let (out, slope_out) = match (&mut row.slope, &mut row.spikes) {
            (_, Some(spikes)) => constant::<S, D, true>(
                simd,
                i,
                p,
                #[inline(always)]
                |t, spk| put(simd, &mut spikes[t * n..][..n], at, spk),
            ),
            (Some(_), None) => constant::<S, D, true>(
                simd,
                i,
                p,
                #[inline(always)]
                |_, _| (),
            ),
            (None, None) => constant::<S, D, false>(
                simd,
                i,
                p,
                #[inline(always)]
                |_, _| (),
            ),
        };
        put(simd, row.signal, at, out);
        if let Some(slope) = &mut row.slope {
            put(simd, slope, at, slope_out);
        }
    }
}

/// One sample's units with a current per step: forwards for the signal, backwards for each step's slope.
#[inline(always)]
fn scan_train<S: Simd, D: Derivative>(simd: S, mut row: Rows, bias: Option<&[f32]>, p: &Neuron) {
    let n = row.signal.len();
    for at in (0..n).step_by(S::F32_LANES) {
        let mut state = State::rest(simd);
        let mut count = simd.splat_f32s(0.0);
        for t in 0..p.steps {
            let current = vector(simd, &row.current[t * n..][..n], at);
            state.step(simd, with_bias(simd, current, bias, at), p);
            count = state.counted(simd, count);
            if let Some(spikes) = &mut row.spikes {
                put(simd, &mut spikes[t * n..][..n], at, state.spikes(simd));
            }
            if let Some(slope) = &mut row.slope {
                // The membrane is kept here until the way back.
                put(simd, &mut slope[t * n..][..n], at, state.mem);
            }
        }
        match p.output {
            Output::Membrane => put(simd, row.signal, at, state.mem),
            Output::Rate => put(simd, row.signal, at, rate(simd, count, state.mem, p.steps)),
        }
        if let Some(slope) = &mut row.slope {
            slopes_backwards::<S, D>(simd, slope, n, at, p);
        }
    }
}

/// Turns the membranes in `slope` into slopes, from the last step to the first.
#[inline(always)]
fn slopes_backwards<S: Simd, D: Derivative>(simd: S, slope: &mut [f32], n: usize, at: usize, p: &Neuron) {
    let (zero, threshold) = (simd.splat_f32s(0.0), simd.splat_f32s(p.threshold));
    let per_step = simd.splat_f32s(1.0 / p.steps as f32);
    // What comes back from step t + 1.
    let mut later = zero;
    for t in (0..p.steps).rev() {
        let mem = vector(simd, &slope[t * n..][..n], at);
        let own = match p.output {
            Output::Membrane if t + 1 == p.steps => simd.splat_f32s(1.0),
            Output::Membrane => zero,
            Output::Rate => simd.mul_f32s(D::at(simd, simd.sub_f32s(mem, threshold)), per_step),
        };
        let state = State { mem, spk: simd.greater_than_f32s(mem, threshold) };
        later = simd.add_f32s(own, state.faded(simd, later, p));
        put(simd, &mut slope[t * n..][..n], at, later);
    }
}
