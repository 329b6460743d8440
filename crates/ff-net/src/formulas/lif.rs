//! Leaky integrate-and-fire units over T steps, as snnTorch's `Leaky`:
//!
//! ```text
//! mem_t  = beta mem_{t-1} + I_t - threshold spk_{t-1}       reset `subtract`; mem_0 = 0
//!        | beta mem_{t-1} (1 - spk_{t-1}) + I_t             reset `zero`
//!        | beta mem_{t-1} + I_t                             reset `none`
//! spk_t  = 1 if mem_t > threshold, else 0                   strict; the reset acts one step later
//! signal = mem_T | (1/T) sum_t spk_t                        output `membrane` | `rate`
//! ```
//! The reset counts as a constant when differentiating, as in snnTorch, and a spike has the derivative
//! `S'(mem_t - threshold)` of its [`Surrogate`].

use std::marker::PhantomData;
use std::sync::Arc;

use ff_tensor::neuron::{self, Row};
use ff_tensor::{Formula, Neuron, Numbers, Readout};
use serde::{Deserialize, Serialize};

use super::staircase::{MOST, Staircase};
use super::{Atan, Surrogate};

/// What a spike does to the membrane, one step after it (snnTorch's `reset_mechanism`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reset {
    /// Takes the threshold off.
    Subtract,
    /// Sets the membrane to zero before the next current comes in.
    Zero,
    /// Does nothing.
    None,
}

/// What a LIF layer passes on and is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// The membrane potential after the last step: the tutorial's choice.
    Membrane,
    /// Spikes per step, in `[0, 1]`.
    Rate,
}

/// A leaky integrate-and-fire unit.
pub struct Lif<S: Surrogate = Atan> {
    unit: Unit<S>,
    /// The way to a rate without the time steps, prepared once.
    stairs: Option<Arc<Staircase>>,
}

impl<S: Surrogate> Lif<S> {
    /// A unit with these settings. `beta` is the share of the membrane potential that is left after a step, and a unit
    /// spikes when its potential is strictly above `threshold`.
    pub fn new(beta: f32, threshold: f32, reset: Reset, steps: usize, output: Output) -> Self {
        let takes = if reset == Reset::Subtract { threshold } else { 0.0 };
        let (zeroes, surrogate) = (reset == Reset::Zero, PhantomData);
        let unit = Unit { beta, threshold, takes, zeroes, steps, output, surrogate };
        let climbs = output == Output::Rate && (2..=MOST).contains(&steps) && unit.validate().is_ok();
        Self { stairs: climbs.then(|| Arc::new(Staircase::of(&unit))), unit }
    }
}

impl<S: Surrogate> Clone for Lif<S> {
    fn clone(&self) -> Self {
        Self { unit: self.unit, stairs: self.stairs.clone() }
    }
}

/// The unit's numbers alone, which the compiler can keep in registers.
struct Unit<S> {
    beta: f32,
    threshold: f32,
    /// What a spike takes off the membrane one step later.
    takes: f32,
    /// Whether a spike sets the membrane to zero one step later.
    zeroes: bool,
    steps: usize,
    output: Output,
    surrogate: PhantomData<S>,
}

impl<S> Clone for Unit<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Unit<S> {}

impl<S: Surrogate> Unit<S> {
    /// What a step leaves of `x`: `beta keep x`.
    #[inline(always)]
    fn faded(&self, spk: bool, x: f32) -> f32 {
        self.beta * if self.zeroes & spk { 0.0 } else { x }
    }

    fn validate(&self) -> Result<(), String> {
        let within = |key, value: f32, least: f32, most: f32| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(format!("`{key}` is {value}; {least} to {most} is possible")),
        };
        within("beta", self.beta, 0.0, 1.0)?;
        within("threshold", self.threshold, 1e-6, 1e6)?;
        within("steps", self.steps as f32, 1.0, 1e3)?;
        match S::OF_RATE && !(self.output == Output::Rate && (2..=MOST).contains(&self.steps)) {
            true => {
                Err(format!("`surrogate` is `secant`, which needs `output = rate` and 2 to {MOST} steps"))
            }
            false => Ok(()),
        }
    }
}

impl<S: Surrogate> std::fmt::Debug for Unit<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Self { beta, threshold, takes, zeroes, steps, output, .. } = self;
        write!(f, "Lif {{ beta: {beta}, threshold: {threshold}, takes: {takes}, zeroes: {zeroes}, ")?;
        let surrogate = std::any::type_name::<S>().rsplit("::").next().unwrap_or_default();
        write!(f, "steps: {steps}, output: {output:?}, surrogate: {surrogate} }}")
    }
}

impl<S: Surrogate> std::fmt::Debug for Lif<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        self.unit.fmt(f)
    }
}

impl<S: Surrogate> Neuron for Unit<S> {
    type State = [f32; 1];

    #[inline(always)]
    fn steps(&self) -> usize {
        self.steps
    }

    #[inline(always)]
    fn readout(&self) -> Readout {
        match self.output {
            Output::Membrane => Readout::Membrane,
            Output::Rate => Readout::Rate,
        }
    }

    #[inline(always)]
    fn step(&self, [mem]: [f32; 1], current: f32) -> [f32; 1] {
        let spk = mem > self.threshold;
        [self.faded(spk, mem) + current - if spk { self.takes } else { 0.0 }]
    }

    #[inline(always)]
    fn spike(&self, [mem]: [f32; 1]) -> f32 {
        if mem > self.threshold { 1.0 } else { 0.0 }
    }

    #[inline(always)]
    fn dstep(&self, [mem]: [f32; 1], _: [f32; 1], [d]: [f32; 1], dcurrent: f32) -> [f32; 1] {
        [self.faded(mem > self.threshold, d) + dcurrent]
    }

    #[inline(always)]
    fn dspike(&self, [mem]: [f32; 1], [d]: [f32; 1]) -> f32 {
        S::at(mem - self.threshold) * d
    }
}

/// All is the unit's but the shorter way to a rate.
impl<S: Surrogate> Neuron for Lif<S> {
    type State = [f32; 1];

    #[inline(always)]
    fn steps(&self) -> usize {
        self.unit.steps
    }

    #[inline(always)]
    fn readout(&self) -> Readout {
        self.unit.readout()
    }

    /// The membrane after a single step, which no reset has touched yet, is the current itself. The tutorial's units are
    /// read there.
    fn is_linear(&self) -> bool {
        self.unit.output == Output::Membrane && self.unit.steps == 1
    }

    fn validate(&self) -> Result<(), String> {
        self.unit.validate()
    }

    #[inline(always)]
    fn step(&self, state: [f32; 1], current: f32) -> [f32; 1] {
        self.unit.step(state, current)
    }

    #[inline(always)]
    fn spike(&self, state: [f32; 1]) -> f32 {
        self.unit.spike(state)
    }

    #[inline(always)]
    fn dstep(&self, before: [f32; 1], after: [f32; 1], d: [f32; 1], dcurrent: f32) -> [f32; 1] {
        self.unit.dstep(before, after, d, dcurrent)
    }

    #[inline(always)]
    fn dspike(&self, state: [f32; 1], d: [f32; 1]) -> f32 {
        self.unit.dspike(state, d)
    }

    fn soft_spike(&self, [mem]: [f32; 1]) -> Option<f32> {
        Some(S::primitive(mem - self.unit.threshold))
    }

    /// Rates come from the staircase where no spike's slope is needed. Else the time steps are run, compiled once for each
    /// way of reset, as a choice in the innermost loop makes each step longer.
    #[inline(always)]
    fn constant<const LEARN: bool>(&self, row: Row) {
        match &self.stairs {
            Some(stairs) if S::OF_RATE || !LEARN => stairs.climb::<LEARN>(row),
            _ if self.unit.zeroes => {
                neuron::constant::<Unit<S>, LEARN>(&Unit { zeroes: true, ..self.unit }, row);
            }
            _ => neuron::constant::<Unit<S>, LEARN>(&Unit { zeroes: false, ..self.unit }, row),
        }
    }
}

/// Only its time steps are used, and only on the CPU.
impl<S: Surrogate> Formula for Unit<S> {
    fn numbers(&self) -> Numbers {
        Numbers::none()
    }
}

impl<S: Surrogate> Lif<S> {
    const TEXTS: &[&str] = &[S::CUDA, CUDA];
}

impl<S: Surrogate> Formula for Lif<S> {
    fn numbers(&self) -> Numbers {
        let [middle, half, by, slope] = self.stairs.as_ref().map_or([0.0; 4], |stairs| stairs.secant());
        let Unit { beta, threshold, takes, zeroes, output, .. } = self.unit;
        let flags = u32::from(zeroes) | u32::from(output == Output::Membrane) << 1;
        Numbers::floats(&[beta, threshold, takes, middle, half, by, slope]).whole(flags)
    }

    fn cuda(&self) -> &'static [&'static str] {
        Self::TEXTS
    }
}

/// The secant is prepared on the host, from the same staircase as the CPU's.
const CUDA: &str = r"
struct Neuron {
    float beta, threshold, takes, middle, half, by, secant;
    u32 flags;
    enum { STATES = 1, OWN_SLOPE = Surrogate::OF_RATE };
    __device__ bool reads_membrane() const { return flags & 2; }
    __device__ float faded(bool spk, float x) const { return beta * ((flags & 1) && spk ? 0.0f : x); }
    __device__ void step(float *s, float current) const {
        bool spk = s[0] > threshold;
        s[0] = faded(spk, s[0]) + current - (spk ? takes : 0.0f);
    }
    __device__ float spike(const float *s) const { return s[0] > threshold ? 1.0f : 0.0f; }
    __device__ void dstep(const float *before, const float *, float *d, float dcurrent) const {
        d[0] = faded(before[0] > threshold, d[0]) + dcurrent;
    }
    __device__ float dspike(const float *s, const float *d) const { return Surrogate::at(s[0] - threshold) * d[0]; }
    __device__ float slope(float current) const {
        float beyond = fabsf(current - middle) - half;
        float u = by * (beyond > 0.0f ? beyond : 0.0f);
        return secant / (1.0f + u * u);
    }
};
";

#[cfg(test)]
mod tests {
    use ff_tensor::random;

    use super::super::Boxcar;
    use super::*;

    fn rate(lif: &Lif<Boxcar>, current: f32, stairs: bool) -> f32 {
        let (mut signal, slope) = ([0.0], &mut []);
        let row = Row { signal: &mut signal, slope, current: &[current], bias: None };
        if stairs {
            lif.constant::<false>(row)
        } else {
            neuron::constant::<_, false>(lif, row)
        };
        signal[0]
    }

    #[test]
    fn the_staircase_counts_as_the_time_steps_do() {
        for reset in [Reset::Subtract, Reset::Zero, Reset::None] {
            for (beta, threshold, steps) in
                [(0.8, 1.0, 8), (0.0, 1.0, 4), (1.0, 0.3, 5), (0.95, 2.5, 33), (0.5, 1.0, 2), (0.9, 1.0, 64)]
            {
                let lif = Lif::new(beta, threshold, reset, steps, Output::Rate);
                assert!(lif.stairs.is_some());
                let mut seen = std::collections::BTreeSet::new();
                for i in 0..20_000 {
                    let current = 4.0 * threshold * random::uniform(3, i) - 0.5 * threshold;
                    let plain = rate(&lif, current, false);
                    assert_eq!(rate(&lif, current, true), plain, "{lif:?} at {current:?}");
                    seen.insert(plain.to_bits());
                }
                assert!(seen.len() > 1, "{lif:?}: only one count in all currents");
                for current in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    assert!(rate(&lif, current, true).is_nan() && rate(&lif, current, false).is_nan());
                }
            }
        }
    }

    #[test]
    fn the_staircase_is_only_for_rates() {
        for (steps, output) in [(4, Output::Membrane), (1, Output::Rate), (65, Output::Rate)] {
            assert!(Lif::<Atan>::new(0.8, 1.0, Reset::Zero, steps, output).stairs.is_none());
        }
    }
}
