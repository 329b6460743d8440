//! Predictors and other ways to look at a network, with a network or a label that they are not for.

use std::sync::Arc;

use ff_net::{Config, Network, Predictor, formulas, trace};
use ndarray::Array2;

use crate::others::{Other, others};
use crate::{CLASSES, IMAGES, PIXELS, allow, device, images, network, refuse, run, zeros};

#[test]
fn a_predictor_refuses_another_network() {
    let own = network();
    let all_labels = Predictor::new(&own).unwrap();
    let one_pass = Predictor::one_pass(&own).unwrap().unwrap();
    for (way, mut predictor) in [("all labels", all_labels), ("one pass", one_pass)] {
        for Other { name, network, seen, .. } in others() {
            let said = format!("`layers` do not fit the predictor: it was made for {seen}");
            refuse(&format!("{way}, {name}"), &said, || predictor.scan(&network, &images()));
        }
        let scores = allow(way, || predictor.scan(&own, &images()));
        assert_eq!(scores.len(), IMAGES, "{way}: a refused network has spoilt the predictor");
    }
}

#[test]
fn a_predictor_of_its_own_scans_each_network_that_can_be() {
    for Other { name, network, wrong, .. } in others() {
        if let Some(said) = wrong {
            refuse(name, said, || Predictor::new(&network));
            refuse(name, said, || Predictor::one_pass(&network));
            continue;
        }
        let scores = allow(name, || Predictor::new(&network)?.scan(&network, &images()));
        assert_eq!((scores.len(), scores.layers.len()), (IMAGES, network.layers.len()), "{name}");
        let one_pass = allow(name, || Predictor::one_pass(&network));
        assert_eq!(one_pass.is_some(), !network.heads.is_empty(), "{name}");
    }
}

#[test]
fn a_head_for_other_classes_predicts_nothing() {
    for classes in [7, 3] {
        let mut network = network();
        network.heads[0].weight = zeros(20, classes);
        let said = format!("`layers` has a layer 1 with a head of [20, {classes}] instead of [20, 4]");
        refuse(&format!("a head for {classes} classes"), &said, || Predictor::one_pass(&network));
    }
}

/// The way of linear units through the layers is not taken with other units.
#[test]
fn a_predictor_of_linear_units_refuses_others() {
    let config = Config { head: false, layers: vec![20, 16], ..Config::default() };
    let linear = Network::new(&device(), config.clone(), PIXELS, CLASSES).unwrap();
    let mut rectified = Network::new(&device(), config, PIXELS, CLASSES).unwrap();
    rectified.layers.iter_mut().for_each(|layer| layer.units = Arc::new(formulas::Relu));
    let said = "`layers` do not fit the predictor: it was made for a layer 1 of Lif { beta: 0.8, \
        threshold: 1, takes: 1, zeroes: false, steps: 1, output: Membrane, surrogate: Atan } with no bias, \
        judged by Mean, not for a layer 1 of Relu with no bias, judged by Mean";
    let mut predictor = Predictor::new(&linear).unwrap();
    refuse("rectifiers", said, || predictor.scan(&rectified, &images()));
    let scores = [&linear, &rectified].map(|network| {
        allow("a predictor of its own", || Predictor::new(network)?.scan(network, &images())).layers
    });
    assert_ne!(scores[0], scores[1], "rectifiers were computed as linear units");
}

/// The label after the last is the neutral one, which says nothing about the class. There is none beyond it.
#[test]
fn a_trace_of_a_label_beyond_the_neutral_one_is_refused() {
    let image = Array2::zeros((1, PIXELS));
    for Other { name, network, wrong, .. } in others() {
        let neutral = network.classes as u32;
        match wrong {
            Some(said) => refuse(name, said, || trace(&network, &image, &[0, neutral])),
            None => {
                let traces = allow(name, || trace(&network, &image, &[0, neutral]));
                let traces = traces.unwrap_or_else(|| panic!("{name}: no trace"));
                assert_eq!((traces.len(), traces[1].len()), (2, network.layers.len()), "{name}");
                let said = format!("`classes` is {neutral}, so there is no label 9");
                refuse(name, &said, || trace(&network, &image, &[0, 9]));
            }
        }
    }
}

#[test]
fn no_rows_have_no_goodness() {
    let none = Array2::zeros((0, PIXELS));
    for Other { name, network, wrong, .. } in others() {
        match wrong {
            Some(said) => refuse(name, said, || network.goodness(&none)),
            None => {
                let goodness = allow(name, || network.goodness(&none));
                assert_eq!(goodness, vec![Vec::<f32>::new(); network.layers.len()], "{name}");
            }
        }
    }
}

#[test]
fn the_numbers_of_any_network_can_be_counted() {
    for Other { name, network, numbers, .. } in others() {
        let counted = run(name, || [network.kept_per_image(), network.parameters()]);
        assert_eq!(counted, numbers, "{name}");
    }
}
