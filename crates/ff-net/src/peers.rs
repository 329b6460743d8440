//! Several processes that train one network together. Each one is a *rank*, as in MPI.
//!
//! The engine needs to know who they are, and needs calls that move bytes: from one rank to another one, and from all to all.
//! [`Threads`] does it within one process. The crate `ff-mpi` does it between machines.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use ff_tensor::{Error, Result, expect_lengths};

/// The ranks of a training. Every rank has one of these.
pub trait Peers: Send + Sync {
    /// Returns the number of this rank, counted from 0.
    fn rank(&self) -> usize;

    /// Returns the number of ranks.
    fn size(&self) -> usize;

    /// Makes room for messages that have been sent and not yet received: `messages` of them with `bytes` bytes in all.
    ///
    /// # Errors
    /// Fails if there is no such room.
    fn reserve(&self, messages: usize, bytes: usize) -> Result<()>;

    /// Sends bytes to another rank, and does not wait until they have arrived. The bytes of two ranks arrive in the order in
    /// which they were sent. The sender has made room for them with [`reserve`](Self::reserve).
    ///
    /// # Errors
    /// Fails if the other rank is gone.
    fn send(&self, to: usize, bytes: &[u8]) -> Result<()>;

    /// Waits for the next message of another rank. It has to be as long as `bytes`.
    ///
    /// # Errors
    /// Fails if the other rank is gone, or if its message has another length.
    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()>;

    /// Puts the bytes of all ranks one after the other, on every rank. `lengths` has the number of bytes of each rank. All
    /// ranks call this at the same time, and have made room for their messages.
    ///
    /// # Errors
    /// Fails if a rank is gone, or if it has another number of bytes.
    fn all_gather(&self, own: &[u8], all: &mut [u8], lengths: &[usize]) -> Result<()> {
        expect_lengths([self.rank(), self.size()], own.len(), all.len(), lengths)?;
        let others = |rank: &usize| *rank != self.rank();
        (0..self.size()).filter(others).try_for_each(|to| self.send(to, own))?;
        let mut rest = all;
        for (from, length) in lengths.iter().enumerate() {
            let (part, after) = rest.split_at_mut(*length);
            match others(&from) {
                true => self.receive(from, part)?,
                false => part.copy_from_slice(own),
            }
            rest = after;
        }
        Ok(())
    }
}

/// Ranks that are threads of one process, for tests and for processes that train several networks.
pub struct Threads {
    rank: usize,
    to: Vec<Sender<Vec<u8>>>,
    from: Vec<Mutex<Receiver<Vec<u8>>>>,
}

impl Threads {
    /// Makes `size` ranks that know each other. Each one is for a thread of its own.
    pub fn new(size: usize) -> Vec<Self> {
        let mut ranks: Vec<Self> =
            (0..size).map(|rank| Self { rank, to: Vec::new(), from: Vec::new() }).collect();
        for to in 0..size {
            for from in 0..size {
                let (sender, receiver) = channel();
                ranks[from].to.push(sender);
                ranks[to].from.push(Mutex::new(receiver));
            }
        }
        ranks
    }
}

/// Returns the error of a rank that cannot be reached.
fn gone(rank: usize, size: usize) -> Error {
    let reason = match rank < size {
        true => format!("rank {rank} is gone"),
        false => format!("there is no rank {rank} among {size}"),
    };
    Error::Parameter { op: "peers", reason }
}

impl Peers for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    /// A channel has as much room as there is memory.
    fn reserve(&self, _: usize, _: usize) -> Result<()> {
        Ok(())
    }

    fn send(&self, to: usize, bytes: &[u8]) -> Result<()> {
        let gone = || gone(to, self.size());
        self.to.get(to).ok_or_else(gone)?.send(bytes.into()).map_err(|_| gone())
    }

    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<()> {
        let gone = || gone(from, self.size());
        let channel = self.from.get(from).ok_or_else(gone)?;
        // Nothing panics while the lock is held, so it is never poisoned.
        let message = channel.lock().map_err(|_| gone())?.recv().map_err(|_| gone())?;
        if message.len() != bytes.len() {
            let (got, wanted) = (message.len(), bytes.len());
            let reason = format!("rank {from} sent {got} bytes, but rank {} expects {wanted}", self.rank);
            return Err(Error::Parameter { op: "peers", reason });
        }
        bytes.copy_from_slice(&message);
        Ok(())
    }
}

/// A long message travels in parts of so many bytes.
const PART: usize = 1 << 20;

/// Hands a message of any length from rank 0 to all ranks. Rank 0 gives it, and every rank gets it.
///
/// # Errors
/// Fails if a rank is gone.
pub fn tell_all(peers: &dyn Peers, message: &[u8]) -> Result<Vec<u8>> {
    peers.reserve(2, PART + 8)?;
    if peers.rank() == 0 {
        for to in 1..peers.size() {
            peers.send(to, &(message.len() as u64).to_le_bytes())?;
            for part in message.chunks(PART) {
                peers.send(to, part)?;
                // Each part waits for the one before it, so that little is on its way.
                peers.receive(to, &mut [0])?;
            }
        }
        return Ok(message.into());
    }
    let mut length = [0; 8];
    peers.receive(0, &mut length)?;
    let mut all = vec![0; u64::from_le_bytes(length) as usize];
    for part in all.chunks_mut(PART) {
        peers.receive(0, part)?;
        peers.send(0, &[0])?;
    }
    Ok(all)
}

/// Waits until all ranks are here.
///
/// # Errors
/// Fails if a rank is gone.
pub fn meet(peers: &dyn Peers) -> Result<()> {
    peers.reserve(1, 1)?;
    if peers.rank() > 0 {
        peers.send(0, &[0])?;
        return peers.receive(0, &mut [0]);
    }
    (1..peers.size()).try_for_each(|from| peers.receive(from, &mut [0]))?;
    (1..peers.size()).try_for_each(|to| peers.send(to, &[0]))
}
