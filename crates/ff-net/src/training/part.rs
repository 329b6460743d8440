//! The part that a rank has in a training.

use std::ops::ControlFlow;
use std::sync::Arc;

use ff_tensor::Device;

use crate::Network;
use crate::layer::Learning;
use crate::slices::Slices;
use crate::stages::Stage;
use crate::transport::Transport;

/// The part of a rank.
pub(super) enum Part<D: Device> {
    /// Some layers, and the way of signals to and from them.
    Layers(Arc<Stage>, Arc<dyn Transport<D>>),
    /// Some units of every layer. Rank 0 also has the whole.
    Units(Arc<Slices<D>>, Option<Box<Whole<D>>>),
}

/// What the ranks have learned together, on rank 0. It is brought together after each call that trains.
pub(super) struct Whole<D: Device> {
    pub network: Network<D>,
    pub learning: Vec<Learning<D>>,
}

/// What the ranks have in common.
pub(super) enum Ranks<D: Device> {
    Layers(Arc<Stage>, Arc<dyn Transport<D>>),
    Units(Arc<Slices<D>>),
}

impl<D: Device> Part<D> {
    pub fn ranks(&self) -> Ranks<D> {
        match self {
            Self::Layers(stage, transport) => Ranks::Layers(stage.clone(), transport.clone()),
            Self::Units(slices, _) => Ranks::Units(slices.clone()),
        }
    }

    pub fn into_whole(self) -> Option<Box<Whole<D>>> {
        if let Self::Units(_, whole) = self { whole } else { None }
    }
}

impl<D: Device> Ranks<D> {
    /// Returns the way of signals between the ranks.
    pub fn transport(&self) -> &dyn Transport<D> {
        match self {
            Self::Layers(_, transport) => &**transport,
            Self::Units(slices) => slices.transport(),
        }
    }

    /// Runs `step` up to `times` times. Only the layers up to `turn` are computed, if it is one's turn. All ranks stop after the
    /// same step.
    pub fn repeat(
        &self,
        turn: Option<usize>,
        times: usize,
        step: &mut dyn FnMut() -> ff_tensor::Result<()>,
        after: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ff_tensor::Result<usize> {
        match self {
            Self::Layers(stage, _) => stage.repeat(turn, times, step, after),
            Self::Units(slices) => slices.repeat(times, step, after),
        }
    }
}
