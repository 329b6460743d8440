//! The bias's gradient: the sum of all rows of the current's.

/// See [`ff_tensor::SumRows`].
pub(crate) fn sum_rows(dbias: &mut [f32], dcurrent: &[f32]) {
    dbias.fill(0.0);
    for row in dcurrent.chunks_exact(dbias.len()) {
        for (dbias, dcurrent) in dbias.iter_mut().zip(row) {
            *dbias += dcurrent;
        }
    }
}
