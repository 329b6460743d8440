//! This module leads from the signals of a layer to the gradient of the current of some of its units. It is the second half
//! of `local_grad`.
//!
//! ```text
//! g  = factor sum_i term(signal_i), over all units        L = objective(g+, g-)        dg = dL/dg
//! dI = dg factor dterm(signal) slope,  of the units from number first on
//! ```
//! The slope is kept in the memory that will hold the gradient.

use ff_tensor::{Goodness, Objective, objective};
use rayon::prelude::*;

use crate::block::BLOCK;
use crate::goodness::of_rows;

/// Some pairs. Of each two fields, the first one belongs to the positives.
pub(crate) struct Pairs<'a> {
    /// The slopes, and then the gradient.
    pub dcurrent: [&'a mut [f32]; 2],
    pub goodness: [&'a mut [f32]; 2],
    pub losses: &'a mut [f32],
    /// The signals of all units of the layer.
    pub signal: [&'a [f32]; 2],
}

/// The parameters that are the same for all pairs.
pub(crate) struct Grad<'a> {
    /// The number of the first unit whose gradient is computed.
    pub first: usize,
    /// The number of units of the whole layer.
    pub all: usize,
    /// The number of units whose gradient is computed.
    pub m: usize,
    pub batch: usize,
    /// How many rows a sample has in `dcurrent`.
    pub steps: usize,
    pub goodness: &'a dyn Goodness,
    pub objective: &'a dyn Objective,
}

/// See [`ff_tensor::SliceGrad`].
pub(crate) fn slice_grad(pairs: Pairs, grad: &Grad) {
    const COUNT: usize = BLOCK / 2;
    let &Grad { all, m, steps, goodness: formula, .. } = grad;
    let [dpositive, dnegative] = pairs.dcurrent.map(|rows| rows.par_chunks_mut(COUNT * steps * m));
    let [positive, negative] = pairs.signal.map(|rows| rows.par_chunks(COUNT * all));
    let [of_positive, of_negative] = pairs.goodness.map(|goodness| goodness.par_chunks_mut(COUNT));
    let rows = dpositive.zip(dnegative).zip(positive.zip(negative)).zip(of_positive.zip(of_negative));
    pairs.losses.par_chunks_mut(COUNT).zip(rows).for_each(|(losses, ((dcurrent, signal), goodness))| {
        let mut pairs =
            Pairs { dcurrent: dcurrent.into(), goodness: goodness.into(), losses, signal: signal.into() };
        for (goodness, signal) in pairs.goodness.iter_mut().zip(pairs.signal) {
            of_rows(goodness, signal, all, formula);
        }
        from_goodness(pairs, grad);
    });
}

/// Computes the losses and the gradient of some pairs whose goodness is known, on this thread.
pub(crate) fn from_goodness(mut pairs: Pairs, grad: &Grad) {
    let &Grad { first, all, m, goodness: formula, .. } = grad;
    let (factor, size) = (formula.factor(all), grad.steps * m);
    for (i, loss) in pairs.losses.iter_mut().enumerate() {
        let [positive, negative] = pairs.goodness.each_ref().map(|goodness| goodness[i]);
        let pair = objective::share_of_batch(grad.objective, positive, negative, grad.batch);
        *loss = pair.loss;
        let rows = pairs.dcurrent.iter_mut().zip(pairs.signal);
        for ((dcurrent, signal), dgoodness) in rows.zip([pair.dpositive, pair.dnegative]) {
            let own = &signal[i * all + first..][..m];
            formula.to_current(&mut dcurrent[i * size..][..size], own, dgoodness * factor);
        }
    }
}
