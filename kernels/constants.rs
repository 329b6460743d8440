//! The constants that Rust and the kernels share. Each has one definition, in Rust: `LANES` there is `FF_LANES` here, which
//! [`definitions`] puts in front of the program.

use std::fmt::Write;

use ff_tensor::constants::{
    CHUNKS, LANES, MOST_SECANT_STEPS, SMALLEST_DERIVATIVE, SMALLEST_GRADIENT, SMALLEST_MEAN, SMALLEST_SQUARE,
    TAIL, WHITE,
};
use ff_tensor::{Goodness, NeuronKind, NormKind, Output, Reset, Surrogate};

/// Rows and columns of the product that one block of `matmul` computes.
pub const TILE: usize = 64;

/// Numbers that describe one change of an image to `augment`: which change, and up to four bounds.
pub const NUMBERS: usize = 5;

/// The number of [`Augmentation::Shift`](ff_tensor::Augmentation::Shift).
pub const SHIFT: u32 = 0;
/// The number of [`Augmentation::Affine`](ff_tensor::Augmentation::Affine).
pub const AFFINE: u32 = 1;
/// The number of [`Augmentation::Elastic`](ff_tensor::Augmentation::Elastic).
pub const ELASTIC: u32 = 2;

/// The number of [`Objective::Softplus`](ff_tensor::Objective::Softplus).
pub const SOFTPLUS: u32 = 0;
/// The number of [`Objective::Pair`](ff_tensor::Objective::Pair).
pub const PAIR: u32 = 1;

/// Whole numbers, and the numbers by which a kernel knows variants.
const WHOLE: &[(&str, u32)] = &[
    ("LANES", LANES as u32),
    ("CHUNKS", CHUNKS as u32),
    ("MOST_SECANT_STEPS", MOST_SECANT_STEPS as u32),
    ("TILE", TILE as u32),
    ("NUMBERS", NUMBERS as u32),
    ("SHIFT", SHIFT),
    ("AFFINE", AFFINE),
    ("ELASTIC", ELASTIC),
    ("LIF", NeuronKind::Lif as u32),
    ("RELU", NeuronKind::Relu as u32),
    ("SUBTRACT", Reset::Subtract as u32),
    ("ZERO", Reset::Zero as u32),
    ("NONE", Reset::None as u32),
    ("MEMBRANE", Output::Membrane as u32),
    ("RATE", Output::Rate as u32),
    ("ATAN", Surrogate::Atan as u32),
    ("FAST_SIGMOID", Surrogate::FastSigmoid as u32),
    ("TRIANGLE", Surrogate::Triangle as u32),
    ("BOXCAR", Surrogate::Boxcar as u32),
    ("SECANT", Surrogate::Secant as u32),
    ("MEAN", Goodness::Mean as u32),
    ("SUM", Goodness::Sum as u32),
    ("L2", NormKind::L2 as u32),
    ("RMS", NormKind::Rms as u32),
    ("SOFTPLUS", SOFTPLUS),
    ("PAIR", PAIR),
];

/// Numbers of 32 bits with a point.
const REAL: &[(&str, f32)] = &[
    ("WHITE", WHITE),
    ("TAIL", TAIL),
    ("SMALLEST_DERIVATIVE", SMALLEST_DERIVATIVE),
    ("SMALLEST_GRADIENT", SMALLEST_GRADIENT),
    ("SMALLEST_MEAN", SMALLEST_MEAN),
    ("SMALLEST_SQUARE", SMALLEST_SQUARE),
];

/// A `#define` for each constant, and `FF_CONSTANTS` to say that they are there.
pub fn definitions() -> String {
    let mut text = String::from("#define FF_CONSTANTS\n");
    // Writing to a string cannot fail. The shortest decimal reads back as the same number, in C++ too.
    for (name, value) in WHOLE {
        let _ = writeln!(text, "#define FF_{name} {value}u");
    }
    for (name, value) in REAL {
        let _ = writeln!(text, "#define FF_{name} {value:e}f");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::FILES;

    /// The names that begin with `FF_`.
    fn words(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with("FF_") && word.len() > 3).collect()
    }

    #[test]
    fn what_the_kernels_use_is_defined_and_what_is_defined_is_used() {
        let defined = definitions();
        let used: String = FILES.iter().map(|(_, text)| *text).collect();
        assert_eq!(words(&defined), words(&used));
        assert_eq!(defined.lines().count(), words(&defined).len(), "a constant is defined twice");
    }

    #[test]
    fn numbers_are_written_as_c_reads_them() {
        let text = definitions();
        for line in ["#define FF_LANES 16u", "#define FF_WHITE 2.55e2f", "#define FF_SMALLEST_MEAN 1e-30f"] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
    }
}
