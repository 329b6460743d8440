//! The kernels' text. Each file names itself, so that a compiler's message names the file and the line.
//!
//! Kernels that need no formula are one program, [`fixed`]. A kernel that needs a neuron, a goodness, an objective or an
//! optimiser is a program of its own, in which the formulas' text stands between the [`FRONT`] and the kernel's own files:
//! [`with_formulas`]. This crate compiles nothing and launches nothing: `ff-cuda` does.

#![forbid(unsafe_code)]

pub mod constants;

use std::fmt::Write;

/// A file of `kernels/`.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub text: &'static str,
}

/// The files of these names.
macro_rules! files {
    ($($name:literal),* $(,)?) => { &[$(File { name: $name, text: include_str!($name) }),*] };
}

/// What stands in front of every program.
pub const FRONT: &[File] = files!["common.cuh", "random.cuh"];

/// The kernels that need no formula.
pub const FIXED: &[File] = files![
    "chacha.cuh",
    "augment.cu",
    "gather.cu",
    "draw_labels.cu",
    "select.cu",
    "normalise.cu",
    "matmul.cu",
    "row_factor.cu",
    "label_current.cu",
    "share_goodness.cu",
    "softmax_loss.cu",
    "share_grad.cu",
    "sum_rows.cu",
    "advance.cu",
];

/// A kernel that needs formulas.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// The op's name, which is the kernel's and that of its last file.
    pub name: &'static str,
    /// What the kernel and its formulas have in common, then the kernel.
    pub files: &'static [File],
}

/// The units over all time steps. It needs a `Neuron`.
pub const UNITS_FORWARD: Kernel =
    Kernel { name: "units_forward", files: files!["neuron.cuh", "units_forward.cu"] };
/// The units on the way back. It needs a `Neuron`.
pub const UNITS_BACKWARD: Kernel =
    Kernel { name: "units_backward", files: files!["neuron.cuh", "units_backward.cu"] };
/// The goodness of rows. It needs a `Goodness`.
pub const ROW_GOODNESS: Kernel =
    Kernel { name: "row_goodness", files: files!["goodness.cuh", "row_goodness.cu"] };
/// The goodness of all labels. It needs a `Neuron` and a `Goodness`.
pub const LABEL_GOODNESS: Kernel =
    Kernel { name: "label_goodness", files: files!["neuron.cuh", "goodness.cuh", "label_goodness.cu"] };
/// All that a layer learns from. It needs a `Neuron`, a `Goodness` and an `Objective`.
pub const LOCAL_GRAD: Kernel =
    Kernel { name: "local_grad", files: files!["neuron.cuh", "objective.cuh", "local_grad.cu"] };
/// The losses of pairs. It needs an `Objective`.
pub const PAIR_LOSSES: Kernel =
    Kernel { name: "pair_losses", files: files!["objective.cuh", "pair_losses.cu"] };
/// The update of weights. It needs an `Optimiser`.
pub const UPDATE: Kernel = Kernel { name: "update", files: files!["update.cu"] };

/// All kernels that need formulas.
pub const WITH_FORMULAS: &[Kernel] =
    &[UNITS_FORWARD, UNITS_BACKWARD, ROW_GOODNESS, LABEL_GOODNESS, LOCAL_GRAD, PAIR_LOSSES, UPDATE];

/// How they are compiled, the architecture aside. What the CPU does not fuse is not fused here.
pub const OPTIONS: &[&str] = &["--fmad=false", "--std=c++17"];

/// The program of all kernels that need no formula: the [`constants`] that it shares with Rust, then all files.
pub fn fixed() -> String {
    program("", FIXED)
}

/// The program of one kernel, with the text of its formulas.
pub fn with_formulas(kernel: &Kernel, formulas: &str) -> String {
    program(formulas, kernel.files)
}

fn program(formulas: &str, files: &[File]) -> String {
    let mut text = constants::definitions();
    // Writing to a string cannot fail.
    let put = |text: &mut String, File { name, text: file }: &File| {
        let _ = writeln!(text, "#line 1 \"kernels/{name}\"\n{file}");
    };
    FRONT.iter().for_each(|file| put(&mut text, file));
    text += formulas;
    files.iter().for_each(|file| put(&mut text, file));
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
        let program = fixed();
        let found: Vec<&str> = names(&program).collect();
        assert_eq!(found.len(), program.matches("__global__").count(), "{found:?}");
        assert!(found.contains(&"matmul") && found.contains(&"advance"), "{found:?}");
    }

    #[test]
    fn a_kernel_with_formulas_is_alone_and_has_its_files_name() {
        for kernel in WITH_FORMULAS {
            let program = with_formulas(kernel, "struct Neuron {};\n");
            assert_eq!(names(&program).collect::<Vec<_>>(), [kernel.name]);
            let last = kernel.files.last().map(|file| file.name);
            assert_eq!(last, Some(format!("{}.cu", kernel.name).as_str()));
            let [front, own] = [program.find("struct Neuron {}"), program.find(kernel.files[0].text)];
            assert!(front.is_some() && front < own, "the formulas stand before what uses them");
        }
    }
}
