//! This module trains the heads of a network. They learn from the layers' answers to the neutral label.

use ff_tensor::{Clock, Device, Norm, Optimiser, Result, Tensor};

use crate::head::{HeadActivity, HeadLearning};
use crate::input::Input;
use crate::layer::Reduce;
use crate::pairs::Pairs;
use crate::pass::{Pass, Purpose};
use crate::{Head, Layer, Network};

/// The buffers that the heads learn with.
pub(crate) struct Heads<D: Device> {
    pub pass: Box<dyn Pass<D>>,
    own: Vec<HeadActivity<D>>,
    pub learning: Vec<HeadLearning<D>>,
    pub losses: Vec<Tensor<D>>,
}

impl<D: Device> Heads<D> {
    /// Makes buffers for the heads of `network`. The result is `None` if it has none, or if nothing is to be
    /// classified.
    pub fn new(
        network: &Network<D>,
        pairs: &dyn Pairs<D>,
        optimiser: &dyn Optimiser,
    ) -> crate::Result<Option<Self>> {
        if network.heads.is_empty() || pairs.neutral().is_none() {
            return Ok(None);
        }
        let (dev, heads, batch) = (&network.dev, &network.heads, pairs.batch());
        let own = heads.iter().map(|head| HeadActivity::new(dev, head, batch));
        let learning = heads.iter().map(|head| HeadLearning::new(dev, head, batch, optimiser));
        let losses = heads.iter().map(|_| dev.zeros(pairs.batches() * batch, 1));
        Ok(Some(Self {
            pass: network.pass(pairs.shape(1), Purpose::Signals)?,
            own: own.collect::<Result<_>>()?,
            learning: learning.collect::<Result<_>>()?,
            losses: losses.collect::<Result<_>>()?,
        }))
    }

    /// Returns the scores of the head beside layer `i`, `[B, classes]`.
    pub fn scores(&self, i: usize) -> &Tensor<D> {
        &self.own[i].scores
    }

    /// The layers answer the neutral label and the heads learn from that. If the schedule is greedy, only the head of
    /// the layer whose turn it is learns.
    pub fn step(
        &mut self,
        dev: &D,
        layers: &[Layer<D>],
        heads: &mut [Head<D>],
        neutral: Input<D>,
        labels: &Tensor<D, u32>,
        norm: Norm,
        clock: &Clock<D>,
        optimiser: &dyn Optimiser,
        reduce: &mut Reduce<D>,
        turn: Option<usize>,
    ) -> Result<()> {
        for i in 0..=turn.unwrap_or(layers.len() - 1) {
            self.pass.answer(dev, layers, i, neutral)?;
            let Some(activity) = self.pass.activity(i).filter(|_| turn.is_none_or(|turn| turn == i)) else {
                continue;
            };
            let (own, learning, losses) = (&mut self.own[i], &mut self.learning[i], &mut self.losses[i]);
            heads[i].answer(dev, own, &activity.signal, norm)?;
            heads[i].learn(dev, learning, losses, own, labels, clock, optimiser, reduce)?;
        }
        Ok(())
    }
}
