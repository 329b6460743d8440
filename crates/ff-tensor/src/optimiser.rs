//! Optimiser: how a gradient moves a weight, as a formula for one weight.
//!
//! ```text
//! (W, m) = update(factors(step), W, m, dW)        m: the moments, none to two numbers for each weight, 0 at first
//! ```
//!
//! # CUDA text
//!
//! ```text
//! struct Optimiser {
//!     float learning_rate;                             // the numbers
//!     enum { MOMENTS = 1, FACTORS = 1 };
//!     __device__ void factors(u32 step, float *f) const;
//!     __device__ float update(const float *f, float weight, float *moments, float gradient) const;   // the new weight
//! };
//! ```

use crate::Formula;
use crate::lanes::vectorised;

/// Moments that a weight can have.
pub const MOST_MOMENTS: usize = 2;
/// Numbers that are the same for all weights in a step.
pub const MOST_FACTORS: usize = 4;

/// An optimiser, as a formula for one weight.
///
/// Mark `update` with `#[inline(always)]`: then it becomes vector instructions.
pub trait Optimiser: Formula {
    /// The names of the moments, as a checkpoint writes them: at most [`MOST_MOMENTS`].
    fn moments(&self) -> &'static [&'static str];

    /// What is the same for all weights in step `step`, counted from 0: rates, corrections.
    fn factors(&self, step: u32) -> [f32; MOST_FACTORS];

    /// The weight after a step, and its moments.
    fn update(
        &self,
        factors: &[f32; MOST_FACTORS],
        weight: f32,
        moments: [f32; MOST_MOMENTS],
        gradient: f32,
    ) -> (f32, [f32; MOST_MOMENTS]);

    /// A step of some weights, whose moments lie beside them.
    fn update_all(
        &self,
        step: u32,
        weights: &mut [f32],
        moments: [&mut [f32]; MOST_MOMENTS],
        gradients: &[f32],
    ) {
        let factors = self.factors(step);
        let [first, second] = moments;
        let n = weights.len();
        vectorised(
            #[inline(always)]
            || match self.moments().len() {
                0 => {
                    for i in 0..n {
                        (weights[i], _) = self.update(&factors, weights[i], [0.0; 2], gradients[i]);
                    }
                }
                1 => {
                    let first = &mut first[..n];
                    for i in 0..n {
                        (weights[i], [first[i], _]) =
                            self.update(&factors, weights[i], [first[i], 0.0], gradients[i]);
                    }
                }
                _ => {
                    let (first, second) = (&mut first[..n], &mut second[..n]);
                    for i in 0..n {
                        let moments = [first[i], second[i]];
                        (weights[i], [first[i], second[i]]) =
                            self.update(&factors, weights[i], moments, gradients[i]);
                    }
                }
            },
        );
    }
}
