//! This module records what happens inside a network's layers while they look at one image, step by step. The record is
//! there to be looked at, not to learn from.

use ff_tensor::{Device, UnitsForward, expect_shape};
use ndarray::Array2;

use crate::input::Images;
use crate::pass::{Purpose, Shape};
use crate::prediction::fetch;
use crate::{Error, Layer, Network, Result, upload};

/// The trace of one layer for one image and one label.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The membrane potential after each step, `[T, n]`.
    pub membranes: Array2<f32>,
    /// The spikes as ones and zeros, `[T, n]`.
    pub spikes: Array2<f32>,
}

/// Returns each layer's trace for `image` `[1, pixels]` with each of `labels`. The label that equals the number of classes
/// is the neutral one. The result is `[labels][layers]`. It is `None` for rectifiers, which have no membrane.
///
/// # Errors
/// Fails for an image of another size, a label beyond the neutral one, or a failing device.
pub fn trace<D: Device>(
    network: &Network<D>,
    image: &Array2<u8>,
    labels: &[u32],
) -> Result<Option<Vec<Vec<Trace>>>> {
    let (dev, copies, classes) = (&network.dev, labels.len(), network.classes);
    expect_shape("trace", "image", image.dim().into(), [1, network.pixels])?;
    network.expect_whole()?;
    network.check(network.pixels)?;
    if let Some(label) = labels.iter().find(|label| **label as usize > classes) {
        let reason = format!("is {classes}, so there is no label {label}");
        return Err(Error::Config { key: "classes", reason });
    }
    if !network.layers.iter().all(|layer| layer.units.spikes()) {
        return Ok(None);
    }
    if labels.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let units = network.layers[0].shape()[1];
    let mut images = Images::new(dev, 1, network.pixels, classes, units)?;
    let (set, truth, order) = (upload::images(dev, image.view())?, dev.zeros(1, 1)?, dev.upload(1, 1, &[0])?);
    fetch(network, &mut images, &set, &truth, &order, &dev.zeros(1, 2)?)?;
    let shape = Shape { rows: copies, train: false, shares: images.xhat.rows() };
    let mut pass = network.pass(shape, Purpose::Signals)?;
    network.forward(&mut *pass, &mut images, &dev.upload(copies, 1, labels)?)?;

    let mut traces = vec![Vec::new(); copies];
    for (i, layer) in network.layers.iter().enumerate() {
        let Some(activity) = pass.activity(i) else { continue };
        let current = dev.download(&activity.current)?;
        for (of_label, current) in traces.iter_mut().zip(current.chunks_exact(current.len() / copies)) {
            of_label.push(of_layer(dev, layer, current)?);
        }
    }
    Ok(Some(traces))
}

/// Returns the trace that follows from a layer's current, `[n]` or `[T, n]`.
fn of_layer<D: Device>(dev: &D, layer: &Layer<D>, current: &[f32]) -> Result<Trace> {
    let ([_, n], units) = (layer.shape(), &*layer.units);
    let (mut signal, mut spikes) = (dev.zeros(1, n)?, dev.zeros(units.steps(), n)?);
    let (bias, on_device) = (layer.bias.as_ref(), dev.upload(current.len() / n, n, current)?);
    UnitsForward { signal: &mut signal, spikes: Some(&mut spikes), current: &on_device, bias, units }
        .on(dev)?;
    let mut trains = Array2::zeros((units.steps(), n));
    trains.iter_mut().zip(dev.download(&spikes)?).for_each(|(to, spike)| *to = spike);
    let mut membranes = Array2::zeros((units.steps(), n));
    if let Some(membranes) = membranes.as_slice_mut() {
        let bias = bias.map(|bias| dev.download(bias)).transpose()?;
        units.membranes(membranes, current, bias.as_deref(), n);
    }
    Ok(Trace { membranes, spikes: trains })
}
