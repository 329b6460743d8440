//! A connection of the user's own whose parameters are not what they should be.

use ff_cpu::Cpu;
use ff_net::{Connection, Network};
use ff_tensor::{Device, MatMul, Tensor};

use crate::{allow, network, refuse, train, zeros};

/// A weight from each input to each unit, which is a parameter once for each of these names. It has no gradient.
pub struct Named {
    weight: Tensor<Cpu>,
    names: &'static [&'static str],
}

impl Connection<Cpu> for Named {
    fn shape(&self) -> [usize; 2] {
        self.weight.shape()
    }

    fn weight(&self) -> &Tensor<Cpu> {
        &self.weight
    }

    fn parameters(&self) -> Vec<(&'static str, &Tensor<Cpu>)> {
        self.names.iter().map(|name| (*name, &self.weight)).collect()
    }

    fn parameter_mut(&mut self, i: usize) -> Option<&mut Tensor<Cpu>> {
        (i < self.names.len()).then_some(&mut self.weight)
    }

    fn current(&self, dev: &Cpu, current: &mut Tensor<Cpu>, x: &Tensor<Cpu>) -> ff_tensor::Result<()> {
        MatMul { c: current, a: x, transpose_a: false, b: &self.weight, transpose_b: false }.on(dev)
    }

    fn gradient(
        &self,
        _: &Cpu,
        _: &mut [Tensor<Cpu>],
        _: &Tensor<Cpu>,
        _: &Tensor<Cpu>,
    ) -> ff_tensor::Result<()> {
        Ok(())
    }
}

/// Returns a network whose first layer has the same weights as before in a [`Named`] connection.
pub fn network_with(names: &'static [&'static str]) -> Network<Cpu> {
    let mut network = network();
    let [inputs, units] = network.layers[0].shape();
    let weight = network.dev.upload(inputs, units, network.layers[0].weight().get()).unwrap();
    network.layers[0].connection = Box::new(Named { weight, names });
    network
}

fn weights(network: &Network<Cpu>, layer: usize) -> Vec<f32> {
    network.layers[layer].weight().get().to_vec()
}

#[test]
fn a_connection_without_parameters_stays_as_it_is() {
    for (case, bias) in [("without a bias", None), ("with a bias", Some(zeros(1, 20)))] {
        let mut network = network_with(&[]);
        network.layers[0].bias = bias;
        let before = [0, 1].map(|layer| weights(&network, layer));
        let (network, report) = allow(case, || train(network));
        assert_eq!(report.mean_losses().len(), 2, "{case}");
        assert_eq!(network.layers[0].weight().shape(), [36, 20], "{case}");
        assert_eq!(weights(&network, 0), before[0], "{case}: the connection has changed");
        assert_ne!(weights(&network, 1), before[1], "{case}: the layer above has learned nothing");
        if let Some(bias) = &network.layers[0].bias {
            assert!(bias.get().iter().any(|bias| *bias != 0.0), "{case}: the bias has learned nothing");
        }
    }
}

#[test]
fn a_silent_connection_has_no_loss() {
    for (case, bias) in [("without a bias", None), ("with a bias", Some(zeros(1, 20)))] {
        let mut network = network();
        network.layers[0].connection = Box::new(Named { weight: zeros(36, 20), names: &[] });
        network.layers[0].bias = bias;
        let (_, report) = allow(case, || train(network));
        // No unit spikes, so a positive has the goodness of its negative: none.
        assert_eq!(report.mean_losses(), [(0, 0.0), (1, 0.0)], "{case}");
    }
}

#[test]
fn two_parameters_of_one_name_are_refused() {
    for (case, names, biased, said) in [
        (
            "the weights twice",
            &["weight", "weight"][..],
            false,
            "`layers` has a layer 1 with two parameters named `weight`",
        ),
        (
            "another bias beside the layer's",
            &["weight", "bias"],
            true,
            "`layers` has a layer 1 with two parameters named `bias`",
        ),
    ] {
        let mut network = network_with(names);
        network.layers[0].bias = biased.then(|| zeros(1, 20));
        refuse(case, said, || train(network));
    }
}
