//! What is allocated: a reader takes no more than the file warrants, a training step nothing at all.
#![allow(clippy::unwrap_used, missing_docs)]

mod counting;

use std::io::Write;

use counting::{alone, peak_of};
use ff_cpu::Cpu;
use ff_data::{epoch_order, idx::FILES, synthetic};
use ff_net::{Backprop, BackpropTrainer, Config, Link, Negatives, Network, ObjectiveKind, Schedule, Trainer};
use ff_tensor::Output;
use flate2::{Compression, write::GzEncoder};

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

#[test]
fn a_step_allocates_nothing() {
    let _alone = alone();
    let threads = 2;
    let data = synthetic(1_280, 1, 1);
    for link in [Link::Signal, Link::Spikes] {
        let config = Config {
            layers: vec![64, 64],
            steps: 4,
            output: Output::Rate,
            link,
            bias: true,
            objective: ObjectiveKind::Pair,
            negatives: Negatives::Hard,
            schedule: Schedule::Joint,
            batch: 32,
            ..Config::default()
        };
        let dev = Cpu::new(threads).unwrap();
        let network = Network::new(&dev, config, 784, 10).unwrap();
        let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels).unwrap();
        let calls = calls_in_a_step(&dev, &mut |on_step| {
            trainer.epoch(&epoch_order(1_280, 1, 0), on_step).unwrap();
        });
        // Without vector instructions, products are the matrixmultiply crate's, which allocates for packing: two layers,
        // forwards and backwards, each thread once.
        let packing = if ff_cpu::simd_name().starts_with("none") { 4.0 * threads as f64 } else { 0.0 };
        println!("{link:?}: {calls} allocations in a step, {packing} of them for the products");
        assert!(calls <= packing, "{link:?}: {calls} allocations in a step");
    }
}

/// The same of backpropagation. With ten columns only, two of the output layer's products are that crate's.
#[test]
fn a_step_of_backpropagation_allocates_for_narrow_products_only() {
    let _alone = alone();
    let (threads, data) = (2, synthetic(1_280, 1, 1));
    let config = Config { layers: vec![64, 64], steps: 4, batch: 32, ..Config::default() };
    let dev = Cpu::new(threads).unwrap();
    let net = Backprop::new(&dev, config, 784, 10).unwrap();
    let mut trainer = BackpropTrainer::new(net, &data.train.images, &data.train.labels).unwrap();
    let calls = calls_in_a_step(&dev, &mut |on_step| {
        trainer.epoch(&epoch_order(1_280, 1, 0), on_step).unwrap();
    });
    let products = if ff_cpu::simd_name().starts_with("none") { 8 } else { 2 };
    assert!(calls <= (products * threads) as f64, "{calls} allocations in a step");
}

/// How often memory is asked for between two steps. `epoch` is to call what it is given after each step.
fn calls_in_a_step(dev: &Cpu, epoch: &mut (dyn FnMut(&mut dyn FnMut()) + Send)) -> f64 {
    // As the command line does: the whole epoch on one of the device's threads.
    let mut per_step = || {
        let (mut calls, mut steps) = (0, 0);
        let mut last = None;
        dev.install(|| {
            epoch(&mut || {
                let now = counting::calls();
                if let Some(last) = last {
                    calls += now - last;
                    steps += 1;
                }
                last = Some(now);
            });
        });
        calls as f64 / f64::from(steps)
    };
    // What a thread does for the first time takes room for later: its queue, its lists of what is not zero. On a busy
    // machine a thread may come to that late, so the first epoch without counts; a step that allocates has none.
    (0..10).map(|_| per_step()).fold(f64::MAX, f64::min)
}
