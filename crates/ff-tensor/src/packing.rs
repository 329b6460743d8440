//! How numbers travel from rank to rank, and how the units of a layer are cut into slices.

use std::ops::Range;

use crate::constants::SLICE;
use crate::{Readout, Units};

/// How numbers travel to another rank: spikes and counts of spikes as bytes, everything else as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// The mean of zeros and ones over so many steps, 1 to 254. It is a byte. Any other number arrives as NaN.
    Rate(u8),
    /// Any number. It is four bytes, of which the first has the lowest bits.
    Number,
}

/// The byte of a number that is no mean of zeros and ones.
pub const NO_RATE: u8 = u8::MAX;

impl Packing {
    /// Returns how the signals of units travel, or their spikes in each step.
    pub fn of(units: &dyn Units, in_steps: bool) -> Self {
        match (units.spikes(), in_steps, units.readout(), u8::try_from(units.steps())) {
            (true, true, ..) => Self::Rate(1),
            (true, false, Readout::Rate, Ok(steps)) if (1..NO_RATE).contains(&steps) => Self::Rate(steps),
            _ => Self::Number,
        }
    }

    /// Returns the number of bytes that a number takes.
    pub fn width(self) -> usize {
        match self {
            Self::Rate(_) => 1,
            Self::Number => size_of::<f32>(),
        }
    }
}

/// Returns the units of slice `i`, if a layer of `all` units is cut into `slices`. Each slice begins at a multiple of
/// [`SLICE`].
pub fn slice_of(all: usize, slices: usize, i: usize) -> Range<usize> {
    let at = |i: usize| {
        if i >= slices { all } else { (all as u128 * i as u128 / slices as u128) as usize / SLICE * SLICE }
    };
    at(i)..at(i + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_follow_one_another() {
        for (all, slices) in [(500, 2), (500, 3), (160, 4), (70, 5), (0, 2), (2000, 64), (usize::MAX, 3)] {
            let cut: Vec<_> = (0..slices).map(|i| slice_of(all, slices, i)).collect();
            assert_eq!((cut[0].start, cut[slices - 1].end), (0, all));
            assert!(cut.windows(2).all(|two| two[0].end == two[1].start), "{cut:?}");
            assert!(cut.iter().all(|slice| slice.start % SLICE == 0), "{cut:?}");
        }
        assert_eq!(slice_of(500, 2, 0), 0..224);
    }
}
