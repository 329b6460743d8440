//! What cannot be is refused with the setting to change.

use ff_cpu::Cpu;
use ff_data::synthetic;
use ff_net::formulas::Output;
use ff_net::{
    Config, LayerWeights, LifConfig, Link, NegativesConfig, Network, NeuronConfig, ObjectiveConfig,
    Predictor, SurrogateKind, Trainer,
};
use ndarray::{Array1, Array2};

use crate::{BY_HEAD, LIF, quick, units, weights};

#[test]
fn impossible_requests_are_refused_with_the_setting_to_change() {
    let dev = Cpu::new(1).unwrap();
    let refuse = |config: Config, pixels, classes, key: &str| {
        let error = Network::new(&dev, config, pixels, classes).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{key}` ")), "{key}: {error}");
    };
    let base = quick();
    refuse(Config { layers: vec![], ..base.clone() }, 784, 10, "layers");
    refuse(Config { layers: vec![10, 0], ..base.clone() }, 784, 10, "layers");
    refuse(Config { layers: vec![usize::MAX], ..base.clone() }, 784, 10, "layers");
    refuse(Config { layers: vec![100_000, 100_000], ..base.clone() }, 784, 10, "layers");
    refuse(base.clone(), 10, 10, "layers");
    refuse(base.clone(), 784, 1, "layers");
    refuse(units(LifConfig { steps: 0, ..LIF }), 784, 10, "neuron.lif.steps");
    refuse(Config { batch: 0, ..base.clone() }, 784, 10, "batch");
    refuse(Config { epochs: 0, ..base.clone() }, 784, 10, "epochs");
    refuse(units(LifConfig { beta: 1.5, ..LIF }), 784, 10, "neuron.lif.beta");
    refuse(units(LifConfig { beta: f32::NAN, ..LIF }), 784, 10, "neuron.lif.beta");
    refuse(units(LifConfig { threshold: 0.0, ..LIF }), 784, 10, "neuron.lif.threshold");
    refuse(Config { learning_rate: -0.1, ..base.clone() }, 784, 10, "learning_rate");
    refuse(Config { link: Link::Spikes, neuron: NeuronConfig::RELU, ..base.clone() }, 784, 10, "link");

    refuse(Config { dropout: 1.0, ..base.clone() }, 784, 10, "dropout");
    let objective = ObjectiveConfig::Pair { alpha: 0.0 };
    refuse(Config { objective, ..base.clone() }, 784, 10, "objective.pair.alpha");
    let objective = ObjectiveConfig::Softplus { theta: f32::INFINITY };
    refuse(Config { objective, ..base.clone() }, 784, 10, "objective.softplus.theta");
    let negatives = NegativesConfig::Hard { sharpness: -1.0 };
    refuse(Config { negatives, ..base.clone() }, 784, 10, "negatives.hard.sharpness");
    refuse(Config { weight_decay: f32::NAN, ..base.clone() }, 784, 10, "weight_decay");
    let secant = LifConfig { surrogate: SurrogateKind::Secant, ..LIF };
    for (bad, link) in [
        (LifConfig { steps: 1, ..secant }, Link::Signal),
        (LifConfig { steps: 65, ..secant }, Link::Signal),
        (LifConfig { output: Output::Membrane, ..secant }, Link::Signal),
        (secant, Link::Spikes),
    ] {
        refuse(Config { link, ..units(bad) }, 784, 10, "neuron.lif.surrogate");
    }
    refuse(Config { negatives: BY_HEAD, ..base.clone() }, 784, 10, "negatives");

    let network = || Network::new(&dev, Config { layers: vec![5], ..quick() }, 20, 3).unwrap();
    let error = |n, pixels, labels: Vec<u8>| {
        let images = Array2::zeros((n, pixels));
        Trainer::new(network(), &images, &Array1::from(labels)).map(|_| ()).unwrap_err().to_string()
    };
    let shapes = |inputs, bias: Option<Vec<f32>>| {
        let config = Config { layers: vec![5], ..quick() };
        let weights = vec![LayerWeights { weight: Array2::zeros((inputs, 5)), bias, head: None }];
        Network::with_weights(&dev, config, 20, 3, weights).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(shapes(21, None), "`layers` asks for weights (20, 5) in layer 1, not (21, 5)");
    assert_eq!(shapes(20, Some(vec![0.0; 5])), "`layers` asks for no biases in layer 1, but there are 5");
    assert_eq!(error(2, 20, vec![0, 3]), "image 1 has label 3, but there are 3 classes");
    assert_eq!(
        error(0, 20, vec![]),
        "`validation_samples` is 0, but there are 0 images: none is left to train on"
    );
    assert_eq!(error(2, 19, vec![0, 1]), "training: `images` is [2, 19] but [2, 20] is needed");
}

/// Layers may differ in their time steps as long as signals go between them. Spikes need the same steps on both sides.
#[test]
fn layers_of_differing_time_steps_pass_on_signals_only() {
    let (dev, data) = (Cpu::new(1).unwrap(), synthetic(100, 20, 1));
    for link in [Link::Signal, Link::Spikes] {
        let config = Config { epochs: 1, layers: vec![20, 10], link, ..quick() };
        let mut network = Network::new(&dev, config, 784, 10).unwrap();
        network.layers[1].units = units(LifConfig { steps: 7, ..LIF }).units();
        let said = "`link` is `spikes`, but layer 2 has 7 time steps and the layer below it 4";
        let predicted = Predictor::new(&network).and_then(|mut p| p.scan(&network, &data.test.images));
        let trained =
            Trainer::new(network, &data.train.images, &data.train.labels).and_then(|mut trainer| {
                let before = weights(trainer.network());
                trainer.epoch()?;
                let after = weights(trainer.network());
                Ok((0..2).all(|layer| before[layer] != after[layer]))
            });
        if link == Link::Signal {
            assert_eq!(predicted.unwrap().len(), 20);
            assert!(trained.unwrap(), "a layer has learned nothing");
        } else {
            assert_eq!(predicted.map(|_| ()).unwrap_err().to_string(), said);
            assert_eq!(trained.map(|_| ()).unwrap_err().to_string(), said);
        }
    }
}
