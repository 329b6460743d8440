//! A factor of a product.

/// A matrix as it lies in memory, and whether its transpose is meant.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub data: &'a [f32],
    pub transposed: bool,
}

impl Operand<'_> {
    /// The transpose, of the same numbers in memory.
    pub fn transpose(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    /// Distance between rows and between columns of op(A), which has `rows` x `cols`.
    pub fn strides(&self, rows: usize, cols: usize) -> [isize; 2] {
        if self.transposed { [1, rows as isize] } else { [cols as isize, 1] }
    }
}
