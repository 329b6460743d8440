//! A pass through the layers of a network, from the first one upwards, with the buffers that it takes.
//!
//! There are two ways through: layer by layer (here), and the shorter one of networks whose units are all linear
//! (`linear.rs`). Nothing else in this crate asks which of them it is.

use ff_tensor::{Device, Optimiser, Result, Tensor};

use crate::input::Input;
use crate::layer::{Activity, Learning, Lesson};
use crate::{Layer, linear};

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
    /// As above.
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
    fn goodness(&self, i: usize) -> &Tensor<D>;

    /// What layer `i` computed, row by row, if there are rows.
    fn activity(&self, i: usize) -> Option<&Activity<D>>;

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

/// The buffers for a pass through `layers`. `spikes`: they pass on their spikes, step by step.
///
/// # Errors
/// If the device has no room.
pub fn new<D: Device>(
    dev: &D,
    layers: &[Layer<D>],
    shape: Shape,
    spikes: bool,
    purpose: Purpose,
) -> Result<Box<dyn Pass<D>>> {
    if let Some(pass) = linear::LinearPass::new(dev, layers, shape, spikes, purpose)? {
        return Ok(Box::new(pass));
    }
    let top = layers.len() - 1;
    let (mut activities, mut inputs) = (Vec::new(), Vec::new());
    for (i, layer) in layers.iter().enumerate() {
        let train_in = if i == 0 { shape.train } else { spikes };
        let activity = Activity::new(dev, layer, shape.rows, train_in, spikes && i < top)?;
        let rows = if i == 0 { 0 } else { activity.current.rows() };
        inputs.push(dev.zeros(rows, layer.shape()[0])?);
        activities.push(activity);
    }
    Ok(Box::new(Layers { activities, inputs, shares: shape.shares }))
}

/// Layer by layer.
struct Layers<D: Device> {
    activities: Vec<Activity<D>>,
    /// The normalised output of the layer below, `[R, in]` or `[R T, in]`. Empty for the first layer.
    inputs: Vec<Tensor<D>>,
    /// Rows of the first layer's shares.
    shares: usize,
}

impl<D: Device> Layers<D> {
    /// The buffers of layer `i`, and what comes into it.
    fn enter<'a>(
        &'a mut self,
        dev: &D,
        layers: &[Layer<D>],
        i: usize,
        input: Input<'a, D>,
    ) -> Result<(&'a mut Activity<D>, Input<'a, D>)> {
        let (below, here) = self.activities.split_at_mut(i);
        let input = match below.last() {
            Some(below) => layers[i].receive(dev, &mut self.inputs[i], below, layers[i - 1].units.steps())?,
            None => input,
        };
        Ok((&mut here[0], input))
    }
}

impl<D: Device> Pass<D> for Layers<D> {
    fn answer(&mut self, dev: &D, layers: &[Layer<D>], i: usize, input: Input<D>) -> Result<()> {
        let (activity, input) = self.enter(dev, layers, i, input)?;
        layers[i].answer(dev, activity, input)
    }

    fn learn(
        &mut self,
        dev: &D,
        layers: &mut [Layer<D>],
        i: usize,
        input: Input<D>,
        learning: &mut Learning<D>,
        lesson: &mut Lesson<D>,
    ) -> Result<()> {
        let (activity, input) = self.enter(dev, layers, i, input)?;
        layers[i].learn(dev, learning, activity, input, lesson)
    }

    fn goodness(&self, i: usize) -> &Tensor<D> {
        &self.activities[i].goodness
    }

    fn activity(&self, i: usize) -> Option<&Activity<D>> {
        Some(&self.activities[i])
    }

    fn learning(
        &self,
        dev: &D,
        layers: &[Layer<D>],
        i: usize,
        optimiser: &dyn Optimiser,
    ) -> Result<Learning<D>> {
        let shares = if i == 0 { self.shares } else { 0 };
        Learning::new(dev, &layers[i], self.activities[i].current.rows(), shares, optimiser)
    }
}
