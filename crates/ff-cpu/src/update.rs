//! A step of an optimiser, in parallel over the weights. What it does to a weight is its formula's own business.

use ff_tensor::Optimiser;
use ff_tensor::optimiser::MOST_MOMENTS;
use rayon::prelude::*;

/// Weights that one task takes at a time: with Adam four streams of 16 KiB, within a core's own cache.
const CHUNK: usize = 4096;

/// See [`ff_tensor::Update`]. `step` is the clock's; a moment that the optimiser does not have is empty.
pub(crate) fn update(
    weight: &mut [f32],
    [first, second]: [&mut [f32]; MOST_MOMENTS],
    gradient: &[f32],
    step: u32,
    optimiser: &dyn Optimiser,
) {
    let parts = weight.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
    let change = |weight: &mut [f32], moments, gradient: &[f32]| {
        optimiser.update_all(step, weight, moments, gradient);
    };
    match (first.is_empty(), second.is_empty()) {
        (true, _) => parts.for_each(|(weight, gradient)| change(weight, [&mut [], &mut []], gradient)),
        (false, true) => parts
            .zip(first.par_chunks_mut(CHUNK))
            .for_each(|((weight, gradient), first)| change(weight, [first, &mut []], gradient)),
        (false, false) => parts
            .zip(first.par_chunks_mut(CHUNK))
            .zip(second.par_chunks_mut(CHUNK))
            .for_each(|(((weight, gradient), first), second)| change(weight, [first, second], gradient)),
    }
}
