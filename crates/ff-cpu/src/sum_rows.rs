//! The sum of all rows, times a factor. With the factor 1 it is the bias's gradient.

/// See [`ff_tensor::SumRows`].
pub(crate) fn sum_rows(sum: &mut [f32], rows: &[f32], factor: f32) {
    sum.fill(0.0);
    for row in rows.chunks_exact(sum.len().max(1)) {
        for (sum, x) in sum.iter_mut().zip(row) {
            *sum += x;
        }
    }
    for sum in sum {
        *sum *= factor;
    }
}
