//! Neurons: what happens to an input current over the time steps, as a formula for one unit.
//!
//! ```text
//! s_t    = step(s_{t-1}, I_t)                  s_0 = 0: the state, one or more numbers
//! spk_t  = spike(s_t)                          what the unit passes on at step t
//! signal = 1/T sum_t spk_t  |  s_T[0]          what it is judged by: Readout::Rate | Readout::Membrane
//! ```
//! A layer learns from the signal's slope. The derivatives of one step are all that it takes. `dstep` is the change of
//! the new state for a given change of the old state and of the current, and `dspike` is that of what is passed on:
//!
//! ```text
//! constant current:  a_t = dstep(a_{t-1}, 1),  a_0 = 0;         slope   = 1/T sum_t dspike(a_t)  |  a_T[0]
//! current per step:  l_t = dspike^T w_t + dstep^T l_{t+1};      slope_t = l_t . dstep(0, 1),  w_t the weight of spk_t
//! ```
//! The first line runs forwards along with the neuron and so keeps nothing. The second runs backwards through the states,
//! which are kept.
//!
//! A neuron is plain Rust for one `f32` at a time. A layer has it as [`Units`](crate::Units): rows of units that run many
//! side by side, in vector instructions.
//!
//! # CUDA text
//!
//! The same lines, as a struct named `Neuron`. Its fields are the [`numbers`](Formula::numbers), then come:
//!
//! ```text
//! struct Neuron {
//!     float beta, threshold;
//!     enum { STATES = 1, OWN_SLOPE = 0 };
//!     __device__ bool reads_membrane() const;                        // Readout::Membrane
//!     __device__ void step(float *s, float current) const;
//!     __device__ float spike(const float *s) const;
//!     __device__ void dstep(const float *before, const float *after, float *d, float dcurrent) const;   // d: old to new
//!     __device__ float dspike(const float *s, const float *d) const;
//!     __device__ float slope(float current) const;                   // only called if OWN_SLOPE
//! };
//! ```
//! `OWN_SLOPE` is for neurons that override [`Neuron::constant`] with another slope. The others return 0 there.

use crate::Formula;
use crate::lanes::{GROUP, Group, groups, load, store};

/// The numbers of a unit's state: `[f32; 1]`, `[f32; 2]` and so on.
pub trait State: Copy + Send + Sync + AsRef<[f32]> + AsMut<[f32]> + 'static {
    /// How many.
    const LEN: usize;
    /// All zeros.
    const ZERO: Self;
    /// The states of [`GROUP`] units side by side.
    type Side: Copy + AsRef<[Group]> + AsMut<[Group]>;
    /// All zeros.
    const SIDE: Self::Side;
}

impl<const N: usize> State for [f32; N] {
    const LEN: usize = N;
    const ZERO: Self = [0.0; N];
    type Side = [Group; N];
    const SIDE: Self::Side = [[0.0; GROUP]; N];
}

/// What a unit is judged by, and what it passes on where only one number can be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readout {
    /// What it passed on, as a mean over the time steps: for spikes, their rate.
    Rate,
    /// The first number of its state after the last step.
    Membrane,
}

/// A neuron of one unit. See the [module](self) for the equations.
///
/// Mark `step`, `spike`, `dstep` and `dspike` with `#[inline(always)]` and write `if` as a choice between two numbers: then
/// they become vector instructions.
pub trait Neuron: Formula + Clone + 'static {
    /// The state between two steps. All numbers are 0 before the first step.
    type State: State;

    /// Time steps T, at least one.
    fn steps(&self) -> usize;

    /// What the unit is judged by.
    fn readout(&self) -> Readout {
        Readout::Rate
    }

    /// Whether the signal is nothing but the current: then a layer may be computed without its units.
    fn is_linear(&self) -> bool {
        false
    }

    /// Whether what is passed on is 0 or 1, so that it can be counted.
    fn spikes(&self) -> bool {
        true
    }

    /// Why these settings cannot be, if they cannot.
    ///
    /// # Errors
    /// One sentence.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    /// The state after a step with this current.
    fn step(&self, state: Self::State, current: f32) -> Self::State;

    /// What is passed on in a step, from the state after it: 1 for a spike, else 0.
    fn spike(&self, state: Self::State) -> f32;

    /// The derivative of `step`, applied to a change `d` of the state before it and `dcurrent` of the current.
    fn dstep(&self, before: Self::State, after: Self::State, d: Self::State, dcurrent: f32) -> Self::State;

    /// The derivative of `spike`, or what stands in for it, applied to a change `d` of the state.
    fn dspike(&self, state: Self::State, d: Self::State) -> f32;

    /// A smooth function of which `dspike` is the derivative, for [checks](self) only: it takes the place of the spike there.
    fn soft_spike(&self, _state: Self::State) -> Option<f32> {
        None
    }

    /// Signals, and slopes if `LEARN`, of a row of units with a constant current. Override it only where there is a faster
    /// way to the same numbers.
    #[inline(always)]
    fn constant<const LEARN: bool>(&self, row: Row) {
        constant::<Self, LEARN>(self, row);
    }
}

/// One sample's units with a constant current.
pub struct Row<'a> {
    /// `[n]`
    pub signal: &'a mut [f32],
    /// `[n]`, or empty where nothing learns.
    pub slope: &'a mut [f32],
    /// `[n]`
    pub current: &'a [f32],
    /// `[n]`, added to the current.
    pub bias: Option<&'a [f32]>,
}

impl Row<'_> {
    /// The current of [`GROUP`] units from `at` on.
    #[inline(always)]
    pub fn current(&self, at: usize) -> Group {
        with_bias(load(self.current, at), self.bias, at)
    }
}

#[inline(always)]
pub(crate) fn with_bias(mut current: Group, bias: Option<&[f32]>, at: usize) -> Group {
    if let Some(bias) = bias {
        let bias: Group = load(bias, at);
        for k in 0..GROUP {
            current[k] += bias[k];
        }
    }
    current
}

/// Number `k` of each state that lies side by side.
#[inline(always)]
pub(crate) fn lane<S: State>(side: &S::Side, k: usize) -> S {
    let mut state = S::ZERO;
    for (number, lanes) in state.as_mut().iter_mut().zip(side.as_ref()) {
        *number = lanes[k];
    }
    state
}

#[inline(always)]
pub(crate) fn set_lane<S: State>(side: &mut S::Side, k: usize, state: S) {
    for (number, lanes) in state.as_ref().iter().zip(side.as_mut()) {
        lanes[k] = *number;
    }
}

/// The time steps of [`GROUP`] units with a constant current. `emit(t, spk)` sees what is passed on. Gives the sum of what
/// was passed on (or the membrane) and of its derivatives (or the membrane's).
#[inline(always)]
pub(crate) fn scan<N: Neuron, const LEARN: bool>(
    neuron: &N,
    current: &Group,
    mut emit: impl FnMut(usize, &Group),
) -> (Group, Group) {
    let (mut state, mut trace) = (N::State::SIDE, N::State::SIDE);
    let (mut sum, mut slope) = ([0.0; GROUP], [0.0; GROUP]);
    for t in 0..neuron.steps() {
        let mut passed = [0.0; GROUP];
        for k in 0..GROUP {
            let before = lane::<N::State>(&state, k);
            let after = neuron.step(before, current[k]);
            if LEARN {
                let d = neuron.dstep(before, after, lane(&trace, k), 1.0);
                set_lane(&mut trace, k, d);
                slope[k] += neuron.dspike(after, d);
            }
            passed[k] = neuron.spike(after);
            sum[k] += passed[k];
            set_lane(&mut state, k, after);
        }
        emit(t, &passed);
    }
    let membrane = state.as_ref()[0];
    match neuron.readout() {
        Readout::Membrane => (membrane, trace.as_ref()[0]),
        Readout::Rate => {
            // A membrane that is not finite makes the signal NaN: as a unit that never spikes it would pass unnoticed.
            for k in 0..GROUP {
                sum[k] += 0.0 * membrane[k];
            }
            (sum, slope)
        }
    }
}

/// Sums over the time steps become means, unless the membrane was read.
#[inline(always)]
pub(crate) fn mean_over_steps<N: Neuron>(neuron: &N, sums: &mut [f32]) {
    if neuron.readout() == Readout::Rate {
        let per_step = 1.0 / neuron.steps() as f32;
        sums.iter_mut().for_each(|sum| *sum *= per_step);
    }
}

/// What [`Neuron::constant`] is, unless it is overridden.
#[inline(always)]
pub fn constant<N: Neuron, const LEARN: bool>(neuron: &N, row: Row) {
    for at in groups(row.signal.len()) {
        let (signal, slope) = scan::<N, LEARN>(
            neuron,
            &row.current(at),
            #[inline(always)]
            |_, _| (),
        );
        store(row.signal, at, &signal);
        if LEARN {
            store(row.slope, at, &slope);
        }
    }
    mean_over_steps(neuron, row.signal);
    if LEARN {
        mean_over_steps(neuron, row.slope);
    }
}
