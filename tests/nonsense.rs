//! What a user of the library may do wrong: networks, sources of pairs, predictors and files that do not fit. Each case
//! ends in a sentence that says what is wrong, or in a result. None ends in a panic.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "nonsense/connections.rs"]
mod connections;
#[path = "nonsense/files.rs"]
mod files;
#[path = "nonsense/networks.rs"]
mod networks;
#[path = "nonsense/numbers.rs"]
mod numbers;
#[path = "nonsense/others.rs"]
mod others;
#[path = "nonsense/pairs.rs"]
mod pairs;
#[path = "nonsense/predictors.rs"]
mod predictors;

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ff_cpu::Cpu;
use ff_net::{Config, EpochReport, Network, Trainer};
use ff_tensor::{Device, Tensor};
use ndarray::{Array1, Array2};

/// The pixels of an image, 6 x 6.
const PIXELS: usize = 36;
const CLASSES: usize = 4;
const IMAGES: usize = 40;

fn device() -> Cpu {
    Cpu::new(2).unwrap()
}

fn config() -> Config {
    Config { layers: vec![20, 16], batch: 10, epochs: 2, ..Config::quick() }
}

/// A network that has nothing wrong with it yet: two spiking layers with a head each.
fn network() -> Network<Cpu> {
    Network::new(&device(), config(), PIXELS, CLASSES).unwrap()
}

/// Something that is done to a network after it was made.
type Change = fn(&mut Network<Cpu>);

fn changed(change: Change) -> Network<Cpu> {
    let mut network = network();
    change(&mut network);
    network
}

fn images() -> Array2<u8> {
    Array2::from_shape_fn((IMAGES, PIXELS), |(image, pixel)| (image * 7 + pixel * 13) as u8)
}

fn labels() -> Array1<u8> {
    Array1::from_shape_fn(IMAGES, |image| (image % CLASSES) as u8)
}

fn zeros(rows: usize, cols: usize) -> Tensor<Cpu> {
    device().zeros(rows, cols).unwrap()
}

fn prepare(network: Network<Cpu>) -> ff_net::Result<Trainer<Cpu>> {
    Trainer::new(network, &images(), &labels())
}

/// Trains for an epoch, and returns the network with its report.
fn train(network: Network<Cpu>) -> ff_net::Result<(Network<Cpu>, EpochReport)> {
    let mut trainer = prepare(network)?;
    let report = trainer.epoch()?;
    Ok((trainer.into_network(), report))
}

/// Runs a case. If it panics, the test fails with the case's name.
fn run<T>(case: &str, attempt: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|_| panic!("{case}: ends in a panic"))
}

/// Runs a case that has to end well.
fn allow<T, E: Display>(case: &str, attempt: impl FnOnce() -> Result<T, E>) -> T {
    run(case, attempt).unwrap_or_else(|error| panic!("{case}: is refused: {error}"))
}

/// Runs a case that has to end in an error which says `said`, and nothing else.
fn refuse<T, E: Display>(case: &str, said: &str, attempt: impl FnOnce() -> Result<T, E>) {
    match run(case, attempt) {
        Ok(_) => panic!("{case}: is not refused"),
        Err(error) => assert_eq!(error.to_string(), said, "{case}"),
    }
}
