//! A pass through layers whose units are shared out.

use std::sync::Arc;

use ff_tensor::{
    Device, Optimiser, Packing, Result, RowGoodness, SliceGrad, SliceSignals, Tensor, UnitsForward,
};

use super::{Exchange, Slices};
use crate::Layer;
use crate::input::Input;
use crate::layer::{Activity, Learning, Lesson};
use crate::pass::{Pass, Shape};

/// A pass through layers whose units are shared out.
pub(crate) struct SlicePass<D: Device> {
    slices: Arc<Slices<D>>,
    own: Vec<Own<D>>,
    /// What all units of a layer compute. It has no current.
    whole: Vec<Activity<D>>,
    /// The normalised output of the layer below, `[R, in]` or `[R T, in]`. Empty for the first layer.
    inputs: Vec<Tensor<D>>,
    /// Rows of the first layer's shares.
    shares: usize,
}

/// What the own units of a layer compute.
struct Own<D: Device> {
    /// `[R, m]` or `[R T, m]`
    current: Tensor<D>,
    /// `[R, m]`
    signal: Tensor<D>,
    /// `[R T, m]`
    spikes: Option<Tensor<D>>,
    /// The ways of the signal and of the spikes to the other ranks.
    exchange: Exchange<D>,
    of_spikes: Option<Exchange<D>>,
}

impl<D: Device> SlicePass<D> {
    /// Makes the buffers for a pass through slices of layers that have `all` units each.
    pub fn new(
        dev: &D,
        layers: &[Layer<D>],
        all: &[usize],
        slices: Arc<Slices<D>>,
        shape: Shape,
        spikes: bool,
    ) -> Result<Self> {
        let top = layers.len().saturating_sub(1);
        let (mut own, mut whole, mut inputs) = (Vec::new(), Vec::new(), Vec::new());
        for (i, (layer, &all)) in layers.iter().zip(all).enumerate() {
            let (rows, steps, spikes_out) = (shape.rows, layer.units.steps(), spikes && i < top);
            let train_in = if i == 0 { shape.train } else { spikes };
            let Activity { current, signal, spikes, .. } =
                Activity::new(dev, layer, rows, train_in, spikes_out)?;
            inputs.push(dev.zeros(if i == 0 { 0 } else { current.rows() }, layer.shape()[0])?);
            let exchange =
                |rows, in_steps| slices.exchange(dev, rows, all, Packing::of(&*layer.units, in_steps));
            own.push(Own {
                current,
                signal,
                spikes,
                exchange: exchange(rows, false)?,
                of_spikes: spikes_out.then(|| exchange(rows * steps, true)).transpose()?,
            });
            whole.push(Activity {
                current: dev.zeros(0, all)?,
                signal: dev.zeros(rows, all)?,
                spikes: spikes_out.then(|| dev.zeros(rows * steps, all)).transpose()?,
                goodness: dev.zeros(rows, 1)?,
            });
        }
        Ok(Self { slices, own, whole, inputs, shares: shape.shares })
    }

    /// Returns how many bytes this rank sends to each other one in the largest exchange.
    pub fn bytes(&self) -> usize {
        let exchanges = self.own.iter().flat_map(|own| [Some(&own.exchange), own.of_spikes.as_ref()]);
        exchanges.flatten().map(Exchange::bytes).max().unwrap_or(0)
    }

    /// Computes the current of the own units of layer `i`. Returns what came in.
    fn enter<'a>(
        &'a mut self,
        dev: &D,
        layers: &[Layer<D>],
        i: usize,
        input: Input<'a, D>,
    ) -> Result<Input<'a, D>> {
        let input = match i.checked_sub(1) {
            Some(below) => layers[i].receive(
                dev,
                &mut self.inputs[i],
                &self.whole[below],
                layers[below].units.steps(),
            )?,
            None => input,
        };
        layers[i].current(dev, &mut self.own[i].current, input)?;
        Ok(input)
    }

    /// Exchanges what the units of layer `i` passed on.
    fn exchange(&mut self, dev: &D, i: usize) -> Result<()> {
        let (own, whole) = (&mut self.own[i], &mut self.whole[i]);
        self.slices.gather(dev, &mut own.exchange, &mut whole.signal, &own.signal)?;
        match (&mut own.of_spikes, &mut whole.spikes, &own.spikes) {
            (Some(exchange), Some(whole), Some(own)) => self.slices.gather(dev, exchange, whole, own),
            _ => Ok(()),
        }
    }
}

impl<D: Device> Pass<D> for SlicePass<D> {
    fn answer(&mut self, dev: &D, layers: &[Layer<D>], i: usize, input: Input<D>) -> Result<()> {
        self.enter(dev, layers, i, input)?;
        let (Own { current, signal, spikes, .. }, layer) = (&mut self.own[i], &layers[i]);
        let (spikes, bias, units) = (spikes.as_mut(), layer.bias.as_ref(), &*layer.units);
        UnitsForward { signal, spikes, current, bias, units }.on(dev)?;
        self.exchange(dev, i)?;
        let Activity { goodness, signal, .. } = &mut self.whole[i];
        RowGoodness { goodness, signal, formula: &*layer.goodness }.on(dev)
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
        self.enter(dev, layers, i, input)?;
        let (first, all) = (self.slices.own(self.whole[i].signal.cols()).start, self.whole[i].signal.cols());
        let (Own { current, signal, spikes, .. }, layer) = (&mut self.own[i], &layers[i]);
        SliceSignals {
            signal,
            slope: &mut learning.dcurrent,
            spikes: spikes.as_mut(),
            current,
            bias: layer.bias.as_ref(),
            clock: lesson.clock,
            first,
            all,
            units: &*layer.units,
            dropout: lesson.dropout,
            formula: &*layer.goodness,
        }
        .on(dev)?;
        self.exchange(dev, i)?;
        let Activity { goodness, signal, .. } = &mut self.whole[i];
        SliceGrad {
            dcurrent: &mut learning.dcurrent,
            losses: lesson.losses,
            goodness,
            signal,
            clock: lesson.clock,
            first,
            formula: &*layers[i].goodness,
            objective: lesson.objective,
        }
        .on(dev)?;
        let rows = &self.inputs[i];
        let input = match (i, &self.whole[i.saturating_sub(1)].spikes) {
            (0, _) => input,
            (_, Some(_)) => Input::Train(rows),
            (_, None) => Input::Rows(rows),
        };
        layers[i].gradient(dev, learning, input)?;
        (lesson.reduce)(dev, &mut learning.gradients)?;
        layers[i].update(dev, learning, lesson)
    }

    fn goodness(&self, i: usize) -> &Tensor<D> {
        &self.whole[i].goodness
    }

    fn activity(&self, i: usize) -> Option<&Activity<D>> {
        self.whole.get(i)
    }

    fn activity_mut(&mut self, i: usize) -> Option<&mut Activity<D>> {
        self.whole.get_mut(i)
    }

    fn learning(
        &self,
        dev: &D,
        layers: &[Layer<D>],
        i: usize,
        optimiser: &dyn Optimiser,
    ) -> Result<Learning<D>> {
        let shares = if i == 0 { self.shares } else { 0 };
        Learning::new(dev, &layers[i], self.own[i].current.rows(), shares, optimiser)
    }
}
