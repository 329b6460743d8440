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
        match self.moments().len() {
            0 => vectorised(
                #[inline(always)]
                || without(self, &factors, weights, gradients),
            ),
            1 => vectorised(
                #[inline(always)]
                || with_one(self, &factors, weights, first, gradients),
            ),
            _ => vectorised(
                #[inline(always)]
                || with_two(self, &factors, weights, first, second, gradients),
            ),
        }
    }
}

/// The numbers of a step that are the same for all weights.
type Factors = [f32; MOST_FACTORS];

#[inline(always)]
fn without<O: Optimiser + ?Sized>(o: &O, f: &Factors, weights: &mut [f32], gradients: &[f32]) {
    let gradients = &gradients[..weights.len()];
    for i in 0..weights.len() {
        (weights[i], _) = o.update(f, weights[i], [0.0; MOST_MOMENTS], gradients[i]);
    }
}

#[inline(always)]
fn with_one<O: Optimiser + ?Sized>(
    o: &O,
    f: &Factors,
    weights: &mut [f32],
    first: &mut [f32],
    gradients: &[f32],
) {
    let n = weights.len();
    let (first, gradients) = (&mut first[..n], &gradients[..n]);
    for i in 0..n {
        let (weight, [moment, _]) = o.update(f, weights[i], [first[i], 0.0], gradients[i]);
        (weights[i], first[i]) = (weight, moment);
    }
}

#[inline(always)]
fn with_two<O: Optimiser + ?Sized>(
    o: &O,
    f: &Factors,
    weights: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradients: &[f32],
) {
    let n = weights.len();
    let (first, second, gradients) = (&mut first[..n], &mut second[..n], &gradients[..n]);
    for i in 0..n {
        let (weight, moments) = o.update(f, weights[i], [first[i], second[i]], gradients[i]);
        (weights[i], [first[i], second[i]]) = (weight, moments);
    }
}
