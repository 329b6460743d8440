//! Predict with nothing but a model file.
//!
//! ```text
//! cargo run -p forward-forward --example 07-predict -- runs/quick-1/model.safetensors
//! ```
//! Without a file, it trains a small model, saves that, and goes on as if it knew nothing of it.

use std::path::{Path, PathBuf};

use forward_forward::cpu::Cpu;
use forward_forward::data::synthetic;
use forward_forward::{Config, Model, Network, Predictor, Trainer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let path = match std::env::args().nth(1) {
        Some(path) => PathBuf::from(path),
        None => train(&dir.path().join("model.safetensors"))?,
    };

    let model = Model::load(&path)?; // knows its settings, and what its images are like
    println!("{}: images of {} x {} in {} classes", path.display(), model.width, model.height, model.classes);
    let network = model.network(&Cpu::new(0)?)?;
    let mut predictor = Predictor::new(&network)?;

    // `data::picture(&png, model.width, model.height)` reads a picture as such a row.
    let (images, labels) = (synthetic(1, 8, 2).test.images, synthetic(1, 8, 2).test.labels);
    let scores = predictor.scan(&network, &images)?; // images [n, width * height]
    for (i, label) in scores.predict().iter().enumerate() {
        let goodness = scores.of_image(i)[*label as usize];
        println!("image {i} shows a {} and is taken for a {label}, with goodness {goodness:.2}", labels[i]);
    }
    Ok(())
}

fn train(path: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let data = synthetic(4_000, 1, 1);
    let config = Config { layers: vec![100], epochs: 4, ..Config::quick() };
    let network = Network::new(&Cpu::new(0)?, config, data.width * data.height, data.classes)?;
    let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels)?;
    while trainer.epochs_done() < trainer.epochs() {
        trainer.epoch()?;
    }
    Model::of(trainer.network(), &data.name, data.width, data.height)?.save(path)?;
    Ok(path.into())
}
