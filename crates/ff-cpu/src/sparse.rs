//! `C = op(A) B` where A has many zeros: images (four of five of MNIST's pixels) and spikes (two of three).
//!
//! ```text
//! C[r] = sum over k with A[r, k] != 0 of A[r, k] B[k]
//! ```
//! First each row's list of (k, A[r, k]) is made. Then, for a panel of columns of B, which is copied to where it lies
//! in one piece and aligned, the lists are run through a block of k at a time: that block's part of the panel stays in
//! the core's innermost cache while all rows use it, and a row's sums are in registers meanwhile.
//!
//! An element's sum runs in the order of k, whatever the threads: the same bits.

use std::cell::RefCell;

use pulp::{Simd, WithSimd};

use crate::lanes::{LANES, aligned, arch};
use crate::operand::Operand;
use crate::shares::{Cut, Share, share_out};

/// Rows whose lists are made at a time.
const ROWS: usize = 512;
/// How many k a block has: with a panel's columns they are 32 KiB at most, which the innermost cache holds. A multiple of
/// `LOOK`.
const BLOCK: usize = 64;
/// Numbers that are looked at together for those that are not zero.
const LOOK: usize = 64;
/// Vectors in a panel's row: as many sums as find registers.
const VECTORS: usize = 8;
/// Largest share of numbers that are not zero for which this is taken, where C is wide and where it is not
/// (docs/performance.md).
const DENSEST_WIDE: f64 = 0.4;
const DENSEST: f64 = 0.33;
/// Columns from which on C is wide.
const WIDE: usize = 1_000;

/// One number that is not zero.
#[derive(Clone, Copy, Default)]
struct Entry {
    k: u32,
    a: f32,
}

/// What a thread keeps from product to product, so that nothing is allocated.
#[derive(Default)]
struct Scratch {
    lists: Lists,
    panels: Vec<f32>,
    sums: Vec<f32>,
}

/// A list for each block of k and each row, one after the other, in the order in which they are run through.
#[derive(Default)]
struct Lists {
    entries: Vec<Entry>,
    /// Where each list ends, `[block][row]`.
    ends: Vec<usize>,
    rows: usize,
    /// Room for a block's lists, where A is transposed and they all grow at once: `[row][BLOCK]`.
    growing: Vec<Entry>,
    lengths: Vec<usize>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Whether A has enough zeros, by a sample of it, and B enough columns.
pub(crate) fn pays(a: &[f32], n: usize) -> bool {
    /// Numbers looked at together, and how many are skipped before the next ones.
    const LOOK: usize = 256;
    const SKIP: usize = 15 * LOOK + 64;
    if n < LANES {
        return false;
    }
    let (mut seen, mut set) = (0, 0);
    for chunk in a.chunks(LOOK + SKIP) {
        let chunk = &chunk[..chunk.len().min(LOOK)];
        seen += chunk.len();
        set += chunk.iter().filter(|&&x| x != 0.0).count();
    }
    let densest = if n >= WIDE { DENSEST_WIDE } else { DENSEST };
    (set as f64) < densest * seen as f64
}

/// C `[m, n]`, op(A) `[m, k]`, B `[k, n]`.
pub(crate) fn product(c: &mut [f32], a: Operand, b: &[f32], shape: [usize; 3]) {
    let [m, _, n] = shape;
    share_out(c, [m, n], [1, VECTORS * LANES], Cut::Longer, &|mut share| {
        SCRATCH.with_borrow_mut(|scratch| {
            for first in (0..share.c.nrows()).step_by(ROWS) {
                let (share, scratch) = (&mut share, &mut *scratch);
                arch().dispatch(Panels { share, first, scratch, a, b, shape });
            }
        });
    });
}

impl Lists {
    /// The lists of `count` rows of op(A) `[m, k]` from `first` on, read in the order in which A lies in memory.
    #[inline(always)]
    fn fill<S: Simd>(&mut self, simd: S, a: Operand, [m, k]: [usize; 2], first: usize, count: usize) {
        self.rows = count;
        self.ends.clear();
        let mut end = 0;
        for block in (0..k).step_by(BLOCK) {
            let size = BLOCK.min(k - block);
            if a.transposed {
                self.grow(simd, &a.data[block * m + first..], m, [block, size]);
                for (list, &length) in self.growing.chunks_exact(BLOCK).zip(&self.lengths) {
                    room(&mut self.entries, end + length)[end..].copy_from_slice(&list[..length]);
                    end += length;
                    self.ends.push(end);
                }
            } else {
                for r in first..first + count {
                    let list = &mut room(&mut self.entries, end + size)[end..];
                    let mut length = 0;
                    for_set(simd, &a.data[r * k + block..][..size], |i, x| {
                        list[length] = Entry { k: (block + i) as u32, a: x };
                        length += 1;
                    });
                    end += length;
                    self.ends.push(end);
                }
            }
        }
    }

    /// A block's lists of a transposed A, whose rows have `m` numbers.
    #[inline(always)]
    fn grow<S: Simd>(&mut self, simd: S, a: &[f32], m: usize, [block, size]: [usize; 2]) {
        self.growing.resize(self.rows * BLOCK, Entry::default());
        self.lengths.clear();
        self.lengths.resize(self.rows, 0);
        for i in 0..size {
            for_set(simd, &a[i * m..][..self.rows], |r, x| {
                let length = &mut self.lengths[r];
                self.growing[r * BLOCK + *length] = Entry { k: (block + i) as u32, a: x };
                *length += 1;
            });
        }
    }

    /// What row `r` has in a block of k.
    #[inline(always)]
    fn of(&self, r: usize, block: usize) -> &[Entry] {
        let i = block * self.rows + r;
        let from = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.entries[from..self.ends[i]]
    }
}

/// The first `size` entries, of which there are as many as ever were asked for.
#[inline(always)]
fn room(entries: &mut Vec<Entry>, size: usize) -> &mut [Entry] {
    if entries.len() < size {
        entries.resize(size.next_power_of_two(), Entry::default());
    }
    &mut entries[..size]
}

/// Calls `f(index, number)` for each number that is not zero.
#[inline(always)]
fn for_set<S: Simd>(simd: S, row: &[f32], mut f: impl FnMut(usize, f32)) {
    for (i, chunk) in row.chunks(LOOK).enumerate() {
        let mut set = match <&[f32; LOOK]>::try_from(chunk) {
            Ok(chunk) => bits(simd, chunk),
            Err(_) => chunk.iter().enumerate().fold(0, |set, (i, &x)| set | u64::from(x != 0.0) << i),
        };
        while set != 0 {
            let at = set.trailing_zeros() as usize;
            set &= set - 1;
            f(i * LOOK + at, chunk[at]);
        }
    }
}

/// One bit for each number that is not zero.
#[inline(always)]
fn bits<S: Simd>(simd: S, numbers: &[f32; LOOK]) -> u64 {
    if S::F32_LANES == 8 * size_of::<S::m32s>() {
        // Masks are bits here.
        let (vectors, _) = S::as_simd_f32s(numbers);
        return vectors.iter().rev().fold(0, |set, &x| {
            let zero = simd.equal_f32s(x, simd.splat_f32s(0.0));
            let zero = pulp::bytemuck::bytes_of(&zero)
                .iter()
                .rev()
                .fold(0, |bits, &byte| bits << 8 | u64::from(byte));
            set << S::F32_LANES | (!zero & ((1 << S::F32_LANES) - 1))
        });
    }
    // By way of bytes, which vector instructions make: the product moves the lowest bit of each of eight bytes into
    // the highest byte.
    let mut bytes = [0u8; LOOK];
    for (byte, &x) in bytes.iter_mut().zip(numbers) {
        *byte = u8::from(x != 0.0);
    }
    let (eights, _) = bytes.as_chunks::<8>();
    eights
        .iter()
        .rev()
        .fold(0, |set, &eight| set << 8 | u64::from_le_bytes(eight).wrapping_mul(0x0102_0408_1020_4080) >> 56)
}

/// The rows that the lists are of, all panels of their columns.
struct Panels<'a, 'c> {
    share: &'a mut Share<'c>,
    first: usize,
    scratch: &'a mut Scratch,
    a: Operand<'a>,
    b: &'a [f32],
    shape: [usize; 3],
}

impl WithSimd for Panels<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [m, k, _] = self.shape;
        let count = ROWS.min(self.share.c.nrows() - self.first);
        self.scratch.lists.fill(simd, self.a, [m, k], self.share.row + self.first, count);
        let (columns, wide) = (self.share.c.ncols(), VECTORS * S::F32_LANES);
        let mut offset = 0;
        while offset + wide < columns {
            // Two at a time, so that B is read in longer pieces.
            self.copy::<S, VECTORS>(offset, 2);
            self.one::<S, VECTORS>(simd, offset, 0);
            self.one::<S, VECTORS>(simd, offset + wide, 1);
            offset += 2 * wide;
        }
        if offset < columns {
            // What is left over goes in a panel that is hardly wider than it is.
            match (columns - offset).div_ceil(S::F32_LANES) {
                1 => self.last::<S, 1>(simd, offset),
                2 => self.last::<S, 2>(simd, offset),
                3..=4 => self.last::<S, 4>(simd, offset),
                _ => self.last::<S, VECTORS>(simd, offset),
            }
        }
    }
}

impl Panels<'_, '_> {
    #[inline(always)]
    fn last<S: Simd, const V: usize>(&mut self, simd: S, offset: usize) {
        self.copy::<S, V>(offset, 1);
        self.one::<S, V>(simd, offset, 0);
    }

    /// Copies the columns of `count` panels of `V` vectors, each panel in one piece and filled up with zeros.
    #[inline(always)]
    fn copy<S: Simd, const V: usize>(&mut self, offset: usize, count: usize) {
        let ([_, k, n], wide) = (self.shape, V * S::F32_LANES);
        let width = (self.share.c.ncols() - offset).min(count * wide);
        let panels = aligned(&mut self.scratch.panels, count * k * wide);
        for (i, row) in self.b.chunks_exact(n).enumerate() {
            let row = &row[self.share.column + offset..][..width];
            for (panel, row) in row.chunks(wide).enumerate() {
                let to = &mut panels[(panel * k + i) * wide..][..wide];
                match <&[S::f32s; V]>::try_from(S::as_simd_f32s(row).0) {
                    Ok(row) => S::as_mut_simd_f32s(to).0.copy_from_slice(row),
                    Err(_) => {
                        to[..row.len()].copy_from_slice(row);
                        to[row.len()..].fill(0.0);
                    }
                }
            }
        }
    }

    /// All rows over a panel of `V` vectors, whose columns begin at `offset`.
    #[inline(always)]
    fn one<S: Simd, const V: usize>(&mut self, simd: S, offset: usize, panel: usize) {
        let ([_, k, _], wide) = (self.shape, V * S::F32_LANES);
        let width = (self.share.c.ncols() - offset).min(wide);
        let Scratch { lists, panels, sums } = &mut *self.scratch;
        let rows = lists.rows;
        let panel = &aligned(panels, (panel + 1) * k * wide)[panel * k * wide..];
        let (panel, _) = S::as_simd_f32s(panel);
        let (panel, _) = panel.as_chunks::<V>();
        let (all_sums, _) = S::as_mut_simd_f32s(aligned(sums, rows * wide));
        let (all_sums, _) = all_sums.as_chunks_mut::<V>();
        let blocks = k.div_ceil(BLOCK);
        for block in 0..blocks {
            for (r, kept) in all_sums.iter_mut().enumerate() {
                let list = lists.of(r, block);
                if block == 0 || !list.is_empty() {
                    let mut sums = if block > 0 { *kept } else { [simd.splat_f32s(0.0); V] };
                    for entry in list {
                        let a = simd.splat_f32s(entry.a);
                        for (sum, &b) in sums.iter_mut().zip(&panel[entry.k as usize]) {
                            *sum = simd.mul_add_e_f32s(a, b, *sum);
                        }
                    }
                    *kept = sums;
                }
                if block + 1 == blocks {
                    let row = self.share.c.row_mut(self.first + r).into_slice();
                    let Some(row) = row else { unreachable!("a row lies in one piece") };
                    row[offset..][..width].copy_from_slice(&pulp::bytemuck::cast_slice(kept)[..width]);
                }
            }
        }
    }
}
