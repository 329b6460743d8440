//! The kernels' text. All files are one program, as all files of `ff-cpu` are one crate; each names itself, so that a
//! compiler's message names the file and the line.
//!
//! This crate compiles nothing and launches nothing: `ff-cuda` does.

#![forbid(unsafe_code)]

pub mod constants;

use std::fmt::Write;

/// A file's name and its text, for each name.
macro_rules! texts {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!($name))),*] };
}

/// The files of `kernels/`, each after those whose functions it uses.
pub const FILES: &[(&str, &str)] = texts![
    "common.cuh",
    "random.cuh",
    "chacha.cuh",
    "augment.cu",
    "gather.cu",
    "draw_labels.cu",
    "normalise.cu",
    "matmul.cu",
    "row_factor.cu",
    "label_current.cu",
    "lif.cu",
    "lif_grad.cu",
    "goodness.cu",
    "objective.cu",
    "softmax_loss.cu",
    "local_grad.cu",
    "share_grad.cu",
    "sum_rows.cu",
    "adam.cu",
];

/// How they are compiled, the architecture aside. What the CPU does not fuse is not fused here.
pub const OPTIONS: &[&str] = &["--fmad=false", "--std=c++17"];

/// The whole program: the [`constants`] that it shares with Rust, then all files.
pub fn program() -> String {
    let mut text = constants::definitions();
    for (name, file) in FILES {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "#line 1 \"kernels/{name}\"\n{file}");
    }
    text
}

/// The names of a program's kernels.
pub fn names(program: &str) -> impl Iterator<Item = &str> {
    program.lines().filter_map(|line| {
        let kernel = line.strip_prefix("extern \"C\" __global__ void __launch_bounds__(")?;
        kernel.split_once(") ")?.1.split('(').next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_found() {
        let program = program();
        let found: Vec<&str> = names(&program).collect();
        assert_eq!(found.len(), program.matches("__global__").count(), "{found:?}");
        assert!(found.contains(&"lif") && found.contains(&"advance"), "{found:?}");
    }
}
