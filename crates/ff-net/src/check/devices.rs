//! This module holds one device against another, with a user's formulas.

use ff_tensor::{
    Device, Dropout, Goodness, LocalGrad, Objective, Optimiser, Tensor, Units, UnitsForward, Update,
};

use super::point;

/// Checks that a device computes the same as another one with these formulas. It compares signals, spikes, goodness,
/// losses and gradients of a layer with random currents, both constant and step by step, and some steps of the
/// optimiser. This is how CUDA text is compared with its Rust.
///
/// # Errors
/// The message says what differs first, and by how much; or what a device says.
pub fn devices<D: Device, R: Device>(
    dev: &D,
    reference: &R,
    units: &dyn Units,
    goodness: &dyn Goodness,
    objective: &dyn Objective,
    optimiser: &dyn Optimiser,
) -> Result<(), String> {
    let ours = everything(dev, units, goodness, objective, optimiser).map_err(|e| e.to_string())?;
    let theirs = everything(reference, units, goodness, objective, optimiser).map_err(|e| e.to_string())?;
    for ((name, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
            let close = (a - b).abs() <= 1e-5 * b.abs().max(1e-3) || (a.is_nan() && b.is_nan());
            if !close {
                return Err(format!(
                    "{name}: number {i} is {a} on {}, but {b} on {}",
                    dev.name(),
                    reference.name()
                ));
            }
        }
    }
    Ok(())
}

type Named = Vec<(&'static str, Vec<f32>)>;

/// Returns everything that a device computes of these formulas.
fn everything<D: Device>(
    dev: &D,
    units: &dyn Units,
    formula: &dyn Goodness,
    objective: &dyn Objective,
    optimiser: &dyn Optimiser,
) -> ff_tensor::Result<Named> {
    let (pairs, n, steps) = (3, 37, units.steps());
    let draw = |rows: usize, stream| -> Vec<f32> {
        (0..rows * n).map(|i| point(stream, i as u64, -1.0, 5.0)).collect()
    };
    let mut all = Named::new();
    for (rows, passes) in [(2 * pairs, false), (2 * pairs, true), (2 * pairs * steps, true)] {
        let current = dev.upload(rows, n, &draw(rows, 6))?;
        let (mut signal, mut goodness) = (dev.zeros(2 * pairs, n)?, dev.zeros(2 * pairs, 1)?);
        let (mut dcurrent, mut losses) = (dev.zeros(rows, n)?, dev.zeros(pairs, 1)?);
        let mut spikes = passes.then(|| dev.zeros(2 * pairs * steps, n)).transpose()?;
        let (clock, bias) = (dev.zeros(1, 2)?, dev.upload(1, n, &draw(1, 7))?);
        let (spikes_out, bias) = (spikes.as_mut(), Some(&bias));
        UnitsForward { signal: &mut signal, spikes: spikes_out, current: &current, bias, units }.on(dev)?;
        all.push(("signals", dev.download(&signal)?));
        LocalGrad {
            dcurrent: &mut dcurrent,
            losses: &mut losses,
            signal: &mut signal,
            spikes: spikes.as_mut(),
            goodness: &mut goodness,
            current: &current,
            bias,
            clock: &clock,
            units,
            dropout: Dropout::NONE,
            formula,
            objective,
        }
        .on(dev)?;
        let tensors = [("goodness", &goodness), ("losses", &losses), ("gradients", &dcurrent)];
        for (name, tensor) in tensors.into_iter().chain(spikes.as_ref().map(|spikes| ("spikes", spikes))) {
            all.push((name, dev.download(tensor)?));
        }
    }
    all.push(("weights", updated(dev, optimiser, n, &draw(5, 8))?));
    Ok(all)
}

/// Returns the weights after some steps of an optimiser.
fn updated<D: Device>(
    dev: &D,
    optimiser: &dyn Optimiser,
    n: usize,
    gradients: &[f32],
) -> ff_tensor::Result<Vec<f32>> {
    let mut weight = dev.zeros(1, n)?;
    let moments = optimiser.moments().iter().map(|_| dev.zeros(1, n));
    let mut moments: Vec<Tensor<D>> = moments.collect::<ff_tensor::Result<_>>()?;
    for (step, gradient) in (0u32..).zip(gradients.chunks_exact(n)) {
        let (gradient, clock) = (dev.upload(1, n, gradient)?, dev.upload(1, 2, &[step, 0])?);
        Update { weight: &mut weight, moments: &mut moments, gradient: &gradient, clock: &clock, optimiser }
            .on(dev)?;
    }
    dev.download(&weight)
}
