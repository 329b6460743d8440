//! A training whose layers are shared out among ranks.

use std::sync::Arc;

use ff_tensor::{Device, Tensor};

use super::Trainer;
use super::part::Part;
use crate::source::{Source, StagePairs};
use crate::stages::{Stage, StagePass, linear_units};
use crate::transport::{OverHost, Transport};
use crate::{Network, Peers, Result};

impl<D: Device> Trainer<D> {
    /// Shares the layers out among `peers`: `sizes` has the number of layers of each rank, from the images upwards. Every
    /// rank calls this with the same training, and then the same epochs. The weights become those of a training on one rank,
    /// bit for bit.
    ///
    /// Rank 0 tells the others when to stop, so the `control` of [`epoch_with`](Self::epoch_with) counts only there. After
    /// each call rank 0 has all that the other ranks have learned, and its report is that of all layers.
    ///
    /// # Errors
    /// Fails if the layers cannot be cut like this, if the negatives come from the head of the last layer, or if the layers
    /// are computed together because their units are linear.
    pub fn over_layers(self, peers: Arc<dyn Peers>, sizes: &[usize]) -> Result<Self> {
        let transport = Arc::new(OverHost::new(peers.clone()));
        self.over_layers_by(peers, transport, sizes)
    }

    /// Does the same, but signals go another way than through the host's memory.
    ///
    /// # Errors
    /// As [`over_layers`](Self::over_layers).
    pub fn over_layers_by(
        mut self,
        peers: Arc<dyn Peers>,
        transport: Arc<dyn Transport<D>>,
        sizes: &[usize],
    ) -> Result<Self> {
        let stage = Arc::new(Stage::new(&self.network, peers, sizes)?);
        if self.pass.activity(0).is_none() {
            return Err(linear_units());
        }
        let Network { dev, layers, .. } = &self.network;
        let pass = StagePass::new(dev, layers, self.pass, stage.clone(), transport.clone())?;
        let mut bytes = pass.bytes();
        self.pass = Box::new(pass);
        if let Some(mut heads) = self.heads.take() {
            let pass = StagePass::new(dev, layers, heads.pass, stage.clone(), transport.clone())?;
            bytes += pass.bytes();
            heads.pass = Box::new(pass);
            self.heads = Some(heads);
        }
        stage.reserve(bytes + 4 * self.sizes[0])?;
        self.source = Source::Stage(Box::new(StagePairs::new(dev, self.source, stage.clone())?));
        self.part = Some(Part::Layers(stage, transport));
        Ok(self)
    }

    /// Brings everything that lasts from step to step, of each layer and its head, to rank 0.
    pub(super) fn collect_layers(&mut self, stage: &Stage) -> Result<()> {
        let (dev, Network { layers, heads, .. }) = (self.network.dev.clone(), &mut self.network);
        for (i, layer) in layers.iter_mut().enumerate() {
            let each = |tensor: &mut Tensor<D>| stage.collect(&dev, i, tensor);
            self.learning[i].moments.iter_mut().flatten().try_for_each(each)?;
            each(&mut self.losses[i])?;
            layer.bias.iter_mut().try_for_each(each)?;
            for parameter in 0.. {
                let Some(tensor) = layer.connection.parameter_mut(parameter) else { break };
                each(tensor)?;
            }
            if let Some(own) = &mut self.heads {
                each(&mut heads[i].weight)?;
                each(&mut own.losses[i])?;
                own.learning[i].moments.iter_mut().try_for_each(each)?;
            }
        }
        Ok(())
    }
}
