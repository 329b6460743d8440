//! The product `C = op(A) op(B)` for dense matrices. It computes C in tiles and keeps a tile's sums in registers.
//!
//! ```text
//! C[r, j] = sum over k of op(A)[r, k] op(B)[k, j],    12 rows and 32 columns at a time
//! ```
//! *Why tiles.* A number that is loaded from A or B serves a whole row or column of the tile. So the tile needs far
//! fewer loads than multiply-adds.
//!
//! *Why panels are copied.* A tile reads 32 columns of op(B) for every k, and these are far apart in memory. So the
//! code copies op(B)'s columns to panels that are as wide as a tile, where they are contiguous. It copies as many
//! panels at a time as the core's own cache holds, and all rows of A use them.
//!
//! A is read in place: the tile needs one number for each of its rows and each k. Only a transposed A is copied,
//! because a tile's numbers are far apart there. The rows of a few tiles are copied at a time.
//!
//! An element's sum runs in the order of k, for any tile and any number of threads. So the result has the same bits.

use std::array::from_fn;
use std::cell::RefCell;

use pulp::{Simd, WithSimd};

use crate::lanes::{Instructions, LANES, aligned, arch, instructions};
use crate::operand::Operand;
use crate::shares::{Cut, Share, share_out};

/// A tile's row has this many vectors.
const VECTORS: usize = 2;
/// A tile has this many rows if there are 32 registers. Its sums take 24 of them.
const ROWS: usize = 12;
/// A tile has this many rows if there are 16 registers. Its sums take 12 of them.
const FEWER_ROWS: usize = 6;
/// A tile of the remaining rows has this many rows. The last rows are computed one by one.
const LEFT_OVER: usize = 4;

/// The rows of this many tiles are copied at a time from a transposed A. They cover some whole cache lines of each row.
const STRIPS: usize = 4;
/// This many numbers of B are copied at a time. They take 1 MiB.
const COPIED: usize = 1 << 18;

/// Buffers that a thread keeps from product to product, so that no product allocates memory.
#[derive(Default)]
struct Scratch {
    panels: Vec<f32>,
    strips: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Says whether C `[m, n]` has room for tiles and the processor has the registers for them.
pub(crate) fn pays(m: usize, n: usize) -> bool {
    m >= ROWS && n >= VECTORS * LANES && instructions() != Instructions::Plain
}

/// Computes the product: C is `[m, n]`, op(A) is `[m, k]`, op(B) is `[k, n]`.
pub(crate) fn product(c: &mut [f32], a: Operand, b: Operand, shape: [usize; 3]) {
    let [m, _, n] = shape;
    let cut = if a.transposed { Cut::Longer } else { Cut::Columns };
    share_out(c, [m, n], [ROWS, VECTORS * LANES], cut, &|share| {
        SCRATCH.with_borrow_mut(|scratch| {
            arch().dispatch(Tiles { share, a, b, shape, scratch });
        });
    });
}

/// The work of one thread.
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
            // The last panel overlaps the one before. This changes no sum.
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

    /// Computes all tiles of `R` rows that fit from `row` on, with the panels at `offsets`. Returns the row after them.
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

/// Copies the numbers of a transposed A that `count` tiles read. The slice begins at the first of them, and A's rows
/// have `m` numbers.
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

/// Computes a tile's sums. `a(i)` returns column i of op(A), for the tile's rows only. The panel has one row for each
/// i.
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
