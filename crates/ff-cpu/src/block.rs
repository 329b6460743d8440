//! How many rows one task takes at a time.

/// Rows that one task takes at a time: enough work to be worth handing out, small enough to stay in cache.
pub(crate) const BLOCK: usize = 8;
