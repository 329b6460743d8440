//! A training whose units are shared out among ranks.

use std::sync::Arc;

use ff_tensor::{Device, Tensor};

use super::Trainer;
use super::part::{Part, Whole};
use crate::layer::Learning;
use crate::pass::Pass;
use crate::slices::{SlicePass, SliceScores, Slices};
use crate::stages::linear_units;
use crate::transport::{OverHost, Transport};
use crate::{Head, Link, Network, Peers, Result};

impl<D: Device> Trainer<D> {
    /// Shares the units of every layer out among `peers`. Every rank calls this with the same training, and then the same
    /// epochs. The weights become those of a training on one rank, bit for bit.
    ///
    /// Rank 0 tells the others when to stop, so the `control` of [`epoch_with`](Self::epoch_with) counts only there. After
    /// each call rank 0 has the whole network. The others have their slice of it.
    ///
    /// # Errors
    /// Fails if there are too few units for the ranks, if a connection is not dense, or if the layers are computed together
    /// because their units are linear.
    pub fn over_units(self, peers: Arc<dyn Peers>) -> Result<Self> {
        let transport = Arc::new(OverHost::new(peers.clone()));
        self.over_units_by(peers, transport)
    }

    /// Does the same, but signals go another way than through the host's memory.
    ///
    /// # Errors
    /// As [`over_units`](Self::over_units).
    pub fn over_units_by(mut self, peers: Arc<dyn Peers>, transport: Arc<dyn Transport<D>>) -> Result<Self> {
        if self.pass.activity(0).is_none() {
            return Err(linear_units());
        }
        let is_first = peers.rank() == 0;
        let slices = Arc::new(Slices::new(&self.network, peers, transport)?);
        let (dev, link) = (self.network.dev.clone(), self.network.config.link);
        let all: Vec<usize> = self.network.layers.iter().map(|layer| layer.shape()[1]).collect();
        let sliced = self.network.layers.iter().map(|layer| slices.layer(&dev, layer));
        let layers: Vec<_> = sliced.collect::<ff_tensor::Result<_>>()?;

        let pass = |copies: usize| {
            let shape = self.source.pairs().shape(copies);
            SlicePass::new(&dev, &layers, &all, slices.clone(), shape, link == Link::Spikes)
        };
        let (of_pairs, of_heads) = (pass(2)?, pass(1)?);
        let learning = |(i, whole): (usize, &Learning<D>)| {
            let mut own = of_pairs.learning(&dev, &layers, i, &*self.optimiser)?;
            for (own, whole) in own.moments.iter_mut().flatten().zip(whole.moments.iter().flatten()) {
                *own = slices.cut(&dev, whole)?;
            }
            Ok(own)
        };
        let learning: Vec<_> =
            self.learning.iter().enumerate().map(learning).collect::<ff_tensor::Result<_>>()?;
        slices.reserve(of_pairs.bytes().max(4 * self.source.pairs().shape(1).shares * all[0]))?;
        if let Some(images) = self.source.images_mut() {
            let sizes = [images.share_rows(), self.sizes[0], self.network.classes];
            let scores = SliceScores::new(&dev, &layers[0], slices.clone(), sizes, all[0])?;
            images.for_slice(&dev, &layers[0], scores)?;
        }
        self.pass = Box::new(of_pairs);
        if let Some(heads) = &mut self.heads {
            heads.pass = Box::new(of_heads);
        }

        let copy = |head: &Head<D>| {
            let [rows, cols] = head.weight.shape();
            Ok(Head { weight: dev.upload(rows, cols, &dev.download(&head.weight)?)? })
        };
        let heads = self.network.heads.iter().map(copy).collect::<ff_tensor::Result<_>>()?;
        let Network { config, pixels, classes, objective, optimiser, .. } = &self.network;
        let own = Network {
            dev: dev.clone(),
            config: config.clone(),
            pixels: *pixels,
            classes: *classes,
            layers,
            heads,
            objective: objective.clone(),
            optimiser: optimiser.clone(),
        };
        let network = std::mem::replace(&mut self.network, own);
        let learning = std::mem::replace(&mut self.learning, learning);
        self.part = Some(Part::Units(slices, is_first.then(|| Box::new(Whole { network, learning }))));
        Ok(self)
    }

    /// Brings the slices of all ranks to rank 0. The heads and the losses are the same on all ranks.
    pub(super) fn collect_units(&mut self, slices: &Slices<D>) -> Result<()> {
        let dev = self.network.dev.clone();
        let Some(Part::Units(_, whole)) = &mut self.part else { return Ok(()) };
        let mut whole = whole.as_deref_mut();
        for (i, layer) in self.network.layers.iter().enumerate() {
            let own = layer.parameters().into_iter().map(|(_, tensor)| tensor);
            let own: Vec<&Tensor<D>> = own.chain(self.learning[i].moments.iter().flatten()).collect();
            let mut all = whole.as_deref_mut().map(|whole| {
                let layer = &mut whole.network.layers[i];
                let weight = layer.connection.parameter_mut(0).into_iter();
                let moments = whole.learning[i].moments.iter_mut().flatten();
                weight.chain(layer.bias.as_mut()).chain(moments)
            });
            for own in own {
                let whole = all.as_mut().and_then(Iterator::next);
                slices.collect(&dev, whole, own)?;
            }
        }
        if let Some(whole) = whole {
            for (whole, own) in whole.network.heads.iter_mut().zip(&self.network.heads) {
                dev.write(&mut whole.weight, &dev.download(&own.weight)?)?;
            }
        }
        Ok(())
    }
}
