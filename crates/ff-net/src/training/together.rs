//! What the ranks of a training have learned together.

use ff_tensor::{Device, Tensor};

use super::Trainer;
use super::part::{Part, Ranks, Whole};
use crate::Result;
use crate::heads::Heads;
use crate::layer::Learning;

/// What layers learn with, the losses of layers, and the heads.
pub(crate) type Lasting<'a, D> = (&'a mut Vec<Learning<D>>, &'a mut Vec<Tensor<D>>, &'a mut Option<Heads<D>>);

impl<D: Device> Trainer<D> {
    /// Returns the whole, where the network of this trainer is a slice of it.
    pub(super) fn whole(&self) -> Option<&Whole<D>> {
        match &self.part {
            Some(Part::Units(_, whole)) => whole.as_deref(),
            _ => None,
        }
    }

    /// Returns everything that lasts from step to step besides the weights: what the layers learn with, their losses, and the
    /// heads.
    pub(crate) fn lasting(&mut self) -> Lasting<'_, D> {
        let learning = match &mut self.part {
            Some(Part::Units(_, Some(whole))) => &mut whole.learning,
            _ => &mut self.learning,
        };
        (learning, &mut self.losses, &mut self.heads)
    }

    /// Brings what all ranks have learned to rank 0.
    pub(super) fn collect(&mut self) -> Result<()> {
        match self.part.as_ref().map(Part::ranks) {
            None => Ok(()),
            Some(Ranks::Layers(stage, _)) => self.collect_layers(&stage),
            Some(Ranks::Units(slices)) => self.collect_units(&slices),
        }
    }

    /// Tells the other ranks that this one, rank 0, stops after an epoch that is not the last. Their next epoch ends before its
    /// first step. It does nothing on other ranks, nor if there are none.
    ///
    /// # Errors
    /// Fails if a rank is gone.
    pub fn stop_between_epochs(&self) -> Result<()> {
        match self.part.as_ref().map(Part::ranks) {
            None => Ok(()),
            Some(Ranks::Layers(stage, _)) => Ok(stage.stop()?),
            Some(Ranks::Units(slices)) => Ok(slices.stop()?),
        }
    }

    /// Returns which share of the steps each rank was busy and did not wait for another rank. Only rank 0 gets those of all
    /// ranks. Every rank calls this once, after its last epoch. It returns `None` if devices wait for one another, because the
    /// host does not see that.
    ///
    /// # Errors
    /// Fails if a rank is gone.
    pub fn busy(&self) -> Result<Option<Vec<f64>>> {
        match &self.part {
            Some(Part::Layers(_, transport)) if !transport.waits_on_host() => Ok(None),
            Some(Part::Layers(stage, _)) => Ok(Some(stage.busy()?)),
            _ => Ok(Some(vec![1.0])),
        }
    }
}
