//! Tensors travel between a file on rank 0 and the ranks in parts, some rows of the file's matrix at a time. So no rank ever has
//! more than its own part of the network and such rows.

use std::ops::Range;

use ff_tensor::{Device, Error};

use crate::kept::{Kept, Patch, Spread};
use crate::ranks::{to_bytes, to_floats};
use crate::{Peers, Result, upload};

/// A part has about so many numbers, and a row at least.
const PART: usize = 1 << 18;

/// The way of tensors between rank 0 and the others. Without peers, this rank is the only one.
pub(crate) struct Stream<'a, D: Device> {
    dev: &'a D,
    peers: Option<&'a dyn Peers>,
}

impl<'a, D: Device> Stream<'a, D> {
    pub fn new(dev: &'a D, peers: Option<&'a dyn Peers>) -> Self {
        Self { dev, peers }
    }

    fn rank(&self) -> usize {
        self.peers.map_or(0, Peers::rank)
    }

    fn size(&self) -> usize {
        self.peers.map_or(1, Peers::size)
    }

    /// Brings a tensor to rank 0. There `put` gets it in the order of the file. All ranks call this with the same tensor.
    pub fn gather(&self, kept: &Kept<D>, put: &mut dyn FnMut(&[f32]) -> Result<()>) -> Result<()> {
        let (rank, [_, cols]) = (self.rank(), kept.matrix());
        // What every rank has need not travel.
        let givers = if kept.spread == Spread::All { 1 } else { self.size() };
        let own = kept.patch(rank, self.size());
        let values = if rank < givers { self.own_values(kept, &own)? } else { Vec::new() };
        let take = |inner: &Patch| own.places(inner, kept.turned).map(|at| values[at]).collect::<Vec<_>>();
        for rows in self.parts(kept)? {
            if rank > 0 {
                if let Some(inner) = own.within(&rows).filter(|_| rank < givers) {
                    // Each part waits until rank 0 is ready for it, so that little is on its way.
                    self.receive(0, &mut [0])?;
                    self.send(0, &to_bytes(&take(&inner)))?;
                }
                continue;
            }
            let (block, mut numbers) = (block(&rows, cols), vec![0.0; rows.len() * cols]);
            for from in 0..givers {
                let Some(inner) = kept.patch(from, self.size()).within(&rows) else { continue };
                let part = if from == 0 {
                    take(&inner)
                } else {
                    let mut bytes = vec![0; 4 * inner.len()];
                    self.send(from, &[0])?;
                    self.receive(from, &mut bytes)?;
                    to_floats(&bytes)
                };
                block.places(&inner, false).zip(part).for_each(|(at, number)| numbers[at] = number);
            }
            put(&numbers)?;
        }
        Ok(())
    }

    /// Hands a tensor from rank 0 to the ranks. There `fill` gives it in the order of the file. All ranks call this with the
    /// same tensor.
    pub fn scatter(&self, kept: &mut Kept<D>, fill: &mut dyn FnMut(&mut [f32]) -> Result<()>) -> Result<()> {
        let (rank, [_, cols]) = (self.rank(), kept.matrix());
        let own = kept.patch(rank, self.size());
        let mut values = self.own_values(kept, &own)?;
        for rows in self.parts(kept)? {
            let mut keep = |inner: &Patch, part: &[f32]| {
                own.places(inner, kept.turned).zip(part).for_each(|(at, number)| values[at] = *number);
            };
            if rank > 0 {
                if let Some(inner) = own.within(&rows) {
                    let mut bytes = vec![0; 4 * inner.len()];
                    self.receive(0, &mut bytes)?;
                    self.send(0, &[0])?;
                    keep(&inner, &to_floats(&bytes));
                }
                continue;
            }
            let (block, mut numbers) = (block(&rows, cols), vec![0.0; rows.len() * cols]);
            fill(&mut numbers)?;
            for to in 0..self.size() {
                let Some(inner) = kept.patch(to, self.size()).within(&rows) else { continue };
                let part: Vec<f32> = block.places(&inner, false).map(|at| numbers[at]).collect();
                if to == 0 {
                    keep(&inner, &part);
                } else {
                    self.send(to, &to_bytes(&part))?;
                    // The rank says when it has the part, so that little is on its way.
                    self.receive(to, &mut [0])?;
                }
            }
        }
        Ok(self.dev.write(kept.tensor, &values)?)
    }

    /// Cuts a tensor into parts, and makes room for one.
    fn parts(&self, kept: &Kept<D>) -> Result<impl Iterator<Item = Range<usize>> + use<D>> {
        let [rows, cols] = kept.matrix();
        let step = (PART / cols.max(1)).max(1);
        if let Some(peers) = self.peers {
            peers.reserve(2 * peers.size(), 4 * step.min(rows) * cols + 2 * peers.size())?;
        }
        Ok((0..rows).step_by(step).map(move |first| first..(first + step).min(rows)))
    }

    /// Returns the numbers of this rank's part, as its device has them.
    fn own_values(&self, kept: &Kept<D>, own: &Patch) -> Result<Vec<f32>> {
        let [rows, cols] = kept.tensor.shape();
        let mut values = upload::room(self.dev, rows, cols)?;
        values.resize(rows * cols, 0.0);
        self.dev.read(kept.tensor, &mut values)?;
        match values.len() == own.len() {
            true => Ok(values),
            false => {
                let reason =
                    format!("`{}` has {} numbers here instead of {}", kept.name, values.len(), own.len());
                Err(Error::Parameter { op: "ranks", reason }.into())
            }
        }
    }

    fn send(&self, to: usize, bytes: &[u8]) -> Result<()> {
        self.peers.map_or(Ok(()), |peers| Ok(peers.send(to, bytes)?))
    }

    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        self.peers.map_or(Ok(()), |peers| Ok(peers.receive(from, bytes)?))
    }
}

/// Returns whole rows of a matrix as a patch.
fn block(rows: &Range<usize>, cols: usize) -> Patch {
    Patch { rows: rows.clone(), cols: 0..cols }
}
