//! This module runs the units of a layer. They can be any [`Neuron`], and the data are rows of units and samples.

use crate::Formula;
use crate::lanes::{GROUP, Group, groups, load, store, vectorised};
use crate::neuron::{Neuron, Readout, Row, State, lane, set_lane};
use crate::scan::{passing, room, through_time, through_time_backwards, train};

/// Some samples of a layer, for the forward pass from the current to the signal.
pub struct Samples<'a> {
    /// The number of units of the layer.
    pub n: usize,
    /// `[R, n]`
    pub signal: &'a mut [f32],
    /// The signal's slope, in the shape of the current. It is present only if something learns.
    pub slope: Option<&'a mut [f32]>,
    /// `[R T, n]`: the units' output in each step. It is present only if the next layer needs it.
    pub spikes: Option<&'a mut [f32]>,
    /// `[R, n]` if it is constant in time, otherwise `[R T, n]`.
    pub current: &'a [f32],
    /// `[n]`
    pub bias: Option<&'a [f32]>,
    /// Says whether the current has a row for each time step.
    pub in_time: bool,
}

/// Some samples of a layer, for the backward pass from the units' output to their current.
pub struct Backward<'a> {
    /// The number of units of the layer.
    pub n: usize,
    /// The gradient of the current, in the current's shape.
    pub dcurrent: &'a mut [f32],
    /// `[R T, n]`: the gradient of the output in each step. Or `[R, n]`: the gradient of the output's mean.
    pub dpassed: &'a [f32],
    /// `[R, n]` if it is constant in time, otherwise `[R T, n]`.
    pub current: &'a [f32],
    /// The number of rows R.
    pub rows: usize,
}

/// The units of a layer. They can be any [`Neuron`], and they work on rows.
pub trait Units: Formula {
    /// Returns the number of time steps T.
    fn steps(&self) -> usize;

    /// Returns how many numbers a unit's state has.
    fn states(&self) -> usize;

    /// See [`Neuron::readout`].
    fn readout(&self) -> Readout;

    /// See [`Neuron::is_linear`].
    fn is_linear(&self) -> bool;

    /// See [`Neuron::spikes`].
    fn spikes(&self) -> bool;

    /// See [`Neuron::validate`].
    ///
    /// # Errors
    /// One sentence.
    fn validate(&self) -> Result<(), String>;

    /// Runs some samples through all time steps, on this thread. `kept` is a scratch buffer that only grows.
    fn forward(&self, samples: &mut Samples, kept: &mut Vec<f32>);

    /// Goes back through the time steps of some samples. The reset counts as a constant if `dstep` says so.
    fn backward(&self, samples: Backward, kept: &mut Vec<f32>);

    /// Computes the membrane of one sample's units after each step, `[T, n]`. The membrane is the first number of the
    /// state.
    fn membranes(&self, membranes: &mut [f32], current: &[f32], bias: Option<&[f32]>, n: usize);
}

impl<N: Neuron> Units for N {
    fn steps(&self) -> usize {
        Neuron::steps(self)
    }

    fn states(&self) -> usize {
        N::State::LEN
    }

    fn readout(&self) -> Readout {
        Neuron::readout(self)
    }

    fn is_linear(&self) -> bool {
        Neuron::is_linear(self)
    }

    fn spikes(&self) -> bool {
        Neuron::spikes(self)
    }

    fn validate(&self) -> Result<(), String> {
        Neuron::validate(self)
    }

    fn forward(&self, samples: &mut Samples, kept: &mut Vec<f32>) {
        vectorised(
            #[inline(always)]
            || forward(self, samples, kept),
        );
    }

    fn backward(&self, samples: Backward, kept: &mut Vec<f32>) {
        let mut samples = samples;
        vectorised(
            #[inline(always)]
            || backward(self, &mut samples, kept),
        );
    }

    fn membranes(&self, membranes: &mut [f32], current: &[f32], bias: Option<&[f32]>, n: usize) {
        for j in 0..n {
            let mut state = N::State::ZERO;
            for (t, row) in membranes.chunks_exact_mut(n).enumerate() {
                let now = if current.len() == n { current[j] } else { current[t * n + j] };
                state = self.step(state, now + bias.map_or(0.0, |bias| bias[j]));
                row[j] = state.as_ref()[0];
            }
        }
    }
}

#[inline(always)]
fn forward<N: Neuron>(neuron: &N, samples: &mut Samples, kept: &mut Vec<f32>) {
    let (n, steps) = (samples.n, Neuron::steps(neuron));
    let size = if samples.in_time { n * steps } else { n };
    for (r, signal) in samples.signal.chunks_exact_mut(n.max(1)).enumerate() {
        let current = &samples.current[r * size..][..size];
        let slope = samples.slope.as_mut().map(|slope| &mut slope[r * size..][..size]);
        let spikes = samples.spikes.as_mut().map(|spikes| &mut spikes[r * n * steps..][..n * steps]);
        let bias = samples.bias;
        match (samples.in_time, spikes, slope) {
            (false, None, None) => neuron.constant::<false>(Row { signal, slope: &mut [], current, bias }),
            (false, None, Some(slope)) => neuron.constant::<true>(Row { signal, slope, current, bias }),
            (false, Some(spikes), None) => {
                passing::<N, false>(neuron, Row { signal, slope: &mut [], current, bias }, spikes);
            }
            (false, Some(spikes), Some(slope)) => {
                passing::<N, true>(neuron, Row { signal, slope, current, bias }, spikes);
            }
            (true, spikes, slope) => train(neuron, signal, slope, spikes, current, bias, kept),
        }
    }
}

#[inline(always)]
fn backward<N: Neuron>(neuron: &N, samples: &mut Backward, kept: &mut Vec<f32>) {
    let (n, steps, rows) = (samples.n, Neuron::steps(neuron), samples.rows);
    let size = |numbers: usize| if rows == 0 || numbers == rows * n { n } else { n * steps };
    let [of_current, of_passed] = [samples.current.len(), samples.dpassed.len()].map(size);
    for (r, dcurrent) in samples.dcurrent.chunks_exact_mut(of_current.max(1)).enumerate() {
        let current = &samples.current[r * of_current..][..of_current];
        let dpassed = &samples.dpassed[r * of_passed..][..of_passed];
        for at in groups(n) {
            let own = |t: usize| dpassed_at(dpassed, n, steps, t, at);
            match of_current > n {
                true => backward_train(neuron, dcurrent, current, own, n, at, kept),
                false => store(dcurrent, at, &backward_constant(neuron, &load(current, at), own)),
            }
        }
    }
}

/// Returns the gradient of the output in step `t`, from its own row or from the row of the mean.
#[inline(always)]
fn dpassed_at(dpassed: &[f32], n: usize, steps: usize, t: usize, at: usize) -> Group {
    if dpassed.len() > n {
        return load(&dpassed[t * n..][..n], at);
    }
    let (mut share, per_step) = (load(dpassed, at), 1.0 / steps as f32);
    for x in &mut share {
        *x *= per_step;
    }
    share
}

/// Goes back to a constant current. Its gradient is a sum over the steps, which the code computes forwards with the
/// trace.
#[inline(always)]
fn backward_constant<N: Neuron>(neuron: &N, current: &Group, dpassed: impl Fn(usize) -> Group) -> Group {
    let (mut state, mut trace) = (N::State::SIDE, N::State::SIDE);
    let mut sum = [0.0; GROUP];
    for t in 0..Neuron::steps(neuron) {
        let dpassed = dpassed(t);
        for k in 0..GROUP {
            let before = lane::<N::State>(&state, k);
            let after = neuron.step(before, current[k]);
            let d = neuron.dstep(before, after, lane(&trace, k), 1.0);
            sum[k] += neuron.dspike(after, d) * dpassed[k];
            set_lane(&mut trace, k, d);
            set_lane(&mut state, k, after);
        }
    }
    sum
}

#[inline(always)]
fn backward_train<N: Neuron>(
    neuron: &N,
    dcurrent: &mut [f32],
    current: &[f32],
    dpassed: impl Fn(usize) -> Group,
    n: usize,
    at: usize,
    kept: &mut Vec<f32>,
) {
    let steps = Neuron::steps(neuron);
    let kept = room(kept, (steps + 1) * N::State::LEN * GROUP);
    through_time(
        neuron,
        kept,
        steps,
        #[inline(always)]
        |t| load(&current[t * n..][..n], at),
        #[inline(always)]
        |_, _| (),
    );
    through_time_backwards(
        neuron,
        kept,
        steps,
        dpassed,
        0.0,
        #[inline(always)]
        |t, d| store(&mut dcurrent[t * n..][..n], at, d),
    );
}
