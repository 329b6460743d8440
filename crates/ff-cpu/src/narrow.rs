//! The product `C = op(A) op(B)` where C is narrow. C then has few columns, such as the ten classes of a head, or few
//! rows.
//!
//! ```text
//! C[r, j] = sum over k of op(A)[r, k] op(B)[k, j],    some rows and one or two vectors of columns at a time
//! ```
//! The code reads the numbers of op(A) one by one and those of op(B) as vectors. So the rows of op(B) have to be
//! contiguous. The code computes the transposes instead, `C^T = op(B)^T op(A)^T`, if the rows of op(B) are not
//! contiguous, or if C is longer than wide and the columns of op(A) are contiguous. If neither operand has the right
//! order in memory, the code copies the smaller one.
//!
//! An element's sum runs in the order of k within blocks of 256. The blocks' sums are then added in their order. The
//! `matrixmultiply` crate sums in the same way, so both give the same bits, with any number of threads.

use std::array::from_fn;
use std::cell::RefCell;

use ndarray::ArrayViewMut2;
use pulp::{Simd, WithSimd};

use crate::lanes::{Instructions, LANES, aligned, arch, instructions, load};
use crate::operand::Operand;
use crate::shares::{Cut, Share, share_out};

/// If C has fewer columns than this, the columns of op(B) are copied.
const WIDE: usize = 2 * LANES;
/// A tile of one vector has this many rows. Each row has its own sum, and the processor stays busy only if it works on
/// eight sums at once.
const ROWS: usize = 8;
/// A tile of two vectors has this many rows. This is half of the ten classes.
const FEWER_ROWS: usize = 5;
/// This many k are summed before their sum is added to that of the earlier blocks. `matrixmultiply` uses the same
/// number.
const BLOCK: usize = 256;
/// A share with this many multiply-adds is worth another thread.
const WORTHWHILE: usize = 1 << 17;

thread_local! {
    /// Room for a copy. A thread keeps it from product to product, so that no product allocates memory.
    static COPY: RefCell<Vec<f32>> = RefCell::default();
}

/// Says whether this processor has the vector instructions that this code is written for.
pub(crate) fn pays() -> bool {
    instructions() != Instructions::Plain
}

/// Computes the product: C is `[m, n]`, op(A) is `[m, k]`, op(B) is `[k, n]`. Neither k nor C is empty.
pub(crate) fn product(c: &mut [f32], a: Operand, b: Operand, [m, k, n]: [usize; 3]) {
    // This many elements of the longer side are worth another thread.
    let enough = WIDE.max(WORTHWHILE / (k * m.min(n)));
    share_out(c, [m, n], [enough; 2], Cut::Longer, &|share| {
        COPY.with_borrow_mut(|copy| arch().dispatch(narrow(share, a, b, [m, k, n], copy)));
    });
}

/// The work on a share of C or of its transpose.
fn narrow<'a, 'c>(
    Share { mut c, mut row, mut column }: Share<'c>,
    mut a: Operand<'a>,
    mut b: Operand<'a>,
    [mut m, k, mut n]: [usize; 3],
    copy: &'a mut Vec<f32>,
) -> Narrow<'a, 'c> {
    let turned = match (a.transposed, b.transposed) {
        (false, false) => false,
        (true, false) => m > n,
        (false, true) => m < n,
        (true, true) => true,
    };
    if turned {
        (c, row, column) = (c.reversed_axes(), column, row);
        (a, b, m, n) = (b.transpose(), a.transpose(), n, m);
    }
    let columns = c.ncols();
    let (data, stride) = if columns < WIDE {
        (panel(copy, b, [k, n], [column, columns]), columns.next_multiple_of(LANES))
    } else {
        (&b.data[column..], n)
    };
    Narrow { c, row, a, m, k, b: Lines { data, stride } }
}

/// Copies `columns` columns of op(B) `[k, n]`, from `column` on, so that each row is contiguous. Each row has room
/// behind it for whole vectors. The numbers in that room do not matter, because the sums over them are not written to
/// C.
fn panel<'a>(
    copy: &'a mut Vec<f32>,
    b: Operand,
    [k, n]: [usize; 2],
    [column, columns]: [usize; 2],
) -> &'a [f32] {
    let width = columns.next_multiple_of(LANES);
    let panel = aligned(copy, k * width);
    if b.transposed {
        for (j, numbers) in b.data[column * k..].chunks_exact(k).take(columns).enumerate() {
            for (row, &number) in panel.chunks_exact_mut(width).zip(numbers) {
                row[j] = number;
            }
        }
    } else {
        for (i, row) in panel.chunks_exact_mut(width).enumerate() {
            let (vectors, _) = row.as_chunks_mut::<LANES>();
            for (v, vector) in vectors.iter_mut().enumerate() {
                // Copies of one fixed length are fastest, so the extra room gets the next numbers of B.
                *vector = load(&b.data[i * n + column..], v * LANES);
            }
        }
    }
    panel
}

/// Rows of a matrix, or parts of rows. Each one begins `stride` numbers after the one before.
#[derive(Clone, Copy)]
struct Lines<'a> {
    data: &'a [f32],
    stride: usize,
}

/// The work of one thread: a rectangle of C.
struct Narrow<'a, 'c> {
    c: ArrayViewMut2<'c, f32>,
    /// The rectangle's first row in C.
    row: usize,
    /// op(A) is `[m, k]`.
    a: Operand<'a>,
    m: usize,
    k: usize,
    /// op(B). Its first columns are the rectangle's columns.
    b: Lines<'a>,
}

impl WithSimd for Narrow<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let ([rows, columns], width) = ([self.c.nrows(), self.c.ncols()], 2 * S::F32_LANES);
        for mut column in (0..columns).step_by(width) {
            let one = columns < WIDE && columns - column <= S::F32_LANES;
            if columns >= WIDE {
                column = column.min(columns - width);
            }
            if one && rows >= ROWS {
                self.tiles::<S, ROWS, 1>(simd, column);
            } else if one {
                self.tiles::<S, 1, 1>(simd, column);
            } else if rows >= FEWER_ROWS {
                self.tiles::<S, FEWER_ROWS, 2>(simd, column);
            } else {
                self.tiles::<S, 1, 2>(simd, column);
            }
        }
    }
}

impl Narrow<'_, '_> {
    /// Computes `V` vectors of columns from `column` on, `R` rows at a time. The last tile may overlap the one before.
    /// This changes no sum.
    #[inline(always)]
    fn tiles<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, column: usize) {
        let (a, m, k, rows) = (self.a, self.m, self.k, self.c.nrows());
        let b = Lines { data: &self.b.data[column..], ..self.b };
        for row in (0..rows).step_by(R).map(|row| row.min(rows - R)) {
            let first = self.row + row;
            let sums: [[S::f32s; V]; R] = if a.transposed {
                sums(simd, b, k, |from, len| {
                    let lines = a.data[from * m + first..].chunks(m).take(len);
                    lines.map(|line| from_fn(|r| line[r]))
                })
            } else {
                sums(simd, b, k, |from, len| {
                    let lines: [&[f32]; R] = from_fn(|r| &a.data[(first + r) * k + from..][..len]);
                    (0..len).map(move |i| from_fn(|r| lines[r][i]))
                })
            };
            self.write::<S, V>([row, column], &sums);
        }
    }

    /// Writes a tile's sums to C. It leaves out the sums that are beyond the last column.
    #[inline(always)]
    fn write<S: Simd, const V: usize>(&mut self, [row, column]: [usize; 2], sums: &[[S::f32s; V]]) {
        let end = self.c.ncols().min(column + V * S::F32_LANES);
        for (r, sums) in sums.iter().enumerate() {
            let mut c = self.c.row_mut(row + r);
            let sums: &[f32] = &pulp::bytemuck::cast_slice(sums)[..end - column];
            match c.as_slice_mut() {
                Some(c) => c[column..end].copy_from_slice(sums),
                None => {
                    for (j, &sum) in (column..end).zip(sums) {
                        c[j] = sum;
                    }
                }
            }
        }
    }
}

/// Computes a tile's sums. `a(from, len)` returns `len` columns of op(A), from column `from` on, for the tile's rows
/// only.
#[inline(always)]
fn sums<S: Simd, const R: usize, const V: usize, A: Iterator<Item = [f32; R]>>(
    simd: S,
    b: Lines,
    k: usize,
    a: impl Fn(usize, usize) -> A,
) -> [[S::f32s; V]; R] {
    let mut totals = [[simd.splat_f32s(0.0); V]; R];
    for from in (0..k).step_by(BLOCK) {
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        let lines = b.data[from * b.stride..].chunks(b.stride);
        for (a, line) in a(from, BLOCK.min(k - from)).zip(lines) {
            let Some(b) = S::as_simd_f32s(line).0.first_chunk::<V>() else {
                unreachable!("there is room for whole vectors")
            };
            for (sums, a) in sums.iter_mut().zip(a) {
                let a = simd.splat_f32s(a);
                for (sum, &b) in sums.iter_mut().zip(b) {
                    *sum = simd.mul_add_e_f32s(a, b, *sum);
                }
            }
        }
        for (totals, sums) in totals.iter_mut().zip(sums) {
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = if from == 0 { sum } else { simd.add_f32s(*total, sum) };
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

    /// Computes C twice: with `run`, which gets each share's work, and with the crate. Returns the bits of both.
    fn both(shape: [usize; 3], transposed: [bool; 2], run: &(impl Fn(Narrow) + Sync)) -> [Vec<u32>; 2] {
        let [m, k, n] = shape;
        let draws = |seed, size: usize| -> Vec<f32> {
            (0..size as u64).map(|i| random::uniform(seed, i) - 0.5).collect()
        };
        let (a, b) = (draws(1, m * k), draws(2, k * n));
        let a = Operand { data: &a, transposed: transposed[0] };
        let b = Operand { data: &b, transposed: transposed[1] };
        let (mut ours, mut crates) = (vec![f32::NAN; m * n], vec![f32::NAN; m * n]);
        share_out(&mut ours, [m, n], [WIDE; 2], Cut::Longer, &|share| {
            run(narrow(share, a, b, shape, &mut Vec::new()));
        });
        packed(&mut crates, a, b, shape);
        [ours, crates].map(|c| c.iter().map(|x| x.to_bits()).collect())
    }

    fn the_crates_bits(run: &(impl Fn(Narrow) + Sync)) {
        for case in 0..400 {
            let draw = |i: u64, most: usize| 1 + (random::uniform(3 + i, case) * most as f32) as usize;
            let k = draw(0, if case % 4 == 0 { 1_100 } else { 300 });
            let [m, n] =
                if case % 3 == 0 { [draw(1, 11), draw(2, 200)] } else { [draw(1, 200), draw(2, 31)] };
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

    /// This test also needs a processor with wider vector instructions.
    #[test]
    #[cfg(target_arch = "x86_64")]
    #[cfg_attr(miri, ignore = "many and large")]
    fn the_bits_with_avx2_are_those_of_the_crate() {
        if let Some(avx2) = pulp::x86::V3::try_new() {
            the_crates_bits(&|work| Simd::vectorize(avx2, work));
        }
    }
}
