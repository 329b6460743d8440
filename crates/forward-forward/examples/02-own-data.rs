//! Train on data of your own: rows of bytes and a label for each, here waves of three kinds instead of images.
//!
//! A network gives the first `classes` inputs up for the label, so data that uses all of its inputs gets some more in
//! front.

use forward_forward::cpu::Cpu;
use forward_forward::data::epoch_order;
use forward_forward::ndarray::{Array1, Array2, s};
use forward_forward::prediction::error_percent;
use forward_forward::tensor::random;
use forward_forward::{Config, Network, NeuronKind, Predictor, Trainer};

const SAMPLES: usize = 48;
const KINDS: [&str; 3] = ["sine", "square", "sawtooth"];

/// `[n, SAMPLES]` in -1 to 1, noise included, and the kind of each row. Phase and length are drawn.
fn waves(n: usize, seed: u64) -> (Array2<f32>, Array1<u8>) {
    let draw = |i: usize, k: usize| random::uniform(seed, (i * 64 + k) as u64);
    let kinds = Array1::from_shape_fn(n, |i| (i % KINDS.len()) as u8);
    let waves = Array2::from_shape_fn((n, SAMPLES), |(i, t)| {
        let turns = draw(i, 60) + t as f32 / SAMPLES as f32 * (1.5 + draw(i, 61));
        let wave = match kinds[i] {
            0 => (turns * std::f32::consts::TAU).sin(),
            1 => (turns.fract() - 0.5).signum(),
            _ => 2.0 * turns.fract() - 1.0,
        };
        0.7 * wave + 0.6 * (draw(i, t) - 0.5)
    });
    (waves, kinds)
}

/// From -1..1 to 0..255, behind room for the label.
fn to_inputs(waves: &Array2<f32>) -> Array2<u8> {
    let mut inputs = Array2::zeros((waves.nrows(), KINDS.len() + SAMPLES));
    inputs.slice_mut(s![.., KINDS.len()..]).assign(&waves.mapv(|x| (127.5 * (x + 1.0)).round() as u8));
    inputs
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ((waves_1, kinds), (waves_2, kinds_2)) = (waves(6_000, 1), waves(1_000, 2));
    let (train, test) = (to_inputs(&waves_1), to_inputs(&waves_2));
    let config = Config {
        layers: vec![120, 120],
        neuron: NeuronKind::Relu,
        learning_rate: 3e-3,
        epochs: 12,
        ..Config::quick()
    };
    let network = Network::new(&Cpu::new(0)?, config, train.ncols(), KINDS.len())?;
    let mut trainer = Trainer::new(network, &train, &kinds)?;
    for epoch in 0..trainer.epochs() {
        trainer.epoch(&epoch_order(kinds.len(), 1, epoch as u64), &mut || ())?;
    }
    let network = trainer.into_network();
    let predicted = Predictor::new(&network)?.scan(&network, &test, &mut |_| ())?.predict();
    for (i, (&kind, &wave)) in predicted.iter().zip(&kinds_2).take(6).enumerate() {
        println!("wave {i} is a {:8} and is taken for a {}", KINDS[wave as usize], KINDS[kind as usize]);
    }
    println!("test error {:.1} % on {} waves", error_percent(&predicted, &kinds_2), kinds_2.len());
    Ok(())
}
