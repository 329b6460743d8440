//! This module chooses the way of signals between ranks: from GPU to GPU, or through the host's memory.

use std::sync::Arc;

use ff_cpu::Cpu;
#[cfg(feature = "cuda")]
use ff_cuda::{Communicator, Cuda};
#[cfg(feature = "cuda")]
use ff_net::rendezvous;
use ff_net::transport::OverHost;
use ff_tensor::{Device, Transport};

use crate::failure::Outcome;
use crate::ranks::Ranks;

/// A way of signals.
pub struct Way<D: Device> {
    pub transport: Arc<dyn Transport<D>>,
    /// The reason why it is not the shortest one.
    pub note: Option<String>,
}

/// A device whose signals find a way.
pub trait Ways: Device {
    /// Returns the shortest way that all ranks have. All ranks call this at the same time.
    fn way(&self, ranks: &Ranks) -> Outcome<Way<Self>>;
}

impl Ways for Cpu {
    fn way(&self, ranks: &Ranks) -> Outcome<Way<Self>> {
        Ok(Way { transport: Arc::new(OverHost::new(ranks.peers())), note: None })
    }
}

#[cfg(feature = "cuda")]
impl Ways for Cuda {
    fn way(&self, ranks: &Ranks) -> Outcome<Way<Self>> {
        let peers = ranks.peers();
        let own = Communicator::possible(self);
        match rendezvous::agree(&*peers, own, || Communicator::id(self))? {
            Ok(id) => {
                let (rank, size) = (peers.rank(), peers.size());
                let communicator = Arc::new(Communicator::join(self, rank, size, &id, ranks.patience())?);
                ranks.keep(communicator.clone());
                Ok(Way { transport: communicator, note: None })
            }
            Err(reason) => {
                let note = Some(format!("signals go through the host's memory, and not by NCCL: {reason}"));
                Ok(Way { transport: Arc::new(OverHost::new(peers)), note })
            }
        }
    }
}
