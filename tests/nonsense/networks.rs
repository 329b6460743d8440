//! Networks that were changed after they were made, and then trained.

use std::sync::Arc;

use ff_net::Schedule;
use ff_net::formulas::{Atan, Lif, Output, Reset};
use ff_tensor::{Formula, Neuron, Numbers};

use crate::{Change, allow, changed, network, prepare, refuse, train, zeros};

/// Refuses to train the network of each case.
fn refuse_each(cases: &[(&str, Change, &str)]) {
    for (case, change, said) in cases {
        refuse(case, said, || prepare(changed(*change)));
    }
}

#[test]
fn settings_that_cannot_be_are_refused_by_their_key() {
    refuse_each(&[
        ("no image in a batch", |network| network.config.batch = 0, "`batch` is 0; 1 to 65536 is possible"),
        ("no epoch", |network| network.config.epochs = 0, "`epochs` is 0; 1 to 1000000 is possible"),
        (
            "epochs of greedy layers that nobody can count",
            |network| {
                network.config.epochs = usize::MAX;
                network.config.schedule = Schedule::Greedy;
            },
            "`epochs` is 18446744073709551615; 1 to 1000000 is possible",
        ),
        (
            "more held out than there are",
            |network| network.config.validation_samples = 100,
            "`validation_samples` is 100, but there are 40 images: none is left to train on",
        ),
        (
            "a dropout that is no number",
            |network| network.config.dropout = f32::NAN,
            "`dropout` is NaN; 0 to 0.99 is possible",
        ),
        (
            "a dropout of all units",
            |network| network.config.dropout = 2.0,
            "`dropout` is 2; 0 to 0.99 is possible",
        ),
    ]);
}

#[test]
fn sizes_that_the_images_do_not_have_are_refused() {
    refuse_each(&[
        ("no class", |network| network.classes = 0, "image 0 has label 0, but there are 0 classes"),
        ("one class", |network| network.classes = 1, "image 1 has label 1, but there are 1 classes"),
        (
            "more classes than pixels",
            |network| network.classes = 40,
            "`layers` cannot fit a label of 40 classes into 36 pixels",
        ),
        (
            "other images",
            |network| network.pixels = 3,
            "training: `images` is [40, 36] but [40, 3] is needed",
        ),
    ]);
}

#[test]
fn layers_and_heads_that_do_not_fit_are_refused_by_their_number() {
    refuse_each(&[
        (
            "no layers",
            |network| {
                network.layers.clear();
                network.heads.clear();
            },
            "`layers` has no layer",
        ),
        (
            "layers in the wrong order",
            |network| network.layers.swap(0, 1),
            "`layers` has a layer 1 for 20 inputs, but 36 come in",
        ),
        (
            "heads in the wrong order",
            |network| network.heads.swap(0, 1),
            "`layers` has a layer 1 with a head of [16, 4] instead of [20, 4]",
        ),
        (
            "a head too few",
            |network| drop(network.heads.pop()),
            "`layers` has 2 layers, but `heads` has 1: each layer needs one, or none does",
        ),
        (
            "a head for other classes",
            |network| network.heads[0].weight = zeros(20, 7),
            "`layers` has a layer 1 with a head of [20, 7] instead of [20, 4]",
        ),
        (
            "a bias for other units",
            |network| network.layers[0].bias = Some(zeros(1, 3)),
            "`layers` has a layer 1 with a bias of [1, 3] instead of [1, 20]",
        ),
        (
            "units that cannot be",
            |network| {
                let units = Lif::<Atan>::new(f32::NAN, -1.0, Reset::Zero, usize::MAX, Output::Rate);
                network.layers[0].units = Arc::new(units);
            },
            "`layers` has a layer 1 whose `beta` is NaN; 0 to 1 is possible",
        ),
    ]);
}

/// A neuron whose state has no number.
#[derive(Debug, Clone)]
struct Stateless;

impl Formula for Stateless {
    fn numbers(&self) -> Numbers {
        Numbers::none()
    }
}

impl Neuron for Stateless {
    type State = [f32; 0];

    fn steps(&self) -> usize {
        2
    }

    fn step(&self, state: [f32; 0], _: f32) -> [f32; 0] {
        state
    }

    fn spike(&self, _: [f32; 0]) -> f32 {
        1.0
    }

    fn dstep(&self, _: [f32; 0], _: [f32; 0], change: [f32; 0], _: f32) -> [f32; 0] {
        change
    }

    fn dspike(&self, _: [f32; 0], _: [f32; 0]) -> f32 {
        0.0
    }
}

#[test]
fn a_neuron_without_a_state_is_refused() {
    let mut network = network();
    network.layers[0].units = Arc::new(Stateless);
    let said = "`layers` has a layer 1 whose neuron has no state: one number at least is needed";
    refuse("a neuron without a state", said, || prepare(network));
}

#[test]
fn the_layers_that_are_there_learn_whatever_the_settings_say() {
    let cases: [(&str, Change, &[usize]); 2] = [
        (
            "a layer less than the settings say",
            |network| {
                network.layers.pop();
                network.heads.pop();
            },
            &[0],
        ),
        (
            "a bias in one layer, where the settings say none",
            |network| network.layers[1].bias = Some(zeros(1, 16)),
            &[0, 1],
        ),
    ];
    for (case, change, learned) in cases {
        let (network, report) = allow(case, || train(changed(change)));
        let layers: Vec<usize> = report.mean_losses().into_iter().map(|(layer, _)| layer).collect();
        assert_eq!(layers, learned, "{case}");
        for bias in network.layers.iter().filter_map(|layer| layer.bias.as_ref()) {
            assert!(bias.get().iter().any(|bias| *bias != 0.0), "{case}: the bias has learned nothing");
        }
    }
}

#[test]
fn a_training_is_not_extended_beyond_what_can_be_counted() {
    let mut trainer = prepare(network()).unwrap();
    let said = "`epochs` would become 18446744073709551615, which are more steps than can be counted";
    refuse("more epochs than can be counted", said, || trainer.extend(usize::MAX));
    assert_eq!(trainer.epochs(), 2, "a refused extension has changed the training");
}
