//! Goodness: how the signals of a layer's units become one number for each row.
//!
//! ```text
//! g = factor(n) sum_j term(signal_j)            dg/dsignal_j = factor(n) dterm(signal_j)
//! ```
//!
//! # CUDA text
//!
//! ```text
//! struct Goodness {
//!     u32 kind;                                        // the numbers
//!     __device__ float term(float signal) const;
//!     __device__ float dterm(float signal) const;
//!     __device__ float factor(u32 n) const;
//! };
//! ```

use crate::Formula;
use crate::lanes::{LANES, for_lanes, total, vectorised};

/// A goodness, as a formula for one unit's share of it.
///
/// Mark `term` and `dterm` with `#[inline(always)]`: then they become vector instructions. `term(0)` has to be 0, as a row
/// is filled up with units whose signal is 0.
pub trait Goodness: Formula {
    /// What one unit adds.
    fn term(&self, signal: f32) -> f32;

    /// The derivative of `term`.
    fn dterm(&self, signal: f32) -> f32;

    /// What the sum over `n` units is multiplied by: `1 / n` for a mean.
    fn factor(&self, n: usize) -> f32;

    /// If the goodness is a multiple of the sum of squares. Layers of linear units have a shorter way to it then.
    fn is_squares(&self) -> bool {
        false
    }

    /// The goodness of a row of signals.
    fn of_row(&self, signal: &[f32]) -> f32 {
        let sum = vectorised(
            #[inline(always)]
            || {
                let mut sum = [0.0; LANES];
                for_lanes(
                    signal,
                    #[inline(always)]
                    |_, x| {
                        for k in 0..LANES {
                            sum[k] += self.term(x[k]);
                        }
                    },
                );
                total(sum)
            },
        );
        self.factor(signal.len()) * sum
    }

    /// Turns the slopes of a row's signals into the gradient of its current. `dcurrent` has a row of slopes for each time
    /// step, or one. `by` is the gradient of the goodness times `factor`.
    fn to_current(&self, dcurrent: &mut [f32], signal: &[f32], by: f32) {
        vectorised(
            #[inline(always)]
            || {
                for dcurrent in dcurrent.chunks_exact_mut(signal.len().max(1)) {
                    for (d, &signal) in dcurrent.iter_mut().zip(signal) {
                        *d *= by * self.dterm(signal);
                    }
                }
            },
        );
    }
}
