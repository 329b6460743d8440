//! The pair objective: a positive should have more goodness than the negative of the same image.
//!
//! ```text
//! L      = silu(u),  u = -alpha (g+ - g-),  silu(u) = u sigmoid(u)
//! dL/dg+ = -alpha sigmoid(u) (1 + u (1 - sigmoid(u)))          dL/dg- = -dL/dg+
//! ```
//! It is the Swish variant of the pair loss of SymBa (H.-C. Lee, J. Song, arXiv 2303.08418).

use ff_tensor::{Formula, Numbers, Objective, PairLoss};

use super::softplus::sigmoid;

/// The pair objective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// How steep it is.
    pub alpha: f32,
}

impl Objective for Pair {
    fn of_pair(&self, positive: f32, negative: f32) -> PairLoss {
        let u = -self.alpha * (positive - negative);
        let s = sigmoid(u);
        let d = -self.alpha * s * (1.0 + u * (1.0 - s));
        PairLoss { loss: u * s, dpositive: d, dnegative: -d }
    }
}

impl Formula for Pair {
    fn numbers(&self) -> Numbers {
        Numbers::floats(&[self.alpha])
    }

    fn cuda(&self) -> &'static [&'static str] {
        &[r"
struct Objective {
    float alpha;
    static __device__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
    __device__ float of_pair(float positive, float negative, float &dpositive, float &dnegative) const {
        float u = -alpha * (positive - negative);
        float s = sigmoid(u);
        dpositive = -alpha * s * (1.0f + u * (1.0f - s));
        dnegative = -dpositive;
        return u * s;
    }
};
"]
    }
}
