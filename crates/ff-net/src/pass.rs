//! A pass through the layers of a network, from the first one upwards, with the buffers that it takes.
//!
//! There are two ways through: layer by layer (`layers.rs`), and the shorter one of networks whose units are all linear
//! (`linear.rs`). Nothing else in this crate asks which of them it is.

use ff_tensor::{Device, Error, Optimiser, Result, Tensor};

use crate::Layer;
use crate::input::Input;
use crate::layer::{Activity, Learning, Lesson};

/// What a pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Only the goodness counts.
    Goodness,
    /// Each row's signals are looked at, too: by the heads, or by people.
    Signals,
    /// The layers learn from it, and `dropout` says whether some of their units are silenced.
    Learning {
        /// Whether units are silenced.
        dropout: bool,
    },
}

/// What comes into the first layer, as far as buffers depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// R, rows of a batch.
    pub rows: usize,
    /// Whether the input has a row for each time step.
    pub train: bool,
    /// Rows of the shares, if images come in with labels over them; else 0.
    pub shares: usize,
}

/// The buffers of a pass, and the way through the layers.
pub trait Pass<D: Device>: Send {
    /// Layer `i` answers to what layer `i - 1` gave, or to `input` if it is the first.
    ///
    /// # Errors
    /// Shapes that do not match, or a failing device.
    fn answer(&mut self, dev: &D, layers: &[Layer<D>], i: usize, input: Input<D>) -> Result<()>;

    /// The same for positives and negatives, and learns from them.
    ///
    /// # Errors
    /// Shapes that do not match, or a failing device.
    fn learn(
        &mut self,
        dev: &D,
        layers: &mut [Layer<D>],
        i: usize,
        input: Input<D>,
        learning: &mut Learning<D>,
        lesson: &mut Lesson<D>,
    ) -> Result<()>;

    /// The goodness of each row in layer `i`, `[R, 1]`.
    ///
    /// # Panics
    /// If there is no such layer, like an index.
    fn goodness(&self, i: usize) -> &Tensor<D>;

    /// What layer `i` computed, row by row, if there are rows.
    fn activity(&self, i: usize) -> Option<&Activity<D>>;

    /// The same, for what layer `i` computed elsewhere to be put there.
    fn activity_mut(&mut self, i: usize) -> Option<&mut Activity<D>>;

    /// Buffers for layer `i` to learn.
    ///
    /// # Errors
    /// If the device has no room.
    fn learning(
        &self,
        dev: &D,
        layers: &[Layer<D>],
        i: usize,
        optimiser: &dyn Optimiser,
    ) -> Result<Learning<D>>;
}

/// Checks that layer `i` is one of `layers` that there are buffers for.
pub(crate) fn expect_buffers(i: usize, layers: usize) -> Result<()> {
    match i < layers {
        true => Ok(()),
        false => {
            let reason =
                format!("layer {} is asked for, but the pass has buffers for {layers} layers", i + 1);
            Err(Error::Parameter { op: "pass", reason })
        }
    }
}
