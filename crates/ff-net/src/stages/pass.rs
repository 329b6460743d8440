//! A pass through the layers of a stage.

use std::ops::Range;
use std::sync::Arc;

use ff_tensor::{Device, Optimiser, Pack, Packing, Result, Tensor, Unpack};

use super::Stage;
use crate::input::Input;
use crate::layer::{Activity, Learning, Lesson};
use crate::pass::{Pass, Shape};
use crate::transport::Transport;
use crate::{Config, Layer};

/// A pass through the layers of this rank. It fetches from the rank below what that rank's last layer passes on, and hands
/// on to the rank above what its own last layer does.
pub(crate) struct StagePass<D: Device> {
    inner: Box<dyn Pass<D>>,
    stage: Arc<Stage>,
    transport: Arc<dyn Transport<D>>,
    /// What comes in and what goes out, as bytes.
    parcels: [Option<Parcel<D>>; 2],
}

/// What a layer passes on, as bytes.
struct Parcel<D: Device> {
    packing: Packing,
    bytes: Tensor<D, u8>,
}

impl<D: Device> Parcel<D> {
    /// Makes the buffer for what layer `i` passes on in `pass`.
    fn new(dev: &D, layers: &[Layer<D>], pass: &dyn Pass<D>, i: usize) -> Result<Option<Self>> {
        let Some(activity) = pass.activity(i) else { return Ok(None) };
        let packing = Packing::of(&*layers[i].units, activity.spikes.is_some());
        let [rows, n] = passed_on(activity).shape();
        Ok(Some(Self { packing, bytes: dev.zeros(1, rows * n * packing.width())? }))
    }
}

/// Returns what a layer passes on: its spikes in each step, or its signals.
fn passed_on<D: Device>(activity: &Activity<D>) -> &Tensor<D> {
    activity.spikes.as_ref().unwrap_or(&activity.signal)
}

impl<D: Device> StagePass<D> {
    pub fn new(
        dev: &D,
        config: &Config,
        layers: &[Layer<D>],
        mut inner: Box<dyn Pass<D>>,
        shape: Shape,
        stage: Arc<Stage>,
        transport: Arc<dyn Transport<D>>,
    ) -> Result<Self> {
        let Range { start, end } = stage.own;
        // This rank has no units of the layer below its own, but gets what all of them pass on.
        if let Some(below) = start.checked_sub(1)
            && let Some(activity) = inner.activity_mut(below)
        {
            let (all, rows, steps) = (config.layers[below], shape.rows, layers[below].units.steps());
            activity.signal = dev.zeros(rows, all)?;
            if let Some(spikes) = &mut activity.spikes {
                *spikes = dev.zeros(rows * steps, all)?;
            }
        }
        let parcel = |other: Option<usize>, i| {
            other.map(|_| Parcel::new(dev, layers, &*inner, i)).transpose().map(Option::flatten)
        };
        let parcels = [parcel(stage.below(), start.wrapping_sub(1))?, parcel(stage.above(), end - 1)?];
        Ok(Self { inner, stage, transport, parcels })
    }

    /// Returns how many bytes leave this rank in a pass.
    pub fn bytes(&self) -> usize {
        self.parcels[1].as_ref().map_or(0, |parcel| parcel.bytes.cols())
    }

    /// Fetches what the layer below this rank's first layer passes on.
    fn fetch(&mut self, dev: &D, i: usize) -> Result<()> {
        let Some(below) = self.stage.below().filter(|_| i == self.stage.own.start) else { return Ok(()) };
        let (Some(activity), Some(parcel)) = (self.inner.activity_mut(i - 1), &mut self.parcels[0]) else {
            return Ok(());
        };
        let (bytes, packing) = (&mut parcel.bytes, parcel.packing);
        self.stage.timed(|| self.transport.receive(dev, below, bytes))?;
        let numbers = activity.spikes.as_mut().unwrap_or(&mut activity.signal);
        Unpack { numbers, bytes, slices: 1, packing }.on(dev)
    }

    /// Hands on what this rank's last layer passes on.
    fn hand_on(&mut self, dev: &D, i: usize) -> Result<()> {
        let Some(above) = self.stage.passes_on(i) else { return Ok(()) };
        let (Some(activity), Some(parcel)) = (self.inner.activity(i), &mut self.parcels[1]) else {
            return Ok(());
        };
        let (bytes, packing) = (&mut parcel.bytes, parcel.packing);
        Pack { bytes, numbers: passed_on(activity), packing }.on(dev)?;
        self.transport.send(dev, above, bytes)
    }
}

impl<D: Device> Pass<D> for StagePass<D> {
    fn answer(&mut self, dev: &D, layers: &[Layer<D>], i: usize, input: Input<D>) -> Result<()> {
        if !self.stage.own.contains(&i) {
            return Ok(());
        }
        self.fetch(dev, i)?;
        self.inner.answer(dev, layers, i, input)?;
        self.hand_on(dev, i)
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
        if !self.stage.own.contains(&i) {
            return Ok(());
        }
        self.fetch(dev, i)?;
        self.inner.learn(dev, layers, i, input, learning, lesson)?;
        self.hand_on(dev, i)
    }

    fn goodness(&self, i: usize) -> &Tensor<D> {
        self.inner.goodness(i)
    }

    fn activity(&self, i: usize) -> Option<&Activity<D>> {
        self.inner.activity(i).filter(|_| self.stage.own.contains(&i))
    }

    fn activity_mut(&mut self, i: usize) -> Option<&mut Activity<D>> {
        self.inner.activity_mut(i)
    }

    fn learning(
        &self,
        dev: &D,
        layers: &[Layer<D>],
        i: usize,
        optimiser: &dyn Optimiser,
    ) -> Result<Learning<D>> {
        self.inner.learning(dev, layers, i, optimiser)
    }
}
