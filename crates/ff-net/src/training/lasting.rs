//! What a training is made of when it is stopped: everything that lasts from step to step.

use ff_tensor::Device;

use super::Trainer;
use crate::kept::{Kept, Spread};
use crate::{Error, Network, Result};

impl<D: Device> Trainer<D> {
    /// Lists what a checkpoint keeps, in the order of the file: weights, the optimiser's moments, and the losses of this epoch.
    /// Everything else is made anew in each step. The list has the same names on every rank.
    pub(crate) fn kept(&mut self) -> Vec<Kept<'_, D>> {
        let (moments, all) = (self.optimiser.moments(), self.network.config.layers.clone());
        let Network { layers, heads, ranks, pixels, classes, .. } = &mut self.network;
        let mut kept = Vec::new();
        let mut keep = |name: String, shape: &[usize], turned, spread, tensor| {
            kept.push(Kept { name, shape: shape.to_vec(), turned, spread, tensor });
        };
        let mut of_layers = self.learning.iter_mut().zip(&mut self.losses);
        for (i, layer) in layers.iter_mut().enumerate() {
            let (spread, units) = (Spread::of_layer(ranks.as_ref(), i), all[i]);
            let inputs = if i == 0 { *pixels } else { all[i - 1] };
            if let Some((learning, losses)) = of_layers.next() {
                let parameters = [("weight", inputs), ("bias", 1)].into_iter().zip(&mut learning.moments);
                for ((parameter, rows), of_parameter) in parameters {
                    for (moment, tensor) in moments.iter().zip(of_parameter) {
                        let name = format!("adam.layers.{i}.{parameter}.{moment}");
                        keep(name, &[rows, units], false, spread, tensor);
                    }
                }
                let rows = losses.rows();
                keep(format!("losses.layers.{i}"), &[rows, 1], false, Spread::All, losses);
            }
            if let Some(weight) = layer.connection.parameter_mut(0) {
                keep(format!("layers.{i}.weight"), &[units, inputs], true, spread, weight);
            }
            if let Some(bias) = &mut layer.bias {
                keep(format!("layers.{i}.bias"), &[units], false, spread, bias);
            }
        }
        for (i, head) in heads.iter_mut().enumerate() {
            let spread = Spread::of_head(ranks.as_ref(), i);
            keep(format!("heads.{i}.weight"), &[*classes, all[i]], true, spread, &mut head.weight);
        }
        if let Some(own) = &mut self.heads {
            for (i, (learning, losses)) in own.learning.iter_mut().zip(&mut own.losses).enumerate() {
                let spread = Spread::of_head(ranks.as_ref(), i);
                for (moment, tensor) in moments.iter().zip(&mut learning.moments) {
                    let name = format!("adam.heads.{i}.weight.{moment}");
                    keep(name, &[all[i], *classes], false, spread, tensor);
                }
                let rows = losses.rows();
                keep(format!("losses.heads.{i}"), &[rows, 1], false, Spread::All, losses);
            }
        }
        kept.sort_by(|a, b| a.name.cmp(&b.name));
        kept
    }

    /// Refuses a training that a file could not describe.
    pub(crate) fn expect_savable(&self) -> Result<()> {
        self.network.has_names(true)?;
        if self.source.images().is_some() {
            return Ok(());
        }
        let reason = "cannot be written: a file has no name for this training's source of pairs".into();
        Err(Error::Checkpoint { reason })
    }

    /// Puts the training where another one was stopped: after so many epochs, and so many batches of the next one.
    pub(crate) fn stand_at(&mut self, done: usize, of_next: usize) -> Result<()> {
        let (epochs, batches) = (self.epochs(), self.batches());
        if done > epochs || of_next >= if done == epochs { 1 } else { batches } {
            let stands = format!("stands at epoch {done}, batch {of_next}");
            let reason = format!("{stands}, but the training has {epochs} epochs of {batches} batches");
            return Err(Error::Checkpoint { reason });
        }
        (self.epochs_done, self.batches_done) = (done, of_next);
        Ok(())
    }
}

/// Returns whether a tensor is a weight, which a model has too.
pub(crate) fn is_weight(name: &str) -> bool {
    name.starts_with("layers.") || name.starts_with("heads.")
}
