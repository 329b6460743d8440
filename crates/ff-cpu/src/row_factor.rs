//! How much each row of a layer's output, still in shares, is scaled before it meets the next weights.
//!
//! ```text
//! t[r] = u[r] / (norm of row r + eps)
//! ```
//! The goodness is the row's sum of squares already, so its norm costs nothing.

use ff_tensor::Norm;

/// See [`ff_tensor::RowFactor`]. `n` units, of the layer below.
pub(crate) fn row_factor(
    factor: &mut [f32],
    goodness: &[f32],
    below: Option<&[f32]>,
    n: usize,
    goodness_factor: f32,
    norm: &Norm,
) {
    for (r, (factor, goodness)) in factor.iter_mut().zip(goodness).enumerate() {
        *factor = norm.factor(goodness / goodness_factor, n) * below.map_or(1.0, |below| below[r]);
    }
}
