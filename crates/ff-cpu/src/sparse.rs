//! `C = op(A) B` where A is mostly zeros, as images are: four of five of MNIST's pixels.
//!
//! ```text
//! C[r] = sum over k with A[r, k] != 0 of A[r, k] B[k]
//! ```
//! Rows go in pairs: what is read of B serves two rows, and for neighbouring rows (of pixels, backwards) mostly the
//! same k count. First each pair's list of (k, two numbers) is made, then the lists are run through once for each
//! panel of columns, which stays in the core's cache and is summed in registers.
//!
//! An element's sum runs in the order of k, whatever the threads: the same bits.

use std::cell::RefCell;

use rayon::prelude::*;

use crate::lanes::{Instructions, LANES, Lanes, instructions, load, store, vectorised};
use crate::matmul::Operand;

/// Rows that a task takes at most: their lists and a panel of B fit into a core's own cache together.
const ROWS: usize = 64;
/// Columns of a panel at most, in lanes: as many as a pair's sums find registers for.
const WIDEST: usize = 4;
/// Largest share of numbers that are not zero for which this is taken: at 28 % it needs three quarters of the dense
/// product's time or less, at 35 to 40 % as much where zeros are scattered at random (docs/performance.md).
const DENSEST: f64 = 0.28;

/// What a pair of rows has at one k.
#[derive(Clone, Copy)]
struct Entry {
    k: u32,
    pair: [f32; 2],
}

/// A task's lists: one for each pair of rows, with room for every k, of which the first `lengths[pair]` count.
#[derive(Default)]
struct Lists {
    entries: Vec<Entry>,
    lengths: Vec<usize>,
    room: usize,
}

thread_local! {
    /// Kept from product to product, so that nothing is allocated.
    static LISTS: RefCell<Lists> = RefCell::default();
}

/// Whether A has enough zeros, by a sample of it, and B enough columns.
pub(crate) fn pays(a: &[f32], n: usize) -> bool {
    /// Numbers looked at together, and how many are skipped before the next ones.
    const LOOK: usize = 256;
    const SKIP: usize = 15 * LOOK + 64;
    if n < WIDEST * LANES {
        return false;
    }
    let (mut seen, mut set) = (0, 0);
    for chunk in a.chunks(LOOK + SKIP) {
        let chunk = &chunk[..chunk.len().min(LOOK)];
        seen += chunk.len();
        set += chunk.iter().filter(|&&x| x != 0.0).count();
    }
    (set as f64) < DENSEST * seen as f64
}

/// C `[m, n]`, op(A) `[m, k]`, B `[k, n]`; n is at least a widest panel.
pub(crate) fn product(c: &mut [f32], a: Operand, b: &[f32], [m, k, n]: [usize; 3]) {
    let instructions = instructions();
    let share = m.div_ceil(rayon::current_num_threads()).next_multiple_of(2);
    let rows = share.min(ROWS);
    c.par_chunks_mut(rows * n).enumerate().for_each(|(i, c)| {
        LISTS.with_borrow_mut(|lists| {
            let (first, count) = (i * rows, c.len() / n);
            lists.fill(a, m, k, first, count);
            vectorised(
                #[inline(always)]
                || match instructions {
                    Instructions::Avx512 => panels::<true, WIDEST>(c, lists, b, n),
                    Instructions::Avx2 | Instructions::Neon => panels::<true, 2>(c, lists, b, n),
                    Instructions::Plain => panels::<false, 2>(c, lists, b, n),
                },
            );
        });
    });
}

impl Lists {
    /// The lists of `count` rows of op(A) from `first` on, read in the order in which A lies in memory.
    fn fill(&mut self, a: Operand, m: usize, k: usize, first: usize, count: usize) {
        let pairs = count.div_ceil(2);
        self.room = k;
        if self.entries.len() < pairs * k {
            self.entries.resize(pairs * k, Entry { k: 0, pair: [0.0; 2] });
        }
        self.lengths.clear();
        self.lengths.resize(pairs, 0);
        if a.transposed {
            for i in 0..k {
                let row = &a.data[i * m + first..][..count];
                for (p, pair) in row.chunks(2).enumerate() {
                    self.put(p, i, [pair[0], pair.get(1).copied().unwrap_or(0.0)]);
                }
            }
        } else {
            for (p, rows) in a.data[first * k..][..count * k].chunks(2 * k).enumerate() {
                let (one, other) = rows.split_at(k);
                for i in 0..k {
                    self.put(p, i, [one[i], if other.is_empty() { 0.0 } else { other[i] }]);
                }
            }
        }
    }

    /// Written always and kept only if it counts: no branch to mispredict.
    #[inline(always)]
    fn put(&mut self, p: usize, k: usize, pair: [f32; 2]) {
        let length = &mut self.lengths[p];
        self.entries[p * self.room + *length] = Entry { k: k as u32, pair };
        *length += usize::from(pair[0] != 0.0 || pair[1] != 0.0);
    }

    fn of_pair(&self, p: usize) -> &[Entry] {
        &self.entries[p * self.room..][..self.lengths[p]]
    }
}

/// All panels of columns; the last one overlaps the one before, which changes no sum.
#[inline(always)]
fn panels<const FUSED: bool, const WIDTH: usize>(c: &mut [f32], lists: &Lists, b: &[f32], n: usize) {
    for offset in (0..n).step_by(WIDTH * LANES) {
        let offset = offset.min(n - WIDTH * LANES);
        for (p, c) in c.chunks_mut(2 * n).enumerate() {
            let sums = panel::<FUSED, WIDTH>(lists.of_pair(p), b, n, offset);
            for (c, sums) in c.chunks_exact_mut(n).zip(&sums) {
                for (w, sum) in sums.iter().enumerate() {
                    store(c, offset + w * LANES, sum);
                }
            }
        }
    }
}

/// The sums of a pair of rows over one panel.
#[inline(always)]
fn panel<const FUSED: bool, const WIDTH: usize>(
    list: &[Entry],
    b: &[f32],
    n: usize,
    offset: usize,
) -> [[Lanes; WIDTH]; 2] {
    let mut sums = [[[0.0; LANES]; WIDTH]; 2];
    for entry in list {
        let row = &b[entry.k as usize * n + offset..][..WIDTH * LANES];
        for w in 0..WIDTH {
            let x = load(row, w * LANES);
            for (sums, a) in sums.iter_mut().zip(entry.pair) {
                for l in 0..LANES {
                    let sum = &mut sums[w][l];
                    *sum = if FUSED { a.mul_add(x[l], *sum) } else { a * x[l] + *sum };
                }
            }
        }
    }
    sums
}
