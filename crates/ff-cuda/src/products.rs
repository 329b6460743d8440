//! This module says how exact a library's matrix products are.

/// The precision of the numbers that cuBLAS multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Products {
    /// The numbers keep all 23 bits after the point.
    #[default]
    F32,
    /// The numbers keep 10 bits after the point. The products run on the tensor cores and are several times as fast. Sums stay in
    /// f32.
    Tf32,
}
