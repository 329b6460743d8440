//! Ranks whose devices exchange signals by themselves: a stand-in for NCCL between threads, and NCCL where there are GPUs.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ff_cpu::Cpu;
use ff_cuda::{Communicator, Cuda, Products};
use ff_net::transport::OverHost;
use ff_net::{Config, Link, Peers, rendezvous};
use ff_tensor::{Advance, Device, Tensor, Transport};

use crate::shim::{Schedule as Order, Shim};
use crate::{begun_by, begun_on, on_ranks, saved, six_steps, small, train, whole};

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
) -> [Vec<u8>; 2] {
    let all = on_ranks(stages.map_or_else(|ranks| ranks, <[_]>::len), |peers| {
        let (rank, dev) = (peers.rank(), dev(peers.rank()));
        let way = way(&dev, peers.clone());
        let seen = way.waits_on_host() || stages.is_err();
        let mut trainer = begun_by(&dev, config, peers, way, stages.ok());
        train(&mut trainer, usize::MAX);
        assert_eq!(trainer.busy().unwrap().is_some(), seen, "whether the host sees who waits");
        saved(&mut trainer, rank == 0)
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
        assert!(got == whole(&mut alone), "{stages:?}");
    }
    let wide = Config { layers: vec![98, 96], epochs: 1, batch: 65, ..small };
    let mut alone = begun_on(&shim(0), &wide);
    train(&mut alone, usize::MAX);
    let expected = whole(&mut alone);
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
        let mut trainer = begun_by(&dev, &config, peers, way, Some(&[1, 1, 1]));
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
            let (dev, watched) = (Cpu::new(1).unwrap(), way.clone());
            let sizes = [1, 1];
            let mut trainer = begun_by(&dev, &config, peers, way, (!units).then_some(&sizes));
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
