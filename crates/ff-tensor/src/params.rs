//! Parameters that several ops share.

use serde::{Deserialize, Serialize};

/// How a row is scaled before it meets the weights, `xhat = x / (norm(x) + eps)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Norm {
    /// The norm that a row is divided by.
    pub kind: NormKind,
    /// Keeps a row of zeros finite. It is 1e-4 in the snnTorch tutorial.
    pub eps: f32,
}

/// The norm of a row of `n` numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NormKind {
    /// `sqrt(sum x^2)`: a row of length one. The snnTorch tutorial has it.
    L2,
    /// `sqrt(mean x^2)`: a row whose numbers are of size one. Hinton's Matlab code has it.
    Rms,
}

impl Norm {
    /// The factor `1 / (norm + eps)` of a row of `n` numbers with `energy = sum x^2`.
    #[inline(always)]
    pub fn factor(&self, energy: f32, n: usize) -> f32 {
        let square = match self.kind {
            NormKind::L2 => energy,
            NormKind::Rms => energy / n as f32,
        };
        1.0 / (square.sqrt() + self.eps)
    }
}

/// Dropout: each unit is silenced with probability `rate`, on its own, anew in each step (N. Srivastava et al., JMLR 15,
/// 2014). What is left is not scaled up, because the next layer normalises it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// Probability to be silenced, below 1; 0 silences nothing.
    pub rate: f32,
    /// Seed of the draws; the counter is the clock's step, the image and the unit.
    pub seed: u64,
}

impl Dropout {
    /// Nothing is silenced.
    pub const NONE: Self = Self { rate: 0.0, seed: 0 };

    /// Whether unit `unit` of `n` is silenced for image `b` of the batch.
    #[inline(always)]
    pub fn silences(&self, step: u32, b: usize, n: usize, unit: usize) -> bool {
        let counter = (u64::from(step) << 32) | b.wrapping_mul(n).wrapping_add(unit) as u64;
        crate::random::uniform(self.seed, counter) < self.rate
    }
}
