//! The goodness of squares: `g = sum signal^2 / n`, the tutorial's, or `g = sum signal^2`, Hinton's.

use ff_tensor::{Formula, Goodness, Numbers};
use serde::{Deserialize, Serialize};

/// The squares of a row's signals, as a mean or as a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Squares {
    /// `sum signal^2 / n`: the tutorial's.
    Mean,
    /// `sum signal^2`: Hinton's.
    Sum,
}

impl Goodness for Squares {
    #[inline(always)]
    fn term(&self, signal: f32) -> f32 {
        signal * signal
    }

    #[inline(always)]
    fn dterm(&self, signal: f32) -> f32 {
        2.0 * signal
    }

    fn factor(&self, n: usize) -> f32 {
        match self {
            Self::Mean => 1.0 / n as f32,
            Self::Sum => 1.0,
        }
    }

    fn is_squares(&self) -> bool {
        true
    }
}

impl Formula for Squares {
    fn numbers(&self) -> Numbers {
        Numbers::none().whole(u32::from(*self == Self::Mean))
    }

    fn cuda(&self) -> &'static [&'static str] {
        &[r"
struct Goodness {
    u32 mean;
    __device__ float term(float signal) const { return signal * signal; }
    __device__ float dterm(float signal) const { return 2.0f * signal; }
    __device__ float factor(u32 n) const { return mean ? 1.0f / (float)n : 1.0f; }
};
"]
    }
}
