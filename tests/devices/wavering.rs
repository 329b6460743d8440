//! Units that give another number of time steps each time they are asked. A kernel must not believe them: what it writes
//! step by step has as many rows as the check has found.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ff_cuda::Cuda;
use ff_tensor::{
    Device, Dropout, Formula, LocalGrad, Neuron, Numbers, Readout, SliceSignals, UnitsBackward, UnitsForward,
    random,
};

use crate::bits;
use crate::formulas::{Adaptive, Margin, MeanSignal};
use crate::own::adaptive;
use crate::shim::{Schedule, Shim};

const STEPS: usize = 3;

/// [`STEPS`] when asked for the first time, and 60 ever after.
#[derive(Debug, Clone)]
struct Wavering {
    unit: Adaptive,
    asked: Arc<AtomicUsize>,
}

impl Neuron for Wavering {
    type State = [f32; 2];

    fn steps(&self) -> usize {
        if self.asked.fetch_add(1, Ordering::Relaxed) == 0 { STEPS } else { 60 }
    }

    fn step(&self, state: [f32; 2], current: f32) -> [f32; 2] {
        self.unit.step(state, current)
    }

    fn spike(&self, state: [f32; 2]) -> f32 {
        self.unit.spike(state)
    }

    fn dstep(&self, before: [f32; 2], after: [f32; 2], d: [f32; 2], dcurrent: f32) -> [f32; 2] {
        self.unit.dstep(before, after, d, dcurrent)
    }

    fn dspike(&self, state: [f32; 2], d: [f32; 2]) -> f32 {
        self.unit.dspike(state, d)
    }
}

impl Formula for Wavering {
    fn numbers(&self) -> Numbers {
        self.unit.numbers()
    }

    fn cuda(&self) -> &'static [&'static str] {
        self.unit.cuda()
    }
}

fn ask<N: Neuron>(dev: &Cuda, units: impl Fn() -> N) -> Vec<Vec<u32>> {
    const MARGIN: Margin = Margin { margin: 0.3, alpha: 2.5 };
    let (rows, n) = (4, 5);
    let values = |rows: usize, stream| -> Vec<f32> {
        (0..rows * n).map(|i| 2.0 * random::uniform(stream, i as u64)).collect()
    };
    let mut got = Vec::new();
    for (rows_in, spikes_out) in [(rows, true), (rows * STEPS, false), (rows * STEPS, true)] {
        let current = dev.upload(rows_in, n, &values(rows_in, 1)).unwrap();
        let mut signal = dev.zeros(rows, n).unwrap();
        let mut spikes = spikes_out.then(|| dev.zeros(rows * STEPS, n).unwrap());
        UnitsForward {
            signal: &mut signal,
            spikes: spikes.as_mut(),
            current: &current,
            bias: None,
            units: &units(),
        }
        .on(dev)
        .unwrap();
        got.push(signal);
        let (mut signal, mut dcurrent) = (dev.zeros(rows, n).unwrap(), dev.zeros(rows_in, n).unwrap());
        LocalGrad {
            dcurrent: &mut dcurrent,
            losses: &mut dev.zeros(rows / 2, 1).unwrap(),
            signal: &mut signal,
            spikes: spikes.as_mut(),
            goodness: &mut dev.zeros(rows, 1).unwrap(),
            current: &current,
            bias: None,
            clock: &dev.zeros(1, 2).unwrap(),
            units: &units(),
            dropout: Dropout::NONE,
            formula: &MeanSignal,
            objective: &MARGIN,
        }
        .on(dev)
        .unwrap();
        got.extend([signal, dcurrent]);
        let (mut signal, mut slope) = (dev.zeros(rows, n).unwrap(), dev.zeros(rows_in, n).unwrap());
        let mut of_slice = spikes_out.then(|| dev.zeros(rows * STEPS, n).unwrap());
        SliceSignals {
            signal: &mut signal,
            slope: &mut slope,
            spikes: of_slice.as_mut(),
            current: &current,
            bias: None,
            clock: &dev.zeros(1, 2).unwrap(),
            first: 2,
            all: n + 3,
            units: &units(),
            dropout: Dropout::NONE,
            formula: &MeanSignal,
        }
        .on(dev)
        .unwrap();
        got.extend([signal, slope]);
        got.extend(spikes);
        got.extend(of_slice);
    }
    for (rows_in, rows_passed) in [(rows, rows * STEPS), (rows * STEPS, rows), (rows * STEPS, rows * STEPS)] {
        let current = dev.upload(rows_in, n, &values(rows_in, 2)).unwrap();
        let dpassed = dev.upload(rows_passed, n, &values(rows_passed, 3)).unwrap();
        let mut dcurrent = dev.zeros(rows_in, n).unwrap();
        let (dcurrent_out, dpassed, units) = (&mut dcurrent, &dpassed, &units());
        UnitsBackward { dcurrent: dcurrent_out, dpassed, current: &current, rows, units }.on(dev).unwrap();
        got.push(dcurrent);
    }
    got.iter().map(|tensor| bits(&dev.download(tensor).unwrap())).collect()
}

#[test]
fn shim_takes_the_time_steps_from_the_tensors_and_not_from_units_that_waver() {
    let (dev, unit) = (Shim::device(Schedule::Forward), adaptive(STEPS, Readout::Rate));
    let wavering = || Wavering { unit: unit.clone(), asked: Arc::default() };
    assert_eq!(ask(&dev, wavering), ask(&dev, || unit.clone()));
}
