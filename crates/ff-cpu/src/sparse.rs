//! The product `C = op(A) B` where A has many zeros. Images are such an A (four of five of MNIST's pixels are zero),
//! and so are spikes (two of three are zero).
//!
//! ```text
//! C[r] = sum over k with A[r, k] != 0 of A[r, k] B[k]
//! ```
//! *Why lists.* The code first writes down each row's nonzero numbers as a list of (k, A[r, k]). A test for zero inside
//! the product would be a branch for each number, and it would be repeated for every panel of
//! columns. The list is made once, and every panel uses it without a test.
//!
//! *Why panels are copied.* The code then takes the columns of B in panels. A panel's rows are far apart in B, so the
//! panel is copied to memory where it is contiguous and aligned. All rows of A use the copy.
//!
//! *Why blocks of k.* A whole panel is too large for the core's innermost cache. So the code runs through the lists one
//! block of k at a time. That block's part of the panel stays in the innermost cache while all rows use it. A row's
//! sums are in registers while the code runs through its list.
//!
//! An element's sum runs in the order of k, for any number of threads. So the result has the same bits.

use std::cell::RefCell;

use pulp::{Simd, WithSimd};

use crate::lanes::{LANES, aligned, arch};
use crate::operand::Operand;
use crate::shares::{Cut, Share, share_out};

/// The lists of this many rows are made at a time.
const ROWS: usize = 512;
/// A block has this many k. With a panel's columns they take 32 KiB at most, and the innermost cache holds that. It is
/// a multiple of `LOOK`.
const BLOCK: usize = 64;
/// The search for nonzero numbers looks at this many numbers together.
const LOOK: usize = 64;
/// A panel's row has this many vectors. Each vector has a sum, and the registers hold all of these sums at once.
const VECTORS: usize = 8;
/// This method is used only if the share of nonzero numbers is below this. The first bound is for a wide C, the second
/// for any other C (docs/performance.md).
const DENSEST_WIDE: f64 = 0.4;
const DENSEST: f64 = 0.33;
/// C counts as wide from this many columns on.
const WIDE: usize = 1_000;

/// One nonzero number of A, with its k.
#[derive(Clone, Copy, Default)]
struct Entry {
    k: u32,
    a: f32,
}

/// Buffers that a thread keeps from product to product, so that no product allocates memory.
#[derive(Default)]
struct Scratch {
    lists: Lists,
    panels: Vec<f32>,
    sums: Vec<f32>,
}

/// There is one list for each block of k and each row. The lists are stored one after the other, in the order in which
/// the product uses them.
#[derive(Default)]
struct Lists {
    entries: Vec<Entry>,
    /// The index at which each list ends, `[block][row]`.
    ends: Vec<usize>,
    rows: usize,
    /// Room for a block's lists if A is transposed, `[row][BLOCK]`. Then one row in memory has numbers for all lists,
    /// so all lists grow at once and each needs its own room.
    growing: Vec<Entry>,
    lengths: Vec<usize>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Says whether A has enough zeros and B has enough columns. It counts the zeros in a sample of A.
pub(crate) fn pays(a: &[f32], n: usize) -> bool {
    /// It looks at `LOOK` numbers together and skips `SKIP` numbers before the next ones.
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

/// Computes the product: C is `[m, n]`, op(A) is `[m, k]`, B is `[k, n]`.
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
    /// Makes the lists of `count` rows of op(A) `[m, k]`, from row `first` on. It reads A in the order in which A is
    /// stored.
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

    /// Makes a block's lists of a transposed A. Each row of A in memory has `m` numbers.
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

    /// Returns the list of row `r` in a block of k.
    #[inline(always)]
    fn of(&self, r: usize, block: usize) -> &[Entry] {
        let i = block * self.rows + r;
        let from = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.entries[from..self.ends[i]]
    }
}

/// Returns the first `size` entries. The vector grows if it is too short, and it never shrinks.
#[inline(always)]
fn room(entries: &mut Vec<Entry>, size: usize) -> &mut [Entry] {
    if entries.len() < size {
        entries.resize(size.next_power_of_two(), Entry::default());
    }
    &mut entries[..size]
}

/// Calls `f(index, number)` for each nonzero number.
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

/// Returns one bit for each number. The bit is 1 if the number is not zero.
#[inline(always)]
fn bits<S: Simd>(simd: S, numbers: &[f32; LOOK]) -> u64 {
    if S::F32_LANES == 8 * size_of::<S::m32s>() {
        // A mask has one bit for each number with these instructions.
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
    // The bits are made from bytes here, because vector instructions can make the bytes. The multiplication moves the
    // lowest bit of each of eight bytes into the highest byte.
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

/// The work on the rows that have lists: all panels of their columns.
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
            // Two panels are copied at a time, so that each read of B is a longer contiguous piece.
            self.copy::<S, VECTORS>(offset, 2);
            self.one::<S, VECTORS>(simd, offset, 0);
            self.one::<S, VECTORS>(simd, offset + wide, 1);
            offset += 2 * wide;
        }
        if offset < columns {
            // The remaining columns go into a panel that is hardly wider than they are.
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

    /// Copies the columns of `count` panels of `V` vectors. Each panel becomes contiguous, and zeros fill up its last
    /// columns.
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

    /// Computes all rows for a panel of `V` vectors. The panel's columns begin at `offset`.
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
