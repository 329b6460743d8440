//! Scans: of no image at all, and stopped half way.

use std::ops::ControlFlow;

use ff_cpu::Cpu;
use ff_data::synthetic;
use ff_net::{Config, Error, Network, Predictor};
use ndarray::Array2;

use crate::quick;

#[test]
fn no_images_have_no_scores_and_no_spikes() {
    let dev = Cpu::new(1).unwrap();
    let network = Network::new(&dev, Config { layers: vec![9], ..quick() }, 20, 3).unwrap();
    let scores = Predictor::new(&network).unwrap().scan(&network, &Array2::zeros((0, 20))).unwrap();
    assert!(scores.is_empty() && scores.predict().is_empty());
    assert_eq!(scores.spikes_per_inference(), None);
}

#[test]
fn a_scan_tells_how_far_it_is_and_stops_when_it_is_told_to() {
    let (dev, data) = (Cpu::new(1).unwrap(), synthetic(1, 300, 4));
    let network = Network::new(&dev, Config { layers: vec![9], ..quick() }, 784, 10).unwrap();
    let mut predictor = Predictor::new(&network).unwrap();
    let mut told = Vec::new();
    let mut scan = |after: usize| {
        predictor.scan_with(&network, &data.test.images, &mut |at| {
            told.push((at.done, at.all));
            if at.done >= after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    };
    // As many images at a time as the device likes.
    let error = scan(1).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Stopped), "{error}");
    assert_eq!(scan(301).unwrap().len(), 300);
    assert_eq!(told, [(128, 300), (128, 300), (256, 300), (300, 300)]);
}
