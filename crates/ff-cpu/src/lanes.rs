//! Vector instructions chosen when the program runs, and sums in a fixed order.
//!
//! Short loops are written over slices or arrays of [`LANES`] numbers, which the compiler turns into vector instructions:
//! see [`ff_tensor::lanes`]. Loops that keep more than that in registers name the registers, through the `pulp` crate. No
//! multiply-add is fused outside the matrix products, so all instruction sets give the same bits.

use pulp::Simd;

pub(crate) use ff_tensor::lanes::{LANES, Lanes, add_squares, load, sum_squares, total, vectorised};

/// The widest instructions of this processor, to dispatch to.
#[inline(always)]
pub(crate) fn arch() -> pulp::Arch {
    pulp::Arch::new()
}

/// What [`vectorised`] compiles for.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Instructions {
    /// 32 registers of 16 numbers; multiplies and adds in one step.
    Avx512,
    /// 16 registers of 8 numbers; multiplies and adds in one step.
    Avx2,
    /// 32 registers of 4 numbers; multiplies and adds in one step.
    Neon,
    /// Whatever every processor of the kind has.
    Plain,
}

/// The ones that this processor has.
pub(crate) fn instructions() -> Instructions {
    if cfg!(target_arch = "aarch64") {
        return Instructions::Neon;
    }
    #[cfg(target_arch = "x86_64")]
    match arch() {
        pulp::Arch::V4(_) => return Instructions::Avx512,
        pulp::Arch::V3(_) => return Instructions::Avx2,
        _ => {}
    }
    Instructions::Plain
}

/// The vector instructions in use, for people.
pub fn simd_name() -> &'static str {
    match instructions() {
        Instructions::Avx512 => "AVX-512",
        Instructions::Avx2 => "AVX2 + FMA",
        Instructions::Neon => "NEON",
        Instructions::Plain => "none beyond the processor's baseline",
    }
}

/// The numbers of `row` from `at` on, as many as a register holds, filled up with zeros past the end.
#[inline(always)]
pub(crate) fn vector<S: Simd>(simd: S, row: &[f32], at: usize) -> S::f32s {
    let row = &row[at..];
    match S::as_simd_f32s(row).0.first() {
        Some(&full) => full,
        None => simd.partial_load_f32s(row),
    }
}

/// Writes a register's numbers to `row` from `at` on, as many as fit.
#[inline(always)]
pub(crate) fn put<S: Simd>(simd: S, row: &mut [f32], at: usize, numbers: S::f32s) {
    let row = &mut row[at..];
    match S::as_mut_simd_f32s(row).0.first_mut() {
        Some(full) => *full = numbers,
        None => simd.partial_store_f32s(row, numbers),
    }
}

/// Sums in [`LANES`] lanes, whatever the registers' size: number `j` of a row goes to lane `j % LANES`.
pub(crate) struct Sums<S: Simd>([S::f32s; LANES]);

impl<S: Simd> Sums<S> {
    #[inline(always)]
    pub(crate) fn zero(simd: S) -> Self {
        Self([simd.splat_f32s(0.0); LANES])
    }

    /// Adds the squares of the register that began at `LANES * _ + v * S::F32_LANES` of the row.
    #[inline(always)]
    pub(crate) fn add_squares(&mut self, simd: S, v: usize, x: S::f32s) {
        self.0[v] = simd.add_f32s(self.0[v], simd.mul_f32s(x, x));
    }

    #[inline(always)]
    pub(crate) fn total(&self) -> f32 {
        let mut lanes = [0.0; LANES];
        lanes.copy_from_slice(&pulp::bytemuck::cast_slice(&self.0)[..LANES]);
        total(lanes)
    }
}

/// `size` numbers of a buffer, from the beginning of a cache line on.
#[inline(always)]
pub(crate) fn aligned(buffer: &mut Vec<f32>, size: usize) -> &mut [f32] {
    /// Numbers in a cache line.
    const LINE: usize = 16;
    if buffer.len() < size + LINE {
        buffer.resize(size + LINE, 0.0);
    }
    let start = buffer.as_ptr().align_offset(LINE * size_of::<f32>());
    &mut buffer[start..][..size]
}
