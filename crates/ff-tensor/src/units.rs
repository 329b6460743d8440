//! The units of a layer: any [`Neuron`], over rows of units and samples.

use crate::Formula;
use crate::lanes::{GROUP, Group, groups, load, store, vectorised};
use crate::neuron::{Neuron, Readout, Row, State, lane, set_lane};
use crate::scan::{passing, room, through_time, through_time_backwards, train};

/// Some samples of a layer: what its units do with their current.
pub struct Samples<'a> {
    /// Units of the layer.
    pub n: usize,
    /// `[R, n]`
    pub signal: &'a mut [f32],
    /// As the current: the signal's slope, where something learns.
    pub slope: Option<&'a mut [f32]>,
    /// `[R T, n]`: what is passed on in each step, where the next layer wants it.
    pub spikes: Option<&'a mut [f32]>,
    /// `[R, n]`, constant in time, or `[R T, n]`.
    pub current: &'a [f32],
    /// `[n]`
    pub bias: Option<&'a [f32]>,
    /// Whether the current has a row for each time step.
    pub in_time: bool,
}

/// Some samples of a layer, on the way back from what the units passed on to their current.
pub struct Backward<'a> {
    /// Units of the layer.
    pub n: usize,
    /// As the current: its gradient.
    pub dcurrent: &'a mut [f32],
    /// `[R T, n]`: the gradient of what was passed on in each step, or `[R, n]`: that of its mean.
    pub dpassed: &'a [f32],
    /// `[R, n]`, constant in time, or `[R T, n]`.
    pub current: &'a [f32],
    /// R
    pub rows: usize,
}

/// The units of a layer: any [`Neuron`], over rows.
pub trait Units: Formula {
    /// Time steps T.
    fn steps(&self) -> usize;

    /// Numbers of a unit's state.
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

    /// The time steps of some samples, on this thread. `kept` is scratch, which only grows.
    fn forward(&self, samples: &mut Samples, kept: &mut Vec<f32>);

    /// The way back through the time steps of some samples. The reset counts as a constant if `dstep` says so.
    fn backward(&self, samples: Backward, kept: &mut Vec<f32>);

    /// The membrane of one sample's units after each step, `[T, n]`: the first number of the state.
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
            (false, Some(spikes), slope) => passing(neuron, signal, slope, spikes, current, bias),
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

/// The gradient of what was passed on in step `t`, from its own row or from that of the mean.
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

/// A constant current: its gradient is a sum over the steps, which runs forwards with the trace.
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
