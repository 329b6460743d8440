//! Objective: what a layer minimises, from the goodness of a positive and of its negative.
//!
//! # CUDA text
//!
//! ```text
//! struct Objective {
//!     float theta;                                     // the numbers
//!     __device__ float of_pair(float positive, float negative, float &dpositive, float &dnegative) const;   // the loss
//! };
//! ```

use crate::Formula;
use crate::constants::SMALLEST_DERIVATIVE;

/// The loss of a pair and its derivatives with respect to the two goodnesses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairLoss {
    /// L
    pub loss: f32,
    /// `dL/dg+`
    pub dpositive: f32,
    /// `dL/dg-`
    pub dnegative: f32,
}

/// An objective, as a formula for one pair. The loss of a batch is the mean over its pairs.
pub trait Objective: Formula {
    /// A pair's loss, from the goodness of its positive and of its negative.
    fn of_pair(&self, positive: f32, negative: f32) -> PairLoss;
}

/// A pair's loss, and the derivatives of the mean over a batch of `batch` pairs. A derivative below
/// [`SMALLEST_DERIVATIVE`] counts as zero.
pub fn share_of_batch(objective: &dyn Objective, positive: f32, negative: f32, batch: usize) -> PairLoss {
    let PairLoss { loss, dpositive, dnegative } = objective.of_pair(positive, negative);
    let share = |d: f32| if d.abs() < SMALLEST_DERIVATIVE { 0.0 } else { d / batch as f32 };
    PairLoss { loss, dpositive: share(dpositive), dnegative: share(dnegative) }
}
