//! What a layer minimises, and its gradient with respect to the goodness.
//!
//! ```text
//! softplus:  L = 1/(2B) sum_b softplus(theta - g+) + softplus(g- - theta)
//!            dL/dg+ = -sigmoid(theta - g+) / (2B)      dL/dg- = sigmoid(g- - theta) / (2B)
//! pair:      L = 1/B sum_b silu(u),  u = -alpha (g+ - g-),  silu(u) = u sigmoid(u)
//!            dL/dg+ = -alpha sigmoid(u) (1 + u (1 - sigmoid(u))) / B      dL/dg- = -dL/dg+
//! ```

use ff_tensor::Objective;
use ff_tensor::constants::SMALLEST_DERIVATIVE;

/// See [`ff_tensor::Device::objective`]. `losses` are this batch's.
pub(crate) fn objective(losses: &mut [f32], dgoodness: &mut [f32], goodness: &[f32], p: &Objective) {
    let batch = losses.len();
    let (positive, negative) = goodness.split_at(batch);
    let (dpositive, dnegative) = dgoodness.split_at_mut(batch);
    for b in 0..batch {
        (losses[b], dpositive[b], dnegative[b]) = of_pair(positive[b], negative[b], batch, p);
    }
}

/// A pair's loss, and what the mean over the batch changes with its two goodnesses.
pub(crate) fn of_pair(positive: f32, negative: f32, batch: usize, p: &Objective) -> (f32, f32, f32) {
    let (loss, dpos, dneg) = match *p {
        Objective::Softplus { theta } => softplus_pair(positive, negative, theta),
        Objective::Pair { alpha } => silu_pair(positive, negative, alpha),
    };
    let share = |d: f32| if d.abs() < SMALLEST_DERIVATIVE { 0.0 } else { d / batch as f32 };
    (loss, share(dpos), share(dneg))
}

fn softplus_pair(positive: f32, negative: f32, theta: f32) -> (f32, f32, f32) {
    let loss = 0.5 * (softplus(theta - positive) + softplus(negative - theta));
    (loss, -0.5 * sigmoid(theta - positive), 0.5 * sigmoid(negative - theta))
}

fn silu_pair(positive: f32, negative: f32, alpha: f32) -> (f32, f32, f32) {
    let u = -alpha * (positive - negative);
    let s = sigmoid(u);
    let d = -alpha * s * (1.0 + u * (1.0 - s));
    (u * s, d, -d)
}

/// `ln(1 + exp(x))` without overflow.
fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
