//! What a file keeps of a training, tensor by tensor, and which part of each tensor a rank has.

use std::ops::Range;

use ff_tensor::packing::slice_of;
use ff_tensor::{Device, Tensor};

use crate::ranks::Ranks;

/// A tensor of a file.
pub(crate) struct Kept<'a, D: Device> {
    pub name: String,
    /// The shape of the whole tensor in the file.
    pub shape: Vec<usize>,
    /// The file has the transpose of what the device has.
    pub turned: bool,
    pub spread: Spread,
    /// What this rank has.
    pub tensor: &'a mut Tensor<D>,
}

/// How a tensor is spread over the ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// Each rank has some units.
    Units,
    /// One rank has it.
    One(usize),
    /// Every rank has it.
    All,
}

/// The part of a file's matrix that a rank has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Patch {
    pub rows: Range<usize>,
    pub cols: Range<usize>,
}

impl Spread {
    /// Returns how the weights of layer `i` are spread.
    pub fn of_layer<D: Device>(ranks: Option<&Ranks<D>>, i: usize) -> Self {
        match ranks {
            Some(Ranks::Units(_)) => Self::Units,
            Some(Ranks::Layers(stage, _)) => Self::One(stage.owner(i)),
            None => Self::One(0),
        }
    }

    /// Returns how the head beside layer `i` is spread.
    pub fn of_head<D: Device>(ranks: Option<&Ranks<D>>, i: usize) -> Self {
        match Self::of_layer(ranks, i) {
            Self::Units => Self::All,
            of_layer => of_layer,
        }
    }
}

impl<D: Device> Kept<'_, D> {
    /// Returns rows and columns of the whole tensor in the file.
    pub fn matrix(&self) -> [usize; 2] {
        match self.shape[..] {
            [rows, cols] => [rows, cols],
            _ => [1, self.shape.iter().product()],
        }
    }

    /// Returns the part of the file's matrix that rank `rank` of `ranks` has.
    pub fn patch(&self, rank: usize, ranks: usize) -> Patch {
        let [rows, cols] = self.matrix();
        match self.spread {
            Spread::Units if self.turned => Patch { rows: slice_of(rows, ranks, rank), cols: 0..cols },
            Spread::Units => Patch { rows: 0..rows, cols: slice_of(cols, ranks, rank) },
            Spread::One(owner) if owner != rank => Patch { rows: 0..0, cols: 0..0 },
            Spread::One(_) | Spread::All => Patch { rows: 0..rows, cols: 0..cols },
        }
    }
}

impl Patch {
    /// Returns the part of this patch that is in some rows, if there is one.
    pub fn within(&self, rows: &Range<usize>) -> Option<Self> {
        let rows = self.rows.start.max(rows.start)..self.rows.end.min(rows.end);
        (!rows.is_empty() && !self.cols.is_empty()).then(|| Self { rows, cols: self.cols.clone() })
    }

    /// Returns how many numbers the patch has.
    pub fn len(&self) -> usize {
        self.rows.len() * self.cols.len()
    }

    /// Returns where the numbers of `inner`, row by row, are among those of this patch. `turned` says that these are column by
    /// column.
    pub fn places(&self, inner: &Self, turned: bool) -> impl Iterator<Item = usize> + use<> {
        let [height, width] = [self.rows.len(), self.cols.len()];
        let (top, left, cols) = (self.rows.start, self.cols.start, inner.cols.clone());
        inner.rows.clone().flat_map(move |row| {
            cols.clone().map(move |col| {
                let (row, col) = (row - top, col - left);
                if turned { col * height + row } else { row * width + col }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_within_rows_is_found_in_its_place() {
        let patch = Patch { rows: 2..5, cols: 1..3 };
        let inner = patch.within(&(3..9)).expect("rows 3 and 4 are there");
        assert_eq!((inner.rows.clone(), inner.cols.clone(), inner.len()), (3..5, 1..3, 4));
        assert_eq!(patch.places(&inner, false).collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert_eq!(patch.places(&inner, true).collect::<Vec<_>>(), [1, 4, 2, 5]);
        assert_eq!(patch.within(&(5..9)), None);
        assert_eq!(Patch { rows: 0..9, cols: 4..4 }.within(&(0..9)), None);
    }
}
