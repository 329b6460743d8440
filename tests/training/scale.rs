//! `alpha` and `sharpness` are in squares of the threshold.

use ff_cpu::Cpu;
use ff_data::synthetic;
use ff_net::formulas::{Output, Pair};
use ff_net::pairs::Step;
use ff_net::seeds::{Stream, stream};
use ff_net::{Config, ImageSet, Input, LabelOverlay, LifConfig, Network, Pairs};
use ff_tensor::{Device, DrawLabels, Objective};

use crate::{LIF, units};

/// The wrong labels that a first batch of 20 images is drawn, and those that `draw_labels` draws with this sharpness.
fn drawn(config: Config, sharpness: f32) -> [Vec<u32>; 2] {
    let (dev, data) = (Cpu::new(1).unwrap(), synthetic(20, 1, 1));
    let network = Network::new(&dev, Config { batch: 20, ..config }, 784, 10).unwrap();
    let set = ImageSet::new(&dev, &data.train.images, &data.train.labels, 0..20, 784, 10).unwrap();
    let mut source = LabelOverlay::new(&network, set).unwrap();
    let (seed, clock, layers) = (7, dev.zeros(1, 2).unwrap(), &network.layers[..]);
    let step = Step { dev: &dev, clock: &clock, layers, seed, turn: None };
    source.begin(&dev, seed, 0).unwrap();
    source.fetch(&step).unwrap();
    source.draw(&step, None).unwrap();
    let Input::Overlay(images) = source.pairs() else { panic!("no images") };

    let (mut scores, mut pair) = (dev.zeros(20, 10).unwrap(), dev.zeros(40, 1).unwrap());
    layers[0].label_scores(&dev, &mut scores, &images).unwrap();
    let truth = dev.upload(20, 1, &images.labels.get()[..20]).unwrap();
    let (labels, scores, seed) = (&truth, Some(&scores), stream(seed, Stream::Labels(0)));
    DrawLabels { pair: &mut pair, labels, scores, clock: &clock, classes: 10, seed, sharpness }
        .on(&dev)
        .unwrap();
    [images.labels.get().to_vec(), pair.get().to_vec()]
}

#[test]
fn alpha_and_sharpness_mean_the_same_for_all_thresholds() {
    for (threshold, output, by) in
        [(1.0, Output::Rate, 1.0), (4.0, Output::Rate, 16.0), (4.0, Output::Membrane, 1.0)]
    {
        let config = units(LifConfig { threshold, output, ..LIF });
        let (positive, negative) = (0.31, 0.28);
        let loss = config.objective().of_pair(positive, negative);
        assert_eq!(loss, Pair { alpha: 12.0 * by }.of_pair(positive, negative));
        // Weights so large that layer 1 tells labels apart from the start.
        let config = Config { weight_scale: 10.0, ..config };
        let [got, wanted] = drawn(config.clone(), 60.0 * by);
        assert_eq!(got, wanted, "threshold {threshold}, {output:?}");
        assert_ne!(drawn(config, 0.0)[1], got, "the sharpness made no difference, so nothing was tested");
    }
}
