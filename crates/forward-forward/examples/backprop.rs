//! The same network trained by backpropagation, as a spiking one and with rectifiers, in the same engine.
//!
//! ```text
//! cargo run --release -p forward-forward --example backprop -- [lif|relu] [KEY=VALUE ...] [--test]
//! ```
//! Errors are those of the last sixth of the training images, which is held out; `--test` trains on all of them and
//! ends with the error of the test images.

use std::error::Error;
use std::time::Instant;

use forward_forward::cpu::Cpu;
use forward_forward::data::{self, Samples, epoch_order};
use forward_forward::prediction::error_percent;
use forward_forward::{Backprop, BackpropTrainer, Config, NeuronKind, NormKind, Surrogate};
use serde_json::Value;

/// Chosen on held out images.
fn settings(neuron: NeuronKind) -> Config {
    Config {
        layers: vec![500, 500],
        neuron,
        steps: 8,
        beta: 0.9,
        surrogate: Surrogate::Atan,
        norm: NormKind::Rms,
        epochs: 10,
        batch: 100,
        learning_rate: 1e-3,
        cool_from: 0.5,
        seed: 1,
        ..Config::default()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let on_test = args.iter().any(|arg| arg == "--test");
    let neuron = if args.iter().any(|arg| arg == "relu") { NeuronKind::Relu } else { NeuronKind::Lif };
    let mut config = serde_json::to_value(settings(neuron))?;
    for (key, value) in args.iter().filter_map(|arg| arg.split_once('=')) {
        config[key] = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into()));
    }
    let config: Config = serde_json::from_value(config)?;

    let opened = data::open(None, &|_| ())?;
    let data = opened.dataset;
    println!("{}", opened.note.unwrap_or_else(|| format!("{}, {neuron:?}", data.name)));
    let (most, held_out) = data.train.split_last(data.train.len() / 6);
    let (train, judge): (&Samples, &Samples) =
        if on_test { (&data.train, &data.test) } else { (&most, &held_out) };

    let dev = Cpu::new(0)?;
    let net = Backprop::new(&dev, config.clone(), data.width * data.height, data.classes)?;
    println!("{} parameters, {} numbers kept per image", net.parameters(), net.kept_per_image());
    let mut trainer = BackpropTrainer::new(net, &train.images, &train.labels)?;
    for epoch in 0..config.epochs {
        let (order, start) = (epoch_order(train.len(), config.seed, epoch as u64), Instant::now());
        let loss = dev.install(|| trainer.epoch(&order, &mut || ()))?;
        print!("epoch {:>2}  loss {loss:.5}  {:.1} s", epoch + 1, start.elapsed().as_secs_f64());
        // The test images are looked at once.
        if on_test && epoch + 1 < config.epochs {
            println!();
            continue;
        }
        let scores = dev.install(|| trainer.net().scan(&judge.images))?;
        let spikes =
            scores.spikes_per_inference().map_or(String::new(), |n| format!("  {n:.0} spikes an image"));
        println!("  error {:.2} %{spikes}", error_percent(&scores.predict(), &judge.labels));
    }
    Ok(())
}
