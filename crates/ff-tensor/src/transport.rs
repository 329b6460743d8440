//! The way of signals from rank to rank. They are bytes on the device, as [`Pack`](crate::Pack) makes them.

use crate::device::Device;
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// Moves bytes that are on the devices of several ranks.
///
/// A device may queue an exchange and go on. Then the device waits for the other ranks, and the host does not. [`finish`] is
/// where the host waits too. The ranks of a training call it at the end of each step, so that no rank is more than a step ahead
/// of its own device.
///
/// [`finish`]: Self::finish
pub trait Transport<D: Device>: Send + Sync {
    /// Puts the bytes of all ranks one after the other, on every rank: `lengths` has how many each rank has. All ranks call
    /// this at the same time.
    ///
    /// # Errors
    /// Fails if the lengths do not fit to the tensors, if a rank is gone, or if the device fails.
    fn all_gather(
        &self,
        dev: &D,
        all: &mut Tensor<D, u8>,
        own: &Tensor<D, u8>,
        lengths: &[usize],
    ) -> Result<()>;

    /// Sends bytes to another rank. The host does not wait until they have arrived.
    ///
    /// # Errors
    /// Fails if there is no such rank, if it is gone, or if the device fails.
    fn send(&self, dev: &D, to: usize, bytes: &Tensor<D, u8>) -> Result<()>;

    /// Receives the next bytes of another rank, which sends as many.
    ///
    /// # Errors
    /// Fails if there is no such rank, if it is gone, or if the device fails. It also fails if the other rank has sent another
    /// number of bytes, where the way can tell.
    fn receive(&self, dev: &D, from: usize, bytes: &mut Tensor<D, u8>) -> Result<()>;

    /// Waits until all exchanges so far are done on this rank's device.
    ///
    /// # Errors
    /// Fails if a rank is gone, or if the device fails.
    fn finish(&self, dev: &D) -> Result<()>;

    /// Gives up after an error. Other ranks may never come, so nothing waits for this rank's device any more.
    fn give_up(&self);

    /// Says whether the host itself waits for other ranks, so that it can measure for how long.
    fn waits_on_host(&self) -> bool;
}

/// Checks that rank `rank` of `ranks` can gather: it has `own` bytes, and room for `all` bytes. `lengths` has the number of bytes
/// of each rank.
///
/// # Errors
/// Fails if the lengths do not fit to these numbers.
pub fn expect_lengths([rank, ranks]: [usize; 2], own: usize, all: usize, lengths: &[usize]) -> Result<()> {
    let sum = lengths.iter().try_fold(0usize, |sum, length| sum.checked_add(*length));
    if lengths.len() == ranks && lengths.get(rank) == Some(&own) && sum == Some(all) {
        return Ok(());
    }
    let reason = format!("rank {rank} has {own} of {all} bytes, but the ranks have {lengths:?}");
    Err(Error::Parameter { op: "ranks", reason })
}
