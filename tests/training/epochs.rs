//! The trainer owns its epochs: the last one is an end, an extended training goes on warm, and what is held out is not learned
//! from.

use ff_cpu::Cpu;
use ff_data::{Dataset, synthetic};
use ff_net::{Config, Error, Network, Trainer};
use ndarray::{Array1, Array2, s};

use crate::{greedy, quick, weights};

#[test]
fn an_epoch_after_the_last_one_says_how_to_go_on() {
    let (dev, data) = (Cpu::new(1).unwrap(), synthetic(100, 1, 1));
    for config in [quick(), greedy()] {
        let config = Config { epochs: 1, layers: vec![20, 10], ..config };
        let network = Network::new(&dev, config, 784, 10).unwrap();
        let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels).unwrap();
        let epochs = trainer.epochs();
        for _ in 0..epochs {
            trainer.epoch().unwrap();
        }
        let before = weights(trainer.network());
        let error = trainer.epoch().map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Ended { epochs: e } if e == epochs), "{error}");
        assert_eq!(
            error.to_string(),
            format!("the training has ended after its {epochs} epochs; `Trainer::extend` makes it longer")
        );
        assert_eq!((trainer.epochs_done(), trainer.batches_done()), (epochs, 0));
        assert!(before == weights(trainer.network()), "an epoch that was refused has changed the weights");
    }
}

/// Moments, order, draws and the learning rate are those of a run that was as long from the start.
#[test]
fn a_training_that_is_extended_goes_on_warm() {
    let (dev, data) = (Cpu::new(1).unwrap(), synthetic(300, 1, 1));
    let begun = |epochs, cool_from| {
        let config = Config { epochs, cool_from, dropout: 0.2, head: true, layers: vec![30, 20], ..quick() };
        let network = Network::new(&dev, config, 784, 10).unwrap();
        Trainer::new(network, &data.train.images, &data.train.labels).unwrap()
    };
    // Extended after so many epochs. Until it cools, the shorter run has the same rate as the longer one.
    for (cool_from, extended_after, equal) in
        [(1.0, 2, true), (1.0, 1, true), (0.5, 0, true), (0.5, 1, true), (0.5, 2, false)]
    {
        let (mut long, mut short) = (begun(4, cool_from), begun(2, cool_from));
        for epoch in 0..4 {
            if epoch == extended_after {
                short.extend(2).unwrap();
            }
            let [own, other] = [&mut long, &mut short].map(|trainer| trainer.epoch().unwrap());
            assert_eq!((own.epoch, other.epoch), (epoch + 1, epoch + 1));
        }
        assert_eq!((short.epochs(), short.network().config.epochs), (4, 4));
        let same = weights(long.network()) == weights(short.network());
        assert_eq!(same, equal, "cooled from {cool_from}, extended after {extended_after}");
    }
}

#[test]
fn what_cannot_be_extended_says_why() {
    let (dev, data) = (Cpu::new(1).unwrap(), synthetic(100, 1, 1));
    let trainer = |config| {
        let network = Network::new(&dev, Config { layers: vec![9], ..config }, 784, 10).unwrap();
        Trainer::new(network, &data.train.images, &data.train.labels).unwrap()
    };
    let error = trainer(greedy()).extend(1).unwrap_err().to_string();
    assert_eq!(error, "`schedule` is `greedy`: a layer that has had its turn does not learn on");
    for more in [usize::MAX, u32::MAX as usize] {
        let mut trainer = trainer(quick());
        let error = trainer.extend(more).unwrap_err().to_string();
        assert!(error.starts_with("`epochs` would become ") && error.contains("more steps"), "{error}");
        assert_eq!(trainer.epochs(), 4);
    }
}

/// What is held out never reaches the device that learns: other images in its place leave the same weights.
#[test]
fn what_is_held_out_is_not_learned_from() {
    let (dev, data) = (Cpu::new(1).unwrap(), synthetic(300, 1, 1));
    let learned = |data: &Dataset, config: Config| {
        let network = Network::new(&dev, config, 784, 10).unwrap();
        let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels).unwrap();
        for _ in 0..trainer.epochs() {
            trainer.epoch().unwrap();
        }
        (trainer.held_out(), weights(trainer.network()))
    };
    let config = Config { epochs: 2, head: true, validation_samples: 100, ..quick() };
    let mut other = data.clone();
    other.train.images.slice_mut(s![200.., ..]).fill(99);
    other.train.labels.slice_mut(s![200..]).fill(3);
    let (held_out, before) = learned(&data, config.clone());
    assert_eq!(held_out, 200..300);
    assert!(before == learned(&other, config.clone()).1, "a held-out image was learned from");
    // The same as if those images had never been there, and something else than if they are not held out.
    let fewer = Dataset { train: data.train.take(200), ..data.clone() };
    assert!(before == learned(&fewer, Config { validation_samples: 0, ..config.clone() }).1);
    assert!(before != learned(&data, Config { validation_samples: 0, ..config.clone() }).1);

    // `train_samples` counts what is left.
    let few = Config { train_samples: 150, ..config.clone() };
    other.train.images.slice_mut(s![150.., ..]).fill(99);
    let (held_out, before) = learned(&data, few.clone());
    assert_eq!(held_out, 200..300);
    assert!(before == learned(&other, few).1, "an image beyond the first 150 was learned from");

    let all = Config { validation_samples: 300, ..config };
    let network = Network::new(&dev, all, 784, 10).unwrap();
    let error = Trainer::new(network, &data.train.images, &data.train.labels).map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`validation_samples` is 300, but there are 300 images: none is left to train on"
    );
}

#[test]
fn more_steps_than_can_be_counted_are_refused() {
    let dev = Cpu::new(1).unwrap();
    let config = Config { epochs: 1_000_000, batch: 1, layers: vec![2], ..quick() };
    let network = Network::new(&dev, config, 12, 3).unwrap();
    let error = Trainer::new(network, &Array2::zeros((5_000, 12)), &Array1::zeros(5_000)).map(|_| ());
    assert_eq!(
        error.unwrap_err().to_string(),
        "`epochs` asks for 5000000000 steps; at most 4294967295 are possible"
    );
}

/// An error in the middle of an epoch leaves the steps before it counted. The training goes on behind them.
#[test]
fn steps_before_an_error_are_not_trained_again() {
    let (dev, data) = (Cpu::new(1).unwrap(), synthetic(300, 1, 1));
    let begun = || {
        let network =
            Network::new(&dev, Config { layers: vec![20, 10], batch: 50, ..quick() }, 784, 10).unwrap();
        Trainer::new(network, &data.train.images, &data.train.labels).unwrap()
    };
    let (mut failing, mut whole) = (begun(), begun());
    let done = failing.batches() - 1;
    let mut calls = 0;
    // It is called once for each of the two layers. It fails in the first layer of the last step, before anything moves.
    failing.reduce(Box::new(move |_, _| {
        calls += 1;
        match calls == 2 * done + 1 {
            true => Err(ff_tensor::Error::Parameter { op: "reduce", reason: "a cable is loose".into() }),
            false => Ok(()),
        }
    }));
    let error = failing.epoch().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("a cable is loose"), "{error}");
    assert_eq!((failing.epochs_done(), failing.batches_done()), (0, done));
    let [own, other] = [&mut failing, &mut whole].map(|trainer| trainer.epoch().unwrap());
    assert_eq!(own.losses, other.losses);
    assert!(
        weights(failing.network()) == weights(whole.network()),
        "steps were trained twice, or not at all"
    );
}
