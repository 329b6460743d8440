//! Whole networks on the CUDA device and on the CPU: the same digits, seed and steps. On the way, each step but the first
//! is a replay of one that was recorded.

use ff_cpu::Cpu;
use ff_data::{epoch_order, synthetic};
use ff_net::{Config, Link, Negatives, Network, ObjectiveKind, Predictor, Schedule, Scores, Trainer};
use ff_tensor::{Augmentation, Device, NeuronKind, NormKind, Output, Surrogate};

/// What training came to: each layer's loss in each step, and the scores of images that were not trained on.
pub struct Outcome {
    losses: Vec<f32>,
    scores: Scores,
}

/// The tutorial's units, which stay in shares through both layers; spikes from layer to layer, with a bias; heads, and all
/// that is drawn at random; a net like `quick`; rectifiers.
pub fn configs() -> [(&'static str, Config); 5] {
    let base =
        Config { layers: vec![24, 20], batch: 20, learning_rate: 3e-3, epochs: 2, ..Config::default() };
    let quick = Config {
        steps: 4,
        output: Output::Rate,
        norm: NormKind::Rms,
        label_amplitude: 3.0,
        objective: ObjectiveKind::Pair,
        negatives: Negatives::Hard,
        schedule: Schedule::Joint,
        cool_from: 0.5,
        ..base.clone()
    };
    [
        ("membrane", Config { epochs: 1, ..base.clone() }),
        ("spikes", Config { link: Link::Spikes, bias: true, negatives: Negatives::Uniform, ..quick.clone() }),
        (
            "heads",
            Config {
                head: true,
                negatives: Negatives::Head,
                dropout: 0.2,
                pixel_dropout: 0.1,
                weight_decay: 0.1,
                surrogate: Surrogate::Secant,
                ..quick.clone()
            },
        ),
        ("rate", quick),
        ("relu", Config { neuron: NeuronKind::Relu, schedule: Schedule::Joint, ..base }),
    ]
}

pub fn train<D: Device>(dev: &D, config: Config) -> Outcome {
    train_on(dev, config, &[])
}

/// On images that change from epoch to epoch.
pub fn train_on<D: Device>(dev: &D, config: Config, list: &[Augmentation]) -> Outcome {
    let data = synthetic(120, 40, 3);
    let network = Network::new(dev, config, data.width * data.height, data.classes).unwrap();
    let trainer = Trainer::new(network, &data.train.images, &data.train.labels).unwrap();
    let mut trainer = trainer.augmented(list, data.width, data.height).unwrap();
    let mut losses = Vec::new();
    let mut steps = 0;
    for epoch in 0..trainer.epochs() {
        let order = epoch_order(data.train.len(), 1, epoch as u64);
        let report = trainer.epoch(&order, &mut || steps += 1).unwrap();
        losses.extend(report.losses.into_iter().flat_map(|(_, losses)| losses));
    }
    assert_eq!(steps, trainer.epochs() * trainer.batches(), "progress is told of every step");
    let network = trainer.into_network();
    let scores = Predictor::new(&network).unwrap().scan(&network, &data.test.images, &mut |_| ()).unwrap();
    Outcome { losses, scores }
}

/// On the CPU.
pub fn reference(config: Config) -> Outcome {
    train(&Cpu::new(1).unwrap(), config)
}

impl Outcome {
    pub fn losses(&self) -> &[f32] {
        &self.losses
    }

    /// Losses within `tolerance` of the reference's, relatively.
    pub fn check_losses(&self, reference: &Self, tolerance: f32, name: &str) {
        assert_eq!(self.losses.len(), reference.losses.len());
        let mut largest = 0.0f32;
        for (step, (ours, its)) in self.losses.iter().zip(&reference.losses).enumerate() {
            let off = (ours - its).abs() / its.abs();
            assert!(off <= tolerance, "{name}: loss {step} is {ours}, not {its}");
            largest = largest.max(off);
        }
        println!(
            "{name}: losses within {largest:e} of the CPU's; {:?} spikes",
            self.scores.spikes_per_inference()
        );
    }

    /// And as many spikes, and the same predictions.
    pub fn check(&self, reference: &Self, tolerance: f32, name: &str) {
        self.check_losses(reference, tolerance, name);
        assert_eq!(self.scores.predict(), reference.scores.predict(), "{name}");
        assert_eq!(self.scores.layer_spikes, reference.scores.layer_spikes, "{name}");
    }
}
