//! This module describes a factor of a product.

/// A matrix as it is stored in memory. `transposed` says whether its transpose is meant.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub data: &'a [f32],
    pub transposed: bool,
}

impl Operand<'_> {
    /// Returns the transpose. It uses the same numbers in memory.
    pub fn transpose(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    /// Returns the distance between rows and the distance between columns of op(A), which has `rows` x `cols`.
    pub fn strides(&self, rows: usize, cols: usize) -> [isize; 2] {
        if self.transposed { [1, rows as isize] } else { [cols as isize, 1] }
    }
}
