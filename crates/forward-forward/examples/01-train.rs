//! Train a spiking network on digits that are drawn on the spot, and test it.

use forward_forward::cpu::Cpu;
use forward_forward::data::synthetic;
use forward_forward::prediction::error_percent;
use forward_forward::{Config, Network, Predictor, Trainer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = synthetic(5_000, 500, 1); // or data::open(None, &|_| ())?.dataset
    let config = Config { layers: vec![100, 100], epochs: 4, ..Config::quick() };
    let network = Network::new(&Cpu::new(0)?, config, data.width * data.height, data.classes)?;
    let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels)?;
    while trainer.epochs_done() < trainer.epochs() {
        let report = trainer.epoch()?;
        println!("epoch {}: losses {:?}", report.epoch, report.mean_losses());
    }
    let network = trainer.into_network();
    let scores = Predictor::new(&network)?.scan(&network, &data.test.images)?;
    let error = error_percent(&scores.predict(), &data.test.labels);
    println!("test error {error:.1} %");
    assert!(error < 15.0);
    Ok(())
}
