//! This module stands in for MPI in a build without it.

use std::time::Duration;

use ff_net::Peers;
use ff_tensor::Result;

use crate::error::Error;
use crate::launched::Launched;

/// A rank that talks to others through MPI. This build has no MPI, so there is no value of this type.
pub enum Mpi {}

/// Refuses, because each rank would train the whole network and write the same files.
pub(crate) fn start(Launched { rank, size, .. }: Launched) -> std::result::Result<Mpi, Error> {
    Err(Error::NoMpi { rank, size })
}

impl Mpi {
    /// Returns how long this rank waits for another one.
    pub fn patience(&self) -> Option<Duration> {
        match *self {}
    }
}

impl Peers for Mpi {
    fn rank(&self) -> usize {
        match *self {}
    }

    fn size(&self) -> usize {
        match *self {}
    }

    fn reserve(&self, _: usize, _: usize) -> Result<()> {
        match *self {}
    }

    fn send(&self, _: usize, _: &[u8]) -> Result<()> {
        match *self {}
    }

    fn receive(&self, _: usize, _: &mut [u8]) -> Result<()> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_ranks_are_refused_and_told_what_to_type() {
        let error = start(Launched { rank: 1, size: 4, local_rank: 1, local_size: 4 }).err();
        let said = "this is rank 1 of 4, but this ff-cli was built without MPI and would train 4 times: \
                    type `cargo build -p ff-cli --features mpi`";
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(said));
    }
}
