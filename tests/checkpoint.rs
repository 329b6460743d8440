//! A training that is stopped after any batch goes on from its checkpoint as if nothing had happened; a file that cannot be
//! one is refused.
#![allow(clippy::unwrap_used, missing_docs)]

use std::ops::ControlFlow;
use std::path::Path;

use ff_cpu::Cpu;
use ff_data::{Dataset, synthetic};
use ff_net::formulas::Output;
use ff_net::{
    Checkpoint, Config, EpochReport, Error, LifConfig, Link, Model, NegativesConfig, Network, NeuronConfig,
    ObjectiveConfig, Progress, Schedule, Stored, Trainer,
};
use ff_tensor::{Augmentation, NormKind};
use serde_json::json;

fn data() -> Dataset {
    synthetic(70, 1, 3)
}

/// How images change before each epoch.
const CHANGES: [Augmentation; 1] = [Augmentation::Shift { pixels: 2 }];

fn lif(steps: usize, output: Output) -> NeuronConfig {
    NeuronConfig::Lif(LifConfig { steps, output, ..LifConfig::default() })
}

/// 70 images in batches of 20: three batches an epoch.
fn base() -> Config {
    Config {
        layers: vec![12, 9],
        neuron: lif(3, Output::Rate),
        norm: NormKind::Rms,
        label_amplitude: 3.0,
        objective: ObjectiveConfig::Pair { alpha: 6.0 },
        negatives: NegativesConfig::Hard { sharpness: 6.0 },
        schedule: Schedule::Joint,
        epochs: 2,
        batch: 20,
        learning_rate: 0.01,
        cool_from: 0.5,
        seed: 11,
        ..Config::default()
    }
}

/// On images that change before each epoch.
fn begun(dev: &Cpu, config: &Config, data: &Dataset) -> Trainer<Cpu> {
    let network = Network::new(dev, config.clone(), data.width * data.height, data.classes).unwrap();
    let trainer = Trainer::new(network, &data.train.images, &data.train.labels).unwrap();
    trainer.augmented(&CHANGES, data.width, data.height).unwrap()
}

/// Epochs, and all losses to the bit.
fn bits(reports: &[EpochReport]) -> Vec<(usize, Vec<u32>)> {
    let losses =
        |r: &EpochReport| r.losses.iter().chain(&r.head_losses).flat_map(|(_, l)| l.clone()).collect();
    let bits = |losses: Vec<f32>| losses.iter().map(|loss| loss.to_bits()).collect();
    reports.iter().map(|r| (r.epoch, bits(losses(r)))).collect()
}

fn model(network: &Network<Cpu>, data: &Dataset) -> Model {
    Model::of(network, &data.name, data.width, data.height).unwrap()
}

/// What a training comes to that nobody stops.
fn whole(config: &Config, data: &Dataset) -> (Model, Vec<(usize, Vec<u32>)>) {
    let mut trainer = begun(&Cpu::new(1).unwrap(), config, data);
    let epochs = 0..trainer.epochs();
    let reports: Vec<EpochReport> = epochs.map(|_| trainer.epoch().unwrap()).collect();
    (model(trainer.network(), data), bits(&reports))
}

/// The same, stopped after every `every` batches, saved, loaded and taken up by a new trainer on another number of threads.
fn stopped(
    config: &Config,
    data: &Dataset,
    every: usize,
    file: &Path,
) -> (Model, Vec<(usize, Vec<u32>)>, usize) {
    let mut trainer = begun(&Cpu::new(1).unwrap(), config, data);
    let (mut reports, mut stops): (Vec<EpochReport>, usize) = (Vec::new(), 0);
    while reports.len() < trainer.epochs() {
        let mut left = every;
        let mut control = |_: Progress| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        reports.extend(trainer.epoch_with(&mut control).unwrap());
        let notes = json!({ "stop": stops });
        let checkpoint =
            Checkpoint::of(&mut trainer, &data.name, data.width, data.height, notes.clone()).unwrap();
        assert_eq!(checkpoint.epochs_done, reports.len());
        checkpoint.save(file).unwrap();
        let loaded = Checkpoint::load(file).unwrap();
        assert!(loaded == checkpoint, "what is read is not what was written");
        assert_eq!(loaded.notes, notes);
        stops += 1;
        let dev = Cpu::new(1 + stops % 3).unwrap();
        // How images change, the checkpoint knows itself.
        trainer = loaded.trainer(&dev, &data.train.images, &data.train.labels).unwrap();
    }
    (model(trainer.network(), data), bits(&reports), stops)
}

#[test]
fn a_training_stopped_after_any_batch_ends_bit_equal() {
    let (data, dir) = (data(), tempfile::tempdir().unwrap());
    let rich = Config {
        head: true,
        negatives: NegativesConfig::Head { sharpness: 6.0 },
        dropout: 0.2,
        pixel_dropout: 0.1,
        weight_decay: 0.1,
        bias: true,
        ..base()
    };
    for (name, config) in [
        ("joint", base()),
        ("greedy", Config { schedule: Schedule::Greedy, ..base() }),
        ("joint with heads, dropout, biases", rich.clone()),
        ("greedy with heads, dropout, biases", Config { schedule: Schedule::Greedy, ..rich }),
        ("spikes between layers", Config { link: Link::Spikes, bias: true, ..base() }),
        ("relu", Config { neuron: NeuronConfig::RELU, ..base() }),
        ("images held out", Config { validation_samples: 9, train_samples: 60, ..base() }),
        ("linear", Config { neuron: lif(1, Output::Membrane), ..base() }),
    ] {
        let (model, reports) = whole(&config, &data);
        let untrained = begun(&Cpu::new(1).unwrap(), &config, &data);
        let untrained = self::model(untrained.network(), &data).weights;
        let learned = model.weights.iter().zip(&untrained).all(|(after, before)| after != before);
        assert!(learned, "{name}: a layer has learned nothing");
        for every in [1, 2] {
            let (resumed, again, stops) =
                stopped(&config, &data, every, &dir.path().join("checkpoint.safetensors"));
            assert!(stops >= reports.len() * 3 / every, "{name}: {stops} stops");
            assert_eq!(reports, again, "{name}: losses differ");
            assert!(model == resumed, "{name}: weights differ");
        }
    }
}

#[test]
fn an_epoch_that_was_stopped_goes_on_in_the_same_trainer_too() {
    let (data, config) = (data(), base());
    let (model_, reports) = whole(&config, &data);
    let mut trainer = begun(&Cpu::new(2).unwrap(), &config, &data);
    let mut again = Vec::new();
    for _ in 0..trainer.epochs() {
        let mut told = Vec::new();
        let mut first = |at: Progress| {
            told.push((at.done, at.all));
            ControlFlow::Break(())
        };
        assert!(trainer.epoch_with(&mut first).unwrap().is_none());
        let mut rest = |at: Progress| {
            told.push((at.done, at.all));
            ControlFlow::Continue(())
        };
        again.extend(trainer.epoch_with(&mut rest).unwrap());
        assert_eq!(told, [(1, 3), (2, 3), (3, 3)]);
    }
    assert_eq!(bits(&again), reports);
    assert!(model(trainer.network(), &data) == model_);
}

/// The checkpoint knows how images change: without them the weights would be others.
#[test]
fn a_training_on_changing_images_goes_on_with_them() {
    let (data, dir, dev) = (data(), tempfile::tempdir().unwrap(), Cpu::new(1).unwrap());
    let checkpoint = saved(&base(), &dir.path().join("checkpoint.safetensors"));
    let resumed = || checkpoint.trainer(&dev, &data.train.images, &data.train.labels).unwrap();
    assert_eq!(resumed().augmentations(), CHANGES);
    let ended = |mut trainer: Trainer<Cpu>| {
        while trainer.epochs_done() < trainer.epochs() {
            trainer.epoch().unwrap();
        }
        model(trainer.network(), &data)
    };
    let (whole, _) = whole(&base(), &data);
    assert!(ended(resumed()) == whole);
    let unchanged = resumed().augmented(&[], data.width, data.height).unwrap();
    assert!(ended(unchanged) != whole, "the changes made no difference, so nothing was tested");
}

#[test]
fn a_training_that_was_made_longer_is_as_long_after_a_stop() {
    let (data, dev) = (data(), Cpu::new(1).unwrap());
    let mut trainer = begun(&dev, &base(), &data);
    for _ in 0..trainer.epochs() {
        trainer.epoch().unwrap();
    }
    trainer.extend(2).unwrap();
    trainer.epoch_with(&mut |_| ControlFlow::Break(())).unwrap();
    let checkpoint = Checkpoint::of(&mut trainer, &data.name, data.width, data.height, json!({})).unwrap();
    let mut resumed = checkpoint.trainer(&dev, &data.train.images, &data.train.labels).unwrap();
    for trainer in [&mut trainer, &mut resumed] {
        assert_eq!((trainer.epochs(), trainer.epochs_done(), trainer.batches_done()), (4, 2, 1));
        for _ in 0..2 {
            trainer.epoch().unwrap();
        }
        assert!(matches!(trainer.epoch(), Err(Error::Ended { epochs: 4 })));
    }
    assert!(model(trainer.network(), &data) == model(resumed.network(), &data));
}

#[test]
fn a_checkpoint_can_be_read_as_a_model() {
    let (data, dir) = (data(), tempfile::tempdir().unwrap());
    let mut trainer = begun(&Cpu::new(1).unwrap(), &base(), &data);
    trainer.epoch().unwrap();
    let path = dir.path().join("checkpoint.safetensors");
    Checkpoint::of(&mut trainer, &data.name, data.width, data.height, json!(null))
        .unwrap()
        .save(&path)
        .unwrap();
    let mut as_model = model(trainer.network(), &data);
    as_model.origin.augment = CHANGES.to_vec();
    assert!(Model::load(&path).unwrap() == as_model);
}

/// After one batch of the first epoch.
fn saved(config: &Config, path: &Path) -> Checkpoint {
    let data = data();
    let mut trainer = begun(&Cpu::new(1).unwrap(), config, &data);
    trainer.epoch_with(&mut |_| ControlFlow::Break(())).unwrap();
    let checkpoint = Checkpoint::of(&mut trainer, &data.name, data.width, data.height, json!({})).unwrap();
    checkpoint.save(path).unwrap();
    checkpoint
}

#[test]
fn a_damaged_byte_or_a_cut_anywhere_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint.safetensors");
    saved(&Config { layers: vec![3], ..base() }, &path);
    let whole = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        // A new file each time: what is written over an old one is waited for.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let message = Checkpoint::load(&path).unwrap_err().to_string();
        assert!(Stored::open(&path).is_err(), "{message}");
        assert!(
            message.starts_with(&format!("{}: ", path.display())) && !message.contains('\n'),
            "{message}"
        );
        message
    };
    for i in (0..whole.len()).filter(|i| i % 97 == 0 || *i < 700 || i + 64 > whole.len()) {
        let mut flipped = whole.clone();
        flipped[i] ^= 1 << (i % 8);
        refused(&flipped);
        refused(&whole[..i]);
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    assert!(refused(&flipped).ends_with("is damaged: its checksum is that of another content"));
    assert!(refused(&whole[..whole.len() - 1]).contains("is not a whole safetensors file"));
    std::fs::write(&path, &whole).unwrap();
    Checkpoint::load(&path).unwrap();
    Stored::open(&path).unwrap();
}

#[test]
fn a_model_is_no_checkpoint() {
    let (dir, data) = (tempfile::tempdir().unwrap(), data());
    let path = dir.path().join("model.safetensors");
    model(begun(&Cpu::new(1).unwrap(), &base(), &data).network(), &data).save(&path).unwrap();
    let message = Checkpoint::load(&path).unwrap_err().to_string();
    assert!(message.ends_with("is a model, not a checkpoint"), "{message}");
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let (dir, data, dev) = (tempfile::tempdir().unwrap(), data(), Cpu::new(1).unwrap());
    let path = dir.path().join("checkpoint.safetensors");
    let sound = saved(&base(), &path);
    let refusal = |checkpoint: &Checkpoint, n: usize| {
        let set = data.train.take(n);
        let error = checkpoint.trainer(&dev, &set.images, &set.labels).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Checkpoint { .. }), "{error}");
        error.to_string()
    };
    let said = refusal(&sound, 50);
    assert!(said.starts_with("the checkpoint has `losses.layers.0` as ["), "{said}");
    for (epochs_done, batches_done) in [(0, 3), (2, 1), (3, 0), (usize::MAX, usize::MAX)] {
        let mut other = sound.clone();
        (other.epochs_done, other.batches_done) = (epochs_done, batches_done);
        let said = refusal(&other, 70);
        assert_eq!(
            said,
            format!(
                "the checkpoint stands at epoch {epochs_done}, batch {batches_done}, but the training has 2 epochs of 3 \
                 batches"
            )
        );
    }
    let mut with_head = sound.clone();
    with_head.model.config.bias = true;
    for layer in &mut with_head.model.weights {
        layer.bias = Some(vec![0.0; layer.weight.ncols()]);
    }
    assert_eq!(refusal(&with_head, 70), "the checkpoint has no tensor `adam.layers.0.bias.mean`");
}
