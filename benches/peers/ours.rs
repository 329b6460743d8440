//! Our side of `compare.py`: reads the name of a work per line, does it, and prints how many seconds it took.
//!
//! `cargo bench --bench peers -- --data DIR --threads 2`
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::BufRead;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use ff_cpu::Cpu;
use ff_data::Dataset;
use ff_net::{Config, LifConfig, NegativesConfig, Network, NeuronConfig, Predictor, Schedule, Trainer};
use ff_yardstick::torch::TorchGenerator;
use ff_yardstick::tutorial;

/// The network of an epoch's or a scan's work.
fn config(work: &str) -> Config {
    let spiking: Config = toml::from_str(include_str!("../spiking.toml")).unwrap();
    match work {
        "membrane" => Config { batch: 512, schedule: Schedule::Joint, ..Config::default() },
        "spiking" => spiking,
        "wide" => Config { layers: vec![1_000; 3], train_samples: 50_000, ..spiking },
        "wide with heads" => {
            Config { head: true, negatives: NegativesConfig::Head { sharpness: 1.0 }, ..config("wide") }
        }
        _ => panic!("no work is called {work}"),
    }
}

/// A network that has learned for an epoch, so that it has as many zeros as one at work has.
fn trainer(dev: &Cpu, data: &Dataset, work: &str) -> Trainer<Cpu> {
    // As many epochs as are asked for.
    let config = Config { epochs: 10_000, ..config(work) };
    let network = Network::new(dev, config, 784, data.classes).unwrap();
    let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels).unwrap();
    trainer.epoch().unwrap();
    trainer
}

fn epoch(trainer: &mut Trainer<Cpu>) -> f64 {
    let start = Instant::now();
    trainer.epoch().unwrap();
    start.elapsed().as_secs_f64()
}

fn scan(predictor: &mut Predictor<Cpu>, trainer: &Trainer<Cpu>, data: &Dataset) -> f64 {
    let start = Instant::now();
    predictor.scan(trainer.network(), &data.test.images).unwrap();
    start.elapsed().as_secs_f64()
}

/// A step of the tutorial's layer 1.
fn tutorial_step(dev: &Cpu, data: &Dataset) -> f64 {
    let mut times = Vec::with_capacity(2 * tutorial::STEPS);
    let train = tutorial::Set { images: &data.train.images, labels: &data.train.labels };
    let test = tutorial::Set { images: &data.test.images, labels: &data.test.labels };
    let mut generator = TorchGenerator::new(123);
    let mut control = |_| {
        times.push(Instant::now());
        ControlFlow::Continue(())
    };
    let lif = NeuronConfig::Lif(LifConfig::default());
    tutorial::run(dev, lif, &mut generator, train, test, data.classes, &mut control).unwrap();
    let last = tutorial::STEPS - 1;
    (times[last] - times[0]).as_secs_f64() / last as f64
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let value = |flag| words.iter().position(|word| word == flag).map(|i| words[i + 1].clone());
    let Some(data) = value("--data") else {
        return println!("for benches/peers/compare.py, which says where the data is");
    };
    let data = ff_data::read_dir(Path::new(&data)).unwrap();
    let dev = Cpu::new(value("--threads").map_or(0, |n| n.parse().unwrap())).unwrap();
    dev.clone().install(|| {
        let mut trained: Vec<(String, Trainer<Cpu>, Predictor<Cpu>)> = Vec::new();
        for line in std::io::stdin().lock().lines() {
            let line = line.unwrap();
            let (job, work) = line.split_once(' ').unwrap_or((&line, ""));
            if job == "tutorial" {
                println!("{}", tutorial_step(&dev, &data));
                continue;
            }
            if !trained.iter().any(|(name, ..)| name == work) {
                let trainer = trainer(&dev, &data, work);
                let predictor = Predictor::new(trainer.network()).unwrap();
                trained.push((work.to_string(), trainer, predictor));
            }
            let (_, trainer, predictor) = trained.iter_mut().find(|(name, ..)| name == work).unwrap();
            let seconds = match job {
                "scan" => scan(predictor, trainer, &data),
                _ => epoch(trainer),
            };
            println!("{seconds}");
        }
    });
}
