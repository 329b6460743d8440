//! A unit's spike count for a constant current, without its time steps: the count only grows with the current, so it
//! is the number of thresholds that the current reaches.
//!
//! ```text
//! rate(I) = 1/T #{ j : I >= rise_j },    rise_j = the smallest current with at least j spikes in T steps
//! ```
//! Why it only grows: let I' > I. As long as the unit with I' has spiked at least as often, each of its spikes came
//! no later than the other's, so what reset `subtract` took off has leaked away further; when both counts are equal
//! its membrane is the higher one, and it cannot fall behind. With reset `zero` all gaps between spikes are equal and
//! shorter for I'; without a reset the membrane is larger at every step. The rises are found by bisection with the
//! scan itself (`lif.rs`), so both agree but for currents within a few roundings of a rise.
//!
//! For where no slope and no spike times are needed: trying all labels.

use ff_tensor::constants::{MOST_SECANT_STEPS as MOST, TAIL};
use ff_tensor::{Neuron, NeuronKind, Output};

use pulp::{Scalar, Simd};

use crate::lif::{constant, rate};
use crate::surrogate::Atan;

/// No unit needs a larger current to spike at every step, and its sums stay finite.
const LARGEST: f32 = 1e30;

/// The currents at which a unit's spike count rises.
pub(crate) struct Staircase {
    rises: [f32; MOST],
    steps: usize,
}

impl Staircase {
    /// `None` where the unit is not judged by its rate, or has too few or too many steps for this to pay.
    pub(crate) fn of(p: &Neuron) -> Option<Self> {
        if p.kind != NeuronKind::Lif || p.output != Output::Rate || !(2..=MOST).contains(&p.steps) {
            return None;
        }
        let mut rises = [f32::INFINITY; MOST];
        for (below, rise) in rises[..p.steps].iter_mut().enumerate() {
            *rise = bisect(below, p);
        }
        Some(Self { rises, steps: p.steps })
    }

    /// See [`ff_tensor::Surrogate::Secant`].
    #[inline(always)]
    pub(crate) fn slope<S: Simd>(&self, simd: S, current: S::f32s) -> S::f32s {
        let (first, last) = (self.rises[0], self.rises[self.steps - 1]);
        let width = (last - first) * self.steps as f32 / (self.steps - 1) as f32;
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        let off = simd.abs_f32s(simd.sub_f32s(current, simd.splat_f32s(0.5 * (first + last))));
        let beyond = simd.max_f32s(simd.sub_f32s(off, simd.splat_f32s(0.5 * width)), zero);
        let u = simd.mul_f32s(beyond, simd.splat_f32s(1.0 / (TAIL * width)));
        let faded = simd.add_f32s(one, simd.mul_f32s(u, u));
        simd.div_f32s(simd.splat_f32s(1.0 / width), faded)
    }

    /// Spikes per step; NaN for a current that is not finite.
    #[inline(always)]
    pub(crate) fn rate<S: Simd>(&self, simd: S, current: S::f32s) -> S::f32s {
        let one = simd.splat_f32s(1.0);
        let mut count = simd.splat_f32s(0.0);
        for &rise in &self.rises[..self.steps] {
            let reached = simd.greater_than_or_equal_f32s(current, simd.splat_f32s(rise));
            count = simd.select_f32s(reached, simd.add_f32s(count, one), count);
        }
        rate(simd, count, current, self.steps)
    }
}

/// The smallest current with more than `below` spikes. Positive floats are ordered as their bits are, so halving the
/// bits ends at neighbours.
fn bisect(below: usize, p: &Neuron) -> f32 {
    let enough = |current: f32| {
        let (rate, _) = constant::<Scalar, Atan, false>(Scalar, current, p, |_, _| ());
        (rate * p.steps as f32).round() > below as f32
    };
    let (mut low, mut high) = (0u32, LARGEST.to_bits());
    if !enough(LARGEST) {
        return f32::INFINITY;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        *(if enough(f32::from_bits(middle)) { &mut high } else { &mut low }) = middle;
    }
    f32::from_bits(high)
}

#[cfg(test)]
mod tests {
    use ff_tensor::{Reset, random};

    use super::*;

    #[test]
    fn counts_as_the_time_steps_do() {
        for reset in [Reset::Subtract, Reset::Zero, Reset::None] {
            for (beta, threshold, steps) in
                [(0.8, 1.0, 8), (0.0, 1.0, 4), (1.0, 0.3, 5), (0.95, 2.5, 33), (0.5, 1.0, 2), (0.9, 1.0, 64)]
            {
                let p = Neuron { beta, threshold, steps, reset, output: Output::Rate, ..Neuron::default() };
                let staircase = Staircase::of(&p).expect("a staircase");
                let mut seen = std::collections::BTreeSet::new();
                for i in 0..100_000 {
                    let current = 4.0 * threshold * random::uniform(3, i) - 0.5 * threshold;
                    let plain = constant::<Scalar, Atan, false>(Scalar, current, &p, |_, _| ()).0;
                    assert_eq!(staircase.rate(Scalar, current), plain, "{p:?} at {current:?}");
                    seen.insert(plain.to_bits());
                }
                assert!(seen.len() > 1, "{p:?}: only one count in all currents");
            }
        }
    }

    #[test]
    fn what_is_not_finite_stays_so() {
        let p = Neuron { steps: 4, output: Output::Rate, ..Neuron::default() };
        let staircase = Staircase::of(&p).expect("a staircase");
        for current in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(staircase.rate(Scalar, current).is_nan(), "{current}");
        }
    }

    #[test]
    fn is_only_for_rates() {
        assert!(Staircase::of(&Neuron { steps: 4, ..Neuron::default() }).is_none());
        assert!(Staircase::of(&Neuron { output: Output::Rate, ..Neuron::default() }).is_none());
        let relu = Neuron { kind: NeuronKind::Relu, steps: 4, output: Output::Rate, ..Neuron::default() };
        assert!(Staircase::of(&relu).is_none());
    }
}
