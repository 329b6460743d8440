//! How long each layer takes in a training step. A cut of the layers among ranks follows from it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ff_tensor::{Advance, Device, Optimiser, Result, Tensor};

use super::Trainer;
use crate::Layer;
use crate::input::Input;
use crate::layer::{Activity, Learning, Lesson};
use crate::pass::Pass;

/// The seconds of each layer in the step that is under way.
struct Clock {
    last: Instant,
    seconds: Vec<f64>,
}

/// A pass that also measures.
struct Timed<D: Device> {
    inner: Box<dyn Pass<D>>,
    clock: Arc<Mutex<Clock>>,
}

impl<D: Device> Trainer<D> {
    /// Trains for an epoch and returns the seconds that each layer takes in a step: the median over the steps after the first
    /// `warm_up`. To fetch a batch and to draw its negatives is the first layer's work. What a head learns counts for the layer
    /// that comes next, after the last one for the first.
    ///
    /// # Errors
    /// As [`epoch`](Self::epoch).
    pub fn layer_seconds(mut self, warm_up: usize) -> crate::Result<Vec<f64>> {
        let seconds = vec![0.0; self.network.layers.len()];
        let clock = Arc::new(Mutex::new(Clock { last: Instant::now(), seconds }));
        let timed = |inner| Box::new(Timed { inner, clock: clock.clone() });
        self.pass = timed(self.pass);
        self.heads = self.heads.map(|mut heads| {
            heads.pass = timed(heads.pass);
            heads
        });
        let dev = self.network.dev.clone();
        self.source.pairs_mut().begin(&dev, self.network.config.seed, 0)?;
        let mut steps = Vec::new();
        // A device that records a step and repeats it cannot say how long a part of it takes.
        for _ in 0..self.batches() {
            lock(&clock).last = Instant::now();
            self.step(self.turn())?;
            Advance { clock: &mut self.clock }.on(&dev)?;
            let mut clock = lock(&clock);
            let layers = clock.seconds.len();
            steps.push(std::mem::replace(&mut clock.seconds, vec![0.0; layers]));
        }
        let steps = steps.split_off(warm_up.min(steps.len().saturating_sub(1)));
        let median = |i: usize| {
            let mut of_layer: Vec<f64> = steps.iter().map(|step| step[i]).collect();
            of_layer.sort_by(f64::total_cmp);
            of_layer[of_layer.len() / 2]
        };
        Ok((0..self.network.layers.len()).map(median).collect())
    }
}

fn lock(clock: &Mutex<Clock>) -> MutexGuard<'_, Clock> {
    clock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<D: Device> Timed<D> {
    /// Adds the time since the last layer to layer `i`.
    fn passed(&self, dev: &D, i: usize) -> Result<()> {
        dev.synchronise()?;
        let mut clock = lock(&self.clock);
        let now = Instant::now();
        let seconds = (now - clock.last).as_secs_f64();
        clock.last = now;
        clock.seconds.iter_mut().skip(i).take(1).for_each(|of_layer| *of_layer += seconds);
        Ok(())
    }
}

impl<D: Device> Pass<D> for Timed<D> {
    fn answer(&mut self, dev: &D, layers: &[Layer<D>], i: usize, input: Input<D>) -> Result<()> {
        self.inner.answer(dev, layers, i, input)?;
        self.passed(dev, i)
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
        self.inner.learn(dev, layers, i, input, learning, lesson)?;
        self.passed(dev, i)
    }

    fn goodness(&self, i: usize) -> &Tensor<D> {
        self.inner.goodness(i)
    }

    fn activity(&self, i: usize) -> Option<&Activity<D>> {
        self.inner.activity(i)
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
