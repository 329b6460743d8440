//! The product `C = op(A) op(B)`. It is computed in one of four ways: `sparse.rs` is used if A has many zeros,
//! `dense.rs` if C has room for its tiles, `narrow.rs` if C has few rows or columns, and the `matrixmultiply` crate on
//! a processor without vector instructions.
//!
//! All four divide C among the threads. They sum each element over k in the same order, for any number of threads.

use rayon::prelude::*;

use crate::operand::Operand;
use crate::{dense, narrow, sparse};

/// The number of rows of C in a task is a multiple of this. This is a multiple of matrixmultiply's tile of 8.
const TILE: usize = 16;

/// See [`ff_tensor::Device::matmul`]. C is `[m, n]`, op(A) `[m, k]`, op(B) `[k, n]`.
pub(crate) fn matmul(c: &mut [f32], a: Operand, b: Operand, shape: [usize; 3]) {
    let [m, k, n] = shape;
    if k == 0 || c.is_empty() {
        return c.fill(0.0);
    }
    if !b.transposed && sparse::pays(a.data, n) {
        return sparse::product(c, a, b.data, shape);
    }
    if dense::pays(m, n) {
        return dense::product(c, a, b, shape);
    }
    if narrow::pays() {
        return narrow::product(c, a, b, shape);
    }
    packed(c, a, b, shape);
}

/// Computes the product with the `matrixmultiply` crate. The crate copies A and B to memory that it allocates each
/// time.
pub(crate) fn packed(c: &mut [f32], a: Operand, b: Operand, [m, k, n]: [usize; 3]) {
    let ([a_row, a_col], [b_row, b_col]) = (a.strides(m, k), b.strides(k, n));
    let rows = m.div_ceil(rayon::current_num_threads()).next_multiple_of(TILE);
    c.par_chunks_mut((rows * n).max(1)).enumerate().for_each(|(i, c)| {
        // SAFETY: the caller has checked the shapes: op(A) holds [m, k] and op(B) [k, n] with these strides, the
        // share's rows of op(A) start at `i * rows`, and C is this task's own block.
        unsafe {
            matrixmultiply::sgemm(
                c.len() / n,
                k,
                n,
                1.0,
                a.data.as_ptr().offset((i * rows) as isize * a_row),
                a_row,
                a_col,
                b.data.as_ptr(),
                b_row,
                b_col,
                0.0,
                c.as_mut_ptr(),
                n as isize,
                1,
            );
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The products are small enough for Miri (docs/safety.md), and they have remainders for every tile. They use whole
    /// numbers, so that sums are exact.
    #[test]
    fn small_products_of_each_kind_are_the_plain_loops() {
        let sizes = [
            (1, 1, 1),
            (3, 5, 7),
            (13, 3, 35),
            (12, 0, 32),
            (17, 2, 64),
            (40, 3, 10),
            (5, 2, 37),
            (2, 257, 3),
        ];
        for (m, k, n) in sizes {
            for (transpose_a, transpose_b, every) in [
                (false, false, 1),
                (true, false, 1),
                (false, true, 1),
                (true, true, 1),
                (true, false, 9),
                (false, false, 9),
            ] {
                // One of `every` numbers of A is not 0.
                let number = |i: usize| if i.is_multiple_of(every) { (i % 11) as f32 - 4.0 } else { 0.0 };
                let a: Vec<f32> = (0..m * k).map(number).collect();
                let b: Vec<f32> = (0..k * n).map(|i| (i % 7) as f32 - 3.0).collect();
                let at = |x: &[f32], transposed, rows: usize, cols: usize, r: usize, c: usize| {
                    if transposed { x[c * rows + r] } else { x[r * cols + c] }
                };
                let element = |r, c| -> f32 {
                    (0..k).map(|i| at(&a, transpose_a, m, k, r, i) * at(&b, transpose_b, k, n, i, c)).sum()
                };
                let want: Vec<f32> = (0..m * n).map(|i| element(i / n, i % n)).collect();
                let mut got = vec![f32::NAN; m * n];
                let operand = |data, transposed| Operand { data, transposed };
                matmul(&mut got, operand(&a, transpose_a), operand(&b, transpose_b), [m, k, n]);
                assert_eq!(got, want, "{m} {k} {n}, {transpose_a} {transpose_b}, {every}");
            }
        }
    }
}
