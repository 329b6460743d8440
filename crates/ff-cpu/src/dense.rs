//! `C = op(A) B` for dense matrices: tiles of C, summed in registers.
//!
//! ```text
//! C[r, j] = sum over k of A[r, k] B[k, j],    12 rows and 32 columns at a time
//! ```
//! A panel of B, as wide as a tile, is copied to where it lies in one piece and stays in the core's own cache for all
//! rows. A is read where it lies: one number for each row of the tile and k. Not packing A, as `matrixmultiply` does
//! for all shapes, saves a twentieth to a fifth of the time on ours (docs/performance.md).
//!
//! An element's sum runs in the order of k, whatever the tile and the threads: the same bits.

use std::array::from_fn;
use std::cell::RefCell;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::lanes::{Instructions, LANES, instructions};
use crate::matmul::Operand;

/// Vectors in a tile's row.
const VECTORS: usize = 2;
/// Rows of a tile: their sums take 24 registers.
const ROWS: usize = 12;
/// Rows of a tile for what is left over; the last ones go one by one.
const LEFT_OVER: usize = 4;

thread_local! {
    /// The panel of B, kept from product to product, so that nothing is allocated.
    static PANEL: RefCell<Vec<f32>> = RefCell::default();
}

/// Whether C `[m, n]` has room for tiles, and the processor registers for them.
pub(crate) fn pays(m: usize, n: usize) -> bool {
    m >= ROWS && n >= VECTORS * LANES && instructions() == Instructions::Avx512
}

/// C `[m, n]`, op(A) `[m, k]`, B `[k, n]`.
pub(crate) fn product(c: &mut [f32], a: Operand, b: &[f32], shape: [usize; 3]) {
    let [m, _, n] = shape;
    let rows = m.div_ceil(rayon::current_num_threads()).next_multiple_of(LEFT_OVER);
    c.par_chunks_mut(rows * n).enumerate().for_each(|(i, c)| {
        PANEL.with_borrow_mut(|panel| {
            pulp::Arch::new().dispatch(Share { c, a, b, shape, first: i * rows, panel });
        });
    });
}

/// The rows of C that one thread computes, from `first` on.
struct Share<'a> {
    c: &'a mut [f32],
    a: Operand<'a>,
    b: &'a [f32],
    shape: [usize; 3],
    first: usize,
    panel: &'a mut Vec<f32>,
}

impl WithSimd for Share<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let n = self.shape[2];
        let width = VECTORS * S::F32_LANES;
        for column in (0..n).step_by(width) {
            // The last panel overlaps the one before, which changes no sum.
            let column = column.min(n - width);
            self.copy_panel(column, width);
            let row = self.tiles::<S, ROWS>(simd, column, 0);
            let row = self.tiles::<S, LEFT_OVER>(simd, column, row);
            self.tiles::<S, 1>(simd, column, row);
        }
    }
}

impl Share<'_> {
    #[inline(always)]
    fn copy_panel(&mut self, column: usize, width: usize) {
        let [_, k, n] = self.shape;
        self.panel.resize(k * width, 0.0);
        for (panel, b) in self.panel.chunks_exact_mut(width).zip(self.b.chunks_exact(n)) {
            panel.copy_from_slice(&b[column..][..width]);
        }
    }

    /// All tiles of `R` rows that fit in from `row` on, over the panel at `column`; gives the row after them.
    #[inline(always)]
    fn tiles<S: Simd, const R: usize>(&mut self, simd: S, column: usize, mut row: usize) -> usize {
        let [m, k, n] = self.shape;
        let count = self.c.len() / n;
        while row + R <= count {
            let r = self.first + row;
            let tile = if self.a.transposed {
                let a = &self.a.data[r..];
                tile::<S, R>(simd, self.panel, k, |i| {
                    let column = &a[i * m..][..R];
                    from_fn(|r| column[r])
                })
            } else {
                let a = &self.a.data[r * k..][..R * k];
                // SAFETY: `tile` asks for i < k, and r < R: within the R rows of k numbers taken above. With a check
                // for each, products are a twentieth slower.
                tile::<S, R>(simd, self.panel, k, |i| from_fn(|r| unsafe { *a.get_unchecked(r * k + i) }))
            };
            for (i, sums) in tile.iter().enumerate() {
                let sums: &[f32] = pulp::bytemuck::cast_slice(sums);
                self.c[(row + i) * n + column..][..sums.len()].copy_from_slice(sums);
            }
            row += R;
        }
        row
    }
}

/// A tile's sums. `a(i)`, for i < k, is op(A)'s column i, the tile's rows of it.
#[inline(always)]
fn tile<S: Simd, const R: usize>(
    simd: S,
    panel: &[f32],
    k: usize,
    a: impl Fn(usize) -> [f32; R],
) -> [[S::f32s; VECTORS]; R] {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; R];
    let (panel, _) = S::as_simd_f32s(panel);
    let (panel, _) = panel.as_chunks::<VECTORS>();
    for (i, b) in panel[..k].iter().enumerate() {
        for (sums, a) in sums.iter_mut().zip(a(i)) {
            let a = simd.splat_f32s(a);
            for (sum, &b) in sums.iter_mut().zip(b) {
                *sum = simd.mul_add_e_f32s(a, b, *sum);
            }
        }
    }
    sums
}
