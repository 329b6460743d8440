//! This module holds the constants that Rust and the kernels share. Each has one definition, in Rust. For `LANES` in Rust,
//! [`definitions`] writes `FF_LANES` at the start of a program.

use std::fmt::Write;

use ff_tensor::NormKind;
use ff_tensor::constants::{CHUNKS, LANES, MOST_KEPT, SLICE, SMALLEST_DERIVATIVE, WHITE};
use ff_tensor::packing::NO_RATE;

/// The number of rows, and of columns, of the product that one block of `matmul` computes.
pub const TILE: usize = 64;

/// The count of numbers that describe one change of an image to `augment`: the kind of the change, and up to four bounds.
pub const NUMBERS: usize = 5;

/// The number that stands for [`Augmentation::Shift`](ff_tensor::Augmentation::Shift).
pub const SHIFT: u32 = 0;
/// The number that stands for [`Augmentation::Affine`](ff_tensor::Augmentation::Affine).
pub const AFFINE: u32 = 1;
/// The number that stands for [`Augmentation::Elastic`](ff_tensor::Augmentation::Elastic).
pub const ELASTIC: u32 = 2;

/// The constants that are whole numbers. Some of them stand for the variants of an enum.
const WHOLE: &[(&str, u32)] = &[
    ("LANES", LANES as u32),
    ("CHUNKS", CHUNKS as u32),
    ("SLICE", SLICE as u32),
    ("NO_RATE", NO_RATE as u32),
    ("MOST_KEPT", MOST_KEPT as u32),
    ("TILE", TILE as u32),
    ("NUMBERS", NUMBERS as u32),
    ("SHIFT", SHIFT),
    ("AFFINE", AFFINE),
    ("ELASTIC", ELASTIC),
    ("L2", NormKind::L2 as u32),
    ("RMS", NormKind::Rms as u32),
];

/// The constants that are 32-bit floating-point numbers.
const REAL: &[(&str, f32)] = &[("WHITE", WHITE), ("SMALLEST_DERIVATIVE", SMALLEST_DERIVATIVE)];

/// Returns a `#define` for each constant. `FF_CONSTANTS` tells the kernels that the constants are there.
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
    use crate::{FIXED, FRONT, WITH_FORMULAS};

    /// Returns the names in `text` that begin with `FF_`.
    fn words(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with("FF_") && word.len() > 3).collect()
    }

    #[test]
    fn what_the_kernels_use_is_defined_and_what_is_defined_is_used() {
        let defined = definitions();
        let with_formulas = WITH_FORMULAS.iter().flat_map(|kernel| kernel.files);
        let used: String = FRONT.iter().chain(FIXED).chain(with_formulas).map(|file| file.text).collect();
        assert_eq!(words(&defined), words(&used));
        assert_eq!(defined.lines().count(), words(&defined).len(), "a constant is defined twice");
    }

    #[test]
    fn numbers_are_written_as_c_reads_them() {
        let text = definitions();
        for line in
            ["#define FF_LANES 16u", "#define FF_WHITE 2.55e2f", "#define FF_SMALLEST_DERIVATIVE 1e-20f"]
        {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
    }
}
