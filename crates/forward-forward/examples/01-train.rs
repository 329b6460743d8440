//! Train a network and see how well it does.
//!
//! ```text
//! cargo run -p forward-forward --example 01-train
//! ```

use forward_forward::cpu::Cpu;
use forward_forward::data::{epoch_order, synthetic};
use forward_forward::prediction::error_percent;
use forward_forward::{Config, Network, Predictor, Trainer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Digits drawn here; `data::open(None, &|_| ())?.dataset` is MNIST.
    let data = synthetic(6_000, 1_000, 1);
    let config = Config { layers: vec![100, 100], epochs: 4, ..Config::quick() };
    let network = Network::new(&Cpu::new(0)?, config, data.width * data.height, data.classes)?;
    let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels)?;
    for epoch in 0..trainer.epochs() {
        let report = trainer.epoch(&epoch_order(data.train.len(), 1, epoch as u64), &mut || ())?;
        let losses: Vec<f64> = report.mean_losses().iter().map(|(_, loss)| *loss).collect();
        println!("epoch {}   losses of the layers {losses:.3?}", report.epoch);
    }
    let network = trainer.into_network();
    let scores = Predictor::new(&network)?.scan(&network, &data.test.images, &mut |_| ())?;
    let error = error_percent(&scores.predict(), &data.test.labels);
    println!("test error {error:.1} % on {} images; guessing has 90 %", data.test.len());
    Ok(())
}
