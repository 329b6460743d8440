//! Parts that a user writes: each stands in one file outside the engine, an example, and is trained by the ordinary `Trainer`.
//! Here every one of them is checked with the public checks, trained on the CPU and behind the shim, and compared.
#![allow(clippy::unwrap_used, missing_docs)]

mod shim;

#[path = "../crates/forward-forward/examples/09-new-connection.rs"]
mod new_connection;
#[path = "../crates/forward-forward/examples/03-new-neuron.rs"]
mod new_neuron;
#[path = "../crates/forward-forward/examples/04-new-objective.rs"]
mod new_objective;
#[path = "../crates/forward-forward/examples/08-new-optimiser.rs"]
mod new_optimiser;
#[path = "../crates/forward-forward/examples/02-own-data.rs"]
mod own_data;
#[path = "../crates/forward-forward/examples/10-without-labels.rs"]
mod without_labels;

use ff_cpu::Cpu;
use ff_cuda::Cuda;
use ff_net::check;
use ff_net::formulas::{Adam, Atan, Lif, Output, Pair, Reset, Squares};
use new_neuron::{ADAPTIVE, Adaptive};
use new_objective::{MARGIN, MeanSignal};
use new_optimiser::MOMENTUM;
use shim::{Schedule, Shim};

fn cpu() -> Cpu {
    Cpu::new(2).unwrap()
}

fn behind_the_shim() -> Cuda {
    Shim::device(Schedule::Forward)
}

#[test]
fn every_part_stands_the_public_checks() {
    check::neuron(&ADAPTIVE).unwrap();
    check::goodness(&MeanSignal).unwrap();
    check::objective(&MARGIN).unwrap();
    // A derivative that is wrong does not.
    let wrong = Adaptive { rho: f32::NAN, ..ADAPTIVE };
    assert!(check::neuron(&wrong).is_err());
}

#[test]
fn cuda_text_computes_what_its_rust_does() {
    let (dev, reference) = (behind_the_shim(), cpu());
    check::devices(&dev, &reference, &ADAPTIVE, &MeanSignal, &MARGIN, &MOMENTUM).unwrap();
    let lif = Lif::<Atan>::new(0.9, 1.0, Reset::Subtract, 6, Output::Rate);
    let adam = Adam::constant(0.01);
    check::devices(&dev, &reference, &lif, &Squares::Mean, &Pair { alpha: 3.0 }, &adam).unwrap();
}

/// With an adaptation of nothing, the example's neuron is LIF with the triangle's surrogate.
#[test]
fn the_new_neuron_without_adaptation_is_lif() {
    let samples = [600, 200];
    let still = Adaptive { rho: 0.0, ..ADAPTIVE };
    let (own, lif) = (
        new_neuron::train(&cpu(), samples, 1, Some(still)).unwrap(),
        new_neuron::train(&cpu(), samples, 1, None).unwrap(),
    );
    // `quick` has another slope, so the two learn a little differently.
    assert!((own - lif).abs() < 15.0, "{own} {lif}");
}

#[test]
fn a_new_neuron_learns_on_both_devices() {
    let samples = [100, 40];
    let cpu = new_neuron::train(&cpu(), samples, 1, Some(ADAPTIVE)).unwrap();
    let shim = new_neuron::train(&behind_the_shim(), samples, 1, Some(ADAPTIVE)).unwrap();
    assert_eq!(cpu, shim);
}

#[test]
fn a_new_goodness_and_objective_learn_on_both_devices() {
    let samples = [100, 40];
    let [first, _, error] = new_objective::train(&cpu(), samples, 1).unwrap();
    let [shim_first, _, shim_error] = new_objective::train(&behind_the_shim(), samples, 1).unwrap();
    assert!((first - shim_first).abs() < 1e-5 * first.abs(), "{first} {shim_first}");
    assert_eq!(error, shim_error);
}

#[test]
fn a_new_optimiser_learns_on_both_devices() {
    let samples = [100, 40];
    let cpu = new_optimiser::train(&cpu(), samples, 1).unwrap();
    assert_eq!(cpu, new_optimiser::train(&behind_the_shim(), samples, 1).unwrap());
}

#[test]
fn a_new_connection_learns_on_both_devices_and_stays_masked() {
    let samples = [100, 40];
    let (error, there) = new_connection::train(&cpu(), samples, 1).unwrap();
    assert!((0.15..0.25).contains(&there), "{there}");
    assert_eq!((error, there), new_connection::train(&behind_the_shim(), samples, 1).unwrap());
}

#[test]
fn rows_with_labels_of_their_own_learn_on_both_devices() {
    let (taken_for, kinds) = own_data::train(&cpu(), 1).unwrap();
    assert_eq!(taken_for.len(), kinds.len());
    let (on_shim, _) = own_data::train(&behind_the_shim(), 1).unwrap();
    assert_eq!(taken_for, on_shim);
}

#[test]
fn pairs_without_labels_learn_on_both_devices() {
    let cpu = without_labels::train(&cpu(), 100, 1).unwrap();
    assert_eq!(cpu, without_labels::train(&behind_the_shim(), 100, 1).unwrap());
}

#[test]
fn a_file_does_not_forget_a_part_that_it_has_no_name_for() {
    let dev = cpu();
    let config = ff_net::Config { layers: vec![8], ..ff_net::Config::quick() };
    let mut network = ff_net::Network::new(&dev, config, 784, 10).unwrap();
    assert!(ff_net::Model::of(&network, "digits", 28, 28).is_ok());
    network.layers[0].units = std::sync::Arc::new(ADAPTIVE);
    let error = ff_net::Model::of(&network, "digits", 28, 28).unwrap_err().to_string();
    assert!(error.starts_with("`neuron` is Adaptive {"), "{error}");
}
