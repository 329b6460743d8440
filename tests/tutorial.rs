//! The tutorial against the numbers that PyTorch and snnTorch print for it (`golden/make_golden.py`).
#![allow(clippy::unwrap_used, missing_docs)]

mod mnist;

use std::path::Path;

use ff_cpu::Cpu;
use ff_net::{Config, NeuronConfig, to_the_end};
use ff_yardstick::torch::TorchGenerator;
use ff_yardstick::tutorial::{self, Set};
use serde_json::Value;

fn golden() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tutorial.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// FNV-1a, 64 bits, over little-endian 32-bit words.
fn fnv(words: impl Iterator<Item = u32>) -> String {
    let bytes = words.flat_map(u32::to_le_bytes);
    let hash =
        bytes.fold(0xCBF2_9CE4_8422_2325u64, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
    format!("{hash:016x}")
}

fn numbers(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
}

#[test]
fn weights_batch_and_permutation_are_torchs_to_the_bit() {
    let golden = golden();
    let mut generator = TorchGenerator::new(123);
    for activation in ["lif", "relu"] {
        let golden = &golden[activation];
        for (i, (inputs, units)) in [(784, 500), (500, 500)].into_iter().enumerate() {
            let weight = generator.linear_weight(inputs, units);
            let first: Vec<f32> = serde_json::from_value(golden["weight_first"][i].clone()).unwrap();
            assert_eq!(weight[..8], first, "{activation}, layer {i}");
            assert_eq!(
                fnv(weight.iter().map(|w| w.to_bits())),
                golden["weight_fnv"][i],
                "{activation}, layer {i}"
            );
        }
        let order = generator.shuffled_order(60_000);
        assert_eq!(order[..128], numbers(&golden["order_first"]));
        assert_eq!(fnv(order.into_iter()), golden["order_fnv"]);
        assert_eq!(generator.randperm(128), numbers(&golden["permutation"]));
        generator.unshuffled_iterator();
    }
}

#[test]
fn seed_123_gives_the_published_numbers_on_mnist() {
    let Some(data) = mnist::or_skip("seed_123_gives_the_published_numbers_on_mnist") else { return };
    let train = Set { images: &data.train.images, labels: &data.train.labels };
    let test = Set { images: &data.test.images, labels: &data.test.labels };
    let (dev, golden) = (Cpu::new(0).unwrap(), golden());
    let mut generator = TorchGenerator::new(123);
    for (name, neuron) in [("lif", Config::default().neuron), ("relu", NeuronConfig::RELU)] {
        let run = tutorial::run(&dev, neuron, &mut generator, train, test, data.classes, &mut to_the_end).unwrap();
        let golden = &golden[name];
        assert_eq!(run.negatives_with_true_label() as u64, golden["same_label"].as_u64().unwrap());
        // The first steps follow torch closely; a thousand steps of Adam let rounding grow.
        for (step, tolerance) in [(1, 1e-6), (2, 1e-5), (3, 1e-5), (10, 1e-3), (100, 1e-2), (1000, 0.05)] {
            for (layer, losses) in run.losses.iter().enumerate() {
                let want = golden["losses"][step.to_string()][layer].as_f64().unwrap();
                let got = f64::from(losses[step - 1]);
                assert!(
                    (got / want - 1.0).abs() < tolerance,
                    "{name} layer {layer} step {step}: {got}, torch {want}"
                );
            }
        }
        // Two of 128 images, as rounding may tip.
        let two_images = 100.0 * 2.0 / 128.0 + 1e-6;
        for (key, got, tolerance) in [
            ("train_error", run.train_error, two_images),
            ("tutorial_test_error", run.tutorial_test_error, two_images),
            ("true_test_error", run.true_test_error, 1.0),
        ] {
            let want = golden[key].as_f64().unwrap();
            println!("{name} {key}: {got:.4} %, torch {want:.4} %");
            assert!((got - want).abs() <= tolerance, "{name} {key}: {got}, torch {want}");
        }
    }
}
