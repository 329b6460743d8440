//! What is allocated: a reader takes no more than the file warrants, a training step nothing at all.
#![allow(clippy::unwrap_used, missing_docs)]

mod counting;

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use counting::{alone, largest_of, peak_of};
use ff_cpu::Cpu;
use ff_data::{idx::FILES, synthetic};
use ff_net::formulas::{Lif, Output, Pair, Reset, Squares, Triangle};
use ff_net::peers::Threads;
use ff_net::{
    Config, Control, LifConfig, Link, NegativesConfig, Network, NeuronConfig, Peers, Predictor, Stored,
    SurrogateKind, Trainer,
};
use ff_tensor::{Device, Dropout, SliceGrad, SliceSignals, Tensor};
use ff_yardstick::{Backprop, BackpropTrainer};
use flate2::{Compression, write::GzEncoder};

const BY_HEAD: NegativesConfig = NegativesConfig::Head { sharpness: 6.0 };
const THREADS: usize = 2;
/// Of which the one with the fewest allocations counts.
const EPOCHS: usize = 10;

#[test]
fn a_file_that_promises_much_gets_no_memory_for_it() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<u8>>();
    let packed = |header: &[u32], zeros: usize| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&words(header)).unwrap();
        for _ in 0..zeros >> 20 {
            encoder.write_all(&[0; 1 << 20]).unwrap();
        }
        encoder.finish().unwrap()
    };
    let images = format!("{}.gz", FILES[0]);
    for name in &FILES[1..] {
        std::fs::write(dir.path().join(name), words(&[0x801, 1, 0])).unwrap();
    }
    let cases = [
        ("a plain header of 1.5 GB", FILES[0], words(&[0x803, 1_500, 1_000, 1_000])),
        ("a packed header of 1.5 GB", &images, packed(&[0x803, 1_500, 1_000, 1_000], 0)),
        ("200 MB of zeros behind a header of 784 bytes", &images, packed(&[0x803, 1, 28, 28], 200 << 20)),
    ];
    for (name, file, bytes) in cases {
        let path = dir.path().join(file);
        std::fs::write(&path, bytes).unwrap();
        let peak = peak_of(|| assert!(ff_data::read_dir(dir.path()).is_err(), "{name}"));
        assert!(peak < 4 << 20, "{name}: {peak} bytes");
        std::fs::remove_file(path).unwrap();
    }
}

/// A net of 9 million weights in its second layer, on four ranks. They are threads here, so the peak is that of all ranks.
#[test]
fn a_rank_never_has_the_whole_network() {
    const UNITS: usize = 3000;
    let _alone = alone();
    let config = Config { layers: vec![UNITS; 2], epochs: 1, batch: 40, ..Config::quick() };
    let data = synthetic(80, 10, 1);
    let dir = tempfile::tempdir().unwrap();
    let train = |peers: Option<Threads>| {
        let (dev, first) = (Cpu::new(1).unwrap(), peers.as_ref().is_none_or(|peers| peers.rank() == 0));
        let path = dir.path().join(if peers.is_some() { "ranks" } else { "alone" });
        let network = match peers {
            None => Network::new(&dev, config.clone(), 784, 10),
            Some(peers) => Network::over_units(&dev, config.clone(), 784, 10, Arc::new(peers)),
        };
        let mut trainer = Trainer::new(network.unwrap(), &data.train.images, &data.train.labels).unwrap();
        trainer.epoch().unwrap();
        Predictor::new(trainer.network()).unwrap().scan(trainer.network(), &data.test.images).unwrap();
        if first {
            trainer.save(&path, "synthetic", 28, 28, &serde_json::Value::Null).unwrap();
            Stored::open(&path).unwrap().restore(&mut trainer).unwrap();
        } else {
            trainer.send_checkpoint().unwrap();
            trainer.receive_checkpoint().unwrap();
        }
    };
    let alone = peak_of(|| train(None));
    let mut largest = 0;
    let ranks = peak_of(|| {
        largest = largest_of(|| {
            std::thread::scope(|scope| {
                Threads::new(4).into_iter().for_each(|peers| drop(scope.spawn(|| train(Some(peers)))));
            });
        });
    });
    let read = |name| std::fs::read(dir.path().join(name)).unwrap();
    assert!(read("alone") == read("ranks"), "other bytes");
    let weights = 4 * UNITS * UNITS;
    assert!(largest < weights / 2, "{largest} bytes at once, for a layer of {weights}");
    // Weights, moments and gradients are cut. What is computed for a batch of images is not: each rank has it. It is large here,
    // beside a network of this size.
    assert!(ranks < alone * 5 / 2, "{ranks} bytes on four ranks, {alone} on one alone");
}

/// With two small layers, little batches and few images, so that each takes a second.
fn small(preset: &str) -> Config {
    let mut settings: toml::Table = preset.parse().unwrap();
    // Images are changed before an epoch, not in its steps.
    settings.remove("augment");
    let config: Config = settings.try_into().unwrap();
    Config { layers: vec![64, 64], epochs: EPOCHS, batch: 32, ..config }
}

/// Every preset, and some settings that none has.
#[test]
fn a_step_allocates_nothing() {
    let _alone = alone();
    let mut cases: Vec<(String, Config)> = std::fs::read_dir("crates/ff-cli/presets")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), small(&std::fs::read_to_string(&path).unwrap())))
        .collect();
    assert!(cases.len() >= 9 && cases.iter().any(|(_, config)| config.head), "the presets have moved");
    for (name, link, negatives) in [
        ("spikes cross, a bias, no head", Link::Spikes, NegativesConfig::Hard { sharpness: 6.0 }),
        ("spikes cross, a bias, heads that draw the negatives", Link::Spikes, BY_HEAD),
        ("a bias, heads that draw the negatives", Link::Signal, BY_HEAD),
    ] {
        let head = negatives == BY_HEAD;
        let config = Config { link, negatives, head, bias: true, dropout: 0.1, ..Config::quick() };
        let mut config = Config { layers: vec![64, 64], epochs: EPOCHS, batch: 32, ..config };
        config.lif_mut().surrogate = SurrogateKind::Atan;
        cases.push((name.into(), config));
    }
    let data = synthetic(640, 1, 1);
    for (name, config) in cases {
        let dev = Cpu::new(THREADS).unwrap();
        let network = Network::new(&dev, config, 784, 10).unwrap();
        let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels).unwrap();
        // One layer after the other, if greedy.
        for turn in 0..trainer.epochs() / EPOCHS {
            let calls = calls_in_a_step(&dev, &mut |control| {
                trainer.epoch_with(control).unwrap();
            });
            assert!(calls <= packing(10), "{name}, turn {turn}: {calls} allocations in a step");
        }
    }
}

#[test]
fn a_step_of_backpropagation_allocates_nothing() {
    let _alone = alone();
    let data = synthetic(640, 1, 1);
    let lif = NeuronConfig::Lif(LifConfig { steps: 4, ..LifConfig::default() });
    for neuron in [lif, NeuronConfig::RELU] {
        let config = Config { neuron, layers: vec![64, 64], epochs: EPOCHS, batch: 32, ..Config::default() };
        let dev = Cpu::new(THREADS).unwrap();
        let net = Backprop::new(&dev, config, 784, 10).unwrap();
        let mut trainer = BackpropTrainer::new(net, &data.train.images, &data.train.labels).unwrap();
        let calls = calls_in_a_step(&dev, &mut |control| {
            trainer.epoch_with(control).unwrap();
        });
        assert!(calls <= packing(8), "{neuron:?}: {calls} allocations in a step");
    }
}

/// A layer whose units are shared out: each of its ops, on rows that several threads share.
#[test]
fn the_halves_of_a_layer_allocate_nothing() {
    const ROWS: usize = 200;
    let _alone = alone();
    let dev = Cpu::new(THREADS).unwrap();
    let zeros = |rows, cols| -> Tensor<Cpu> { dev.zeros(rows, cols).unwrap() };
    let (mut signal, mut slope, mut spikes) = (zeros(ROWS, 40), zeros(ROWS, 40), zeros(ROWS * 8, 40));
    let (mut losses, mut goodness) = (zeros(ROWS, 1), zeros(ROWS, 1));
    let (current, of_layer, clock) = (zeros(ROWS, 40), zeros(ROWS, 100), &dev.zeros(1, 2).unwrap());
    let units = &Lif::<Triangle>::new(0.8, 1.0, Reset::Subtract, 8, Output::Rate);
    let (first, all, dropout, formula) = (30, 100, Dropout { rate: 0.2, seed: 1 }, &Squares::Mean);
    let objective = &Pair { alpha: 4.0 };
    let mut both = || {
        let before = counting::calls();
        SliceSignals {
            signal: &mut signal,
            slope: &mut slope,
            spikes: Some(&mut spikes),
            current: &current,
            bias: None,
            clock,
            first,
            all,
            units,
            dropout,
            formula,
        }
        .on(&dev)
        .unwrap();
        SliceGrad {
            dcurrent: &mut slope,
            losses: &mut losses,
            goodness: &mut goodness,
            signal: &of_layer,
            clock,
            first,
            formula,
            objective,
        }
        .on(&dev)
        .unwrap();
        counting::calls() - before
    };
    let fewest = dev.install(|| (0..50).map(|_| both()).min());
    assert_eq!(fewest, Some(0), "allocations in the halves of a layer");
}

/// What a step of `products` products may allocate: without vector instructions they are the matrixmultiply crate's, which
/// asks for memory on each thread.
fn packing(products: usize) -> f64 {
    if ff_cpu::simd_name().starts_with("none") { (products * THREADS) as f64 } else { 0.0 }
}

/// How often memory is asked for between two steps. `epoch` is to call what it is given after each step.
fn calls_in_a_step(dev: &Cpu, epoch: &mut (dyn FnMut(Control) + Send)) -> f64 {
    // As the command line does: the whole epoch on one of the device's threads.
    let mut per_step = || {
        let (mut calls, mut steps) = (0, 0);
        let mut last = None;
        dev.install(|| {
            epoch(&mut |_| {
                let now = counting::calls();
                if let Some(last) = last {
                    calls += now - last;
                    steps += 1;
                }
                last = Some(now);
                ControlFlow::Continue(())
            });
        });
        calls as f64 / f64::from(steps)
    };
    // What a thread does for the first time takes room for later: its queue, its lists of what is not zero. On a busy
    // machine a thread may come to that late, so the first epoch without counts; a step that allocates has none.
    (0..EPOCHS).map(|_| per_step()).fold(f64::MAX, f64::min)
}
