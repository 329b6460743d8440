//! A unit's spike count for a constant current, without its time steps. The count only grows with the current, so it is
//! the number of thresholds that the current reaches.
//!
//! ```text
//! rate(I) = 1/T #{ j : I >= rise_j },    rise_j = the smallest current with at least j spikes in T steps
//! ```
//! Why it only grows: let I' > I. As long as the unit with I' has spiked at least as often, each of its spikes came no later
//! than the other's, so what the reset `subtract` took off has leaked away further. When both counts are equal its membrane
//! is the higher one, and it cannot fall behind. With the reset `zero` all gaps between spikes are equal, and shorter for
//! I'. Without a reset the membrane is larger at every step. The rises are found by bisection with the neuron's own steps,
//! so both agree but for currents within a few roundings of a rise.
//!
//! It is used where neither spike times nor the slopes of single spikes are needed: to try all labels, and for the secant.

use ff_tensor::neuron::Row;

use ff_tensor::Neuron;
use ff_tensor::lanes::{GROUP, Group, groups, store};

/// Most time steps for which this is used.
pub(crate) const MOST: usize = 64;
/// No unit needs a larger current to spike at every step, and its sums stay finite.
const LARGEST: f32 = 1e30;

/// How far beyond its ends the secant's slope has fallen to one half, in lengths of the secant. A tenth was as good as a
/// fiftieth and better than a half.
const TAIL: f32 = 0.1;

/// The currents at which a unit's spike count rises.
#[derive(Debug, Clone)]
pub(crate) struct Staircase {
    rises: [f32; MOST],
    steps: usize,
}

impl Staircase {
    /// That of a neuron with 2 to [`MOST`] steps whose spike count only grows with its current.
    pub fn of(neuron: &impl Neuron) -> Self {
        let steps = neuron.steps().clamp(2, MOST);
        let mut rises = [f32::INFINITY; MOST];
        for (below, rise) in rises[..steps].iter_mut().enumerate() {
            *rise = bisect(below, neuron);
        }
        Self { rises, steps }
    }

    /// Of the secant: its middle, half of its width, what a distance beyond that is multiplied by, and its slope.
    pub fn secant(&self) -> [f32; 4] {
        let (first, last) = (self.rises[0], self.rises[self.steps - 1]);
        let width = (last - first) * self.steps as f32 / (self.steps - 1) as f32;
        [0.5 * (first + last), 0.5 * width, 1.0 / (TAIL * width), 1.0 / width]
    }

    /// The rates of a row of units, and the secant's slope if `LEARN`. A current that is not finite gives NaN.
    #[inline(always)]
    pub fn climb<const LEARN: bool>(&self, row: Row) {
        let per_step = 1.0 / self.steps as f32;
        let [middle, half, by, slope] = self.secant();
        for at in groups(row.signal.len()) {
            let current = row.current(at);
            let mut count: Group = [0.0; GROUP];
            for &rise in &self.rises[..self.steps] {
                for k in 0..GROUP {
                    count[k] = if current[k] >= rise { count[k] + 1.0 } else { count[k] };
                }
            }
            for k in 0..GROUP {
                count[k] = count[k] * per_step + 0.0 * current[k];
            }
            store(row.signal, at, &count);
            if LEARN {
                let mut slopes: Group = [0.0; GROUP];
                for k in 0..GROUP {
                    let beyond = (current[k] - middle).abs() - half;
                    let u = by * if beyond > 0.0 { beyond } else { 0.0 };
                    slopes[k] = slope / (1.0 + u * u);
                }
                store(row.slope, at, &slopes);
            }
        }
    }
}

/// The smallest current with more than `below` spikes. Positive floats are ordered as their bits are, so halving the bits
/// ends at neighbours.
fn bisect(below: usize, neuron: &impl Neuron) -> f32 {
    let enough = |current: f32| {
        let mut state = ff_tensor::neuron::State::ZERO;
        let mut count = 0.0;
        for _ in 0..neuron.steps() {
            state = neuron.step(state, current);
            count += neuron.spike(state);
        }
        count > below as f32
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
