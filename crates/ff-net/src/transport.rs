//! The way of signals from rank to rank through the host's memory. It serves every device. GPUs may have a shorter way.

use std::sync::{Arc, Mutex, MutexGuard};

#[doc(no_inline)]
pub use ff_tensor::Transport;
use ff_tensor::{Device, Error, Result, Tensor};

use crate::Peers;

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

    /// Every exchange has ended when its call returns.
    fn finish(&self, _: &D) -> Result<()> {
        Ok(())
    }

    /// No device waits for another rank.
    fn give_up(&self) {}

    fn waits_on_host(&self) -> bool {
        true
    }
}
