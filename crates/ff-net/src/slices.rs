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
use std::sync::Arc;

use ff_tensor::constants::SLICE;
use ff_tensor::packing::slice_of;
use ff_tensor::{Device, Pack, Packing, Result, Tensor, Unpack};

use crate::stages::expect_signals;
use crate::transport::Transport;
use crate::{Config, Peers};

pub(crate) use pass::SlicePass;
pub(crate) use scores::SliceScores;

/// The slices of all ranks, and the way between them.
pub(crate) struct Slices<D: Device> {
    peers: Arc<dyn Peers>,
    transport: Arc<dyn Transport<D>>,
}

/// The buffers of an exchange. They are kept from step to step.
pub(crate) struct Exchange<D: Device> {
    packing: Packing,
    /// The bytes of this rank.
    own: Tensor<D, u8>,
    /// The bytes of all ranks, one after the other.
    all: Tensor<D, u8>,
    /// The number of slices that they are. Whole rows that come one after the other are one slice.
    slices: usize,
    /// The number of bytes of each rank.
    lengths: Vec<usize>,
}

impl<D: Device> Exchange<D> {
    /// Returns how many bytes this rank sends to each other one.
    pub fn bytes(&self) -> usize {
        self.own.rows() * self.own.cols()
    }
}

impl Config {
    /// Checks that [`Network::over_units`](crate::Network::over_units) can share this network's units out among `ranks` ranks.
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
    let enough = SLICE.saturating_mul(ranks);
    match units.enumerate().find(|(_, units)| ranks > 1 && *units < enough) {
        None => Ok(()),
        Some((i, units)) => {
            let (layer, needs) = (i + 1, format!("{ranks} ranks need {enough} to share out"));
            let reason = format!("has a layer {layer} of {units} units, but {needs}");
            Err(crate::Error::Config { key: "layers", reason })
        }
    }
}

impl<D: Device> Slices<D> {
    /// Cuts the layers of a network into a slice for each rank.
    pub fn new(
        config: &Config,
        peers: Arc<dyn Peers>,
        transport: Arc<dyn Transport<D>>,
    ) -> crate::Result<Self> {
        config.check_slices(peers.size())?;
        Ok(Self { peers, transport })
    }

    pub fn peers(&self) -> &dyn Peers {
        &*self.peers
    }

    /// Returns the way of signals between the ranks.
    pub fn transport(&self) -> &dyn Transport<D> {
        &*self.transport
    }

    /// Returns the units of a rank, in a layer of `all` units.
    fn of_rank(&self, rank: usize, all: usize) -> Range<usize> {
        slice_of(all, self.peers.size(), rank)
    }

    /// Returns the units of this rank.
    pub fn own(&self, all: usize) -> Range<usize> {
        self.of_rank(self.peers.rank(), all)
    }

    /// Returns the other ranks.
    fn others(&self) -> impl Iterator<Item = usize> + use<D> {
        let own = self.peers.rank();
        (0..self.peers.size()).filter(move |rank| *rank != own)
    }

    /// Makes room for messages of `bytes` bytes.
    pub fn reserve(&self, bytes: usize) -> Result<()> {
        // A rank is ahead of another by one exchange at most: the next one needs what the other sends.
        let others = self.peers.size() - 1;
        self.peers.reserve(4 * others, 2 * others * (bytes + 1))
    }

    /// Makes the buffers to exchange slices of `[rows, all]` numbers.
    fn exchange(&self, dev: &D, rows: usize, all: usize, packing: Packing) -> Result<Exchange<D>> {
        let row = rows * packing.width();
        Ok(Exchange {
            packing,
            slices: self.peers.size(),
            own: dev.zeros(rows, self.own(all).len() * packing.width())?,
            all: dev.zeros(1, all * row)?,
            lengths: (0..self.peers.size()).map(|rank| self.of_rank(rank, all).len() * row).collect(),
        })
    }

    /// Makes the buffers to bring a matrix of each rank together. Each one becomes a row.
    fn exchange_rows(&self, dev: &D, [rows, cols]: [usize; 2]) -> Result<Exchange<D>> {
        let (packing, ranks) = (Packing::Number, self.peers.size());
        let (own, length) = (dev.zeros(rows, cols * packing.width())?, rows * cols * packing.width());
        let (all, lengths) = (dev.zeros(1, ranks * length)?, vec![length; ranks]);
        Ok(Exchange { packing, own, all, slices: 1, lengths })
    }

    /// Brings what all ranks have together, on every rank.
    fn gather(
        &self,
        dev: &D,
        exchange: &mut Exchange<D>,
        to: &mut Tensor<D>,
        from: &Tensor<D>,
    ) -> Result<()> {
        let &mut Exchange { packing, slices, ref mut own, ref mut all, ref lengths } = exchange;
        Pack { bytes: own, numbers: from, packing }.on(dev)?;
        self.transport.all_gather(dev, all, own, lengths)?;
        Unpack { numbers: to, bytes: all, slices, packing }.on(dev)
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
