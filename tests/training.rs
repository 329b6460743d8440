//! Training as a whole, on synthetic digits: it learns, in every way of training; the same seed gives the same
//! network; no gradient crosses a layer; what goes wrong is said.
#![allow(clippy::unwrap_used, missing_docs)]

mod mnist;

#[path = "training/epochs.rs"]
mod epochs;
#[path = "training/refused.rs"]
mod refused;
#[path = "training/scale.rs"]
mod scale;
#[path = "training/scans.rs"]
mod scans;
#[path = "training/trains.rs"]
mod trains;

use ff_cpu::Cpu;
use ff_data::{Dataset, synthetic};
use ff_net::formulas::{Output, Reset, Squares};
use ff_net::prediction::error_percent;
use ff_net::{
    Config, EpochReport, Error, LayerWeights, LifConfig, Link, NegativesConfig, Network, NeuronConfig,
    ObjectiveConfig, Predictor, Schedule, SurrogateKind, Trainer,
};
use ff_tensor::{Augment, Augmentation, Device, NormKind};
use ndarray::{Array1, Array2, s};

/// Trains on `data` and gives the network with each epoch's report.
fn train(dev: &Cpu, config: &Config, data: &Dataset) -> ff_net::Result<(Network<Cpu>, Vec<EpochReport>)> {
    let network = Network::new(dev, config.clone(), data.width * data.height, data.classes)?;
    let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels)?;
    let mut reports = Vec::new();
    for _ in 0..trainer.epochs() {
        reports.push(trainer.epoch()?);
    }
    Ok((trainer.into_network(), reports))
}

fn test_error(network: &Network<Cpu>, data: &Dataset) -> f64 {
    let mut predictor = Predictor::new(network).unwrap();
    let scores = predictor.scan(network, &data.test.images).unwrap();
    error_percent(&scores.predict(), &data.test.labels)
}

fn weights(network: &Network<Cpu>) -> Vec<Vec<u32>> {
    network.layers.iter().map(|layer| layer.weight().get().iter().map(|w| w.to_bits()).collect()).collect()
}

/// Units that are read at their rate.
const LIF: LifConfig = LifConfig {
    beta: 0.8,
    threshold: 1.0,
    reset: Reset::Subtract,
    steps: 4,
    output: Output::Rate,
    surrogate: SurrogateKind::Atan,
};
/// Units that are read at their membrane, which is the current itself.
const LINEAR: LifConfig = LifConfig { steps: 1, output: Output::Membrane, ..LIF };
/// Negatives that the head draws.
const BY_HEAD: NegativesConfig = NegativesConfig::Head { sharpness: 1.0 };

/// `quick` with other units.
fn units(lif: LifConfig) -> Config {
    Config { neuron: NeuronConfig::Lif(lif), ..quick() }
}

/// The settings of the `quick` preset, on a smaller net.
fn quick() -> Config {
    Config {
        layers: vec![100, 100],
        neuron: NeuronConfig::Lif(LIF),
        norm: NormKind::Rms,
        label_amplitude: 3.0,
        objective: ObjectiveConfig::Pair { alpha: 12.0 },
        negatives: NegativesConfig::Hard { sharpness: 60.0 },
        schedule: Schedule::Joint,
        epochs: 4,
        batch: 50,
        learning_rate: 2e-3,
        seed: 5,
        ..Config::default()
    }
}

/// The tutorial's objective and schedule, with labels that are really wrong.
fn greedy() -> Config {
    Config { layers: vec![100, 100], epochs: 6, batch: 50, seed: 5, ..Config::default() }
}

#[test]
fn every_way_of_training_learns() {
    let (dev, data) = (Cpu::new(0).unwrap(), synthetic(3_000, 1_000, 1));
    let ways = [
        ("rate, joint, pair, hard negatives", 12.0, quick()),
        ("relu", 12.0, Config { neuron: NeuronConfig::RELU, ..quick() }),
        ("membrane", 25.0, units(LINEAR)),
        ("spikes between layers", 15.0, Config { link: Link::Spikes, ..quick() }),
        (
            "bias, reset zero, triangle",
            15.0,
            Config {
                bias: true,
                ..units(LifConfig { reset: Reset::Zero, surrogate: SurrogateKind::Triangle, ..LIF })
            },
        ),
        (
            "uniform negatives, no reset",
            25.0,
            Config {
                negatives: NegativesConfig::Uniform {},
                ..units(LifConfig { reset: Reset::None, ..LIF })
            },
        ),
        (
            "negatives by the head, dropout, weight decay, bias",
            15.0,
            Config {
                head: true,
                negatives: BY_HEAD,
                dropout: 0.1,
                pixel_dropout: 0.1,
                weight_decay: 0.1,
                bias: true,
                ..quick()
            },
        ),
        (
            "secant",
            12.0,
            units(LifConfig { surrogate: SurrogateKind::Secant, threshold: 2.0, steps: 8, ..LIF }),
        ),
        ("membrane with dropout", 25.0, Config { dropout: 0.2, head: true, ..units(LINEAR) }),
        (
            "spikes between layers with dropout",
            15.0,
            Config { link: Link::Spikes, dropout: 0.1, head: true, ..quick() },
        ),
        ("the tutorial's, greedy", 60.0, greedy()),
        (
            "greedy, negatives by the head",
            40.0,
            Config { schedule: Schedule::Greedy, head: true, negatives: BY_HEAD, ..quick() },
        ),
        (
            "greedy relu, sum of squares",
            40.0,
            Config {
                neuron: NeuronConfig::RELU,
                goodness: Squares::Sum,
                objective: ObjectiveConfig::Softplus { theta: 10.0 },
                ..greedy()
            },
        ),
    ];
    for (name, bound, config) in ways {
        let untrained = Network::new(&dev, config.clone(), 784, 10).unwrap();
        let before = test_error(&untrained, &data);
        let (network, reports) = train(&dev, &config, &data).unwrap();
        let after = test_error(&network, &data);
        println!("{name}: {before:.1} % -> {after:.1} %");
        assert!(before > 70.0, "{name}: {before} % before training");
        assert!(after < bound, "{name}: {after} % after training");
        for layer in 0..2 {
            let losses: Vec<f64> = reports
                .iter()
                .flat_map(|r| r.mean_losses())
                .filter(|&(l, _)| l == layer)
                .map(|(_, loss)| loss)
                .collect();
            assert_eq!(losses.len(), config.epochs, "{name}, layer {layer}");
            assert!(losses[losses.len() - 1] < losses[0], "{name}, layer {layer}: {losses:?}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_network_whatever_the_number_of_threads() {
    let data = synthetic(400, 10, 2);
    for config in [
        Config { epochs: 2, ..quick() },
        Config { epochs: 2, link: Link::Spikes, bias: true, ..quick() },
        Config { epochs: 2, batch: 33, ..greedy() },
    ] {
        let run = |threads, seed| {
            let config = Config { seed, ..config.clone() };
            let (network, reports) = train(&Cpu::new(threads).unwrap(), &config, &data).unwrap();
            let losses: Vec<u32> = reports
                .iter()
                .flat_map(|r| r.losses.iter().flat_map(|(_, losses)| losses.iter().map(|l| l.to_bits())))
                .collect();
            (weights(&network), losses)
        };
        let one = run(1, 7);
        for threads in [1, 2, 3] {
            assert!(one == run(threads, 7), "{threads} threads differ");
        }
        assert!(one != run(1, 8), "another seed gives the same network");
    }
}

#[test]
fn no_gradient_crosses_a_layer() {
    let (dev, data) = (Cpu::new(2).unwrap(), synthetic(300, 10, 3));
    let two = Config { epochs: 1, ..quick() };
    let one = Config { layers: vec![100], ..two.clone() };
    let (two, one) = (train(&dev, &two, &data).unwrap().0, train(&dev, &one, &data).unwrap().0);
    assert_eq!(weights(&two)[0], weights(&one)[0], "layer 2 changed what layer 1 learned");
}

#[test]
fn greedy_layers_learn_one_after_the_other() {
    let (dev, data) = (Cpu::new(2).unwrap(), synthetic(300, 10, 3));
    let config = Config { epochs: 2, ..greedy() };
    let network = Network::new(&dev, config.clone(), 784, 10).unwrap();
    let mut before = weights(&network);
    let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels).unwrap();
    assert_eq!(trainer.epochs(), 4);
    for epoch in 0..4 {
        let report = trainer.epoch().unwrap();
        let after = weights(trainer.network());
        let turn = usize::from(epoch >= 2);
        for layer in 0..2 {
            assert_eq!(before[layer] != after[layer], layer == turn, "epoch {epoch}, layer {layer}");
        }
        assert_eq!(report.losses.iter().map(|(layer, _)| *layer).collect::<Vec<_>>(), [turn]);
        before = after;
    }
}

#[test]
fn a_prediction_does_not_depend_on_the_other_images() {
    let (dev, data) = (Cpu::new(2).unwrap(), synthetic(300, 150, 4));
    let (network, _) = train(&dev, &Config { epochs: 1, ..quick() }, &data).unwrap();
    let mut predictor = Predictor::new(&network).unwrap();
    let all = predictor.scan(&network, &data.test.images).unwrap();
    assert_eq!(all.len(), 150);
    for i in [0, 77, 149] {
        let image = data.test.images.slice(s![i..i + 1, ..]).to_owned();
        let one = predictor.scan(&network, &image).unwrap();
        assert_eq!(one.of_image(0), all.of_image(i), "image {i}");
    }
    let spikes = all.spikes_per_inference().unwrap();
    // 200 units, 4 steps, 10 labels.
    assert!(spikes > 0.0 && spikes < 8_000.0, "{spikes} spikes");
}

#[test]
fn small_and_odd_data_sets_train_too() {
    let dev = Cpu::new(2).unwrap();
    // 5 x 7 pixels, three classes: a bright row that tells the class.
    let images = Array2::from_shape_fn((20, 35), |(i, p)| if p / 7 == 2 + i % 3 { 200 } else { 10 });
    let labels = Array1::from_shape_fn(20, |i| (i % 3) as u8);
    let config = Config { layers: vec![17], epochs: 30, batch: 64, ..quick() };
    let network = Network::new(&dev, config, 35, 3).unwrap();
    let mut trainer = Trainer::new(network, &images, &labels).unwrap();
    assert_eq!((trainer.batch(), trainer.batches()), (20, 1));
    for _ in 0..trainer.epochs() {
        trainer.epoch().unwrap();
    }
    let network = trainer.into_network();
    let scores = Predictor::new(&network).unwrap().scan(&network, &images).unwrap();
    assert_eq!(error_percent(&scores.predict(), &labels), 0.0);
}

#[test]
fn a_loss_that_is_no_number_ends_the_training_with_its_place() {
    let (dev, data) = (Cpu::new(1).unwrap(), synthetic(200, 10, 5));
    // Nothing ever spikes, and without an eps layer 2 divides zero by zero. Neither a unit that compares NaN with
    // its threshold nor one that takes the larger of NaN and zero may hide it.
    for (output, link) in
        [(Output::Rate, Link::Signal), (Output::Rate, Link::Spikes), (Output::Membrane, Link::Spikes)]
    {
        let lif = LifConfig { threshold: 1e6, output, ..LIF };
        let config = Config { norm_eps: 0.0, epochs: 1, link, ..units(lif) };
        let Err(error) = train(&dev, &config, &data) else { panic!("NaN went unnoticed: {output:?}") };
        assert!(
            matches!(error, Error::Diverged { layer: 2, epoch: 1, batch: 1, loss } if loss.is_nan()),
            "{error}"
        );
        assert_eq!(error.to_string(), "the loss of layer 2 became NaN in epoch 1, batch 1");
    }
    let config = Config { neuron: NeuronConfig::RELU, layers: vec![9], ..quick() };
    let broken = Array2::from_elem((784, 9), f32::NEG_INFINITY);
    let broken = vec![LayerWeights { weight: broken, bias: None, head: None }];
    let network = Network::with_weights(&dev, config, 784, 10, broken).unwrap();
    let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels).unwrap();
    let error = trainer.epoch().map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Diverged { layer: 1, epoch: 1, batch: 1, .. }), "{error}");
}

#[test]
fn heads_tell_digits_in_one_pass_and_send_nothing_into_the_layers() {
    let (dev, data) = (Cpu::new(0).unwrap(), synthetic(3_000, 1_000, 1));
    let (without, _) = train(&dev, &quick(), &data).unwrap();
    let (with, reports) = train(&dev, &Config { head: true, ..quick() }, &data).unwrap();
    assert_eq!(weights(&without), weights(&with), "the layers have learned something else");
    assert!(Predictor::one_pass(&without).unwrap().is_none());

    let mut one_pass = Predictor::one_pass(&with).unwrap().unwrap();
    let scores = one_pass.scan(&with, &data.test.images).unwrap();
    let error = error_percent(&scores.predict(), &data.test.labels);
    println!(
        "one pass: {error:.1} %, layers alone {:?}",
        [0, 1].map(|l| error_percent(&scores.predict_by_layer(l), &data.test.labels))
    );
    assert!(error < 15.0, "{error} %");
    assert_eq!(scores.layers.len(), 2);
    let losses = |layer: usize| reports.iter().map(move |r| r.head_losses[layer].1[0]).collect::<Vec<f32>>();
    for layer in 0..2 {
        let losses = losses(layer);
        // Before the first step every class is equally likely.
        assert!((losses[0] - 10f32.ln()).abs() < 1e-5, "{losses:?}");
        assert!(losses[3] < 0.5 * losses[0], "{losses:?}");
    }
    let all = Predictor::new(&with).unwrap().scan(&with, &data.test.images).unwrap();
    let [one, ten] = [scores, all].map(|scores| scores.spikes_per_inference().unwrap());
    assert!(one > 0.0 && 5.0 * one < ten, "{one} spikes in one pass, {ten} with all labels");
}

#[test]
fn silenced_units_are_others_in_each_step_and_all_there_for_a_prediction() {
    let (dev, data) = (Cpu::new(1).unwrap(), synthetic(300, 100, 1));
    let config = Config { dropout: 0.5, pixel_dropout: 0.2, epochs: 1, ..quick() };
    let (network, _) = train(&dev, &config, &data).unwrap();
    let (again, _) = train(&Cpu::new(3).unwrap(), &config, &data).unwrap();
    assert_eq!(weights(&network), weights(&again));
    for other in [Config { dropout: 0.4, ..config.clone() }, Config { pixel_dropout: 0.3, ..config.clone() }]
    {
        assert_ne!(weights(&network), weights(&train(&dev, &other, &data).unwrap().0));
    }
    // The same weights without any dropout in their settings predict the same.
    let mut plain = network;
    let with = Predictor::new(&plain).unwrap().scan(&plain, &data.test.images).unwrap();
    plain.config = Config { dropout: 0.0, pixel_dropout: 0.0, ..plain.config };
    let without = Predictor::new(&plain).unwrap().scan(&plain, &data.test.images).unwrap();
    assert_eq!(with.layers, without.layers);
}

#[test]
fn each_epoch_learns_from_the_images_as_they_were_changed_for_it() {
    let (dev, data) = (Cpu::new(1).unwrap(), synthetic(300, 100, 1));
    let config = Config { schedule: Schedule::Joint, epochs: 2, cool_from: 1.0, ..quick() };
    let list = [Augmentation::Affine { rotate: 10.0, scale: 0.1, shear: 0.0, shift: 1.0 }];
    let changed = |epoch| {
        let images = dev.upload(300, 784, data.train.images.as_slice().unwrap()).unwrap();
        let mut out = dev.zeros(300, 784).unwrap();
        let (list, width, height, seed) = (&list, 28, 28, config.seed);
        Augment { out: &mut out, images: &images, list, width, height, seed, epoch }.on(&dev).unwrap();
        Array2::from_shape_vec((300, 784), dev.download(&out).unwrap()).unwrap()
    };
    let trainer = |images: &Array2<u8>| {
        let network = Network::new(&dev, config.clone(), 784, 10).unwrap();
        Trainer::new(network, images, &data.train.labels).unwrap()
    };
    // The last list counts.
    let mut augmented = trainer(&data.train.images)
        .augmented(&[Augmentation::Shift { pixels: 9 }], 28, 28)
        .and_then(|trainer| trainer.augmented(&list, 28, 28))
        .unwrap();
    let mut by_hand = trainer(&changed(0));
    for trainer in [&mut augmented, &mut by_hand] {
        trainer.epoch().unwrap();
    }
    assert_eq!(weights(augmented.network()), weights(by_hand.network()));
    for trainer in [&mut augmented, &mut by_hand] {
        trainer.epoch().unwrap();
    }
    assert_ne!(
        weights(augmented.network()),
        weights(by_hand.network()),
        "the second epoch has other changes"
    );

    let said = |list, width, height| {
        trainer(&data.train.images).augmented(list, width, height).map(|_| ()).unwrap_err().to_string()
    };
    assert!(said(&list, 28, 27).contains("`images` is [300, 784] but [300, 756]"));
    assert!(said(&[Augmentation::Shift { pixels: 2_000 }], 28, 28).contains("shift.pixels must be from 0"));
}

#[test]
fn what_a_network_costs_is_counted_by_hand() {
    let dev = Cpu::new(1).unwrap();
    let network = |config: Config| Network::new(&dev, config, 784, 10).unwrap();
    let plain = network(Config { layers: vec![30, 20], ..quick() });
    assert_eq!(plain.parameters(), 784 * 30 + 30 * 20);
    // Layer 1: the image, and two signals and two slopes of 30 units. Layer 2: 2 x 30 and 4 x 20.
    assert_eq!(plain.kept_per_image(), 784 + 4 * 30);
    let rich =
        network(Config { layers: vec![30, 2_000], bias: true, head: true, link: Link::Spikes, ..quick() });
    assert_eq!(rich.parameters(), 785 * 30 + 31 * 2_000 + 30 * 10 + 2_000 * 10);
    // Four steps of spikes come in for each copy; a signal and four slopes of each unit.
    assert_eq!(rich.kept_per_image(), 2 * 4 * 30 + 2 * 5 * 2_000);
}
/// A few hundred steps on real MNIST, if it is on this machine.
#[test]
fn a_short_run_on_mnist_learns() {
    let Some(mut data) = mnist::or_skip("a_short_run_on_mnist_learns") else { return };
    data.train = data.train.take(10_000);
    let config = Config { layers: vec![200, 200], epochs: 3, batch: 100, ..quick() };
    let (network, _) = train(&Cpu::new(0).unwrap(), &config, &data).unwrap();
    let error = test_error(&network, &data);
    println!("test error {error:.2} % after three epochs of 10,000 images");
    assert!(error < 7.0, "{error} %");
}
