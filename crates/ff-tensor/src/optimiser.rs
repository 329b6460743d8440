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
        let (factors, n) = (self.factors(step), weights.len());
        let ([first, second], gradients) = (moments, &gradients[..n]);
        vectorised(
            #[inline(always)]
            || match (&mut *first, &mut *second) {
                ([], _) => {
                    for (weight, &gradient) in weights.iter_mut().zip(gradients) {
                        (*weight, _) = self.update(&factors, *weight, [0.0; 2], gradient);
                    }
                }
                (first, []) => {
                    for ((weight, &gradient), first) in weights.iter_mut().zip(gradients).zip(first) {
                        (*weight, [*first, _]) = self.update(&factors, *weight, [*first, 0.0], gradient);
                    }
                }
                (first, second) => {
                    let moments = first.iter_mut().zip(second);
                    for ((weight, &gradient), (first, second)) in
                        weights.iter_mut().zip(gradients).zip(moments)
                    {
                        (*weight, [*first, *second]) =
                            self.update(&factors, *weight, [*first, *second], gradient);
                    }
                }
            },
        );
    }
}
