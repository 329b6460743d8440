//! These ops compute products and sums of matrices.

use super::{Op, expect_columns, same_count};
use crate::{Memory, Result, Tensor, expect_shape};

/// Computes `C = op(A) op(B)`. `op` transposes its matrix if the caller asks for it.
pub struct MatMul<'a, D: Memory> {
    /// `[m, n]`
    pub c: &'a mut Tensor<D>,
    /// `[m, k]`, or `[k, m]` if transposed.
    pub a: &'a Tensor<D>,
    /// Says whether A's transpose is meant.
    pub transpose_a: bool,
    /// `[k, n]`, or `[n, k]` if transposed.
    pub b: &'a Tensor<D>,
    /// Says whether B's transpose is meant.
    pub transpose_b: bool,
}

impl<D: Memory> MatMul<'_, D> {
    /// Returns `[m, k, n]`.
    pub fn sizes(&self) -> [usize; 3] {
        let [m, n] = self.c.shape();
        [m, if self.transpose_a { self.a.rows() } else { self.a.cols() }, n]
    }
}

impl<D: Memory> Op for MatMul<'_, D> {
    fn check(&self) -> Result<()> {
        let [m, k, n] = self.sizes();
        let flip = |[r, c]: [usize; 2], transposed| if transposed { [c, r] } else { [r, c] };
        expect_shape("matmul", "a", self.a.shape(), flip([m, k], self.transpose_a))?;
        expect_shape("matmul", "b", self.b.shape(), flip([k, n], self.transpose_b))
    }
}

/// Computes the sum of all rows, times a factor. With the factor 1 it is the gradient of a bias.
pub struct SumRows<'a, D: Memory> {
    /// n numbers, in any shape.
    pub sum: &'a mut Tensor<D>,
    /// `[R, n]`
    pub rows: &'a Tensor<D>,
    /// Every sum is multiplied by it.
    pub factor: f32,
}

impl<D: Memory> Op for SumRows<'_, D> {
    fn check(&self) -> Result<()> {
        expect_columns("sum_rows", "rows", self.rows.cols())?;
        let (got, n) = (self.sum.shape(), [1, self.rows.cols()]);
        if same_count(got, n) { Ok(()) } else { expect_shape("sum_rows", "sum", got, n) }
    }
}
