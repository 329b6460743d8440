//! The way through a network layer by layer, and the choice between the two ways.

use ff_tensor::{Device, Optimiser, Result, Tensor};

use crate::Layer;
use crate::input::Input;
use crate::layer::{Activity, Learning, Lesson};
use crate::linear::LinearPass;
use crate::pass::{Pass, Purpose, Shape, expect_buffers};

/// The buffers for a pass through `layers`. `spikes`: they pass on their spikes, step by step.
///
/// # Errors
/// If the device has no room.
pub fn pass<D: Device>(
    dev: &D,
    layers: &[Layer<D>],
    shape: Shape,
    spikes: bool,
    purpose: Purpose,
) -> Result<Box<dyn Pass<D>>> {
    expect_buffers(0, layers.len())?;
    if let Some(pass) = LinearPass::new(dev, layers, shape, spikes, purpose)? {
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
        expect_buffers(i, self.activities.len().min(layers.len()))?;
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
        self.activities.get(i)
    }

    fn activity_mut(&mut self, i: usize) -> Option<&mut Activity<D>> {
        self.activities.get_mut(i)
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
