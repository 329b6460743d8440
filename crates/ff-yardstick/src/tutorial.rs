//! This module repeats the snnTorch tutorial "The Forward-Forward Algorithm with a Spiking Neural Network" (E. Mulle, A. Singh),
//! step by step as in its code. There is one batch, and its own labels are permuted for the negatives. Layer 1 has 1,000 steps,
//! then layer 2 has 1,000. The same seed gives the same numbers.

use ff_net::input::Images;
use ff_net::layer::Lesson;
use ff_net::layers;
use ff_net::pass::{Pass, Purpose, Shape};
use ff_net::prediction::error_percent;
use ff_net::training::batch_means;
use ff_net::{
    Config, Control, Error, LayerWeights, Network, NeuronConfig, Predictor, Progress, Result, upload,
};
use ff_tensor::{Advance, Clock, Device, Dropout, Gather, Tensor};
use ndarray::{Array1, Array2, Axis};

use crate::torch::TorchGenerator;

/// The number of images in the tutorial's only batch, and in its "test" batch.
pub const BATCH: usize = 128;
/// The number of steps for each layer.
pub const STEPS: usize = 1_000;

/// Images and labels on the host.
#[derive(Clone, Copy)]
pub struct Set<'a> {
    /// The images, `[n, pixels]`.
    pub images: &'a Array2<u8>,
    /// The labels, `[n]`.
    pub labels: &'a Array1<u8>,
}

/// The results of the tutorial with one activation.
pub struct Run<D: Device> {
    /// The network after training.
    pub network: Network<D>,
    /// The batch, as indices into the training images.
    pub batch: Vec<u32>,
    /// The index in the batch from which each negative got its label.
    pub permutation: Vec<u32>,
    /// The labels of the positives, then of the negatives.
    pub pair: Vec<u32>,
    /// Each layer's loss, step by step.
    pub losses: Vec<Vec<f32>>,
    /// Each layer's goodness after training, of the positives, then of the negatives.
    pub goodness: Vec<Vec<f32>>,
    /// The error on the batch that was trained on, in percent.
    pub train_error: f64,
    /// The error that the tutorial prints as its test error, in percent. It is the error on the first training images.
    pub tutorial_test_error: f64,
    /// The error on all test images, in percent.
    pub true_test_error: f64,
}

impl<D: Device> Run<D> {
    /// Returns the number of negatives that have the true label after all.
    pub fn negatives_with_true_label(&self) -> usize {
        let (positive, negative) = self.pair.split_at(self.pair.len() / 2);
        positive.iter().zip(negative).filter(|(p, n)| p == n).count()
    }
}

/// Returns the tutorial's settings. They are those of [`Config::default`] with these units, [`STEPS`] and [`BATCH`].
pub fn config(neuron: NeuronConfig) -> Config {
    Config { neuron, epochs: STEPS, batch: BATCH, ..Config::default() }
}

/// Runs the tutorial with one activation. Call it with LIF units and then with rectifiers on the same generator, as the tutorial
/// does. It calls `control` after each of `2 * STEPS` steps.
///
/// # Errors
/// Fails if the device fails, or if `control` stopped it.
pub fn run<D: Device>(
    dev: &D,
    neuron: NeuronConfig,
    generator: &mut TorchGenerator,
    train: Set,
    test: Set,
    classes: usize,
    control: Control,
) -> Result<Run<D>> {
    let network = network(dev, neuron, generator, train.images.ncols(), classes)?;

    let size = BATCH.min(train.labels.len());
    let batch = generator.shuffled_order(train.labels.len())[..size].to_vec();
    let permutation = generator.randperm(size);
    let label = |i: usize| u32::from(train.labels[batch[i] as usize]);
    let positive = (0..size).map(label);
    let pair: Vec<u32> = positive.chain(permutation.iter().map(|&from| label(from as usize))).collect();

    let (network, losses, goodness) = fit(network, train, &batch, &pair, control)?;

    generator.unshuffled_iterator();
    let own: Vec<usize> = batch.iter().map(|&i| i as usize).collect();
    let mut predictor = Predictor::new(&network)?;
    let mut error = |images: &Array2<u8>, labels: &Array1<u8>| -> Result<f64> {
        Ok(error_percent(&predictor.scan(&network, images)?.predict(), labels))
    };
    let train_error = error(&train.images.select(Axis(0), &own), &train.labels.select(Axis(0), &own))?;
    let first: Vec<usize> = (0..size).collect();
    let first = (train.images.select(Axis(0), &first), train.labels.select(Axis(0), &first));
    let tutorial_test_error = error(&first.0, &first.1)?;
    let true_test_error = error(test.images, test.labels)?;
    Ok(Run {
        network,
        batch,
        permutation,
        pair,
        losses,
        goodness,
        train_error,
        tutorial_test_error,
        true_test_error,
    })
}

/// Makes the network with torch's random weights.
fn network<D: Device>(
    dev: &D,
    neuron: NeuronConfig,
    generator: &mut TorchGenerator,
    pixels: usize,
    classes: usize,
) -> Result<Network<D>> {
    let config = config(neuron);
    let mut inputs = pixels;
    let mut weights = Vec::new();
    for &units in &config.layers {
        let weight = Array2::from_shape_vec((units, inputs), generator.linear_weight(inputs, units));
        let weight = weight.map(|w| w.reversed_axes()).unwrap_or_default();
        weights.push(LayerWeights { weight, bias: None, head: None });
        inputs = units;
    }
    Network::with_weights(dev, config, pixels, classes, weights)
}

/// The tutorial's one batch on the device, with its buffers.
struct Lessons<D: Device> {
    network: Network<D>,
    images: Images<D>,
    /// The labels of the positives, then of the negatives, `[2 B, 1]`.
    pair: Tensor<D, u32>,
    pass: Box<dyn Pass<D>>,
    clock: Clock<D>,
}

type Fitted<D> = (Network<D>, Vec<Vec<f32>>, Vec<Vec<f32>>);

/// Trains one layer after the other, each for all steps on the same batch. The output of the layer below no longer changes, so it
/// is computed once.
fn fit<D: Device>(
    network: Network<D>,
    train: Set,
    batch: &[u32],
    pair: &[u32],
    control: Control,
) -> Result<Fitted<D>> {
    let (dev, layers) = (network.dev.clone(), network.layers.len());
    let mut lessons = Lessons::new(network, train, batch, pair)?;
    let (mut losses, mut goodness) = (Vec::new(), Vec::new());
    for i in 0..layers {
        losses.push(lessons.learn(i, control)?);
        // The next layer gets the output of the trained weights.
        lessons.answer(i)?;
        goodness.push(dev.download(lessons.pass.goodness(i))?);
    }
    Ok((lessons.network, losses, goodness))
}

impl<D: Device> Lessons<D> {
    fn new(network: Network<D>, train: Set, batch: &[u32], pair: &[u32]) -> Result<Self> {
        let (dev, size, classes, config) = (&network.dev, batch.len(), network.classes, &network.config);
        let (set, targets) =
            (upload::images(dev, train.images.view())?, upload::labels(dev, train.labels.view())?);
        let (order, clock) = (dev.upload(size, 1, batch)?, dev.zeros(1, 2)?);
        let mut images = Images::new(dev, size, network.pixels, classes, network.layers[0].shape()[1])?;
        Gather {
            xhat: &mut images.xhat,
            scale: &mut images.scale,
            labels: &mut images.labels,
            images: &set,
            targets: &targets,
            order: &order,
            clock: &clock,
            classes,
            amplitude: config.label_amplitude,
            norm: config.norm(),
            dropout: Dropout::NONE,
        }
        .on(dev)?;
        let shape = Shape { rows: 2 * size, train: false, shares: images.xhat.rows() };
        let purpose = Purpose::Learning { dropout: false };
        let pass = layers::pass(dev, &network.layers, shape, false, purpose)?;
        Ok(Self { images, pair: dev.upload(2 * size, 1, pair)?, pass, clock, network })
    }

    /// Trains layer `i` for all steps. Returns the loss of each step.
    fn learn(&mut self, i: usize, control: Control) -> Result<Vec<f32>> {
        let Self { network, images, pair, pass, clock } = self;
        let Network { dev, config, layers, objective, .. } = network;
        let (size, all) = (images.labels.rows(), layers.len() * STEPS);
        let optimiser = config.optimiser(STEPS as u32);
        let mut learning = pass.learning(dev, layers, i, &*optimiser)?;
        let mut losses = dev.zeros(STEPS * size, 1)?;
        dev.write(clock, &[0, 0])?;
        let mut step = || {
            if i == 0 {
                layers[0].connection.current(dev, &mut images.shares, &images.xhat)?;
            }
            let mut lesson = Lesson {
                clock,
                dropout: Dropout::NONE,
                objective: &**objective,
                optimiser: &*optimiser,
                losses: &mut losses,
                reduce: &mut |_, _| Ok(()),
            };
            let input = images.overlay(pair, config.label_amplitude);
            pass.learn(dev, layers, i, input, &mut learning, &mut lesson)?;
            Advance { clock }.on(dev)
        };
        let mut done = i * STEPS;
        let mut after = || {
            done += 1;
            control(Progress { done, all })
        };
        if dev.repeat(STEPS, &mut step, &mut after)? < STEPS {
            return Err(Error::Stopped);
        }
        Ok(batch_means(&dev.download(&losses)?, size))
    }

    /// Computes the output of layer `i`.
    fn answer(&mut self, i: usize) -> Result<()> {
        let Self { network, images, pair, pass, .. } = self;
        let (dev, layers) = (&network.dev, &network.layers);
        if i == 0 {
            layers[0].connection.current(dev, &mut images.shares, &images.xhat)?;
        }
        let input = images.overlay(pair, network.config.label_amplitude);
        Ok(pass.answer(dev, layers, i, input)?)
    }
}
