//! Trainings that are shared out among ranks, which are threads here. Whatever the number of ranks, rank 0 ends with the
//! bytes of a training on one.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "shim/mod.rs"]
mod shim;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ff_cpu::Cpu;
use ff_cuda::{Communicator, Cuda, Products};
use ff_data::{Dataset, synthetic};
use ff_net::formulas::{Output, Squares};
use ff_net::peers::Threads;
use ff_net::transport::OverHost;
use ff_net::{
    Checkpoint, Config, EpochReport, LifConfig, Link, NegativesConfig, Network, NeuronConfig,
    ObjectiveConfig, Peers, Schedule, SurrogateKind, Trainer, rendezvous,
};
use ff_tensor::{Advance, Augmentation, Device, NormKind, Tensor, Transport};
use shim::{Schedule as Order, Shim};

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
    let data = data();
    let network = Network::new(dev, config.clone(), 784, 10).unwrap();
    let trainer = Trainer::new(network, &data.train.images, &data.train.labels).unwrap();
    trainer.augmented(&[Augmentation::Shift { pixels: 2 }], 28, 28).unwrap()
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
    let checkpoint = Checkpoint::of(trainer, "synthetic", 28, 28, serde_json::Value::Null).unwrap();
    let dir = tempfile::tempdir().unwrap();
    checkpoint.save(&dir.path().join("c")).unwrap();
    std::fs::read(dir.path().join("c")).unwrap()
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

#[test]
fn layers_on_any_number_of_ranks_have_the_bytes_of_one() {
    for (name, config) in cases() {
        let mut alone = begun(&config);
        let reports = train(&mut alone, usize::MAX);
        let expected = bytes(&mut alone);
        for sizes in [vec![4], vec![2, 2], vec![1, 3], vec![1, 2, 1], vec![1; 4]] {
            let ranks = on_ranks(sizes.len(), |peers| {
                let first = peers.rank() == 0;
                let mut trainer = begun(&config).over_layers(peers, &sizes).unwrap();
                let reports = train(&mut trainer, usize::MAX);
                first.then(|| (bytes(&mut trainer), reports))
            });
            let (got, own) = ranks.into_iter().flatten().next().unwrap();
            assert!(got == expected, "{name}, {sizes:?}: the checkpoint has other bytes");
            for (a, b) in own.iter().zip(&reports) {
                assert_eq!((&a.losses, &a.head_losses), (&b.losses, &b.head_losses), "{name}, {sizes:?}");
            }
        }
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
        let mut alone = begun(&config);
        let reports = train(&mut alone, usize::MAX);
        let expected = bytes(&mut alone);
        for size in [1, 2, 4, 5] {
            let ranks = on_ranks(size, |peers| {
                let first = peers.rank() == 0;
                let mut trainer = begun(&config).over_units(peers).unwrap();
                let reports = train(&mut trainer, usize::MAX);
                (reports, first.then(|| bytes(&mut trainer)))
            });
            for (own, got) in ranks {
                assert!(
                    got.is_none_or(|got| got == expected),
                    "{name}, {size}: the checkpoint has other bytes"
                );
                for (a, b) in own.iter().zip(&reports) {
                    assert_eq!((&a.losses, &a.head_losses), (&b.losses, &b.head_losses), "{name}, {size}");
                }
            }
        }
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
        let begun = || {
            let (data, dev) = (data(), Cpu::new(1).unwrap());
            let network = Network::new(&dev, config.clone(), 784, 10).unwrap();
            let trainer = Trainer::new(network, &data.train.images, &data.train.labels).unwrap();
            trainer.augmented(&list, 28, 28).unwrap()
        };
        let mut alone = begun();
        train(&mut alone, usize::MAX);
        let expected = bytes(&mut alone);
        let layers = config.layers.len();
        let sizes =
            |ranks: usize| (0..ranks).map(|i| layers * (i + 1) / ranks - layers * i / ranks).collect();
        for ranks in [1, 2, 4, 5] {
            let cuts: [Option<Vec<usize>>; 2] = [None, Some(sizes(ranks))];
            for cut in cuts.into_iter().filter(|cut| cut.is_none() || ranks <= layers) {
                let got = on_ranks(ranks, |peers| {
                    let first = peers.rank() == 0;
                    let shared = match &cut {
                        None => begun().over_units(peers),
                        Some(sizes) => begun().over_layers(peers, sizes),
                    };
                    let mut trainer = shared.unwrap();
                    train(&mut trainer, usize::MAX);
                    first.then(|| bytes(&mut trainer))
                });
                assert!(got[0].as_ref() == Some(&expected), "{preset:?}, {ranks} ranks, {cut:?}");
            }
        }
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
        let first = peers.rank() == 0;
        let trainer = begun_on(&Shim::device(Order::Forward), &config);
        let mut trainer = trainer.over_layers(peers, &[1, 1]).unwrap();
        train(&mut trainer, usize::MAX);
        first.then(|| bytes(&mut trainer))
    });
    assert!(ranks.into_iter().flatten().next().unwrap() == bytes(&mut alone));
}

/// Joins the ranks, each of which has a device of its own.
fn joined(dev: &Cuda, peers: Arc<dyn Peers>) -> Arc<dyn Transport<Cuda>> {
    let own = Communicator::possible(dev);
    let id = rendezvous::agree(&*peers, own, || Communicator::id(dev)).unwrap().unwrap();
    let patience = Some(Duration::from_secs(60));
    Arc::new(Communicator::join(dev, peers.rank(), peers.size(), &id, patience).unwrap())
}

/// Trains on as many ranks as there are stages, or on so many slices. Returns the checkpoint of rank 0.
fn shared_bytes(
    config: &Config,
    stages: Result<&[usize], usize>,
    dev: impl Fn(usize) -> Cuda + Sync,
    way: impl Fn(&Cuda, Arc<dyn Peers>) -> Arc<dyn Transport<Cuda>> + Sync,
) -> Vec<u8> {
    let all = on_ranks(stages.map_or_else(|ranks| ranks, <[_]>::len), |peers| {
        let (rank, dev) = (peers.rank(), dev(peers.rank()));
        let (way, trainer) = (way(&dev, peers.clone()), begun_on(&dev, config));
        let seen = way.waits_on_host() || stages.is_err();
        let mut trainer = match stages {
            Ok(stages) => trainer.over_layers_by(peers, way, stages).unwrap(),
            Err(_) => trainer.over_units_by(peers, way).unwrap(),
        };
        train(&mut trainer, usize::MAX);
        assert_eq!(trainer.busy().unwrap().is_some(), seen, "whether the host sees who waits");
        (rank == 0).then(|| bytes(&mut trainer))
    });
    all.into_iter().flatten().next().unwrap()
}

fn shim(_: usize) -> Cuda {
    Shim::device(Order::Forward)
}

/// A stand-in exchanges the bytes here. Its sends wait for the receiver, as NCCL's may.
#[test]
fn shim_ranks_that_are_joined_have_the_bytes_of_one() {
    let small = Config { layers: vec![12, 9, 10], epochs: 1, train_samples: 100, ..small() };
    let spikes = Config { link: Link::Spikes, neuron: six_steps(), ..small.clone() };
    for (config, stages) in [(&small, &[3][..]), (&small, &[1, 2]), (&spikes, &[1, 1, 1])] {
        let mut alone = begun_on(&shim(0), config);
        train(&mut alone, usize::MAX);
        let got = shared_bytes(config, Ok(stages), shim, joined);
        assert!(got == bytes(&mut alone), "{stages:?}");
    }
    let wide = Config { layers: vec![98, 96], epochs: 1, batch: 65, ..small };
    let mut alone = begun_on(&shim(0), &wide);
    train(&mut alone, usize::MAX);
    let expected = bytes(&mut alone);
    for ranks in 1..=3 {
        assert!(shared_bytes(&wide, Err(ranks), shim, joined) == expected, "{ranks} ranks");
    }
}

#[test]
fn shim_ranks_meet_only_if_all_can() {
    let met = |dev: &(dyn Fn(usize) -> Cuda + Sync)| {
        on_ranks(3, |peers| {
            let dev = dev(peers.rank());
            rendezvous::agree(&*peers, Communicator::possible(&dev), || Communicator::id(&dev)).unwrap()
        })
    };
    let ids = met(&shim);
    assert!(ids.iter().all(|id| id.is_ok() && *id == ids[0]), "the ranks have other names");
    let said = |all: Vec<Result<[u8; 128], String>>| {
        assert!(all.iter().all(Result::is_err), "a rank would wait for the others");
        all[0].clone().unwrap_err()
    };
    for without in 0..3 {
        let dev = |rank| if rank == without { Shim::without_links(Order::Forward) } else { shim(rank) };
        assert_eq!(said(met(&dev)), format!("on rank {without}, this shim has no NCCL"));
    }
    let shared = shim(0);
    let dev = |rank| if rank == 0 { shim(rank) } else { shared.clone() };
    assert_eq!(said(met(&dev)), "ranks 1 and 2 have the same GPU");
    let long = on_ranks(2, |peers| {
        let own = Err("a long story ".repeat(99));
        rendezvous::agree(&*peers, own, || unreachable!()).unwrap().unwrap_err().len()
    });
    assert!(long[0] > 200);
}

#[test]
fn shim_what_does_not_fit_is_not_exchanged() {
    on_ranks(2, |peers| {
        let (rank, dev) = (peers.rank(), shim(0));
        let way = joined(&dev, peers);
        let own = dev.upload(1, 2 + rank, &[rank as u8; 3][..2 + rank]).unwrap();
        let mut all = dev.zeros::<u8>(1, 5).unwrap();
        let gather = |all: &mut _, lengths: &[usize]| {
            way.all_gather(&dev, all, &own, lengths).map_err(|e| e.to_string())
        };
        let has = format!("ranks: rank {rank} has {} of", 2 + rank);
        for lengths in [&[2, 3, 0][..], &[5], &[3, 2], &[2, 4], &[1, 3], &[usize::MAX, 6]] {
            let said = gather(&mut all, lengths).unwrap_err();
            assert_eq!(said, format!("{has} 5 bytes, but the ranks have {lengths:?}"));
        }
        assert!(gather(&mut dev.zeros(1, 6).unwrap(), &[2, 3]).unwrap_err().starts_with(&has));
        gather(&mut all, &[2, 3]).unwrap();
        assert_eq!(dev.download(&all).unwrap(), [0, 0, 1, 1, 1]);

        for other in [rank, 2] {
            let said = way.send(&dev, other, &own).unwrap_err().to_string();
            assert_eq!(said, format!("ranks: there is no other rank {other} among 2"));
        }
        let foreign = shim(0).zeros::<u8>(1, 5).unwrap();
        assert!(
            way.send(&dev, 1 - rank, &foreign).unwrap_err().to_string().contains("another opened `shim`")
        );
        // Nothing is sent where there is nothing to send.
        way.send(&dev, 1 - rank, &dev.zeros(0, 7).unwrap()).unwrap();
        way.receive(&dev, 1 - rank, &mut dev.zeros(7, 0).unwrap()).unwrap();

        // What is recorded is repeated later, when the other rank is elsewhere.
        let mut clock = dev.zeros::<u32>(1, 2).unwrap();
        let mut steps = 0;
        let step = &mut || {
            steps += 1;
            Advance { clock: &mut clock }.on(&dev)?;
            if steps == 2 { way.finish(&dev) } else { Ok(()) }
        };
        let said = dev.repeat(3, step, &mut || ControlFlow::Continue(())).unwrap_err().to_string();
        assert!(said.ends_with("a step that is recorded cannot wait for other ranks"), "{said}");
        assert!(Communicator::join(&dev, 2, 2, &[0; 128], None).is_err());
    });
}

/// A rank that fails gives up, and then waits for no other.
#[test]
fn shim_a_joined_rank_that_fails_ends_the_others() {
    let config = Config { layers: vec![12, 9, 10], epochs: 1, ..small() };
    let said = on_ranks(3, |peers| {
        let (rank, dev) = (peers.rank(), shim(0));
        let way = joined(&dev, peers.clone());
        let mut trainer = begun_on(&dev, &config).over_layers_by(peers, way, &[1, 1, 1]).unwrap();
        if rank == 1 {
            trainer.reduce(Box::new(|_, _| {
                Err(ff_tensor::Error::Parameter { op: "reduce", reason: "a cable is loose".into() })
            }));
        }
        trainer.epoch().map(|_| ()).unwrap_err().to_string()
    });
    assert_eq!(said[1], "reduce: a cable is loose");
    for rank in [0, 2] {
        assert!(["shim: a rank has given up", "peers: rank 1 is gone"].contains(&&*said[rank]), "{said:?}");
    }
}

/// A way that counts how often a rank has waited for its device, and given up.
struct Watched {
    way: OverHost,
    finished: AtomicUsize,
    given_up: AtomicUsize,
}

impl Transport<Cpu> for Watched {
    fn all_gather(
        &self,
        dev: &Cpu,
        all: &mut Tensor<Cpu, u8>,
        own: &Tensor<Cpu, u8>,
        lengths: &[usize],
    ) -> ff_tensor::Result<()> {
        self.way.all_gather(dev, all, own, lengths)
    }

    fn send(&self, dev: &Cpu, to: usize, bytes: &Tensor<Cpu, u8>) -> ff_tensor::Result<()> {
        self.way.send(dev, to, bytes)
    }

    fn receive(&self, dev: &Cpu, from: usize, bytes: &mut Tensor<Cpu, u8>) -> ff_tensor::Result<()> {
        self.way.receive(dev, from, bytes)
    }

    fn finish(&self, _: &Cpu) -> ff_tensor::Result<()> {
        self.finished.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn give_up(&self) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
    }

    fn waits_on_host(&self) -> bool {
        true
    }
}

/// Otherwise a rank whose device waits for others would run ahead of its messages' room, or wait for ever when it is dropped.
#[test]
fn a_rank_waits_for_its_device_after_each_step_and_gives_up_after_an_error() {
    let config = Config { layers: vec![64, 64], ..small() };
    for (units, fails) in [(false, false), (true, false), (false, true), (true, true)] {
        let steps = on_ranks(2, |peers| {
            let way = OverHost::new(peers.clone());
            let way = Arc::new(Watched { way, finished: 0.into(), given_up: 0.into() });
            let (trainer, watched) = (begun(&config), way.clone());
            let mut trainer = match units {
                true => trainer.over_units_by(peers, way).unwrap(),
                false => trainer.over_layers_by(peers, way, &[1, 1]).unwrap(),
            };
            if fails {
                trainer.reduce(Box::new(|_, _| {
                    Err(ff_tensor::Error::Parameter { op: "reduce", reason: "a cable is loose".into() })
                }));
            }
            assert_eq!(trainer.epoch().is_err(), fails);
            assert_eq!(watched.given_up.load(Ordering::Relaxed), usize::from(fails));
            (watched.finished.load(Ordering::Relaxed), trainer.batches())
        });
        assert!(
            steps.iter().all(|&(finished, steps)| finished == if fails { 0 } else { steps }),
            "{steps:?}"
        );
    }
}

/// As many ranks as there are GPUs, each one a thread with a GPU of its own, exchange signals through NCCL. They have the bytes
/// that they have where signals go through the host. With one GPU there is one rank, which loads NCCL and exchanges nothing.
#[test]
#[ignore = "needs NVIDIA GPUs and NCCL: cargo test --test ranks --features ff-cuda/nccl -- --ignored gpu"]
fn gpu_ranks_that_are_joined_have_the_bytes_of_ranks_over_the_host() {
    let gpus = ff_cuda::gpus().unwrap();
    println!("NCCL on {gpus:?}");
    let gpu = |index: usize| Cuda::new(index, Products::F32).unwrap();
    let over_host = |_: &Cuda, peers| -> Arc<dyn Transport<Cuda>> { Arc::new(OverHost::new(peers)) };
    for link in [Link::Signal, Link::Spikes] {
        let config = Config { layers: vec![512, 480, 500, 512], link, ..small() };
        for ranks in 1..=gpus.len().min(4) {
            let mut stages = vec![1; ranks];
            stages[ranks - 1] += config.layers.len() - ranks;
            for how in [Err(ranks), Ok(&stages[..])] {
                let expected = shared_bytes(&config, how, gpu, over_host);
                assert!(shared_bytes(&config, how, gpu, joined) == expected, "{link:?}: {how:?}");
            }
        }
    }
}

/// All ranks stop after the same step, and the training goes on on another number of ranks.
#[test]
fn a_stopped_training_goes_on_on_another_number_of_ranks() {
    let config = small();
    let expected = {
        let mut alone = begun(&config);
        train(&mut alone, usize::MAX);
        bytes(&mut alone)
    };
    let stopped = |sizes: &[usize]| {
        let ranks = on_ranks(sizes.len(), |peers| {
            let first = peers.rank() == 0;
            let mut trainer = begun(&config).over_layers(peers, sizes).unwrap();
            // Only rank 0 is asked.
            train(&mut trainer, if first { 2 } else { usize::MAX });
            assert_eq!((trainer.epochs_done(), trainer.batches_done()), (1, 2), "a rank has run on");
            let notes = serde_json::Value::Null;
            first.then(|| Checkpoint::of(&mut trainer, "synthetic", 28, 28, notes).unwrap())
        });
        ranks.into_iter().flatten().next().unwrap()
    };
    let alone = stopped(&[4]);
    assert_eq!(alone, stopped(&[1, 3]));
    for sizes in [vec![4], vec![3, 1], vec![1, 1, 2]] {
        let ranks = on_ranks(sizes.len(), |peers| {
            let (first, data) = (peers.rank() == 0, data());
            let dev = Cpu::new(1).unwrap();
            let trainer = alone.trainer(&dev, &data.train.images, &data.train.labels).unwrap();
            let mut trainer = trainer.over_layers(peers, &sizes).unwrap();
            train(&mut trainer, usize::MAX);
            first.then(|| bytes(&mut trainer))
        });
        assert!(ranks.into_iter().flatten().next().unwrap() == expected, "{sizes:?}");
    }
}

#[test]
fn ranks_stop_between_epochs_too() {
    let config = Config { layers: vec![64, 64], ..small() };
    for units in [false, true] {
        let done = on_ranks(2, |peers| {
            let (first, trainer) = (peers.rank() == 0, begun(&config));
            let shared = if units { trainer.over_units(peers) } else { trainer.over_layers(peers, &[1, 1]) };
            let mut trainer = shared.unwrap();
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
        begun(config).over_layers(peers, sizes).map(|_| ()).unwrap_err().to_string()
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

/// A rank that ends with an error takes its channels along, so that the others end too.
#[test]
fn a_rank_that_is_gone_ends_the_others() {
    let said = on_ranks(3, |peers| {
        let rank = peers.rank();
        let mut trainer = begun(&small()).over_layers(peers, &[1, 1, 2]).unwrap();
        if rank == 1 {
            trainer.reduce(Box::new(|_, _| {
                Err(ff_tensor::Error::Parameter { op: "reduce", reason: "a cable is loose".into() })
            }));
        }
        trainer.epoch().map(|_| ()).unwrap_err().to_string()
    });
    assert_eq!(said, ["peers: rank 1 is gone", "reduce: a cable is loose", "peers: rank 1 is gone"]);
}
