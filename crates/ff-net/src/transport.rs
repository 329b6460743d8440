//! The way of signals from rank to rank. They are bytes on the device, as [`Pack`](ff_tensor::Pack) makes them.

use std::sync::{Arc, Mutex, MutexGuard};

use ff_tensor::{Device, Error, Result, Tensor};

use crate::Peers;

/// Moves bytes that are on the ranks' devices. [`OverHost`] does it for every device. GPUs may have a shorter way.
pub trait Transport<D: Device>: Send + Sync {
    /// Puts the bytes of all ranks one after the other, on every rank: `lengths` has how many each rank has. All ranks call
    /// this at the same time.
    ///
    /// # Errors
    /// Fails if a rank is gone, or if the device fails.
    fn all_gather(
        &self,
        dev: &D,
        all: &mut Tensor<D, u8>,
        own: &Tensor<D, u8>,
        lengths: &[usize],
    ) -> Result<()>;

    /// Sends bytes to another rank, and does not wait until they have arrived.
    ///
    /// # Errors
    /// Fails if the other rank is gone, or if the device fails.
    fn send(&self, dev: &D, to: usize, bytes: &Tensor<D, u8>) -> Result<()>;

    /// Waits for the next bytes of another rank.
    ///
    /// # Errors
    /// Fails if the other rank is gone, if it sent another number of bytes, or if the device fails.
    fn receive(&self, dev: &D, from: usize, bytes: &mut Tensor<D, u8>) -> Result<()>;
}

/// Moves bytes through the host's memory.
pub struct OverHost {
    peers: Arc<dyn Peers>,
    room: Mutex<[Vec<u8>; 2]>,
}

impl OverHost {
    /// Makes a way between ranks that can exchange bytes of the host.
    pub fn new(peers: Arc<dyn Peers>) -> Self {
        Self { peers, room: Mutex::default() }
    }

    fn room(&self) -> Result<MutexGuard<'_, [Vec<u8>; 2]>> {
        let poisoned = |_| Error::Parameter { op: "ranks", reason: "an exchange has panicked".into() };
        self.room.lock().map_err(poisoned)
    }
}

/// Returns the number of a tensor's bytes.
fn len<D: Device>(bytes: &Tensor<D, u8>) -> usize {
    bytes.rows() * bytes.cols()
}

impl<D: Device> Transport<D> for OverHost {
    fn all_gather(
        &self,
        dev: &D,
        all: &mut Tensor<D, u8>,
        own: &Tensor<D, u8>,
        lengths: &[usize],
    ) -> Result<()> {
        let mut room = self.room()?;
        let [mine, whole] = &mut *room;
        mine.resize(len(own), 0);
        whole.resize(len(all), 0);
        dev.read(own, mine)?;
        self.peers.all_gather(mine, whole, lengths)?;
        dev.write(all, whole)
    }

    fn send(&self, dev: &D, to: usize, bytes: &Tensor<D, u8>) -> Result<()> {
        let mut room = self.room()?;
        room[0].resize(len(bytes), 0);
        dev.read(bytes, &mut room[0])?;
        self.peers.send(to, &room[0])
    }

    fn receive(&self, dev: &D, from: usize, bytes: &mut Tensor<D, u8>) -> Result<()> {
        let mut room = self.room()?;
        room[0].resize(len(bytes), 0);
        self.peers.receive(from, &mut room[0])?;
        dev.write(bytes, &room[0])
    }
}
