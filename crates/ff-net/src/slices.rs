//! Layers whose units are shared out among ranks. Each rank has a *slice*: some columns of every layer's weights.
//!
//! ```text
//! I[r, own]   = x W[:, own]                        each rank: the current of its own units
//! signal      = all slices side by side            the ranks exchange counts of spikes
//! g[r], L     = of all units                       every rank, in the order of a training on one
//! dW[:, own]  = x^T dI[:, own]                     each rank: its own columns
//! ```
//! No weight and no gradient ever travels. A sum over units is taken over whole rows, in one order. So the weights have the same
//! bits, on any number of ranks.

mod pass;
mod scores;

use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex};

use ff_tensor::{Device, Error, Result, Tensor};

use crate::code::Code;
use crate::connection::Dense;
use crate::stages::expect_signals;
use crate::{Config, Layer, Network, Peers};

pub(crate) use pass::SlicePass;
pub(crate) use scores::SliceScores;

/// A slice has so many units at least, and begins at a multiple of it. A product with fewer columns sums in another order.
const LEAST: usize = 32;
/// What has been learned travels in parts of so many numbers.
const PART: usize = 1 << 18;

/// The slices of all ranks, and the way between them.
pub(crate) struct Slices {
    peers: Arc<dyn Peers>,
    room: Mutex<Room>,
}

/// Buffers that are kept from exchange to exchange.
#[derive(Default)]
struct Room {
    bytes: Vec<u8>,
    numbers: Vec<f32>,
    whole: Vec<f32>,
}

impl Config {
    /// Checks that [`Trainer::over_units`](crate::Trainer::over_units) can share this network's units out among `ranks` ranks.
    ///
    /// # Errors
    /// Fails if a layer has too few units, or for settings with which layers cannot be apart.
    pub fn check_slices(&self, ranks: usize) -> crate::Result<()> {
        expect_signals(self)?;
        check(self.layers.iter().copied(), ranks)
    }
}

/// Checks that there are enough units in each layer.
fn check(units: impl Iterator<Item = usize>, ranks: usize) -> crate::Result<()> {
    let enough = LEAST.saturating_mul(ranks);
    match units.enumerate().find(|(_, units)| ranks > 1 && *units < enough) {
        None => Ok(()),
        Some((i, units)) => {
            let (layer, needs) = (i + 1, format!("{ranks} ranks need {enough} to share out"));
            let reason = format!("has a layer {layer} of {units} units, but {needs}");
            Err(crate::Error::Config { key: "layers", reason })
        }
    }
}

impl Slices {
    /// Cuts the layers of a network into a slice for each rank.
    pub fn new<D: Device>(network: &Network<D>, peers: Arc<dyn Peers>) -> crate::Result<Self> {
        if let Some(i) = network.layers.iter().position(|layer| !layer.connection.is_dense()) {
            let reason = format!("has a layer {} with a connection of your own, which has no slices", i + 1);
            return Err(crate::Error::Config { key: "layers", reason });
        }
        check(network.layers.iter().map(|layer| layer.shape()[1]), peers.size())?;
        Ok(Self { peers, room: Mutex::default() })
    }

    /// Returns the units of a rank, in a layer of `all` units.
    fn of_rank(&self, rank: usize, all: usize) -> Range<usize> {
        let ranks = self.peers.size();
        let at = |rank: usize| if rank == ranks { all } else { all * rank / ranks / LEAST * LEAST };
        at(rank)..at(rank + 1)
    }

    /// Returns the units of this rank.
    pub fn own(&self, all: usize) -> Range<usize> {
        self.of_rank(self.peers.rank(), all)
    }

    /// Returns the other ranks.
    fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let own = self.peers.rank();
        (0..self.peers.size()).filter(move |rank| *rank != own)
    }

    /// Makes room for messages of `bytes` bytes.
    pub fn reserve(&self, bytes: usize) -> Result<()> {
        // A rank is ahead of another by one exchange at most: the next one needs what the other sends.
        let others = self.peers.size() - 1;
        self.peers.reserve(4 * others, 2 * others * (bytes + 1) + 4 * PART)
    }

    /// Returns this rank's columns of a tensor.
    pub fn cut<D: Device>(&self, dev: &D, whole: &Tensor<D>) -> Result<Tensor<D>> {
        let ([rows, all], own) = (whole.shape(), self.own(whole.cols()));
        let values = dev.download(whole)?;
        let columns: Vec<f32> =
            values.chunks_exact(all.max(1)).flat_map(|row| &row[own.clone()]).copied().collect();
        dev.upload(rows, own.len(), &columns)
    }

    /// Returns this rank's slice of a layer.
    pub fn layer<D: Device>(&self, dev: &D, whole: &Layer<D>) -> Result<Layer<D>> {
        Ok(Layer {
            connection: Box::new(Dense { weight: self.cut(dev, whole.weight())? }),
            bias: whole.bias.as_ref().map(|bias| self.cut(dev, bias)).transpose()?,
            units: whole.units.clone(),
            norm: whole.norm,
            goodness: whole.goodness.clone(),
        })
    }

    /// Puts the slices of all ranks side by side, on every rank.
    fn gather<D: Device>(&self, dev: &D, whole: &mut Tensor<D>, own: &Tensor<D>, code: Code) -> Result<()> {
        let mut room = self.room.lock().map_err(|_| poisoned())?;
        let Room { bytes, numbers, whole: values } = &mut *room;
        let [rows, all] = whole.shape();
        let mine = dev.download(own)?;
        code.put(&mine, bytes)?;
        self.others().try_for_each(|to| self.peers.send(to, bytes))?;
        values.resize(rows * all, 0.0);
        let mut place = |units: Range<usize>, slice: &[f32]| {
            let slices = slice.chunks_exact(units.len().max(1));
            values
                .chunks_exact_mut(all.max(1))
                .zip(slices)
                .for_each(|(row, own)| row[units.clone()].copy_from_slice(own));
        };
        place(self.own(all), &mine);
        for from in self.others() {
            let units = self.of_rank(from, all);
            bytes.resize(code.bytes(rows * units.len()), 0);
            self.peers.receive(from, bytes)?;
            code.take(bytes, numbers);
            place(units, numbers);
        }
        dev.write(whole, values)
    }

    /// Adds up a tensor over all ranks, in their order, and multiplies the sums by `factor`.
    fn add_up<D: Device>(&self, dev: &D, tensor: &mut Tensor<D>, factor: f32) -> Result<()> {
        let mut room = self.room.lock().map_err(|_| poisoned())?;
        let Room { bytes, numbers, .. } = &mut *room;
        let own = dev.download(tensor)?;
        Code::Number.put(&own, bytes)?;
        self.others().try_for_each(|to| self.peers.send(to, bytes))?;
        let mut sums = vec![0.0; own.len()];
        for rank in 0..self.peers.size() {
            if rank == self.peers.rank() {
                sums.iter_mut().zip(&own).for_each(|(sum, x)| *sum += x);
                continue;
            }
            bytes.resize(4 * own.len(), 0);
            self.peers.receive(rank, bytes)?;
            Code::Number.take(bytes, numbers);
            sums.iter_mut().zip(&*numbers).for_each(|(sum, x)| *sum += x);
        }
        sums.iter_mut().for_each(|sum| *sum *= factor);
        dev.write(tensor, &sums)
    }

    /// Brings the columns of all ranks to rank 0, in parts. `whole` is present there.
    pub fn collect<D: Device>(&self, dev: &D, whole: Option<&mut Tensor<D>>, own: &Tensor<D>) -> Result<()> {
        let mine = dev.download(own)?;
        let mut bytes = Vec::new();
        let Some(whole) = whole else {
            for part in mine.chunks(PART) {
                Code::Number.put(part, &mut bytes)?;
                self.peers.receive(0, &mut [0])?;
                self.peers.send(0, &bytes)?;
            }
            return Ok(());
        };
        let ([rows, all], mut values, mut numbers) = (whole.shape(), dev.download(whole)?, Vec::new());
        for rank in 0..self.peers.size() {
            let units = self.of_rank(rank, all);
            let mut slice = mine.clone();
            if rank > 0 {
                slice = vec![0.0; rows * units.len()];
                for part in slice.chunks_mut(PART) {
                    self.peers.send(rank, &[0])?;
                    bytes.resize(4 * part.len(), 0);
                    self.peers.receive(rank, &mut bytes)?;
                    Code::Number.take(&bytes, &mut numbers);
                    part.copy_from_slice(&numbers);
                }
            }
            let slices = slice.chunks_exact(units.len().max(1));
            values
                .chunks_exact_mut(all)
                .zip(slices)
                .for_each(|(row, own)| row[units.clone()].copy_from_slice(own));
        }
        dev.write(whole, &values)
    }

    /// Tells the other ranks that there is no further step. Only rank 0 decides that.
    pub fn stop(&self) -> Result<()> {
        match self.peers.rank() {
            0 => self.others().try_for_each(|to| self.peers.send(to, &[0])),
            _ => Ok(()),
        }
    }

    /// Runs `step` up to `times` times, as [`Device::repeat`] does. Rank 0 decides after each step whether to go on, and all
    /// ranks stop after the same one. The result is the number of steps.
    pub fn repeat(
        &self,
        times: usize,
        step: &mut dyn FnMut() -> Result<()>,
        after: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<usize> {
        let mut goes_on = [1];
        for done in 0..times {
            match self.peers.rank() {
                0 => self.others().try_for_each(|to| self.peers.send(to, &goes_on))?,
                _ => self.peers.receive(0, &mut goes_on)?,
            }
            if goes_on == [0] {
                return Ok(done);
            }
            step()?;
            goes_on = [u8::from(after().is_continue())];
        }
        Ok(times)
    }
}

/// Returns the error of a lock whose holder has panicked.
fn poisoned() -> Error {
    Error::Parameter { op: "ranks", reason: "an exchange has panicked".into() }
}
