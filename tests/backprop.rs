//! Backpropagation, the yardstick: gradients of all layers at once against central differences of the f64 oracle; it
//! learns; the same seed gives the same network; what it cannot do is said.
#![allow(clippy::unwrap_used, missing_docs)]

mod oracle;

use std::ops::ControlFlow;

use ff_cpu::Cpu;
use ff_data::{Dataset, synthetic};
use ff_net::formulas::{Output, Reset};
use ff_net::prediction::error_percent;
use ff_net::{Config, Error, LifConfig, NeuronConfig, SurrogateKind};
use ff_tensor::{Device, NormKind, random};
use ff_yardstick::{Backprop, BackpropTrainer};
use ndarray::{Array1, Array2};
use oracle::{Matrix, Unit, backprop::Net};

const RESETS: [(Reset, oracle::Reset); 3] = [
    (Reset::Subtract, oracle::Reset::Subtract),
    (Reset::Zero, oracle::Reset::Zero),
    (Reset::None, oracle::Reset::None),
];
const SURROGATES: [(SurrogateKind, oracle::Surrogate); 4] = [
    (SurrogateKind::Atan, oracle::Surrogate::Atan),
    (SurrogateKind::FastSigmoid, oracle::Surrogate::FastSigmoid),
    (SurrogateKind::Triangle, oracle::Surrogate::Triangle),
    (SurrogateKind::Boxcar, oracle::Surrogate::Boxcar),
];

const BATCH: usize = 3;
const PIXELS: usize = 11;
const CLASSES: usize = 3;

/// The largest number of the gradients in each layer; all are compared with the oracle's.
fn compare_with_oracle(config: Config, neuron: oracle::Neuron, seed: u64) -> Vec<f64> {
    let dev = Cpu::new(1).unwrap();
    let what = format!("{config:?}");
    let eps = f64::from(config.norm_eps);
    let mut net = Backprop::new(&dev, config, PIXELS, CLASSES).unwrap();
    for (l, weight) in net.weights.iter_mut().enumerate() {
        // Larger than at first, so that spikes come through to the top.
        let draw = |i| 1.6 * random::uniform(seed + l as u64, i) - 0.6;
        let values: Vec<f32> = (0..weight.get().len() as u64).map(draw).collect();
        dev.write(weight, &values).unwrap();
    }
    let weights: Vec<Matrix> = net
        .weights
        .iter()
        .map(|w| w.get().chunks(w.cols()).map(|row| row.iter().map(|&w| f64::from(w)).collect()).collect())
        .collect();
    let pixel = |(b, i)| random::bits(seed + 9, (b * PIXELS + i) as u64) as u8;
    let images = Array2::from_shape_fn((BATCH, PIXELS), pixel);
    let labels = Array1::from(vec![0, 2, 1]);
    let mut trainer = BackpropTrainer::new(net, &images, &labels).unwrap();
    let loss = trainer.epoch().unwrap();

    let inputs = images.rows().into_iter().map(|image| {
        let row: Vec<f64> = image.iter().map(|&pixel| f64::from(pixel) / 255.0).collect();
        let factor = oracle::norm_factor(&row, true, eps);
        row.into_iter().map(|x| factor * x).collect()
    });
    let oracle = Net { inputs: inputs.collect(), labels: vec![0, 2, 1], neuron };
    // f32 sums of some ten terms, and steep surrogates that magnify their rounding.
    let close = |got: f32, want: f64, size: f64| (f64::from(got) - want).abs() < 1e-4 * size.max(1e-2);
    assert!(close(loss as f32, oracle.loss(&weights, &weights), 1.0), "{what}: loss {loss}");
    let mut sizes = Vec::new();
    for (l, (got, want)) in trainer.dweights().zip(oracle.numeric_gradient(&weights)).enumerate() {
        let want = want.concat();
        let size = want.iter().fold(0.0, |size: f64, w| size.max(w.abs()));
        for (i, (&got, want)) in got.get().iter().zip(want).enumerate() {
            assert!(close(got, want, size), "{what}: layer {l} [{i}] is {got}, the oracle has {want}");
        }
        sizes.push(size);
    }
    sizes
}

#[test]
fn gradients_of_all_layers_are_the_oracles() {
    let base = || Config { norm: NormKind::Rms, batch: BATCH, epochs: 1, ..Config::default() };
    let mut largest = vec![0.0f64; 4];
    let mut seed = 0;
    for layers in [vec![5], vec![6, 5], vec![7, 5, 6]] {
        let mut check = |config: Config, neuron| {
            seed += 100;
            let config = Config { layers: layers.clone(), ..config };
            for (largest, size) in largest.iter_mut().zip(compare_with_oracle(config, neuron, seed)) {
                *largest = largest.max(size);
            }
        };
        let mut neuron = oracle::Neuron {
            unit: Unit::Relu,
            beta: f64::from(0.8f32),
            threshold: 1.0,
            reset: oracle::Reset::None,
            steps: 1,
            surrogate: oracle::Surrogate::Atan,
        };
        check(Config { neuron: NeuronConfig::RELU, ..base() }, neuron);
        neuron.unit = Unit::Rate;
        for (reset, of_oracle) in RESETS {
            neuron.reset = of_oracle;
            for (surrogate, of_oracle) in SURROGATES {
                neuron.surrogate = of_oracle;
                for steps in [1, 2, 6] {
                    neuron.steps = steps;
                    let lif = LifConfig { reset, surrogate, steps, ..LifConfig::default() };
                    check(Config { neuron: NeuronConfig::Lif(lif), ..base() }, neuron);
                }
            }
        }
    }
    assert!(largest.iter().all(|&size| size > 1e-2), "gradients were next to nothing: {largest:?}");
}

/// Units that spike.
const LIF: LifConfig = LifConfig {
    beta: 0.9,
    threshold: 1.0,
    reset: Reset::Subtract,
    steps: 5,
    output: Output::Membrane,
    surrogate: SurrogateKind::Atan,
};

fn small(neuron: NeuronConfig) -> Config {
    Config {
        layers: vec![100, 100],
        neuron,
        norm: NormKind::Rms,
        epochs: 4,
        batch: 50,
        learning_rate: 2e-3,
        seed: 5,
        ..Config::default()
    }
}

fn train(threads: usize, config: &Config, data: &Dataset) -> ff_net::Result<(Backprop<Cpu>, Vec<f64>)> {
    let dev = Cpu::new(threads).unwrap();
    let net = Backprop::new(&dev, config.clone(), data.width * data.height, data.classes)?;
    let mut trainer = BackpropTrainer::new(net, &data.train.images, &data.train.labels)?;
    let mut losses = Vec::new();
    for _ in 0..config.epochs {
        losses.push(trainer.epoch()?);
    }
    Ok((trainer.into_net(), losses))
}

#[test]
fn it_learns_with_spikes_and_with_rectifiers() {
    let data = synthetic(3_000, 1_000, 1);
    for (name, bound, config) in [
        ("spikes", 9.0, small(NeuronConfig::Lif(LIF))),
        ("rectifiers", 9.0, small(NeuronConfig::RELU)),
        (
            "reset zero, triangle, three layers",
            9.0,
            Config {
                layers: vec![100; 3],
                ..small(NeuronConfig::Lif(LifConfig {
                    reset: Reset::Zero,
                    surrogate: SurrogateKind::Triangle,
                    ..LIF
                }))
            },
        ),
    ] {
        let (net, losses) = train(0, &config, &data).unwrap();
        let scores = net.scan(&data.test.images).unwrap();
        let error = error_percent(&scores.predict(), &data.test.labels);
        println!("{name}: {error:.1} %, losses {losses:?}, {:?} spikes", scores.spikes_per_inference());
        assert!(error < bound, "{name}: {error} %");
        assert!(losses[losses.len() - 1] < losses[0], "{name}: {losses:?}");
        assert_eq!(scores.len(), 1_000);
        match scores.spikes_per_inference() {
            Some(spikes) => assert!(spikes > 1.0 && spikes < 1_500.0, "{name}: {spikes} spikes"),
            None => assert_eq!(config.neuron, NeuronConfig::RELU),
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_network_whatever_the_number_of_threads() {
    let data = synthetic(400, 10, 2);
    for config in [small(NeuronConfig::Lif(LIF)), small(NeuronConfig::RELU)] {
        let run = |threads, seed| {
            let (net, losses) = train(threads, &Config { seed, epochs: 2, ..config.clone() }, &data).unwrap();
            let bits = |weight: &ff_tensor::Tensor<Cpu>| weight.get().iter().map(|w| w.to_bits()).collect();
            let weights: Vec<Vec<u32>> = net.weights.iter().map(bits).collect();
            (weights, losses.into_iter().map(f64::to_bits).collect::<Vec<_>>())
        };
        let one = run(1, 7);
        for threads in [2, 3] {
            assert!(one == run(threads, 7), "{threads} threads differ");
        }
        assert!(one != run(1, 8), "another seed gives the same network");
    }
}

#[test]
fn a_score_does_not_depend_on_the_other_images() {
    let data = synthetic(50, 150, 4);
    let (net, _) = train(2, &Config { epochs: 1, ..small(NeuronConfig::Lif(LIF)) }, &data).unwrap();
    let all = net.scan(&data.test.images).unwrap();
    for i in [0, 77, 149] {
        let one = net.scan(&data.test.images.slice(ndarray::s![i..i + 1, ..]).to_owned()).unwrap();
        assert_eq!(one.of_image(0), all.of_image(i), "image {i}");
    }
}

#[test]
fn what_is_learned_and_kept_is_counted() {
    let dev = Cpu::new(1).unwrap();
    let config = Config { layers: vec![20, 10, 30], ..small(NeuronConfig::Lif(LIF)) };
    let net = Backprop::new(&dev, config.clone(), 50, 4).unwrap();
    assert_eq!(net.parameters(), 50 * 20 + 20 * 10 + 10 * 30 + 30 * 4);
    // A current that is the same in each step, a rate at the top, five steps of all else.
    assert_eq!(net.kept_per_image(), 50 + (20 + 5 * 20) + (5 * 10 + 5 * 10) + (5 * 30 + 30));
    let net = Backprop::new(&dev, Config { neuron: NeuronConfig::RELU, ..config }, 50, 4).unwrap();
    assert_eq!(net.kept_per_image(), 50 + 2 * (20 + 10 + 30));
}

#[test]
fn what_it_cannot_do_is_refused() {
    let dev = Cpu::new(1).unwrap();
    let refuse = |config: Config, key: &str| {
        let error = Backprop::new(&dev, config, 784, 10).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{key}` ")), "{key}: {error}");
    };
    let base = || small(NeuronConfig::Lif(LIF));
    refuse(Config { bias: true, ..base() }, "bias");
    refuse(Config { dropout: 0.1, ..base() }, "dropout");
    for output in [Output::Membrane, Output::Rate] {
        let secant = LifConfig { surrogate: SurrogateKind::Secant, output, ..LIF };
        refuse(small(NeuronConfig::Lif(secant)), "neuron.lif.surrogate");
    }
    refuse(Config { layers: vec![], ..base() }, "layers");

    let net = || Backprop::new(&dev, base(), 20, 3).unwrap();
    let error = |n, pixels, labels: Vec<u8>| {
        let images = Array2::zeros((n, pixels));
        BackpropTrainer::new(net(), &images, &Array1::from(labels)).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(error(2, 20, vec![0, 3]), "image 1 has label 3, but there are 3 classes");
    assert_eq!(
        error(0, 20, vec![]),
        "`validation_samples` is 0, but there are 0 images: none is left to train on"
    );
    assert_eq!(error(2, 19, vec![0, 1]), "training: `images` is [2, 19] but [2, 20] is needed");
    let error = net().scan(&Array2::zeros((2, 19))).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error, "scan: `images` is [2, 19] but [2, 20] is needed");
}

#[test]
fn what_is_no_number_ends_the_training_with_its_place() {
    let (dev, data) = (Cpu::new(1).unwrap(), synthetic(200, 10, 5));
    for (config, layer, broken) in [
        (small(NeuronConfig::RELU), 0, 3),
        (small(NeuronConfig::Lif(LIF)), 1, 3),
        // Its units fall silent, and the loss stays a number.
        (small(NeuronConfig::Lif(LIF)), 0, 1),
    ] {
        let mut net = Backprop::new(&dev, config, 784, 10).unwrap();
        net.weights[layer].get_mut().fill(f32::NAN);
        let mut trainer = BackpropTrainer::new(net, &data.train.images, &data.train.labels).unwrap();
        let error = trainer.epoch().map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Diverged { layer, epoch: 1, .. } if layer == broken), "{error}");
    }
}

#[test]
fn an_epoch_after_the_last_one_is_refused_and_one_that_was_stopped_is_not_counted() {
    let (dev, data) = (Cpu::new(1).unwrap(), synthetic(100, 1, 5));
    let config = Config { epochs: 1, ..small(NeuronConfig::RELU) };
    let net = Backprop::new(&dev, config, 784, 10).unwrap();
    let mut trainer = BackpropTrainer::new(net, &data.train.images, &data.train.labels).unwrap();
    let mut told = Vec::new();
    let stopped = trainer.epoch_with(&mut |at| {
        told.push((at.done, at.all));
        ControlFlow::Break(())
    });
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    assert_eq!(told, [(1, 2)]);
    trainer.epoch().unwrap();
    let error = trainer.epoch().unwrap_err().to_string();
    assert!(error.starts_with("`epochs` is 1, and so many have ended"), "{error}");
}

#[test]
fn what_is_held_out_is_not_learned_from() {
    let (dev, mut data) = (Cpu::new(1).unwrap(), synthetic(120, 1, 5));
    let config = Config { epochs: 1, validation_samples: 20, ..small(NeuronConfig::RELU) };
    let learned = |data: &Dataset| {
        let net = Backprop::new(&dev, config.clone(), 784, 10).unwrap();
        let mut trainer = BackpropTrainer::new(net, &data.train.images, &data.train.labels).unwrap();
        trainer.epoch().unwrap();
        trainer.into_net().weights.iter().flat_map(|w| w.get().to_vec()).collect::<Vec<f32>>()
    };
    let before = learned(&data);
    data.train.images.slice_mut(ndarray::s![100.., ..]).fill(77);
    assert!(before == learned(&data), "a held-out image was learned from");
    data.train.images.slice_mut(ndarray::s![99.., ..]).fill(77);
    assert!(before != learned(&data), "the last image of the training was not learned from");
}
