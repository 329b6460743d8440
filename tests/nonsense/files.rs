//! Models and checkpoints of networks that no file can describe.

use std::sync::Arc;

use ff_net::formulas::{Relu, Softplus};
use ff_net::{Checkpoint, Model};
use serde_json::Value;

use crate::connections::network_with;
use crate::others::{Other, others};
use crate::{PIXELS, allow, device, network, prepare, refuse, zeros};

#[test]
fn a_model_is_what_its_network_is_or_is_refused() {
    for Other { name, network, wrong, .. } in others() {
        let no_heads = network.heads.is_empty();
        let headless =
            no_heads.then_some("`head` asks for weights (20, 4) beside layer 1, but there are no weights");
        if let Some(said) = wrong.or(headless) {
            refuse(name, said, || Model::of(&network, "stripes", 6, 6));
            continue;
        }
        let again = allow(name, || Model::of(&network, "stripes", 6, 6)?.network(&device()));
        assert_eq!(again.parameters(), network.parameters(), "{name}");
        for (layer, before) in again.layers.iter().zip(&network.layers) {
            assert!(layer.weight().get() == before.weight().get(), "{name}: the weights are others");
        }
    }
}

#[test]
fn a_model_of_a_changed_network_is_refused() {
    // Each of them can be trained, but a file would give back another network, or none.
    let mut shorter = network();
    shorter.layers.pop();
    shorter.heads.pop();
    let mut biased = network();
    biased.layers[1].bias = Some(zeros(1, 16));
    let mut endless = network();
    endless.config.epochs = usize::MAX;
    for (case, network, said) in [
        ("a layer less", shorter, "`layers` has 2 layers, but there are weights for 1"),
        ("a bias more", biased, "`layers` asks for no biases in layer 2, but there are 16"),
        ("endless epochs", endless, "`epochs` is 18446744073709551615; 1 to 1000000 is possible"),
        (
            "a connection of one's own",
            network_with(&[]),
            "`layers` is a connection of your own here, for which a file has no name; keep the weights of its layers \
                instead",
        ),
    ] {
        refuse(case, said, || Model::of(&network, "stripes", 6, 6));
    }
}

#[test]
fn a_model_of_images_of_another_size_is_refused() {
    assert_eq!(PIXELS, 6 * 6);
    for (width, height) in [(6, 7), (usize::MAX, 7), (0, 0)] {
        let said = format!("`width` is {width} and the height {height}, but the network reads 36 pixels");
        refuse(&format!("{width} x {height} pixels"), &said, || {
            Model::of(&network(), "stripes", width, height)
        });
    }
}

/// Otherwise the training would go on with other units.
#[test]
fn a_checkpoint_of_a_neuron_of_ones_own_is_refused() {
    let mut network = network();
    network.heads.clear();
    network.config.head = false;
    network.layers.iter_mut().for_each(|layer| layer.units = Arc::new(Relu));
    network.objective = Arc::new(Softplus { theta: 1.0 });
    let mut trainer = prepare(network).unwrap();
    allow("an epoch of rectifiers", || trainer.epoch());
    let said = "`neuron` is Relu here, for which a file has no name; keep the weights of its layers instead";
    refuse("rectifiers", said, || Checkpoint::of(&mut trainer, "stripes", 6, 6, Value::Null));
}
