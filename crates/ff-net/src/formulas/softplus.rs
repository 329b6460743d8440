//! The tutorial's objective: a positive's goodness should be above a threshold theta, a negative's below it.
//!
//! ```text
//! L      = 1/2 (softplus(theta - g+) + softplus(g- - theta))
//! dL/dg+ = -1/2 sigmoid(theta - g+)          dL/dg- = 1/2 sigmoid(g- - theta)
//! ```

use ff_tensor::{Formula, Numbers, Objective, PairLoss};

/// Softplus around a threshold, 5 in the tutorial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Softplus {
    /// The goodness that tells positive from negative.
    pub theta: f32,
}

impl Objective for Softplus {
    fn of_pair(&self, positive: f32, negative: f32) -> PairLoss {
        PairLoss {
            loss: 0.5 * (softplus(self.theta - positive) + softplus(negative - self.theta)),
            dpositive: -0.5 * sigmoid(self.theta - positive),
            dnegative: 0.5 * sigmoid(negative - self.theta),
        }
    }
}

/// `ln(1 + exp(x))` without overflow.
fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// `1 / (1 + exp(-x))`
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl Formula for Softplus {
    fn numbers(&self) -> Numbers {
        Numbers::floats(&[self.theta])
    }

    fn cuda(&self) -> &'static [&'static str] {
        &[r"
struct Objective {
    float theta;
    static __device__ float softplus(float x) { return fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }
    static __device__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
    __device__ float of_pair(float positive, float negative, float &dpositive, float &dnegative) const {
        dpositive = -0.5f * sigmoid(theta - positive);
        dnegative = 0.5f * sigmoid(negative - theta);
        return 0.5f * (softplus(theta - positive) + softplus(negative - theta));
    }
};
"]
    }
}
