//! This module chooses vector instructions when the program runs, and it sums in a fixed order.
//!
//! Short loops are written over slices or arrays of [`LANES`] numbers. The compiler turns them into vector
//! instructions: see [`ff_tensor::lanes`]. Loops that keep more numbers in registers name the registers, through the
//! `pulp` crate. No multiply-add is fused outside the matrix products, so all instruction sets give the same bits.

use pulp::Simd;

pub(crate) use ff_tensor::lanes::{LANES, Lanes, add_squares, load, sum_squares, total, vectorised};

/// Returns the widest instructions of this processor, for a dispatch to them.
#[inline(always)]
pub(crate) fn arch() -> pulp::Arch {
    pulp::Arch::new()
}

/// The instruction sets that [`vectorised`] compiles for.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Instructions {
    /// It has 32 registers of 16 numbers. One instruction multiplies and adds.
    Avx512,
    /// It has 16 registers of 8 numbers. One instruction multiplies and adds.
    Avx2,
    /// It has 32 registers of 4 numbers. One instruction multiplies and adds.
    Neon,
    /// It has only the instructions that every processor of the kind has.
    Plain,
}

/// Returns the instruction set of this processor.
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

/// Returns the name of the vector instructions in use, for people to read.
pub fn simd_name() -> &'static str {
    match instructions() {
        Instructions::Avx512 => "AVX-512",
        Instructions::Avx2 => "AVX2 + FMA",
        Instructions::Neon => "NEON",
        Instructions::Plain => "none beyond the processor's baseline",
    }
}

/// Reads the numbers of `row` from `at` on, as many as a register holds. Zeros fill it up past the end of the row.
#[inline(always)]
pub(crate) fn vector<S: Simd>(simd: S, row: &[f32], at: usize) -> S::f32s {
    let row = &row[at..];
    match S::as_simd_f32s(row).0.first() {
        Some(&full) => full,
        None => simd.partial_load_f32s(row),
    }
}

/// Writes a register's numbers to `row` from `at` on. It writes as many as fit.
#[inline(always)]
pub(crate) fn put<S: Simd>(simd: S, row: &mut [f32], at: usize, numbers: S::f32s) {
    let row = &mut row[at..];
    match S::as_mut_simd_f32s(row).0.first_mut() {
        Some(full) => *full = numbers,
        None => simd.partial_store_f32s(row, numbers),
    }
}

/// Sums in [`LANES`] lanes, for registers of any size. Number `j` of a row is added to lane `j % LANES`.
pub(crate) struct Sums<S: Simd>([S::f32s; LANES]);

impl<S: Simd> Sums<S> {
    #[inline(always)]
    pub(crate) fn zero(simd: S) -> Self {
        Self([simd.splat_f32s(0.0); LANES])
    }

    /// Adds the squares of a register. The register began at `LANES * _ + v * S::F32_LANES` of the row.
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

/// Returns `size` numbers of a buffer. They begin at the start of a cache line.
#[inline(always)]
pub(crate) fn aligned(buffer: &mut Vec<f32>, size: usize) -> &mut [f32] {
    /// A cache line has this many numbers.
    const LINE: usize = 16;
    if buffer.len() < size + LINE {
        buffer.resize(size + LINE, 0.0);
    }
    let start = buffer.as_ptr().align_offset(LINE * size_of::<f32>());
    &mut buffer[start..][..size]
}
