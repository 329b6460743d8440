//! What goes on inside a network's layers while they look at one image, step by step: to be looked at, not to learn from.

use ff_tensor::{Device, Neuron, NeuronKind, Output, Tensor, expect_shape};
use ndarray::Array2;

use crate::layer::{Images, Layer};
use crate::{Network, Purpose, Result, upload};

/// One layer, one image, one label.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Membrane potential after each step, `[T, n]`.
    pub membranes: Array2<f32>,
    /// Ones and zeros, `[T, n]`.
    pub spikes: Array2<f32>,
}

/// Each layer's trace for `image` `[1, pixels]` with each of `labels`, which are below the number of classes:
/// `[labels][layers]`. `None` for rectifiers, which have no membrane.
///
/// # Errors
/// An image of another size, or a failing device.
pub fn trace<D: Device>(
    network: &Network<D>,
    image: &Array2<u8>,
    labels: &[u32],
) -> Result<Option<Vec<Vec<Trace>>>> {
    let (dev, copies, classes) = (&network.dev, labels.len(), network.classes);
    expect_shape("trace", "image", image.dim().into(), [1, network.pixels])?;
    if network.config.neuron == NeuronKind::Relu {
        return Ok(None);
    }
    if labels.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let mut images = Images::new(dev, 1, network.pixels, classes)?;
    let (set, truth, order) = (upload::images(dev, image)?, dev.zeros(1, 1)?, dev.upload(1, 1, &[0])?);
    let Images { xhat, scale, labels: own } = &mut images;
    dev.gather(xhat, scale, own, &set, &truth, &order, &dev.zeros(1, 2)?, &network.config.gather(classes))?;
    let mut activities = network.activities(1, copies, Purpose::Signals)?;
    network.forward(&mut activities, &images, &dev.upload(copies, 1, labels)?)?;

    let mut traces = vec![Vec::new(); copies];
    for (activity, layer) in activities.iter().zip(&network.layers) {
        let current = dev.download(&activity.current)?;
        for (of_label, current) in traces.iter_mut().zip(current.chunks_exact(current.len() / copies)) {
            of_label.push(of_layer(dev, layer, current)?);
        }
    }
    Ok(Some(traces))
}

/// From a layer's current, `[n]` or `[T, n]`.
fn of_layer<D: Device>(dev: &D, layer: &Layer<D>, current: &[f32]) -> Result<Trace> {
    let (n, neuron) = (layer.weight.cols(), &layer.neuron);
    let rows = current.len() / n;
    let (mut signal, mut spikes) = (dev.zeros(1, n)?, dev.zeros(neuron.steps, n)?);
    let mut lif = |current: &Tensor<D>, spikes: Option<&mut Tensor<D>>, neuron: &Neuron| {
        dev.lif(&mut signal, spikes, current, layer.bias.as_ref(), neuron)?;
        dev.download(&signal)
    };
    lif(&dev.upload(rows, n, current)?, Some(&mut spikes), neuron)?;
    // The membrane after step t is the signal of a unit that is read there after t steps.
    let mut membranes = Array2::zeros((neuron.steps, n));
    for (t, mut row) in (1..).zip(membranes.rows_mut()) {
        let until = dev.upload(rows.min(t), n, &current[..rows.min(t) * n])?;
        let after = lif(&until, None, &Neuron { output: Output::Membrane, steps: t, ..*neuron })?;
        row.iter_mut().zip(after).for_each(|(to, mem)| *to = mem);
    }
    let mut trains = Array2::zeros((neuron.steps, n));
    trains.iter_mut().zip(dev.download(&spikes)?).for_each(|(to, spike)| *to = spike);
    Ok(Trace { membranes, spikes: trains })
}
