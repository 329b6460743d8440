//! The trace of an image: it obeys the neuron's equation, and tells the same spikes and the same goodness as a prediction.
#![allow(clippy::unwrap_used, missing_docs)]

use ff_cpu::Cpu;
use ff_net::formulas::{Output, Reset};
use ff_net::{Config, LifConfig, Link, Network, NeuronConfig, Predictor, trace};
use ff_tensor::NormKind;
use ndarray::Array2;

const CLASSES: usize = 3;

fn config(link: Link, reset: Reset, bias: bool) -> Config {
    let lif = LifConfig { steps: 6, output: Output::Rate, reset, ..LifConfig::default() };
    Config {
        layers: vec![17, 9, 5],
        neuron: NeuronConfig::Lif(lif),
        norm: NormKind::Rms,
        label_amplitude: 2.0,
        weight_scale: 3.0,
        link,
        bias,
        ..Config::default()
    }
}

fn image() -> Array2<u8> {
    Array2::from_shape_fn((1, 20), |(_, p)| (p * 37 % 256) as u8)
}

#[test]
fn a_trace_tells_what_a_prediction_tells() {
    let dev = Cpu::new(1).unwrap();
    for link in [Link::Signal, Link::Spikes] {
        for (reset, bias) in [(Reset::Subtract, false), (Reset::Zero, true), (Reset::None, false)] {
            let config = config(link, reset, bias);
            let network = Network::new(&dev, config.clone(), 20, CLASSES).unwrap();
            let traces = trace(&network, &image(), &[0, 1, 2]).unwrap().unwrap();
            let scores = Predictor::new(&network).unwrap().scan(&network, &image()).unwrap();
            let mut spikes = [0.0; 3];
            for (label, layers) in traces.iter().enumerate() {
                for (l, one) in layers.iter().enumerate() {
                    assert_eq!(one.spikes.dim(), (6, config.layers[l]));
                    let above = one.membranes.mapv(|mem| f32::from(mem > LifConfig::default().threshold));
                    assert_eq!(above, one.spikes, "{link:?} {reset:?}, layer {l}");
                    let counts = one.spikes.sum_axis(ndarray::Axis(0));
                    let goodness = counts.mapv(|n| (n / 6.0) * (n / 6.0)).mean().unwrap();
                    let told = scores.layers[l][label];
                    assert!((goodness - told).abs() < 1e-5, "{link:?} {reset:?}: {goodness}, not {told}");
                    spikes[l] += f64::from(counts.sum());
                }
            }
            // Sums of rates are divided and multiplied by the steps.
            for (ours, told) in spikes.iter().zip(scores.layer_spikes.unwrap()) {
                assert!((ours - told).abs() < 1e-3, "{link:?} {reset:?}: {ours} spikes, not {told}");
            }
            assert!(spikes[0] > 0.0, "nothing spikes, so nothing was tested");
        }
    }
}

/// What flows in, worked out from the membranes, has to be the same at each step.
#[test]
fn a_membrane_obeys_its_equation() {
    let dev = Cpu::new(1).unwrap();
    for reset in [Reset::Subtract, Reset::Zero, Reset::None] {
        let config = config(Link::Signal, reset, false);
        let LifConfig { beta, threshold, .. } = *config.neuron.lif().unwrap();
        let network = Network::new(&dev, config, 20, CLASSES).unwrap();
        let traces = trace(&network, &image(), &[1]).unwrap().unwrap();
        for one in &traces[0] {
            for (mem, spk) in one.membranes.columns().into_iter().zip(one.spikes.columns()) {
                for t in 1..6 {
                    let left = match reset {
                        Reset::Subtract => beta * mem[t - 1] - threshold * spk[t - 1],
                        Reset::Zero => beta * mem[t - 1] * (1.0 - spk[t - 1]),
                        Reset::None => beta * mem[t - 1],
                    };
                    let current = mem[t] - left;
                    assert!((current - mem[0]).abs() < 1e-4, "{reset:?}: {current}, but first {}", mem[0]);
                }
            }
        }
    }
}

#[test]
fn there_is_none_of_a_rectifier_and_none_of_another_image() {
    let dev = Cpu::new(1).unwrap();
    let relu = Config { neuron: NeuronConfig::RELU, ..Config::default() };
    let network = Network::new(&dev, relu, 20, CLASSES).unwrap();
    assert_eq!(trace(&network, &image(), &[0]).unwrap(), None);
    // The tutorial's units, whose currents otherwise stay in shares.
    let network = Network::new(&dev, Config::default(), 20, CLASSES).unwrap();
    let traces = trace(&network, &image(), &[0, 2]).unwrap().unwrap();
    assert_eq!((traces.len(), traces[1].len(), traces[1][0].membranes.dim()), (2, 2, (1, 500)));
    assert_eq!(trace(&network, &image(), &[]).unwrap(), Some(vec![]));
    let other = Array2::zeros((1, 21));
    assert!(trace(&network, &other, &[0]).unwrap_err().to_string().contains("trace"));
}
