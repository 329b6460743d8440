//! `C = op(A) op(B)`: matrixmultiply's kernel, with the rows of C shared out among the threads.
//!
//! Each element of C is summed over k in the same order whatever the number of threads, because only the rows
//! are divided, at multiples of the kernel's own tile.

use rayon::prelude::*;

/// Rows of C come in multiples of this, a multiple of the kernel's tile of 8.
const TILE: usize = 16;

/// See [`ff_tensor::Device::matmul`]. C is `[m, n]`, op(A) `[m, k]`, op(B) `[k, n]`.
pub(crate) fn matmul(
    c: &mut [f32],
    a: &[f32],
    transpose_a: bool,
    b: &[f32],
    transpose_b: bool,
    [m, k, n]: [usize; 3],
) {
    let rows = m.div_ceil(rayon::current_num_threads()).next_multiple_of(TILE);
    c.par_chunks_mut((rows * n).max(1)).enumerate().for_each(|(i, c)| {
        let first = i * rows;
        // Where the block's part of A starts, and how far apart its rows and columns lie.
        let (a, row_a, col_a) =
            if transpose_a { (&a[first..], 1, m as isize) } else { (&a[first * k..], k as isize, 1) };
        let (row_b, col_b) = if transpose_b { (1, k as isize) } else { (n as isize, 1) };
        let m = c.len() / n;
        // SAFETY: the caller has checked the shapes, so A holds [m, k] from here on with these strides, B
        // [k, n], and C is this task's own block of m rows.
        unsafe {
            matrixmultiply::sgemm(
                m,
                k,
                n,
                1.0,
                a.as_ptr(),
                row_a,
                col_a,
                b.as_ptr(),
                row_b,
                col_b,
                0.0,
                c.as_mut_ptr(),
                n as isize,
                1,
            );
        }
    });
}
