//! This module divides a product's elements among threads. Each thread gets a rectangle of C.

use ndarray::{ArrayViewMut2, Axis};

/// A rectangle of C.
pub(crate) struct Share<'a> {
    /// Its elements.
    pub c: ArrayViewMut2<'a, f32>,
    /// The row and the column of C at which the rectangle begins.
    pub row: usize,
    pub column: usize,
}

/// Says which side is halved, as long as that side is long enough.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Cut {
    /// The longer side is halved. A thread with half of the rows reads all of B, and a thread with half of the columns
    /// reads all of A. A cut of the longer side divides the larger of the two operands, so only the smaller one is read
    /// twice.
    Longer,
    /// The columns are halved. This is for products that copy only what they read of B: each thread then copies its own
    /// part.
    Columns,
}

/// Cuts C `[m, n]`, which is row-major, into one rectangle for each thread. No side becomes shorter than `grain`,
/// [rows, columns], unless that side of C is shorter already.
pub(crate) fn share_out(
    c: &mut [f32],
    [m, n]: [usize; 2],
    grain: [usize; 2],
    cut: Cut,
    body: &(impl Fn(Share) + Sync),
) {
    let Ok(c) = ArrayViewMut2::from_shape((m, n), c) else {
        unreachable!("the device has checked the shape")
    };
    halve(Share { c, row: 0, column: 0 }, grain, cut, rayon::current_num_threads(), body);
}

fn halve(share: Share, grain: [usize; 2], cut: Cut, threads: usize, body: &(impl Fn(Share) + Sync)) {
    let Share { c, row, column } = share;
    let sides = [c.nrows(), c.ncols()];
    let fits = |axis: usize| sides[axis] >= 2 * grain[axis];
    let axis = if fits(0) && (!fits(1) || (cut == Cut::Longer && sides[0] > sides[1])) { 0 } else { 1 };
    let (side, grain_here, few) = (sides[axis], grain[axis], threads / 2);
    if few == 0 || !fits(axis) {
        return body(Share { c, row, column });
    }
    let at = (side * few / threads).next_multiple_of(grain_here).min(side - grain_here);
    let (one, other) = c.split_at(Axis(axis), at);
    let [down, right] = if axis == 0 { [at, 0] } else { [0, at] };
    rayon::join(
        || halve(Share { c: one, row, column }, grain, cut, few, body),
        || {
            let rest = Share { c: other, row: row + down, column: column + right };
            halve(rest, grain, cut, threads - few, body)
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_has_one_owner() {
        for (m, n, grain) in [(100, 500, [1, 128]), (784, 500, [12, 32]), (1, 1, [4, 32]), (13, 7, [1, 1])] {
            for (threads, cut) in
                [1, 2, 3, 7, 16].into_iter().flat_map(|t| [(t, Cut::Longer), (t, Cut::Columns)])
            {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                let mut c = vec![0.0; m * n];
                pool.map(|pool| {
                    pool.install(|| {
                        share_out(&mut c, [m, n], grain, cut, &|mut share| {
                            for ((i, j), c) in share.c.indexed_iter_mut() {
                                *c += ((share.row + i) * n + share.column + j) as f32 + 1.0;
                            }
                        });
                    });
                })
                .ok();
                assert!(
                    c.iter().enumerate().all(|(i, &c)| c == i as f32 + 1.0),
                    "{m} x {n}, {threads} threads"
                );
            }
        }
    }
}
