//! Where positives and negatives come from.
//!
//! A source gives the pairs of a batch, on the device: row `b` is a positive, row `B + b` its negative. [`LabelOverlay`]
//! (images with labels over their first pixels) is the one that the command line uses. A source of your own may make
//! negatives from anything: other images, other rows of a table, two halves that do not belong together.
//!
//! [`LabelOverlay`]: crate::LabelOverlay

use ff_tensor::{Clock, Device, Tensor};

use crate::input::Input;
use crate::pass::Shape;
use crate::{Layer, Result};

/// What a source is told about a step.
pub struct Step<'a, D: Device> {
    /// Where everything lives.
    pub dev: &'a D,
    /// Which step and which batch: for draws, and to find the rows of this batch.
    pub clock: &'a Clock<D>,
    /// The layers as they stand.
    pub layers: &'a [Layer<D>],
    /// The seed of the training.
    pub seed: u64,
    /// The layer whose turn it is, if they learn one after the other.
    pub turn: Option<usize>,
}

impl<D: Device> Step<'_, D> {
    /// The number of the layer whose turn it is; 0 if all learn together.
    pub fn turn(&self) -> usize {
        self.turn.unwrap_or(0)
    }
}

/// A source of positives and negatives.
///
/// `fetch` and `draw` are part of a step that a GPU records and repeats (see [`Device::repeat`]): they ask for the same ops
/// each time, and take what changes from the clock.
///
/// # Errors
/// Data that cannot be, or a failing device, for all methods.
#[allow(clippy::missing_errors_doc)] // they are the same for all of them
pub trait Pairs<D: Device>: Send {
    /// B, pairs in a batch.
    fn batch(&self) -> usize;

    /// Batches in an epoch.
    fn batches(&self) -> usize;

    /// Numbers in a row: the inputs of the first layer.
    fn inputs(&self) -> usize;

    /// Gets ready for an epoch, counted from 0: the order of the samples, changed images, ...
    fn begin(&mut self, dev: &D, seed: u64, epoch: usize) -> Result<()>;

    /// Fetches the samples of the clock's batch.
    fn fetch(&mut self, step: &Step<D>) -> ff_tensor::Result<()>;

    /// The samples with no label, and their labels: what the heads learn from. `None` where nothing is known to be
    /// classified. It is asked for after `fetch`.
    fn neutral(&self) -> Option<(Input<'_, D>, &Tensor<D, u32>)> {
        None
    }

    /// Makes the negatives of the batch. `scores` are those of the head of the last layer that learns, if there is one.
    fn draw(&mut self, step: &Step<D>, scores: Option<&Tensor<D>>) -> ff_tensor::Result<()>;

    /// The positives, then the negatives: 2 B rows.
    fn pairs(&self) -> Input<'_, D>;

    /// What comes in for K copies of each sample: 2 for pairs, 1 for the heads.
    fn shape(&self, copies: usize) -> Shape;
}
