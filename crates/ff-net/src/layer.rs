//! One layer: the order in which the steps of the algorithm happen, forwards and then backwards as far as the layer
//! reaches. Each step is one op of the device, whose equation stands at its struct in [`ff_tensor::ops`].
//!
//! ```text
//! I    = connection(x)                    the current of each unit
//! s, g = units(I + bias), goodness(s)     signals, and one number for each row
//! L    = objective(g+, g-)                the loss of a positive and its negative
//! dI   = dL/dg dg/ds ds/dI                in closed form, in the same pass over the current
//! dW   = x^T dI                           the gradient, which may be summed over ranks
//! W    = optimiser(W, dW)
//! ```
//! No gradient leaves a layer.

use std::sync::Arc;

use ff_tensor::{
    Clock, Device, Dropout, Goodness, LabelGoodness, LocalGrad, Norm, Normalise, Objective, Optimiser,
    Result, RowGoodness, SumRows, Tensor, Units, UnitsForward, Update,
};

use crate::connection::Connection;
use crate::input::{Input, Overlay};

/// A layer: a connection and its units.
pub struct Layer<D: Device> {
    /// The weights.
    pub connection: Box<dyn Connection<D>>,
    /// `[1, out]`, added to the current.
    pub bias: Option<Tensor<D>>,
    /// What happens to the current.
    pub units: Arc<dyn Units>,
    /// How the output of the layer below is normalised. The input of the first layer comes normalised.
    pub norm: Norm,
    /// How the units' signals become one number.
    pub goodness: Arc<dyn Goodness>,
}

/// What a layer computes on the way forward, for R rows.
pub struct Activity<D: Device> {
    /// `[R, out]`, or `[R T, out]` where the input has a row for each time step.
    pub current: Tensor<D>,
    /// `[R, out]`
    pub signal: Tensor<D>,
    /// `[R T, out]`, only where the next layer wants them.
    pub spikes: Option<Tensor<D>>,
    /// `[R, 1]`
    pub goodness: Tensor<D>,
}

/// What a layer needs to learn: the gradients, and the optimiser's moments.
pub struct Learning<D: Device> {
    /// As the current.
    pub(crate) dcurrent: Tensor<D>,
    /// `[B + classes + 1, out]`, where images come in with labels over them; else empty.
    pub(crate) dshares: Tensor<D>,
    /// Of each parameter of the connection, then of the bias.
    pub(crate) gradients: Vec<Tensor<D>>,
    /// The same: the moments of each.
    pub(crate) moments: Vec<Vec<Tensor<D>>>,
}

/// How a layer learns in a step.
pub struct Lesson<'a, D: Device> {
    /// Which step.
    pub clock: &'a Clock<D>,
    /// Which units are silent.
    pub dropout: Dropout,
    /// What is minimised.
    pub objective: &'a dyn Objective,
    /// How gradients move weights.
    pub optimiser: &'a dyn Optimiser,
    /// `[pairs of an epoch, 1]`: the losses are written here.
    pub losses: &'a mut Tensor<D>,
    /// What happens to the gradients before they are used.
    pub reduce: &'a mut Reduce<D>,
}

/// Something that happens to the gradients of a layer or of a head before they move the weights: nothing, a sum over
/// ranks, clipping.
///
/// It is part of a training step. A GPU may record a step once and repeat it (see [`Device::repeat`]). So it has to do the
/// same in each step, and what it does to the gradients has to be made of ops.
pub type Reduce<D> = dyn FnMut(&D, &mut [Tensor<D>]) -> Result<()> + Send;

impl<D: Device> Layer<D> {
    /// `[inputs, units]`
    pub fn shape(&self) -> [usize; 2] {
        self.connection.shape()
    }

    /// The weights of the connection, `[in, out]` if it is [`Dense`](crate::Dense).
    pub fn weight(&self) -> &Tensor<D> {
        self.connection.weight()
    }

    /// What goes on to the layer above, normalised into `xhat`: the signals, or the spikes step by step.
    ///
    /// # Errors
    /// Shapes that do not match, or a failing device.
    pub fn receive<'a>(
        &self,
        dev: &D,
        xhat: &'a mut Tensor<D>,
        below: &Activity<D>,
        steps_below: usize,
    ) -> Result<Input<'a, D>> {
        let (x, steps) = match &below.spikes {
            Some(spikes) => (spikes, steps_below),
            None => (&below.signal, 1),
        };
        Normalise { xhat, x, steps, norm: self.norm }.on(dev)?;
        Ok(if below.spikes.is_some() { Input::Train(xhat) } else { Input::Rows(xhat) })
    }

    /// From the input to the goodness.
    ///
    /// # Errors
    /// Shapes that do not match, or a failing device.
    pub fn answer(&self, dev: &D, a: &mut Activity<D>, input: Input<D>) -> Result<()> {
        self.current(dev, &mut a.current, input)?;
        let Activity { signal, spikes, current, goodness, .. } = a;
        let (spikes, bias, units) = (spikes.as_mut(), self.bias.as_ref(), &*self.units);
        UnitsForward { signal, spikes, current, bias, units }.on(dev)?;
        RowGoodness { goodness, signal, formula: &*self.goodness }.on(dev)
    }

    /// The goodness for every label `[B, classes]`, where images come in.
    ///
    /// # Errors
    /// Shapes that do not match, or a failing device.
    pub fn label_scores(&self, dev: &D, scores: &mut Tensor<D>, images: &Overlay<D>) -> Result<()> {
        let (bias, units, goodness) = (self.bias.as_ref(), &*self.units, &*self.goodness);
        let Overlay { shares, scale, amplitude, .. } = *images;
        LabelGoodness { scores, shares, scale, bias, amplitude, units, goodness }.on(dev)
    }

    /// Answers to positives and negatives and learns from them. The layer passes on the signals that it computed before the
    /// update.
    ///
    /// # Errors
    /// Shapes that do not match, or a failing device.
    pub fn learn(
        &mut self,
        dev: &D,
        l: &mut Learning<D>,
        a: &mut Activity<D>,
        input: Input<D>,
        lesson: &mut Lesson<D>,
    ) -> Result<()> {
        self.current(dev, &mut a.current, input)?;
        self.local_grad(dev, l, a, lesson)?;
        self.gradient(dev, l, input)?;
        (lesson.reduce)(dev, &mut l.gradients)?;
        self.update(dev, l, lesson)
    }

    pub(crate) fn current(&self, dev: &D, current: &mut Tensor<D>, input: Input<D>) -> Result<()> {
        match input {
            Input::Rows(x) | Input::Train(x) => self.connection.current(dev, current, x),
            Input::Overlay(images) => images.current(dev, current),
        }
    }

    fn local_grad(
        &self,
        dev: &D,
        l: &mut Learning<D>,
        a: &mut Activity<D>,
        lesson: &mut Lesson<D>,
    ) -> Result<()> {
        LocalGrad {
            dcurrent: &mut l.dcurrent,
            losses: lesson.losses,
            signal: &mut a.signal,
            spikes: a.spikes.as_mut(),
            goodness: &mut a.goodness,
            current: &a.current,
            bias: self.bias.as_ref(),
            clock: lesson.clock,
            units: &*self.units,
            dropout: lesson.dropout,
            formula: &*self.goodness,
            objective: lesson.objective,
        }
        .on(dev)
    }

    pub(crate) fn gradient(&self, dev: &D, l: &mut Learning<D>, input: Input<D>) -> Result<()> {
        let Learning { dcurrent, dshares, gradients, .. } = l;
        let own = match (&self.bias, gradients.split_last_mut()) {
            (Some(_), Some((dbias, own))) => {
                SumRows { sum: dbias, rows: dcurrent, factor: 1.0 }.on(dev)?;
                own
            }
            _ => gradients,
        };
        match input {
            Input::Rows(x) | Input::Train(x) => self.connection.gradient(dev, own, x, dcurrent),
            Input::Overlay(images) => images.gradient(dev, &*self.connection, own, dshares, dcurrent),
        }
    }

    /// From the gradients to the weights.
    pub(crate) fn update(&mut self, dev: &D, l: &mut Learning<D>, lesson: &Lesson<D>) -> Result<()> {
        let (clock, optimiser) = (lesson.clock, lesson.optimiser);
        for (i, (gradient, moments)) in l.gradients.iter().zip(&mut l.moments).enumerate() {
            let Some(weight) = self.connection.parameter_mut(i).or(self.bias.as_mut()) else { continue };
            Update { weight, moments, gradient, clock, optimiser }.on(dev)?;
        }
        Ok(())
    }

    /// All that is learned, by name.
    pub fn parameters(&self) -> Vec<(&'static str, &Tensor<D>)> {
        let bias = self.bias.as_ref().map(|bias| ("bias", bias));
        self.connection.parameters().into_iter().chain(bias).collect()
    }
}

impl<D: Device> Activity<D> {
    /// Buffers for `rows` rows. `train_in`: the input has a row for each time step. `spikes_out`: the next layer wants one.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn new(dev: &D, layer: &Layer<D>, rows: usize, train_in: bool, spikes_out: bool) -> Result<Self> {
        let ([_, units], steps) = (layer.shape(), layer.units.steps());
        let current_rows = if train_in { rows * steps } else { rows };
        Ok(Self {
            current: dev.zeros(current_rows, units)?,
            signal: dev.zeros(rows, units)?,
            spikes: spikes_out.then(|| dev.zeros(rows * steps, units)).transpose()?,
            goodness: dev.zeros(rows, 1)?,
        })
    }
}

impl<D: Device> Learning<D> {
    /// Buffers for `layer`, with a current of `current_rows` rows and shares of `share_rows` rows.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn new(
        dev: &D,
        layer: &Layer<D>,
        current_rows: usize,
        share_rows: usize,
        optimiser: &dyn Optimiser,
    ) -> Result<Self> {
        let [_, units] = layer.shape();
        let parameters = layer.parameters();
        let like = |tensor: &Tensor<D>| dev.zeros(tensor.rows(), tensor.cols());
        let moments = |tensor| optimiser.moments().iter().map(|_| like(tensor)).collect::<Result<_>>();
        Ok(Self {
            dcurrent: dev.zeros(current_rows, units)?,
            dshares: dev.zeros(share_rows, units)?,
            gradients: parameters.iter().map(|(_, tensor)| like(tensor)).collect::<Result<_>>()?,
            moments: parameters.iter().map(|(_, tensor)| moments(tensor)).collect::<Result<_>>()?,
        })
    }

    /// The last gradients: of each parameter of the connection, then of the bias.
    pub fn gradients(&self) -> &[Tensor<D>] {
        &self.gradients
    }
}
