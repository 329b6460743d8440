//! This crate holds the text of the kernels. A program names each of its files, so a compiler's message names file and line.
//!
//! All kernels that need no formula are one program, [`fixed`]. A kernel that needs a neuron, a goodness, an objective or an
//! optimiser is a program of its own, made by [`with_formulas`]. There the text of the formulas is between the [`FRONT`] and the
//! kernel's own files. This crate compiles nothing and launches nothing. `ff-cuda` does both.

#![forbid(unsafe_code)]

pub mod constants;

use std::fmt::Write;

/// A file of `kernels/`.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// The file's name.
    pub name: &'static str,
    /// The file's text.
    pub text: &'static str,
}

/// Makes the list of the files with these names.
macro_rules! files {
    ($($name:literal),* $(,)?) => { &[$(File { name: $name, text: include_str!($name) }),*] };
}

/// The first files of every program. Only the definitions of the [`constants`] come before them.
pub const FRONT: &[File] = files!["common.cuh", "random.cuh"];

/// The files of the kernels that need no formula.
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
    "pack.cu",
    "unpack.cu",
    "advance.cu",
];

/// A kernel that needs formulas.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// The op's name. The kernel and its last file have the same name.
    pub name: &'static str,
    /// The headers that use the formulas, if there are any, and then the kernel.
    pub files: &'static [File],
}

/// This kernel runs the units over all time steps. It needs a `Neuron`.
pub const UNITS_FORWARD: Kernel =
    Kernel { name: "units_forward", files: files!["neuron.cuh", "units_forward.cu"] };
/// This kernel does the backward pass of the units. It needs a `Neuron`.
pub const UNITS_BACKWARD: Kernel =
    Kernel { name: "units_backward", files: files!["neuron.cuh", "units_backward.cu"] };
/// This kernel computes the goodness of rows. It needs a `Goodness`.
pub const ROW_GOODNESS: Kernel =
    Kernel { name: "row_goodness", files: files!["goodness.cuh", "row_goodness.cu"] };
/// This kernel computes the goodness of all labels. It needs a `Neuron` and a `Goodness`.
pub const LABEL_GOODNESS: Kernel =
    Kernel { name: "label_goodness", files: files!["neuron.cuh", "goodness.cuh", "label_goodness.cu"] };
/// This kernel computes all that a layer learns from. It needs a `Neuron`, a `Goodness` and an `Objective`.
pub const LOCAL_GRAD: Kernel = Kernel {
    name: "local_grad",
    files: files!["neuron.cuh", "signals.cuh", "objective.cuh", "pair.cuh", "local_grad.cu"],
};
/// This kernel computes signals and slopes of a slice of a layer. It needs a `Neuron` and a `Goodness`.
pub const SLICE_SIGNALS: Kernel =
    Kernel { name: "slice_signals", files: files!["neuron.cuh", "signals.cuh", "slice_signals.cu"] };
/// This kernel computes the gradient of a slice of a layer. It needs a `Goodness` and an `Objective`.
pub const SLICE_GRAD: Kernel =
    Kernel { name: "slice_grad", files: files!["objective.cuh", "pair.cuh", "slice_grad.cu"] };
/// This kernel computes the losses of pairs. It needs an `Objective`.
pub const PAIR_LOSSES: Kernel =
    Kernel { name: "pair_losses", files: files!["objective.cuh", "pair_losses.cu"] };
/// This kernel updates weights. It needs an `Optimiser`.
pub const UPDATE: Kernel = Kernel { name: "update", files: files!["update.cu"] };

/// All kernels that need formulas.
pub const WITH_FORMULAS: &[Kernel] = &[
    UNITS_FORWARD,
    UNITS_BACKWARD,
    ROW_GOODNESS,
    LABEL_GOODNESS,
    LOCAL_GRAD,
    SLICE_SIGNALS,
    SLICE_GRAD,
    PAIR_LOSSES,
    UPDATE,
];

/// The compiler's options, except for the architecture. Multiply-adds that the CPU does not fuse are not fused here either.
pub const OPTIONS: &[&str] = &["--fmad=false", "--std=c++17"];

/// Returns the program of all kernels that need no formula: the [`constants`] that it shares with Rust, then all files.
pub fn fixed() -> String {
    program("", FIXED)
}

/// Returns the program of one kernel, with the text of its formulas.
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

/// Returns the names of a program's kernels.
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
