//! `C = op(A) op(B)` where C is narrow: it has few columns, such as the ten classes of a head, or few rows.
//!
//! ```text
//! C[r, j] = sum over k of op(A)[r, k] op(B)[k, j],    8 rows and one or two vectors of columns at a time
//! ```
//! The operand of C's short side, here op(B), is small. Its numbers are copied to a panel with one or two vectors for each k,
//! filled up behind the last column. The operand of the long side is read where it lies, one number at a time. Where C has
//! few rows, all of this happens to `C^T = op(B)^T op(A)^T`, which has few columns.
//!
//! An element's sum runs in the order of k within blocks of 256, and the blocks' sums are then added in their order. The
//! `matrixmultiply` crate sums so too, so the bits are the same with either, and with any number of threads.

use std::array::from_fn;
use std::cell::RefCell;

use ndarray::ArrayViewMut2;
use pulp::{Simd, WithSimd};

use crate::lanes::{Instructions, LANES, aligned, arch, instructions, put, vector};
use crate::matmul::Operand;
use crate::shares::{Cut, Share, share_out};

/// C has few columns if it has fewer than this.
const FEW: usize = 2 * LANES;
/// Rows of a tile. Each has sums of its own, and the processor needs eight at work to be always busy.
const ROWS: usize = 8;
/// Rows of a tile with two vectors where there are only 16 registers.
const FEWER_ROWS: usize = 4;
/// How many k are summed before their sum is added to that of the blocks before: as in `matrixmultiply`.
const BLOCK: usize = 256;
/// Multiply-adds for which it pays to wake up another thread.
const WORTHWHILE: usize = 1 << 17;

thread_local! {
    /// The panel: kept from product to product, so that nothing is allocated.
    static PANEL: RefCell<Vec<f32>> = RefCell::default();
}

/// Whether this processor has the vector instructions that this is written for.
pub(crate) fn pays() -> bool {
    instructions() != Instructions::Plain
}

/// C `[m, n]`, op(A) `[m, k]`, op(B) `[k, n]`. Neither k nor C is empty.
pub(crate) fn product(c: &mut [f32], a: Operand, b: Operand, [m, k, n]: [usize; 3]) {
    // So many of the long side's elements are worth another thread.
    let long = ROWS.max(WORTHWHILE / (k * m.min(n)));
    let grain = if n < FEW { [long, n] } else { [m, long] };
    share_out(c, [m, n], grain, Cut::Longer, &|share| {
        PANEL.with_borrow_mut(|panel| arch().dispatch(narrow(share, a, b, [m, k, n], panel)));
    });
}

/// The work on a share, turned such that C has few columns.
fn narrow<'a, 'c>(
    Share { c, row, column }: Share<'c>,
    a: Operand<'a>,
    b: Operand<'a>,
    [m, k, n]: [usize; 3],
    panel: &'a mut Vec<f32>,
) -> Narrow<'a, 'c> {
    if n < FEW {
        return Narrow { c, first: row, long: a, short: b, sizes: [m, k, n], panel };
    }
    let (long, short) = (b.transpose(), a.transpose());
    Narrow { c: c.reversed_axes(), first: column, long, short, sizes: [n, k, m], panel }
}

/// What one thread computes: some rows of a C that has few columns.
struct Narrow<'a, 'c> {
    c: ArrayViewMut2<'c, f32>,
    /// The first of these rows.
    first: usize,
    /// `[rows, k]`
    long: Operand<'a>,
    /// `[k, columns]`
    short: Operand<'a>,
    /// Rows of the whole C, k, columns.
    sizes: [usize; 3],
    panel: &'a mut Vec<f32>,
}

impl WithSimd for Narrow<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [_, _, columns] = self.sizes;
        for column in (0..columns).step_by(2 * S::F32_LANES) {
            if columns - column <= S::F32_LANES {
                self.columns::<S, 1>(simd, column);
            } else {
                self.columns::<S, 2>(simd, column);
            }
        }
    }
}

impl Narrow<'_, '_> {
    /// `V` vectors of columns, the first of which is `column`.
    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&mut self, simd: S, column: usize) {
        let rows = self.c.nrows();
        self.copy_panel::<S, V>(simd, column);
        if rows >= ROWS && (V == 1 || S::REGISTER_COUNT > 16) {
            self.tiles::<S, ROWS, V>(simd, column);
        } else if rows >= FEWER_ROWS {
            self.tiles::<S, FEWER_ROWS, V>(simd, column);
        } else {
            self.tiles::<S, 1, V>(simd, column);
        }
    }

    /// Copies the short operand's columns from `column` on, `V` vectors for each k.
    #[inline(always)]
    fn copy_panel<S: Simd, const V: usize>(&mut self, simd: S, column: usize) {
        let ([_, k, columns], width) = (self.sizes, V * S::F32_LANES);
        let panel = aligned(self.panel, k * width);
        if self.short.transposed {
            panel.fill(0.0);
            let short = self.short.data[column * k..].chunks_exact(k).take(width);
            for (j, numbers) in short.enumerate() {
                for (row, &number) in panel.chunks_exact_mut(width).zip(numbers) {
                    row[j] = number;
                }
            }
            return;
        }
        let (panel, _) = S::as_mut_simd_f32s(panel);
        let (panel, _) = panel.as_chunks_mut::<V>();
        for (i, row) in panel.iter_mut().enumerate() {
            // Behind the last column stands whatever comes next in memory. Its sums are never written.
            let numbers = &self.short.data[i * columns + column..];
            *row = from_fn(|v| vector(simd, numbers, v * S::F32_LANES));
        }
    }

    /// All rows, `R` at a time. The last tile may overlap the one before, which changes no sum.
    #[inline(always)]
    fn tiles<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, column: usize) {
        let ([m, k, columns], rows) = (self.sizes, self.c.nrows());
        let (panel, _) = S::as_simd_f32s(aligned(self.panel, k * V * S::F32_LANES));
        let (panel, _) = panel.as_chunks::<V>();
        for row in (0..rows).step_by(R).map(|row| row.min(rows - R)) {
            let (first, long) = (self.first + row, self.long.data);
            let sums: [[S::f32s; V]; R] = if self.long.transposed {
                sums(simd, panel, |from, len| {
                    let lines = long[from * m + first..].chunks(m).take(len);
                    lines.map(|line| from_fn(|r| line[r]))
                })
            } else {
                sums(simd, panel, |from, len| {
                    let lines: [&[f32]; R] = from_fn(|r| &long[(first + r) * k + from..][..len]);
                    (0..len).map(move |i| from_fn(|r| lines[r][i]))
                })
            };
            let end = columns.min(column + V * S::F32_LANES);
            for (r, sums) in sums.iter().enumerate() {
                let mut c = self.c.row_mut(row + r);
                match c.as_slice_mut() {
                    Some(c) => {
                        for (v, &sum) in sums.iter().enumerate() {
                            put(simd, &mut c[..end], column + v * S::F32_LANES, sum);
                        }
                    }
                    None => {
                        let sums: &[f32] = pulp::bytemuck::cast_slice(sums);
                        for (j, &sum) in (column..end).zip(sums) {
                            c[j] = sum;
                        }
                    }
                }
            }
        }
    }
}

/// A tile's sums. `a(from, len)` gives op(A)'s columns from `from` on, `len` of them, the tile's rows of each.
#[inline(always)]
fn sums<S: Simd, const R: usize, const V: usize, A: Iterator<Item = [f32; R]>>(
    simd: S,
    panel: &[[S::f32s; V]],
    a: impl Fn(usize, usize) -> A,
) -> [[S::f32s; V]; R] {
    let mut totals = [[simd.splat_f32s(0.0); V]; R];
    for (i, block) in panel.chunks(BLOCK).enumerate() {
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for (b, a) in block.iter().zip(a(i * BLOCK, block.len())) {
            for (sums, a) in sums.iter_mut().zip(a) {
                let a = simd.splat_f32s(a);
                for (sum, &b) in sums.iter_mut().zip(b) {
                    *sum = simd.mul_add_e_f32s(a, b, *sum);
                }
            }
        }
        for (totals, sums) in totals.iter_mut().zip(sums) {
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = if i == 0 { sum } else { simd.add_f32s(*total, sum) };
            }
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use ff_tensor::random;

    use super::*;
    use crate::matmul::packed;

    /// C by `run`, which gets each share's work, and by the crate, as bits.
    fn both(shape: [usize; 3], transposed: [bool; 2], run: &(impl Fn(Narrow) + Sync)) -> [Vec<u32>; 2] {
        let [m, k, n] = shape;
        let draws = |seed, size: usize| -> Vec<f32> {
            (0..size as u64).map(|i| random::uniform(seed, i) - 0.5).collect()
        };
        let (a, b) = (draws(1, m * k), draws(2, k * n));
        let a = Operand { data: &a, transposed: transposed[0] };
        let b = Operand { data: &b, transposed: transposed[1] };
        let (mut ours, mut crates) = (vec![f32::NAN; m * n], vec![f32::NAN; m * n]);
        share_out(&mut ours, [m, n], if n < FEW { [1, n] } else { [m, 1] }, Cut::Longer, &|share| {
            run(narrow(share, a, b, shape, &mut Vec::new()));
        });
        packed(&mut crates, a, b, shape);
        [ours, crates].map(|c| c.iter().map(|x| x.to_bits()).collect())
    }

    fn the_crates_bits(run: &(impl Fn(Narrow) + Sync)) {
        for case in 0..400 {
            let draw = |i: u64, most: usize| 1 + (random::uniform(3 + i, case) * most as f32) as usize;
            let k = draw(0, if case % 4 == 0 { 1_100 } else { 300 });
            let [m, n] = if case % 3 == 0 { [draw(1, 11), draw(2, 200)] } else { [draw(1, 200), draw(2, 31)] };
            let transposed = [case % 2 == 0, case % 5 < 2];
            let [ours, crates] = both([m, k, n], transposed, run);
            assert!(ours == crates, "[{m}, {k}] x [{k}, {n}], transposed: {transposed:?}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "many and large")]
    fn the_bits_are_those_of_the_crate() {
        if pays() {
            the_crates_bits(&|work| arch().dispatch(work));
        }
    }

    /// On a processor that has wider vector instructions too.
    #[test]
    #[cfg(target_arch = "x86_64")]
    #[cfg_attr(miri, ignore = "many and large")]
    fn the_bits_with_avx2_are_those_of_the_crate() {
        if let Some(avx2) = pulp::x86::V3::try_new() {
            the_crates_bits(&|work| Simd::vectorize(avx2, work));
        }
    }
}
