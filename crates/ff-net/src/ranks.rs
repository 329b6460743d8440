//! The ranks among which a network is shared out, and the part of it that a rank has.
//!
//! A rank has columns of each layer's weights: those of some units if the units are shared out, all or none if the layers are.
//! It never has more, so a network need not fit into one machine.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use ff_tensor::{Device, Result, Tensor};

use crate::layers;
use crate::linear::is_linear;
use crate::pass::{Pass, Purpose, Shape};
use crate::slices::{SlicePass, Slices};
use crate::stages::{Stage, StagePass, linear_units};
use crate::transport::Transport;
use crate::{Config, Layer, Link, Peers};

/// The ranks of a network.
#[derive(Clone)]
pub(crate) enum Ranks<D: Device> {
    /// Each rank has some layers.
    Layers(Arc<Stage>, Arc<dyn Transport<D>>),
    /// Each rank has some units of every layer.
    Units(Arc<Slices<D>>),
}

impl<D: Device> Ranks<D> {
    pub fn peers(&self) -> &dyn Peers {
        match self {
            Self::Layers(stage, _) => stage.peers(),
            Self::Units(slices) => slices.peers(),
        }
    }

    /// Returns the way of signals between the ranks.
    pub fn transport(&self) -> &dyn Transport<D> {
        match self {
            Self::Layers(_, transport) => &**transport,
            Self::Units(slices) => slices.transport(),
        }
    }

    /// Returns whether this rank has layer `i` or a part of it.
    pub fn has(&self, i: usize) -> bool {
        match self {
            Self::Layers(stage, _) => stage.owner(i) == stage.peers().rank(),
            Self::Units(_) => true,
        }
    }

    /// Returns the units of layer `i` that this rank has, of `all`.
    pub fn own(&self, i: usize, all: usize) -> Range<usize> {
        match self {
            Self::Layers(..) => 0..if self.has(i) { all } else { 0 },
            Self::Units(slices) => slices.own(all),
        }
    }

    /// Makes the buffers for a pass through the part of this rank.
    pub fn pass(
        &self,
        dev: &D,
        config: &Config,
        layers: &[Layer<D>],
        shape: Shape,
        purpose: Purpose,
    ) -> crate::Result<Box<dyn Pass<D>>> {
        let spikes = config.link == Link::Spikes;
        // Such layers are computed together on one rank, which rounds in another way.
        if !spikes && layers.iter().all(is_linear) {
            return Err(linear_units());
        }
        match self {
            Self::Layers(stage, transport) => {
                let inner = layers::pass(dev, layers, shape, spikes, purpose)?;
                let pass =
                    StagePass::new(dev, config, layers, inner, shape, stage.clone(), transport.clone())?;
                // The heads have a pass of the same size.
                stage.reserve(2 * pass.bytes() + 4 * shape.rows)?;
                Ok(Box::new(pass))
            }
            Self::Units(slices) => {
                let pass = SlicePass::new(dev, layers, &config.layers, slices.clone(), shape, spikes)?;
                slices.reserve(pass.bytes())?;
                Ok(Box::new(pass))
            }
        }
    }

    /// Runs `step` up to `times` times. Only the layers up to `turn` are computed, if it is one's turn. Rank 0 decides after
    /// each step whether to go on, and all ranks stop after the same step.
    pub fn repeat(
        &self,
        turn: Option<usize>,
        times: usize,
        step: &mut dyn FnMut() -> Result<()>,
        after: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<usize> {
        match self {
            Self::Layers(stage, _) => stage.repeat(turn, times, step, after),
            Self::Units(slices) => slices.repeat(times, step, after),
        }
    }

    /// Tells the other ranks that there is no further step. Only rank 0 decides that.
    pub fn stop(&self) -> Result<()> {
        match self {
            Self::Layers(stage, _) => stage.stop(),
            Self::Units(slices) => slices.stop(),
        }
    }

    /// Brings what was computed in layer `i` to rank 0. If units are shared out, every rank has it.
    pub fn collect(&self, i: usize, bytes: &mut [u8]) -> Result<()> {
        match self {
            Self::Layers(stage, _) => stage.collect(i, bytes),
            Self::Units(_) => Ok(()),
        }
    }

    /// Does the same with a tensor.
    pub fn collect_tensor(&self, dev: &D, i: usize, tensor: &mut Tensor<D>) -> Result<()> {
        let mut bytes = to_bytes(&dev.download(tensor)?);
        self.collect(i, &mut bytes)?;
        dev.write(tensor, &to_floats(&bytes))
    }
}

/// Returns numbers as they travel.
pub(crate) fn to_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Returns the numbers that have travelled.
pub(crate) fn to_floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}
