//! Whole epochs and whole scans on synthetic digits, in images per second.
//!
//! `cargo bench --bench epoch`
#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ff_cpu::Cpu;
use ff_data::synthetic;
use ff_net::{Config, Network, Predictor, Schedule, Trainer};

const IMAGES: usize = 6_000;

fn epochs(c: &mut Criterion) {
    let data = synthetic(IMAGES, 1, 1);
    let (images, labels) = (&data.train.images, &data.train.labels);
    let membrane = Config { schedule: Schedule::Joint, batch: 512, ..Config::default() };
    let rate: Config = toml::from_str(include_str!("spiking.toml")).unwrap();
    let dev = Cpu::new(0).unwrap();
    let mut group = c.benchmark_group("784-500-500");
    group.sample_size(10).throughput(Throughput::Elements(IMAGES as u64));
    for (name, config) in [("membrane, T = 1, batch 512", membrane), ("rate, T = 8, batch 100", rate)] {
        // As many epochs as the harness likes.
        let config = Config { epochs: 1_000_000, ..config };
        let network = Network::new(&dev, config, 784, 10).unwrap();
        let mut trainer = Trainer::new(network, images, labels).unwrap();
        // As the command line does: the whole epoch on one of the device's threads.
        group.bench_function(format!("epoch, {name}"), |b| {
            b.iter(|| dev.install(|| trainer.epoch().map(|_| ())).unwrap());
        });
        let network = trainer.into_network();
        let mut predictor = Predictor::new(&network).unwrap();
        group.bench_function(format!("scan, {name}"), |b| {
            b.iter(|| dev.install(|| predictor.scan(&network, images)).unwrap());
        });
    }
}

criterion_group!(benches, epochs);
criterion_main!(benches);
