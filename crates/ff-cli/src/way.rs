//! This module chooses the way of signals between ranks: from GPU to GPU, or through the host's memory.

use std::sync::Arc;
use std::time::Duration;

use ff_cpu::Cpu;
#[cfg(feature = "cuda")]
use ff_cuda::{Communicator, Cuda};
use ff_net::Peers;
#[cfg(feature = "cuda")]
use ff_net::rendezvous;
use ff_net::transport::OverHost;
use ff_tensor::{Device, Transport};

use crate::failure::Outcome;

/// A way of signals.
pub struct Way<D: Device> {
    pub transport: Arc<dyn Transport<D>>,
    /// The reason why it is not the shortest one.
    pub note: Option<String>,
}

/// A device whose signals find a way.
pub trait Ways: Device {
    /// Returns the shortest way that all ranks have. All ranks call this at the same time. Later a rank waits no longer than
    /// `patience` for another one, if there is such a limit.
    fn way(&self, peers: Arc<dyn Peers>, patience: Option<Duration>) -> Outcome<Way<Self>>;
}

impl Ways for Cpu {
    fn way(&self, peers: Arc<dyn Peers>, _: Option<Duration>) -> Outcome<Way<Self>> {
        Ok(Way { transport: Arc::new(OverHost::new(peers)), note: None })
    }
}

#[cfg(feature = "cuda")]
impl Ways for Cuda {
    fn way(&self, peers: Arc<dyn Peers>, patience: Option<Duration>) -> Outcome<Way<Self>> {
        let own = Communicator::possible(self);
        match rendezvous::agree(&*peers, own, || Communicator::id(self))? {
            Ok(id) => {
                let (rank, size) = (peers.rank(), peers.size());
                let communicator = Communicator::join(self, rank, size, &id, patience)?;
                Ok(Way { transport: Arc::new(communicator), note: None })
            }
            Err(reason) => {
                let note = Some(format!("signals go through the host's memory, and not by NCCL: {reason}"));
                Ok(Way { transport: Arc::new(OverHost::new(peers)), note })
            }
        }
    }
}
