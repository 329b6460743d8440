//! The weights that each preset learns are the same bits as ever: their digests stand in `golden/digests.json`.
//!
//! Two epochs on 4,000 images, drawn ones and MNIST's. Whoever rewrites the engine finds out here whether it still computes
//! what it did. Processors that fuse multiply-adds and those that do not round differently, and so may another system's
//! `exp`: the file names the kinds of machine that its digests were seen on, and on any other one two trainings are held
//! against each other instead.
#![allow(clippy::unwrap_used, missing_docs)]

mod mnist;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use ff_cpu::{Cpu, simd_name};
use ff_data::{Samples, synthetic};
use ff_net::{Config, Network, NeuronConfig, Trainer};
use ff_tensor::Device;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Images that each preset learns from, in [`EPOCHS`] epochs.
const IMAGES: usize = 4_000;
const EPOCHS: usize = 2;

/// How the digests of this machine are printed.
const PRINT: &str = "cargo test --test digests -- --ignored --nocapture";

/// `golden/digests.json`.
#[derive(Serialize, Deserialize)]
struct Golden {
    /// The engine that computed them.
    commit: String,
    /// The machines that they were seen on, as [`kind`] names them.
    kinds: Vec<String>,
    /// By the data set's name.
    sets: BTreeMap<String, Digests>,
}

/// What is learned from one data set.
#[derive(Serialize, Deserialize)]
struct Digests {
    /// Of the images and labels themselves.
    images: String,
    /// Of the weights, by [`presets`]' names.
    weights: BTreeMap<String, String>,
}

/// Trains a network and gives the digest of its weights: layers, then heads, in f32, little-endian, row by row.
fn weights_of(dev: &Cpu, config: &Config, data: &Samples) -> String {
    let network = Network::new(dev, config.clone(), data.images.ncols(), 10).unwrap();
    let mut trainer = Trainer::new(network, &data.images, &data.labels).unwrap();
    for _ in 0..trainer.epochs() {
        trainer.epoch().unwrap();
    }
    let network = trainer.into_network();
    let layers = network.layers.iter().map(|layer| layer.weight());
    let all = layers.chain(network.heads.iter().map(|head| &head.weight));
    let numbers = all.flat_map(|weight| dev.download(weight).unwrap());
    sha256(numbers.flat_map(f32::to_le_bytes))
}

/// In hexadecimal.
fn sha256(bytes: impl Iterator<Item = u8>) -> String {
    Sha256::digest(bytes.collect::<Vec<u8>>()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Its images and its labels.
fn digest_of(data: &Samples) -> String {
    sha256(data.images.iter().chain(&data.labels).copied())
}

/// A preset of the command line for [`EPOCHS`] epochs, with the images left as they are.
fn preset(name: &str) -> Config {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/ff-cli/presets");
    let mut table: toml::Table =
        std::fs::read_to_string(dir.join(format!("{name}.toml"))).unwrap().parse().unwrap();
    table.remove("augment");
    Config { epochs: EPOCHS, ..table.try_into().unwrap() }
}

/// What is trained, by name.
fn presets() -> Vec<(&'static str, Config)> {
    let names = ["quick", "standard", "best", "quick-relu", "standard-relu", "best-relu", "tutorial"];
    let mut all: Vec<(&str, Config)> = names.map(|name| (name, preset(name))).into();
    all.push(("tutorial with relu", Config { neuron: NeuronConfig::RELU, ..preset("tutorial") }));
    all
}

/// The images that every machine can draw, and MNIST's where they are at hand.
fn sets() -> Vec<(&'static str, Samples)> {
    let mnist = mnist::or_skip("the digests of weights learned from MNIST").map(|set| set.train.take(IMAGES));
    let drawn = ("synthetic", synthetic(IMAGES, 10, 1).train);
    [drawn].into_iter().chain(mnist.map(|train| ("mnist", train))).collect()
}

/// All that is known to change the bits, of this machine.
fn kind() -> String {
    format!("{} {}, {}", std::env::consts::ARCH, std::env::consts::OS, simd_name())
}

/// Trains every preset on `data`.
fn all_weights(dev: &Cpu, data: &Samples) -> BTreeMap<String, String> {
    presets().into_iter().map(|(name, config)| (name.to_string(), weights_of(dev, &config, data))).collect()
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/digests.json")
}

#[test]
#[allow(clippy::explicit_write)]
fn every_preset_learns_the_same_weights_as_ever() {
    let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path()).unwrap()).unwrap();
    let (dev, kind) = (Cpu::new(2).unwrap(), kind());
    let known = golden.kinds.contains(&kind);
    if !known {
        // Straight to stderr, because the test harness keeps what a passing test prints to itself.
        let seen = golden.kinds.join("; ");
        let said = "SKIPPED the digests of learned weights";
        writeln!(
            std::io::stderr(),
            "{said}: they are of {seen}, this is {kind}; two trainings are compared instead"
        )
        .unwrap();
    }
    let mut differ = Vec::new();
    for (name, data) in sets() {
        let wanted = &golden.sets[name];
        assert_eq!(
            digest_of(&data),
            wanted.images,
            "the images of {name} are others: nothing can be compared"
        );
        let wanted = if known { &wanted.weights } else { &all_weights(&dev, &data) };
        let got = all_weights(&dev, &data);
        assert!(got.keys().eq(wanted.keys()), "digests.json has other presets: {PRINT}");
        differ.extend(
            got.keys().filter(|&preset| got[preset] != wanted[preset]).map(|p| format!("{p} on {name}")),
        );
    }
    assert!(
        differ.is_empty(),
        "weights are not those of commit {}: {}. If that is meant, `{PRINT}` prints this machine's digests for {}",
        golden.commit,
        differ.join(", "),
        path().display()
    );
}

#[test]
fn a_preset_learns_the_same_weights_on_one_thread_and_on_two() {
    let (config, data) = (preset("quick"), synthetic(IMAGES, 10, 1).train);
    let [one, two] = [1, 2].map(|threads| weights_of(&Cpu::new(threads).unwrap(), &config, &data));
    assert_eq!(one, two);
}

#[test]
#[ignore = "prints golden/digests.json anew, of this machine"]
fn print_the_digests() {
    let dev = Cpu::new(2).unwrap();
    let head = Command::new("git").args(["describe", "--always", "--dirty"]).output().unwrap();
    let commit = String::from_utf8(head.stdout).unwrap().trim().to_string();
    let of = |data: &Samples| Digests { images: digest_of(data), weights: all_weights(&dev, data) };
    let sets = sets().iter().map(|(name, data)| (name.to_string(), of(data))).collect();
    let golden = Golden { commit, kinds: vec![kind()], sets };
    println!("{}", serde_json::to_string_pretty(&golden).unwrap());
}
