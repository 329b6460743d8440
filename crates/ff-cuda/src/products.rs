//! How exact a library's matrix products are.

/// What cuBLAS makes of the numbers that it multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Products {
    /// All 23 bits after the point.
    #[default]
    F32,
    /// 10 bits after the point, on the tensor cores: several times as fast. Sums stay in f32.
    Tf32,
}
