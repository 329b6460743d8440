//! `C = op(A) op(B)` for dense matrices: tiles of C, summed in registers.
//!
//! ```text
//! C[r, j] = sum over k of op(A)[r, k] op(B)[k, j],    12 rows and 32 columns at a time
//! ```
//! op(B)'s columns are copied to panels as wide as a tile, as many as the core's own cache holds. A is read where it lies,
//! one number for each row of the tile and k; only a transposed A, where a tile's numbers lie far apart, is copied, some
//! tiles' rows at a time.
//!
//! An element's sum runs in the order of k, whatever the tile and the threads: the same bits.

use std::array::from_fn;
use std::cell::RefCell;

use pulp::{Simd, WithSimd};

use crate::lanes::{Instructions, LANES, aligned, arch, instructions};
use crate::operand::Operand;
use crate::shares::{Cut, Share, share_out};

/// Vectors in a tile's row.
const VECTORS: usize = 2;
/// Rows of a tile where there are 32 registers: their sums take 24.
const ROWS: usize = 12;
/// Rows of a tile where there are 16: their sums take 12.
const FEWER_ROWS: usize = 6;
/// Rows of a tile for what is left over; the last ones go one by one.
const LEFT_OVER: usize = 4;

/// Tiles whose rows of a transposed A are copied at a time: some cache lines of each row, whole.
const STRIPS: usize = 4;
/// Numbers of B that are copied at a time: 1 MiB.
const COPIED: usize = 1 << 18;

/// Kept from product to product, so that nothing is allocated.
#[derive(Default)]
struct Scratch {
    panels: Vec<f32>,
    strips: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Whether C `[m, n]` has room for tiles, and the processor registers for them.
pub(crate) fn pays(m: usize, n: usize) -> bool {
    m >= ROWS && n >= VECTORS * LANES && instructions() != Instructions::Plain
}

/// C `[m, n]`, op(A) `[m, k]`, op(B) `[k, n]`.
pub(crate) fn product(c: &mut [f32], a: Operand, b: Operand, shape: [usize; 3]) {
    let [m, _, n] = shape;
    let cut = if a.transposed { Cut::Longer } else { Cut::Columns };
    share_out(c, [m, n], [ROWS, VECTORS * LANES], cut, &|share| {
        SCRATCH.with_borrow_mut(|scratch| {
            arch().dispatch(Tiles { share, a, b, shape, scratch });
        });
    });
}

/// What one thread computes.
struct Tiles<'a, 'c> {
    share: Share<'c>,
    a: Operand<'a>,
    b: Operand<'a>,
    shape: [usize; 3],
    scratch: &'a mut Scratch,
}

impl WithSimd for Tiles<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [_, k, _] = self.shape;
        let width = VECTORS * S::F32_LANES;
        let columns = self.share.c.ncols();
        let group = (COPIED / k.max(1) / width).max(1) * width;
        for first in (0..columns).step_by(group) {
            // The last panel overlaps the one before, which changes no sum.
            let offsets =
                (first..columns.min(first + group)).step_by(width).map(|at| at.min(columns - width));
            self.copy_panels(offsets.clone(), width);
            let row = match instructions() {
                Instructions::Avx2 => self.tiles::<S, FEWER_ROWS>(simd, offsets.clone(), 0),
                _ => self.tiles::<S, ROWS>(simd, offsets.clone(), 0),
            };
            let row = self.tiles::<S, LEFT_OVER>(simd, offsets.clone(), row);
            self.tiles::<S, 1>(simd, offsets, row);
        }
    }
}

impl Tiles<'_, '_> {
    #[inline(always)]
    fn copy_panels(&mut self, offsets: impl Iterator<Item = usize> + Clone, width: usize) {
        let [_, k, n] = self.shape;
        let panels = aligned(&mut self.scratch.panels, offsets.clone().count() * k * width);
        for (panel, offset) in panels.chunks_exact_mut((k * width).max(1)).zip(offsets) {
            let first = self.share.column + offset;
            if self.b.transposed {
                let columns = self.b.data[first * k..][..width * k].chunks_exact(k.max(1));
                for (j, column) in columns.enumerate() {
                    for (row, &b) in panel.chunks_exact_mut(width).zip(column) {
                        row[j] = b;
                    }
                }
            } else {
                for (panel, row) in panel.chunks_exact_mut(width).zip(self.b.data.chunks_exact(n)) {
                    panel.copy_from_slice(&row[first..][..width]);
                }
            }
        }
    }

    /// All tiles of `R` rows that fit in from `row` on, over the panels at `offsets`; gives the row after them.
    #[inline(always)]
    fn tiles<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        offsets: impl Iterator<Item = usize> + Clone,
        mut row: usize,
    ) -> usize {
        let ([m, k, _], Scratch { panels, strips }) = (self.shape, &mut *self.scratch);
        let tiles = (self.share.c.nrows() - row) / R;
        let size = k * VECTORS * S::F32_LANES;
        let panels = aligned(panels, offsets.clone().count() * size);
        for tile in 0..tiles {
            let r = self.share.row + row;
            if self.a.transposed && tile % STRIPS == 0 {
                copy_strips::<R>(strips, &self.a.data[r..], m, STRIPS.min(tiles - tile));
            }
            for (offset, panel) in offsets.clone().zip(panels.chunks_exact(size.max(1))) {
                let sums = if self.a.transposed {
                    let (strip, _) = strips[tile % STRIPS * k * R..][..k * R].as_chunks::<R>();
                    sums::<S, R>(simd, panel, |i| strip[i])
                } else {
                    let a = &self.a.data[r * k..][..R * k];
                    // SAFETY: a panel has k rows, so i < k, and r < R: within the R rows of k numbers taken above. With
                    // a check for each, products are a twentieth slower.
                    sums::<S, R>(simd, panel, |i| from_fn(|r| unsafe { *a.get_unchecked(r * k + i) }))
                };
                for (i, sums) in sums.iter().enumerate() {
                    let Some(c) = self.share.c.row_mut(row + i).into_slice() else {
                        unreachable!("a row lies in one piece")
                    };
                    let sums: &[f32] = pulp::bytemuck::cast_slice(sums);
                    c[offset..][..sums.len()].copy_from_slice(sums);
                }
            }
            row += R;
        }
        row
    }
}

/// Copies what `count` tiles read of a transposed A, from its first number on; its rows have `m` numbers.
#[inline(always)]
fn copy_strips<const R: usize>(strips: &mut Vec<f32>, a: &[f32], m: usize, count: usize) {
    let k = a.len().div_ceil(m);
    strips.resize(count * k * R, 0.0);
    for (i, column) in a.chunks(m).enumerate() {
        for (s, numbers) in column.as_chunks::<R>().0[..count].iter().enumerate() {
            strips[(s * k + i) * R..][..R].copy_from_slice(numbers);
        }
    }
}

/// A tile's sums. `a(i)` is op(A)'s column i, the tile's rows of it; a panel has a row for each.
#[inline(always)]
fn sums<S: Simd, const R: usize>(
    simd: S,
    panel: &[f32],
    a: impl Fn(usize) -> [f32; R],
) -> [[S::f32s; VECTORS]; R] {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; R];
    let (panel, _) = S::as_simd_f32s(panel);
    let (panel, _) = panel.as_chunks::<VECTORS>();
    for (i, b) in panel.iter().enumerate() {
        for (sums, a) in sums.iter_mut().zip(a(i)) {
            let a = simd.splat_f32s(a);
            for (sum, &b) in sums.iter_mut().zip(b) {
                *sum = simd.mul_add_e_f32s(a, b, *sum);
            }
        }
    }
    sums
}
