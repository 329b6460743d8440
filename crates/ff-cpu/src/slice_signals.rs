//! This module computes the signals of some units of a layer, and the slopes of these. It is the first half of `local_grad`.
//!
//! ```text
//! signal[r, j] = 0 if unit first + j is silent for image r % B, otherwise what the neuron says
//! slope[r, j]  = d signal[r, j] / d current
//! ```
//! Dropout silences units at random, so that no unit relies on another (N. Srivastava et al., JMLR 15, 2014). The
//! signal and the spikes of a silenced unit are 0, and so is its gradient. The two rows of a pair lose the same units,
//! because their goodnesses are compared. The draws are those of the whole layer, so they do not depend on how its units
//! are shared out.

use ff_tensor::units::Samples;
use ff_tensor::{Dropout, Goodness, Units};

use crate::lanes::vectorised;
use crate::units::{Steps, answer, share_out};

/// The parameters that are the same for all rows.
pub(crate) struct Signals<'a> {
    /// The number of the first unit.
    pub first: usize,
    /// The number of units of the whole layer.
    pub all: usize,
    pub batch: usize,
    /// The clock's step.
    pub step: u32,
    pub steps: Steps,
    pub dropout: Dropout,
    pub units: &'a dyn Units,
    pub goodness: &'a dyn Goodness,
}

/// See [`ff_tensor::SliceSignals`].
pub(crate) fn slice_signals(samples: Samples, signals: &Signals) {
    share_out(samples, 0, signals.steps, &|mut samples, r| of_rows(&mut samples, r, signals));
}

/// Computes the signals and slopes of some rows, on this thread. The first row has the number `r`.
pub(crate) fn of_rows(samples: &mut Samples, r: usize, signals: &Signals) {
    answer(samples, signals.units);
    silence(samples, r, signals);
}

/// Applies dropout to rows. The first row has the number `r`.
fn silence(samples: &mut Samples, r: usize, signals: &Signals) {
    let &Signals { first, all, batch, step, dropout, .. } = signals;
    let n = samples.n;
    if dropout.rate == 0.0 {
        return;
    }
    let silence = |values: &mut [f32], b: usize| {
        vectorised(
            #[inline(always)]
            || {
                for (j, x) in values.iter_mut().enumerate() {
                    *x = if dropout.silences(step, b, all, first + j) { 0.0 } else { *x };
                }
            },
        )
    };
    let in_steps = |rows: &mut [f32], steps: usize| {
        let rows = rows.chunks_exact_mut(n).enumerate();
        rows.for_each(|(row, values)| silence(values, (r + row / steps) % batch));
    };
    in_steps(samples.signal, 1);
    // A signal of 0 makes the gradient 0 only if `dterm(0)` is 0. Otherwise the slope is set to 0 too.
    if signals.goodness.dterm(0.0) != 0.0
        && let Some(slope) = &mut samples.slope
    {
        in_steps(slope, signals.steps.current);
    }
    if let Some(spikes) = &mut samples.spikes {
        in_steps(spikes, signals.steps.spikes);
    }
}
