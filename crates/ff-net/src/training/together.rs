//! What the ranks of a training tell each other, beside signals.

use ff_tensor::Device;

use super::Trainer;
use crate::Result;
use crate::ranks::Ranks;

impl<D: Device> Trainer<D> {
    /// Brings the losses of this epoch to rank 0. Weights and moments stay where they are. If units are shared out, every rank
    /// has all losses.
    pub(super) fn collect_losses(&mut self) -> Result<()> {
        let Some(ranks @ Ranks::Layers(..)) = &self.network.ranks else { return Ok(()) };
        for i in 0..self.losses.len() {
            ranks.collect_tensor(&self.network.dev, i, &mut self.losses[i])?;
            if let Some(heads) = &mut self.heads {
                ranks.collect_tensor(&self.network.dev, i, &mut heads.losses[i])?;
            }
        }
        Ok(())
    }

    /// Tells the other ranks that this one, rank 0, stops after an epoch that is not the last. Their next epoch ends before its
    /// first step. It does nothing on other ranks, nor if there are none.
    ///
    /// # Errors
    /// Fails if a rank is gone.
    pub fn stop_between_epochs(&self) -> Result<()> {
        self.network.ranks.as_ref().map_or(Ok(()), |ranks| Ok(ranks.stop()?))
    }

    /// Returns which share of the steps each rank was busy and did not wait for another rank. Only rank 0 gets those of all
    /// ranks. Every rank calls this once, after its last epoch. It returns `None` if devices wait for one another, because the
    /// host does not see that.
    ///
    /// # Errors
    /// Fails if a rank is gone.
    pub fn busy(&self) -> Result<Option<Vec<f64>>> {
        match &self.network.ranks {
            Some(Ranks::Layers(_, transport)) if !transport.waits_on_host() => Ok(None),
            Some(Ranks::Layers(stage, _)) => Ok(Some(stage.busy()?)),
            _ => Ok(Some(vec![1.0])),
        }
    }
}
