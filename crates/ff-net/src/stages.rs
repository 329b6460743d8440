//! Layers that are shared out among ranks. A rank's layers are its *stage*.
//!
//! ```text
//! rank 0    gather, draw    layers 1, 2    learn
//!                               |  signals, labels
//! rank 1                    layers 3, 4    learn          and meanwhile rank 0 takes the next batch
//! ```
//! No gradient crosses a layer, so nothing comes back. A stage waits for the one above it only if it is two steps ahead. Each
//! layer gets what it gets from the layer below it in a network on one rank. So the weights have the same bits, on any number of
//! ranks.

mod pass;

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use ff_tensor::{Device, Result, Tensor};

use crate::config::NegativesConfig;
use crate::{Config, Link, Peers};

pub(crate) use pass::StagePass;

/// A rank may be so many steps ahead of the rank above it. Where devices wait for one another it may be fewer.
const AHEAD: usize = 2;
/// What a layer has computed travels in parts of so many bytes.
const CHUNK: usize = 1 << 20;

/// The layers of this rank, and the ranks below and above it.
pub(crate) struct Stage {
    peers: Arc<dyn Peers>,
    /// The layers of this rank, counted from 0.
    own: Range<usize>,
    /// The rank of each layer.
    ranks: Vec<usize>,
    /// The last layer that is computed. The layers above it wait for their turn, if they learn one after the other.
    last: AtomicUsize,
    /// The nanoseconds of all steps, those that this rank has ever waited for others, and those of them within steps.
    time: [AtomicU64; 3],
}

impl Config {
    /// Checks that [`Network::over_layers`](crate::Network::over_layers) can share this network's layers out among `ranks`
    /// ranks: `sizes` has the number of layers of each.
    ///
    /// # Errors
    /// Fails for another number of layers or ranks, and for settings with which layers cannot be apart.
    pub fn check_stages(&self, sizes: &[usize], ranks: usize) -> crate::Result<()> {
        expect_signals(self)?;
        check(self.layers.len(), self, sizes, ranks)
    }
}

/// Refuses a network whose layers are computed together, in `linear.rs`.
pub(crate) fn expect_signals(config: &Config) -> crate::Result<()> {
    let linear = config.units().is_linear() && !config.bias;
    if linear && config.link == Link::Signal { Err(linear_units()) } else { Ok(()) }
}

pub(crate) fn linear_units() -> crate::Error {
    let reason = "makes linear units, whose layers are computed together and cannot be shared out".into();
    crate::Error::Config { key: "neuron", reason }
}

/// Checks a cut of `layers` layers.
fn check(layers: usize, config: &Config, sizes: &[usize], ranks: usize) -> crate::Result<()> {
    let refuse = |key, reason: String| Err(crate::Error::Config { key, reason });
    let all = sizes.iter().try_fold(0usize, |all, size| all.checked_add(*size));
    if sizes.len() != ranks || sizes.contains(&0) || all != Some(layers) {
        let needs = format!("each rank needs one layer, and there are {layers}");
        return refuse("layers", format!("cannot be cut into {sizes:?} for {ranks} ranks: {needs}"));
    }
    if ranks > 1 && matches!(config.negatives, NegativesConfig::Head { .. }) {
        let reason =
            "is `head`: the last layer would draw the negatives of the first, which then had to wait".into();
        return refuse("negatives", reason);
    }
    Ok(())
}

impl Stage {
    /// Makes the stage of this rank. `sizes` has the number of layers of each rank.
    pub fn new(config: &Config, peers: Arc<dyn Peers>, sizes: &[usize]) -> crate::Result<Self> {
        config.check_stages(sizes, peers.size())?;
        let (rank, layers) = (peers.rank(), config.layers.len());
        let first = sizes[..rank].iter().sum();
        let ranks =
            sizes.iter().enumerate().flat_map(|(rank, size)| std::iter::repeat_n(rank, *size)).collect();
        Ok(Self {
            peers,
            own: first..first + sizes[rank],
            ranks,
            last: AtomicUsize::new(layers - 1),
            time: Default::default(),
        })
    }

    pub fn peers(&self) -> &dyn Peers {
        &*self.peers
    }

    /// Returns the rank of layer `i`.
    pub fn owner(&self, i: usize) -> usize {
        self.ranks[i]
    }

    /// Returns whether this is the stage of the first layers. It fetches the images and draws the negatives.
    pub fn is_first(&self) -> bool {
        self.below().is_none()
    }

    /// Sends the labels of a batch to the rank above.
    pub fn send_labels<D: Device>(
        &self,
        dev: &D,
        labels: &Tensor<D, u32>,
        bytes: &mut Vec<u8>,
    ) -> Result<()> {
        let Some(above) = self.above() else { return Ok(()) };
        bytes.clear();
        bytes.extend(dev.download(labels)?.iter().flat_map(|label| label.to_le_bytes()));
        self.peers.send(above, bytes)
    }

    /// Fetches the labels of a batch from the rank below, and hands them on to the rank above.
    pub fn pass_labels<D: Device>(
        &self,
        dev: &D,
        labels: &mut Tensor<D, u32>,
        bytes: &mut Vec<u8>,
    ) -> Result<()> {
        let Some(below) = self.below() else { return Ok(()) };
        bytes.resize(4 * labels.rows(), 0);
        self.receive(below, bytes)?;
        let values: Vec<u32> = bytes.as_chunks().0.iter().map(|four| u32::from_le_bytes(*four)).collect();
        dev.write(labels, &values)?;
        self.above().map_or(Ok(()), |above| self.peers.send(above, bytes))
    }

    fn below(&self) -> Option<usize> {
        self.peers.rank().checked_sub(1)
    }

    fn above(&self) -> Option<usize> {
        Some(self.peers.rank() + 1).filter(|above| *above < self.peers.size())
    }

    /// Makes room for what leaves this rank, which is `bytes` bytes in a step.
    pub fn reserve(&self, bytes: usize) -> Result<()> {
        // A flag, the labels, and the signals of two passes. An answer and a part of a tensor are on their way at other times.
        self.peers.reserve(4 * (AHEAD + 1) + 1, (bytes + 1) * (AHEAD + 1) + CHUNK)
    }

    /// Says whether layer `i` is the last of this stage, and the next one is computed on the rank above.
    fn passes_on(&self, i: usize) -> Option<usize> {
        self.above().filter(|_| i + 1 == self.own.end && i < self.last.load(Ordering::Relaxed))
    }

    /// Runs `step` up to `times` times, as [`Device::repeat`] does. Only the layers up to `turn` are computed, if it is one's
    /// turn. Rank 0 decides after each step whether to go on, and all ranks stop after the same one. The result is the number
    /// of steps.
    pub fn repeat(
        &self,
        turn: Option<usize>,
        times: usize,
        step: &mut dyn FnMut() -> Result<()>,
        after: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<usize> {
        self.last.store(turn.unwrap_or(self.ranks.len() - 1), Ordering::Relaxed);
        let (mut done, mut goes_on, mut begun) = (0, true, None);
        while done < times && self.agree(goes_on)? {
            // Before the first step a rank waits for whatever rank 0 does between epochs.
            begun.get_or_insert_with(|| (Instant::now(), self.time[1].load(Ordering::Relaxed)));
            if done >= AHEAD {
                self.wait_for_above()?;
            }
            step()?;
            done += 1;
            goes_on = after().is_continue();
            if let Some(below) = self.below() {
                self.peers.send(below, &[0])?;
            }
        }
        if let Some((begun, waited)) = begun {
            self.time[0].fetch_add(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
            self.time[2].fetch_add(self.time[1].load(Ordering::Relaxed) - waited, Ordering::Relaxed);
        }
        (0..done.min(AHEAD)).try_for_each(|_| self.wait_for_above())?;
        Ok(done)
    }

    /// Returns which share of the steps each rank was busy, on rank 0. The other ranks tell it, and get their own share.
    pub fn busy(&self) -> Result<Vec<f64>> {
        let [all, _, waited] = self.time.each_ref().map(|time| time.load(Ordering::Relaxed) as f64);
        let own = 1.0 - waited / all.max(1.0);
        if self.peers.rank() > 0 {
            self.peers.send(0, &own.to_le_bytes())?;
            return Ok(vec![own]);
        }
        let of_rank = |rank| {
            let mut bytes = [0; 8];
            self.peers.receive(rank, &mut bytes)?;
            Ok(f64::from_le_bytes(bytes))
        };
        std::iter::once(Ok(own)).chain((1..self.peers.size()).map(of_rank)).collect()
    }

    /// Waits for another rank, and measures how long that takes.
    fn timed(&self, wait: impl FnOnce() -> Result<()>) -> Result<()> {
        let begun = Instant::now();
        let received = wait();
        self.time[1].fetch_add(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
        received
    }

    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        self.timed(|| self.peers.receive(from, bytes))
    }

    /// Tells the ranks above that there is no further step. Only rank 0 decides that.
    pub fn stop(&self) -> Result<()> {
        if self.is_first() { self.agree(false).map(drop) } else { Ok(()) }
    }

    /// Tells the rank above whether there is another step. Rank 0 decides, the others ask the rank below.
    fn agree(&self, goes_on: bool) -> Result<bool> {
        let mut flag = [u8::from(goes_on)];
        if let Some(below) = self.below() {
            self.receive(below, &mut flag)?;
        }
        self.above().map_or(Ok(()), |above| self.peers.send(above, &flag))?;
        Ok(flag != [0])
    }

    /// Brings what the rank of layer `i` has to rank 0, in parts. Each part waits for the last one, so that little is on its
    /// way.
    pub fn collect(&self, i: usize, bytes: &mut [u8]) -> Result<()> {
        let (owner, rank, mut ready) = (self.ranks[i], self.peers.rank(), [0]);
        if owner == 0 || (rank != 0 && rank != owner) {
            return Ok(());
        }
        for part in bytes.chunks_mut(CHUNK) {
            if rank == 0 {
                self.peers.send(owner, &ready)?;
                self.peers.receive(owner, part)?;
            } else {
                self.peers.receive(0, &mut ready)?;
                self.peers.send(0, part)?;
            }
        }
        Ok(())
    }

    /// Waits until the rank above has ended a step.
    fn wait_for_above(&self) -> Result<()> {
        self.above().map_or(Ok(()), |above| self.receive(above, &mut [0]))
    }
}
