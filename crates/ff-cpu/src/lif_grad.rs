//! From what the units passed on back to their current, for backpropagation (through time).
//!
//! ```text
//! dI_t = S'(mem_t - threshold) dspk_t + beta keep_{t+1} dI_{t+1},     dI_{T+1} = 0     a current per step
//! dI   = sum_t S'(mem_t - threshold) dspk_t a_t                                        a constant current
//! dI   = dsignal [I > 0]                                                               relu
//! ```
//! `keep`, the trace `a_t` and the reset that counts as a constant are those of `lif.rs`. The sum over `a_t` is that of all
//! `dI_t` of the first line, which runs forwards and so has no membrane to keep. Where the rate was passed on,
//! `dspk_t = dsignal / T`.
//!
//! Membranes are computed anew from the current: that takes less time than to write them down and to read them.

use ff_tensor::{Neuron, NeuronKind, Surrogate};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::lanes::{arch, put, vector};
use crate::lif::State;
use crate::surrogate::{Atan, Boxcar, Derivative, FastSigmoid, Triangle};

/// See [`ff_tensor::Device::lif_grad`]. `n` units; `steps` rows per row of current and of what was passed on.
pub(crate) fn lif_grad(
    dcurrent: &mut [f32],
    dpassed: &[f32],
    current: &[f32],
    n: usize,
    steps: [usize; 2],
    p: &Neuron,
) {
    let sizes = steps.map(|steps| n * steps);
    dcurrent
        .par_chunks_exact_mut(sizes[0])
        .zip(current.par_chunks_exact(sizes[0]))
        .zip(dpassed.par_chunks_exact(sizes[1]))
        .with_min_len(4)
        .for_each(|((dcurrent, current), dpassed)| {
            arch().dispatch(Row { dcurrent, dpassed, current, n, p });
        });
}

/// One sample's units.
struct Row<'a> {
    dcurrent: &'a mut [f32],
    dpassed: &'a [f32],
    current: &'a [f32],
    n: usize,
    p: &'a Neuron,
}

impl WithSimd for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (self.p.kind, self.p.surrogate) {
            (NeuronKind::Relu, _) => self.relu(simd),
            (_, Surrogate::Atan) => self.scan::<S, Atan>(simd),
            (_, Surrogate::FastSigmoid) => self.scan::<S, FastSigmoid>(simd),
            (_, Surrogate::Triangle) => self.scan::<S, Triangle>(simd),
            (_, Surrogate::Boxcar) => self.scan::<S, Boxcar>(simd),
            (_, Surrogate::Secant) => {
                panic!("a secant stands in for the rate's derivative, not for a spike's")
            }
        }
    }
}

impl Row<'_> {
    #[inline(always)]
    fn relu<S: Simd>(self, simd: S) {
        let zero = simd.splat_f32s(0.0);
        for at in (0..self.n).step_by(S::F32_LANES) {
            let open = simd.greater_than_f32s(vector(simd, self.current, at), zero);
            put(simd, self.dcurrent, at, simd.select_f32s(open, vector(simd, self.dpassed, at), zero));
        }
    }

    #[inline(always)]
    fn scan<S: Simd, D: Derivative>(mut self, simd: S) {
        for at in (0..self.n).step_by(S::F32_LANES) {
            if self.current.len() > self.n {
                self.train::<S, D>(simd, at);
            } else {
                self.constant::<S, D>(simd, at);
            }
        }
    }

    /// Units with a constant current: the trace runs along.
    #[inline(always)]
    fn constant<S: Simd, D: Derivative>(&mut self, simd: S, at: usize) {
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        let current = vector(simd, self.current, at);
        let mut state = State::rest(simd);
        let (mut trace, mut sum) = (zero, zero);
        for t in 0..self.p.steps {
            trace = simd.add_f32s(state.faded(simd, trace, self.p), one);
            state.step(simd, current, self.p);
            sum = simd.add_f32s(sum, simd.mul_f32s(self.own::<S, D>(simd, state.mem, t, at), trace));
        }
        put(simd, self.dcurrent, at, sum);
    }

    /// Units with a current per step: forwards for the membranes, which are kept in `dcurrent`, then backwards.
    #[inline(always)]
    fn train<S: Simd, D: Derivative>(&mut self, simd: S, at: usize) {
        let (n, p) = (self.n, self.p);
        let mut state = State::rest(simd);
        for t in 0..p.steps {
            state.step(simd, vector(simd, &self.current[t * n..][..n], at), p);
            put(simd, &mut self.dcurrent[t * n..][..n], at, state.mem);
        }
        let threshold = simd.splat_f32s(p.threshold);
        // What comes back from step t + 1.
        let mut later = simd.splat_f32s(0.0);
        for t in (0..p.steps).rev() {
            let mem = vector(simd, &self.dcurrent[t * n..][..n], at);
            let state = State { mem, spk: simd.greater_than_f32s(mem, threshold) };
            later = simd.add_f32s(self.own::<S, D>(simd, mem, t, at), state.faded(simd, later, p));
            put(simd, &mut self.dcurrent[t * n..][..n], at, later);
        }
    }

    /// A step's own share: `S'(mem_t - threshold) dspk_t`.
    #[inline(always)]
    fn own<S: Simd, D: Derivative>(&self, simd: S, mem: S::f32s, t: usize, at: usize) -> S::f32s {
        let near = D::at(simd, simd.sub_f32s(mem, simd.splat_f32s(self.p.threshold)));
        let dspike = if self.dpassed.len() > self.n {
            vector(simd, &self.dpassed[t * self.n..][..self.n], at)
        } else {
            let per_step = simd.splat_f32s(1.0 / self.p.steps as f32);
            simd.mul_f32s(per_step, vector(simd, self.dpassed, at))
        };
        simd.mul_f32s(near, dspike)
    }
}
