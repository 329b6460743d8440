//! This module moves bytes between the GPUs of several ranks. It checks what is asked for, and hands it to the driver's
//! [`Link`].
//!
//! # Why no rank waits for ever
//!
//! An exchange is done when both of its ranks have come to it. All ranks come to their exchanges in the same order:
//!
//! * Units: every rank takes part in every exchange of a step.
//! * Layers: rank r receives from r - 1 and then sends to r + 1, first for the heads and then for the pairs. So (step, heads or
//!   pairs, rank) is an order of all exchanges, and each rank has its own in that order.
//!
//! Take the first exchange in that order which is not done. Both of its ranks have done all that come before it, so both come to
//! it. Messages of the host fit into the same order. A rank sends the flag and the labels of a step before the exchanges of the
//! step. It says that it has ended a step after them, and the rank below waits for that only two steps later.
//!
//! None of this needs room on the way: it holds even if the host itself waits in each exchange. It does so in the first one of
//! two ranks, in which NCCL connects them. The tests' stand-in waits in every one.
//!
//! # How far a rank is ahead
//!
//! A send waits for the receiver, in the queue. With layers a rank is therefore one step ahead of the rank above: it computes a
//! step while the rank above computes the one before, and then waits. That keeps all ranks as busy as the slowest one allows.
//! The second step ahead, which there is over the host, only evens out steps of unequal length. It would take a second stream
//! and buffers of its own.

use std::time::Duration;

use ff_tensor::{Error, Result, Tensor, Transport, expect_lengths};

use crate::cuda::Cuda;
use crate::driver::{DriverError, Id, Link, Move};
use crate::error::failed;
use crate::launch::Call;
use crate::memory::Buffer;

/// Moves bytes between the GPUs of several ranks, without the host.
///
/// Drop it after a training that has ended well, when the other ranks drop theirs: NCCL may wait for them. After an error,
/// [`give_up`](Transport::give_up) makes dropping it wait for nobody.
pub struct Communicator {
    dev: Cuda,
    rank: usize,
    ranks: usize,
    patience: Option<Duration>,
    link: Box<dyn Link>,
}

impl Communicator {
    /// Returns what tells the GPU of `dev` from all others, if GPUs can exchange bytes here. Two ranks with the same GPU cannot.
    ///
    /// # Errors
    /// Says in a sentence why GPUs cannot exchange bytes, for instance because NCCL is not installed.
    pub fn possible(dev: &Cuda) -> std::result::Result<[u8; 16], String> {
        dev.driver.linkable().map_err(|e| e.to_string())
    }

    /// Makes the name under which ranks meet. One rank does so and tells the others.
    ///
    /// # Errors
    /// Fails if GPUs cannot exchange bytes here, or if NCCL finds no network.
    pub fn id(dev: &Cuda) -> Result<[u8; 128]> {
        dev.driver.new_id().map_err(|e| failed(&*dev.driver, e))
    }

    /// Joins the other ranks, and waits for them. All of them call this with the same `id`. Later a rank waits no longer than
    /// `patience` for the others, if there is such a limit.
    ///
    /// # Errors
    /// Fails if there is no such rank, if GPUs cannot exchange bytes here, or if NCCL does not come to be.
    pub fn join(dev: &Cuda, rank: usize, ranks: usize, id: &Id, patience: Option<Duration>) -> Result<Self> {
        if rank >= ranks {
            return Err(no_rank(rank, ranks));
        }
        let link = dev.driver.link(rank, ranks, id).map_err(|e| failed(&*dev.driver, e))?;
        Ok(Self { dev: dev.clone(), rank, ranks, patience, link })
    }

    /// Checks that a tensor is on this communicator's GPU. Returns where its bytes are.
    fn bytes(&self, name: &str, buffer: &Buffer<u8>) -> Result<u64> {
        Call { driver: &self.dev.driver, op: "ranks" }.owns(name, buffer)?;
        Ok(buffer.at())
    }

    /// Checks that there is another rank of that number.
    fn other(&self, rank: usize) -> Result<usize> {
        match rank < self.ranks && rank != self.rank {
            true => Ok(rank),
            false => Err(no_rank(rank, self.ranks)),
        }
    }

    /// Queues those parts of an exchange that have bytes. All ranks know which ones have none, and leave out the same.
    fn exchange(&self, moves: impl IntoIterator<Item = Move>) -> Result<()> {
        let has_bytes = |part: &Move| {
            let (Move::Send { bytes, .. } | Move::Receive { bytes, .. } | Move::Copy { bytes, .. }) = part;
            *bytes > 0
        };
        let moves: Vec<Move> = moves.into_iter().filter(has_bytes).collect();
        if moves.is_empty() {
            return Ok(());
        }
        // SAFETY: the addresses are those of tensors on this device, and each part lies within its tensor. All ranks exist.
        unsafe { self.link.exchange(&moves) }.map_err(|e| self.failed(e))
    }

    fn failed(&self, e: DriverError) -> Error {
        failed(&*self.dev.driver, e)
    }
}

fn no_rank(rank: usize, ranks: usize) -> Error {
    Error::Parameter { op: "ranks", reason: format!("there is no other rank {rank} among {ranks}") }
}

/// Returns the number of a tensor's bytes.
fn len(bytes: &Tensor<Cuda, u8>) -> usize {
    bytes.rows() * bytes.cols()
}

impl Transport<Cuda> for Communicator {
    /// The ranks have different lengths, so each one sends its bytes to each other one, all at the same time.
    fn all_gather(
        &self,
        _: &Cuda,
        all: &mut Tensor<Cuda, u8>,
        own: &Tensor<Cuda, u8>,
        lengths: &[usize],
    ) -> Result<()> {
        expect_lengths([self.rank, self.ranks], len(own), len(all), lengths)?;
        let (own, mut to) = (self.bytes("own", own.get())?, self.bytes("all", all.get_mut())?);
        let mut moves = Vec::with_capacity(2 * self.ranks);
        for (rank, &bytes) in lengths.iter().enumerate() {
            if rank == self.rank {
                moves.push(Move::Copy { to, at: own, bytes });
            } else {
                moves.push(Move::Send { to: rank, at: own, bytes: lengths[self.rank] });
                moves.push(Move::Receive { from: rank, at: to, bytes });
            }
            to += bytes as u64;
        }
        self.exchange(moves)
    }

    /// The send is queued. It is done when the other rank receives.
    fn send(&self, _: &Cuda, to: usize, bytes: &Tensor<Cuda, u8>) -> Result<()> {
        let (to, at) = (self.other(to)?, self.bytes("bytes", bytes.get())?);
        self.exchange([Move::Send { to, at, bytes: len(bytes) }])
    }

    /// The receive is queued. NCCL does not compare the numbers of bytes: another one leaves both ranks waiting, until they
    /// lose their patience.
    fn receive(&self, _: &Cuda, from: usize, bytes: &mut Tensor<Cuda, u8>) -> Result<()> {
        let (from, count) = (self.other(from)?, len(bytes));
        let at = self.bytes("bytes", bytes.get_mut())?;
        self.exchange([Move::Receive { from, at, bytes: count }])
    }

    fn finish(&self, _: &Cuda) -> Result<()> {
        self.link.wait(self.patience).map_err(|e| self.failed(e))
    }

    fn give_up(&self) {
        self.link.give_up();
        // CUDA's libraries wait for the queue when they are closed. So the driver stays until the process ends.
        std::mem::forget(self.dev.clone());
    }

    fn waits_on_host(&self) -> bool {
        false
    }
}
