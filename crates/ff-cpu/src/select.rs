//! Fetches a batch of rows of numbers.
//!
//! ```text
//! rows[r] = table[id[r]]
//! ```

use rayon::prelude::*;

/// See [`ff_tensor::Select`]. `ids` are this batch's indices, and those of the batches after it; `n` columns.
pub(crate) fn select(rows: &mut [f32], table: &[f32], ids: &[u32], n: usize) {
    rows.par_chunks_exact_mut(n).with_min_len(64).enumerate().for_each(|(r, row)| {
        let id = ids.get(r).map_or(usize::MAX, |&id| id as usize);
        match id.checked_mul(n).and_then(|at| table.get(at..at.checked_add(n)?)) {
            Some(from) => row.copy_from_slice(from),
            None => row.fill(f32::NAN),
        }
    });
}
