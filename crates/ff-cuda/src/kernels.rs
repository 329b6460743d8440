//! The kernels' text. All files are one program, as all files of `ff-cpu` are one crate; each names itself, so that a
//! compiler's message names the file and the line.

use std::fmt::Write;

/// The files of `kernels/`, each after those whose functions it uses.
pub const FILES: &[(&str, &str)] = &[
    ("common.cuh", include_str!("../../../kernels/common.cuh")),
    ("random.cuh", include_str!("../../../kernels/random.cuh")),
    ("chacha.cuh", include_str!("../../../kernels/chacha.cuh")),
    ("augment.cu", include_str!("../../../kernels/augment.cu")),
    ("gather.cu", include_str!("../../../kernels/gather.cu")),
    ("draw_labels.cu", include_str!("../../../kernels/draw_labels.cu")),
    ("normalise.cu", include_str!("../../../kernels/normalise.cu")),
    ("matmul.cu", include_str!("../../../kernels/matmul.cu")),
    ("row_factor.cu", include_str!("../../../kernels/row_factor.cu")),
    ("label_current.cu", include_str!("../../../kernels/label_current.cu")),
    ("lif.cu", include_str!("../../../kernels/lif.cu")),
    ("lif_grad.cu", include_str!("../../../kernels/lif_grad.cu")),
    ("goodness.cu", include_str!("../../../kernels/goodness.cu")),
    ("objective.cu", include_str!("../../../kernels/objective.cu")),
    ("softmax_loss.cu", include_str!("../../../kernels/softmax_loss.cu")),
    ("local_grad.cu", include_str!("../../../kernels/local_grad.cu")),
    ("share_grad.cu", include_str!("../../../kernels/share_grad.cu")),
    ("sum_rows.cu", include_str!("../../../kernels/sum_rows.cu")),
    ("adam.cu", include_str!("../../../kernels/adam.cu")),
];

/// How they are compiled, the architecture aside. What the CPU does not fuse is not fused here.
pub const OPTIONS: &[&str] = &["--fmad=false", "--std=c++17"];

/// The whole program.
pub fn program() -> String {
    let mut text = String::new();
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
