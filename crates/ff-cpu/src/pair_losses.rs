//! The losses of the pairs and the gradient of their mean, where linear units leave nothing but their goodness.

use ff_tensor::{Objective, objective};

/// See [`ff_tensor::PairLosses`]. `losses` are this batch's.
pub(crate) fn pair_losses(
    losses: &mut [f32],
    dgoodness: &mut [f32],
    goodness: &[f32],
    formula: &dyn Objective,
) {
    let batch = losses.len();
    let (positive, negative) = goodness.split_at(batch);
    let (dpositive, dnegative) = dgoodness.split_at_mut(batch);
    for b in 0..batch {
        let pair = objective::share_of_batch(formula, positive[b], negative[b], batch);
        (losses[b], dpositive[b], dnegative[b]) = (pair.loss, pair.dpositive, pair.dnegative);
    }
}
