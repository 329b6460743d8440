//! Trainings that are shared out among ranks, which are threads here. Whatever the number of ranks, rank 0 ends with the
//! bytes of a training on one.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "ranks/joined.rs"]
mod joined;
#[path = "shim/mod.rs"]
mod shim;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use ff_cpu::Cpu;
use ff_data::{Dataset, synthetic};
use ff_net::formulas::{Output, Squares};
use ff_net::peers::Threads;
use ff_net::{
    Checkpoint, Config, EpochReport, LifConfig, Link, Model, NegativesConfig, Network, NeuronConfig,
    ObjectiveConfig, Origin, Peers, Predictor, Schedule, Scores, Stored, SurrogateKind, Trainer,
};
use ff_tensor::{Augmentation, Device, NormKind, Transport};
use serde_json::Value;
use shim::{Schedule as Order, Shim};

const CHANGES: [Augmentation; 1] = [Augmentation::Shift { pixels: 2 }];

fn data() -> Dataset {
    synthetic(130, 10, 3)
}

fn small() -> Config {
    Config { layers: vec![24, 17, 20, 12], batch: 40, epochs: 2, ..Config::quick() }
}

fn begun(config: &Config) -> Trainer<Cpu> {
    begun_on(&Cpu::new(1).unwrap(), config)
}

fn begun_on<D: Device>(dev: &D, config: &Config) -> Trainer<D> {
    trainer_of(Network::new(dev, config.clone(), 784, 10).unwrap(), &CHANGES)
}

fn trainer_of<D: Device>(network: Network<D>, changes: &[Augmentation]) -> Trainer<D> {
    let data = data();
    let trainer = Trainer::new(network, &data.train.images, &data.train.labels).unwrap();
    trainer.augmented(changes, 28, 28).unwrap()
}

/// The part of a rank whose signals go `way`. `sizes` has the number of layers of each rank. It is `None` if units are shared
/// out.
fn begun_by<D: Device>(
    dev: &D,
    config: &Config,
    peers: Arc<dyn Peers>,
    way: Arc<dyn Transport<D>>,
    sizes: Option<&[usize]>,
) -> Trainer<D> {
    let config = config.clone();
    let network = match sizes {
        Some(sizes) => Network::over_layers_by(dev, config, 784, 10, peers, way, sizes),
        None => Network::over_units_by(dev, config, 784, 10, peers, way),
    };
    trainer_of(network.unwrap(), &CHANGES)
}

/// The part of a rank. `sizes` has the number of layers of each rank. It is `None` if units are shared out.
fn part_of(config: &Config, peers: Arc<dyn Peers>, sizes: Option<&[usize]>) -> ff_net::Result<Network<Cpu>> {
    let (dev, config) = (Cpu::new(1).unwrap(), config.clone());
    match sizes {
        Some(sizes) => Network::over_layers(&dev, config, 784, 10, peers, sizes),
        None => Network::over_units(&dev, config, 784, 10, peers),
    }
}

fn begun_over(config: &Config, peers: Arc<dyn Peers>, sizes: Option<&[usize]>) -> Trainer<Cpu> {
    trainer_of(part_of(config, peers, sizes).unwrap(), &CHANGES)
}

/// Trains to the end, or until so many steps of the second epoch are done.
fn train<D: Device>(trainer: &mut Trainer<D>, steps: usize) -> Vec<EpochReport> {
    let mut reports = Vec::new();
    while trainer.epochs_done() < trainer.epochs() {
        let second = trainer.epochs_done() == 1;
        let control = &mut |at: ff_net::Progress| match second && at.done == steps {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        match trainer.epoch_with(control).unwrap() {
            Some(report) => reports.push(report),
            None => break,
        }
    }
    reports
}

fn bytes<D: Device>(trainer: &mut Trainer<D>) -> Vec<u8> {
    Checkpoint::of(trainer, "synthetic", 28, 28, Value::Null).unwrap().to_bytes().unwrap()
}

/// The bytes that rank 0 writes, of a checkpoint and of a model. The other ranks send their parts.
fn saved<D: Device>(trainer: &mut Trainer<D>, first: bool) -> Option<[Vec<u8>; 2]> {
    if !first {
        trainer.send_checkpoint().unwrap();
        trainer.send_model().unwrap();
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let paths = ["c", "m"].map(|name| dir.path().join(name));
    trainer.save(&paths[0], "synthetic", 28, 28, &Value::Null).unwrap();
    trainer.save_model(&paths[1], "synthetic", 28, 28, Origin::default()).unwrap();
    Some(paths.map(|path| std::fs::read(path).unwrap()))
}

/// The same bytes, of a whole network that is in memory.
fn whole<D: Device>(trainer: &mut Trainer<D>) -> [Vec<u8>; 2] {
    let file = tempfile::NamedTempFile::new().unwrap();
    Model::of(trainer.network(), "synthetic", 28, 28).unwrap().save(file.path()).unwrap();
    [bytes(trainer), std::fs::read(file.path()).unwrap()]
}

/// What all labels and the heads say of the test images. The numbers are those of rank 0.
fn scores<D: Device>(trainer: &Trainer<D>) -> Vec<Scores> {
    let (network, images) = (trainer.network(), &data().test.images);
    let all = Predictor::new(network).unwrap().scan(network, images).unwrap();
    let heads = Predictor::one_pass(network).unwrap();
    let heads = heads.map(|mut heads| heads.scan(network, images).unwrap());
    [all].into_iter().chain(heads).collect()
}

fn expect_same(scores: &[Scores], expected: &[Scores], name: &str) {
    assert_eq!(scores.len(), expected.len(), "{name}");
    for (own, expected) in scores.iter().zip(expected) {
        assert!(own.layers == expected.layers, "{name}: other scores");
        assert_eq!(own.layer_spikes, expected.layer_spikes, "{name}");
    }
}

/// Runs `work` on each rank, and returns what comes of it.
fn on_ranks<T: Send>(size: usize, work: impl Fn(Arc<dyn Peers>) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let work = &work;
        let spawn = |peers| scope.spawn(move || work(Arc::new(peers)));
        let ranks: Vec<_> = Threads::new(size).into_iter().map(spawn).collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

fn relu() -> Config {
    Config { neuron: NeuronConfig::RELU, ..small() }
}

/// Sums of squared rates are not exact here.
fn six_steps() -> NeuronConfig {
    NeuronConfig::Lif(LifConfig { steps: 6, output: Output::Rate, ..LifConfig::default() })
}

/// What all trainings are held against.
fn cases() -> Vec<(&'static str, Config)> {
    let lif = LifConfig { steps: 8, output: Output::Rate, ..LifConfig::default() };
    let spikes = NeuronConfig::Lif(lif);
    let membrane = NeuronConfig::Lif(LifConfig { steps: 3, output: Output::Membrane, ..lif });
    let best = LifConfig { steps: 32, beta: 0.95, surrogate: SurrogateKind::Secant, ..lif };
    let softplus = ObjectiveConfig::Softplus { theta: 1.0 };
    let hard = NegativesConfig::Hard { sharpness: 60.0 };
    vec![
        ("quick", small()),
        ("rectifiers", relu()),
        ("many steps", Config { neuron: NeuronConfig::Lif(best), ..small() }),
        ("greedy", Config { schedule: Schedule::Greedy, ..small() }),
        ("spikes between layers", Config { link: Link::Spikes, neuron: spikes, ..small() }),
        ("membranes", Config { neuron: membrane, objective: softplus, head: false, ..small() }),
        ("dropout, biases", Config { dropout: 0.2, pixel_dropout: 0.1, bias: true, ..small() }),
        ("uniform", Config { negatives: NegativesConfig::Uniform {}, norm: NormKind::L2, ..small() }),
        ("sums", Config { goodness: Squares::Sum, negatives: hard, cool_from: 1.0, ..small() }),
    ]
}

/// Trains on ranks, and compares everything with a training on one. `cuts` has how layers are shared out, or `None` and the
/// number of ranks for units.
fn compare(name: &str, config: &Config, changes: &[Augmentation], cuts: &[(usize, Option<Vec<usize>>)]) {
    let whole_network = Network::new(&Cpu::new(1).unwrap(), config.clone(), 784, 10).unwrap();
    let mut alone = trainer_of(whole_network, changes);
    let reports = train(&mut alone, usize::MAX);
    let (expected, expected_scores) = (whole(&mut alone), scores(&alone));
    for (size, sizes) in cuts {
        let name = format!("{name}, {size} ranks, layers {sizes:?}");
        on_ranks(*size, |peers| {
            let first = peers.rank() == 0;
            let mut trainer = trainer_of(part_of(config, peers, sizes.as_deref()).unwrap(), changes);
            let own = train(&mut trainer, usize::MAX);
            let (got, scores) = (saved(&mut trainer, first), scores(&trainer));
            assert!(got.is_none_or(|got| got == expected), "{name}: the files have other bytes");
            if first || sizes.is_none() {
                expect_same(&scores, &expected_scores, &name);
                for (a, b) in own.iter().zip(&reports) {
                    assert_eq!((&a.losses, &a.head_losses), (&b.losses, &b.head_losses), "{name}");
                }
            }
        });
    }
}

#[test]
fn layers_on_any_number_of_ranks_have_the_bytes_of_one() {
    for (name, config) in cases() {
        let cuts = [vec![4], vec![2, 2], vec![1, 3], vec![1, 2, 1], vec![1; 4]];
        compare(name, &config, &CHANGES, &cuts.map(|sizes| (sizes.len(), Some(sizes))));
    }
}

#[test]
fn units_on_any_number_of_ranks_have_the_bytes_of_one() {
    let more = [
        ("rectifiers, uniform", Config { negatives: NegativesConfig::Uniform {}, ..relu() }),
        ("head", Config { negatives: NegativesConfig::Head { sharpness: 2.0 }, ..small() }),
        ("6 steps", Config { neuron: six_steps(), bias: true, ..small() }),
    ];
    for (name, config) in cases().into_iter().chain(more) {
        let config = Config { layers: vec![165, 160], ..config };
        compare(name, &config, &CHANGES, &[1, 2, 4, 5].map(|size| (size, None)));
    }
}

/// Every preset but `tutorial`, whose units are linear, with layers that are cut down for a test.
#[test]
fn presets_on_any_number_of_ranks_have_the_bytes_of_one() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/ff-cli/presets");
    let files = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let presets: Vec<_> = files.filter(|file| !file.ends_with("tutorial.toml")).collect();
    assert_eq!(presets.len(), 8, "{presets:?}");
    for preset in presets {
        let mut table: toml::Table = std::fs::read_to_string(&preset).unwrap().parse().unwrap();
        let list: Vec<Augmentation> = table.remove("augment").map_or(vec![], |list| list.try_into().unwrap());
        let config: Config = table.try_into().unwrap();
        let layers = config.layers.iter().map(|units| 160 + units / 100).collect();
        let config = Config { layers, epochs: 1, validation_samples: 0, ..config };
        let layers = config.layers.len();
        let sizes =
            |ranks: usize| (0..ranks).map(|i| layers * (i + 1) / ranks - layers * i / ranks).collect();
        let cuts = [1, 2, 4, 5].into_iter().flat_map(|ranks| {
            [(ranks, None)].into_iter().chain((ranks <= layers).then(|| (ranks, Some(sizes(ranks)))))
        });
        compare(&preset.display().to_string(), &config, &list, &cuts.collect::<Vec<_>>());
    }
}

#[test]
fn every_layer_takes_some_time() {
    for warm_up in [0, 1, 100] {
        let seconds = begun(&small()).layer_seconds(warm_up).unwrap();
        assert_eq!(seconds.len(), 4);
        assert!(seconds.iter().all(|seconds| *seconds > 0.0), "{seconds:?}");
    }
}

/// The kernels run on the processor here. A step of one of several ranks is never recorded, because a recorded step could not
/// wait for another rank.
#[test]
fn shim_layers_on_two_ranks_have_the_bytes_of_one() {
    let config = Config { layers: vec![12, 9], epochs: 1, ..small() };
    let mut alone = begun_on(&Shim::device(Order::Forward), &config);
    train(&mut alone, usize::MAX);
    let ranks = on_ranks(2, |peers| {
        let (first, dev) = (peers.rank() == 0, Shim::device(Order::Forward));
        let network = Network::over_layers(&dev, config.clone(), 784, 10, peers, &[1, 1]).unwrap();
        let mut trainer = trainer_of(network, &CHANGES);
        train(&mut trainer, usize::MAX);
        saved(&mut trainer, first)
    });
    assert!(ranks.into_iter().flatten().next().unwrap() == whole(&mut alone));
}

/// All ranks stop after the same step, and the training goes on on another number of ranks.
#[test]
fn a_stopped_training_goes_on_on_another_number_of_ranks() {
    let config = Config { layers: vec![165, 160, 64, 64], bias: true, ..small() };
    let expected = {
        let mut alone = begun(&config);
        train(&mut alone, usize::MAX);
        whole(&mut alone)
    };
    let (two, four) = (vec![1, 3], vec![1, 1, 2]);
    let cuts = [(1, None), (2, None), (2, Some(&two)), (3, Some(&four))];
    let stopped = cuts.map(|(size, sizes)| {
        let ranks = on_ranks(size, |peers| {
            let first = peers.rank() == 0;
            let mut trainer = begun_over(&config, peers, sizes.map(Vec::as_slice));
            // Only rank 0 is asked.
            train(&mut trainer, if first { 2 } else { usize::MAX });
            assert_eq!((trainer.epochs_done(), trainer.batches_done()), (1, 2), "a rank has run on");
            saved(&mut trainer, first)
        });
        ranks.into_iter().flatten().next().unwrap()
    });
    assert!(stopped.iter().all(|files| *files == stopped[0]), "stopped trainings have other bytes");

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &stopped[0][0]).unwrap();
    let (dev, data) = (Cpu::new(1).unwrap(), data());
    let loaded = Checkpoint::load(file.path()).unwrap();
    let mut alone = loaded.trainer(&dev, &data.train.images, &data.train.labels).unwrap();
    train(&mut alone, usize::MAX);
    assert!(whole(&mut alone) == expected, "a checkpoint in memory");
    for (size, sizes) in cuts {
        on_ranks(size, |peers| {
            let first = peers.rank() == 0;
            let mut trainer = begun_over(&config, peers, sizes.map(Vec::as_slice));
            match first {
                true => Stored::open(file.path()).unwrap().restore(&mut trainer).unwrap(),
                false => trainer.receive_checkpoint().unwrap(),
            }
            train(&mut trainer, usize::MAX);
            let saved = saved(&mut trainer, first);
            assert!(saved.is_none_or(|saved| saved == expected), "{size} ranks, layers {sizes:?}");
        });
    }
}

#[test]
fn what_needs_the_whole_network_refuses_a_part_of_it() {
    on_ranks(2, |peers| {
        let config = Config { layers: vec![64, 64], ..small() };
        let mut trainer = begun_over(&config, peers, None);
        let said = "`layers` are shared out among ranks, but this needs the whole network";
        let model = Model::of(trainer.network(), "synthetic", 28, 28).map(|_| ());
        assert_eq!(model.unwrap_err().to_string(), said);
        let checkpoint = Checkpoint::of(&mut trainer, "synthetic", 28, 28, Value::Null).map(|_| ());
        assert_eq!(checkpoint.unwrap_err().to_string(), said);
        let traced = ff_net::trace(trainer.network(), &data().test.take(1).images, &[0]).map(|_| ());
        assert_eq!(traced.unwrap_err().to_string(), said);
    });
}

#[test]
fn ranks_stop_between_epochs_too() {
    let config = Config { layers: vec![64, 64], ..small() };
    for units in [false, true] {
        let done = on_ranks(2, |peers| {
            let first = peers.rank() == 0;
            let mut trainer = begun_over(&config, peers, (!units).then_some(&[1, 1]));
            trainer.epoch().unwrap();
            if first {
                trainer.stop_between_epochs().unwrap();
            } else {
                assert!(trainer.epoch_with(&mut ff_net::to_the_end).unwrap().is_none());
            }
            (trainer.epochs_done(), trainer.batches_done())
        });
        assert_eq!(done, [(1, 0); 2], "units: {units}");
    }
}

#[test]
fn what_cannot_be_shared_out_is_refused() {
    let refused = |config: &Config, sizes: &[usize]| {
        let peers = Arc::new(Threads::new(2).swap_remove(0));
        part_of(config, peers, Some(sizes)).map(|_| ()).unwrap_err().to_string()
    };
    for sizes in [&[4][..], &[2, 1], &[4, 0], &[1, 1, 2], &[], &[usize::MAX, 5]] {
        let said = refused(&small(), sizes);
        assert!(said.starts_with(&format!("`layers` cannot be cut into {sizes:?} for 2 ranks")), "{said}");
    }
    let head = Config { negatives: NegativesConfig::Head { sharpness: 1.0 }, ..small() };
    assert!(refused(&head, &[2, 2]).starts_with("`negatives` is `head`"));
    let tutorial = Config { layers: vec![9, 9], epochs: 1, ..Config::default() };
    assert!(refused(&tutorial, &[1, 1]).starts_with("`neuron` makes linear units"));
}

#[test]
fn what_is_gathered_has_the_lengths_that_all_know() {
    let said = on_ranks(2, |peers| {
        let own = vec![7; 2 + peers.rank()];
        let gather =
            |lengths: &[usize]| peers.all_gather(&own, &mut [0; 5], lengths).map_err(|e| e.to_string());
        let refused = [&[2, 3, 0][..], &[5], &[2, 4], &[1, 3], &[usize::MAX, 6]].map(gather);
        assert!(gather(&[2, 3]).is_ok());
        refused
    });
    assert_eq!(
        said[1][4],
        Err(format!("ranks: rank 1 has 3 of 5 bytes, but the ranks have {:?}", [usize::MAX, 6]))
    );
    assert!(said.iter().flatten().all(Result::is_err), "{said:?}");
}

/// A rank that ends with an error takes its channels along, so that the others end too.
#[test]
fn a_rank_that_is_gone_ends_the_others() {
    let said = on_ranks(3, |peers| {
        let rank = peers.rank();
        let mut trainer = begun_over(&small(), peers, Some(&[1, 1, 2]));
        if rank == 1 {
            trainer.reduce(Box::new(|_, _| {
                Err(ff_tensor::Error::Parameter { op: "reduce", reason: "a cable is loose".into() })
            }));
        }
        trainer.epoch().map(|_| ()).unwrap_err().to_string()
    });
    assert_eq!(said, ["peers: rank 1 is gone", "reduce: a cable is loose", "peers: rank 1 is gone"]);
}
