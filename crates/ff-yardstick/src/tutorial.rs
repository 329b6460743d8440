//! The snnTorch tutorial "The Forward-Forward Algorithm with a Spiking Neural Network" (E. Mulle, A. Singh), step
//! by step as its code has it: one batch, the batch's own labels permuted for negatives, 1,000 steps for layer 1,
//! then 1,000 for layer 2. With the same seed it prints the same numbers.

use std::ops::ControlFlow;

use ff_tensor::{Device, Dropout, NeuronKind};
use ndarray::{Array1, Array2, Axis};

use crate::layer::{Images, Labels, Learning, Rule};
use crate::prediction::error_percent;
use crate::torch::TorchGenerator;
use crate::training::batch_means;
use crate::{Config, LayerWeights, Network, Predictor, Purpose, Result, upload};

/// Images in the tutorial's only batch, and in its "test" batch.
pub const BATCH: usize = 128;
/// Steps for each layer.
pub const STEPS: usize = 1_000;

/// Images and labels on the host.
#[derive(Clone, Copy)]
pub struct Set<'a> {
    /// `[n, pixels]`
    pub images: &'a Array2<u8>,
    /// `[n]`
    pub labels: &'a Array1<u8>,
}

/// What one activation came to.
pub struct Run<D: Device> {
    /// After training.
    pub network: Network<D>,
    /// The batch, as indices into the training images.
    pub batch: Vec<u32>,
    /// Where in the batch each negative got its label from.
    pub permutation: Vec<u32>,
    /// Labels of the positives, then of the negatives.
    pub pair: Vec<u32>,
    /// Each layer's loss, step by step.
    pub losses: Vec<Vec<f32>>,
    /// Each layer's goodness after training: positives, then negatives.
    pub goodness: Vec<Vec<f32>>,
    /// Error on the batch that was trained on, in percent.
    pub train_error: f64,
    /// What the tutorial prints as its test error: that of the first training images.
    pub tutorial_test_error: f64,
    /// Error on all test images.
    pub true_test_error: f64,
}

impl<D: Device> Run<D> {
    /// Negatives that carry the true label after all.
    pub fn negatives_with_true_label(&self) -> usize {
        let (positive, negative) = self.pair.split_at(self.pair.len() / 2);
        positive.iter().zip(negative).filter(|(p, n)| p == n).count()
    }
}

/// The tutorial's settings: those of [`Config::default`], with one kind of unit or the other.
pub fn config(neuron: NeuronKind) -> Config {
    Config { neuron, epochs: STEPS, batch: BATCH, ..Config::default() }
}

/// Runs the tutorial with one activation. Call it with `Lif` and then with `Relu` on the same generator, as the
/// tutorial does; `on_step` is called after each of `2 * STEPS` steps.
///
/// # Errors
/// If the device fails.
pub fn run<D: Device>(
    dev: &D,
    neuron: NeuronKind,
    generator: &mut TorchGenerator,
    train: Set,
    test: Set,
    classes: usize,
    on_step: &mut dyn FnMut(),
) -> Result<Run<D>> {
    let pixels = train.images.ncols();
    let config = config(neuron);
    let mut inputs = pixels;
    let mut weights = Vec::new();
    for &units in &config.layers {
        let weight = Array2::from_shape_vec((units, inputs), generator.linear_weight(inputs, units));
        let weight = weight.map(|w| w.reversed_axes()).unwrap_or_default();
        weights.push(LayerWeights { weight, bias: None, head: None });
        inputs = units;
    }
    let network = Network::with_weights(dev, config, pixels, classes, weights)?;

    let size = BATCH.min(train.labels.len());
    let batch = generator.shuffled_order(train.labels.len())[..size].to_vec();
    let permutation = generator.randperm(size);
    let label = |i: usize| u32::from(train.labels[batch[i] as usize]);
    let positive = (0..size).map(label);
    let pair: Vec<u32> = positive.chain(permutation.iter().map(|&from| label(from as usize))).collect();

    let (network, losses, goodness) = fit(network, train, &batch, &pair, on_step)?;

    generator.unshuffled_iterator();
    let own: Vec<usize> = batch.iter().map(|&i| i as usize).collect();
    let mut predictor = Predictor::new(&network)?;
    let mut error = |images: &Array2<u8>, labels: &Array1<u8>| -> Result<f64> {
        Ok(error_percent(&predictor.scan(&network, images, &mut |_| ())?.predict(), labels))
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

type Fitted<D> = (Network<D>, Vec<Vec<f32>>, Vec<Vec<f32>>);

/// Layer after layer, each for all steps on the same batch. What a layer below gives no longer changes, so it is
/// computed once.
fn fit<D: Device>(
    mut network: Network<D>,
    train: Set,
    batch: &[u32],
    pair: &[u32],
    on_step: &mut dyn FnMut(),
) -> Result<Fitted<D>> {
    let dev = network.dev.clone();
    let size = batch.len();
    let set = upload::images(&dev, train.images)?;
    let targets = upload::labels(&dev, train.labels)?;
    let order = dev.upload(size, 1, batch)?;
    let pair = dev.upload(2 * size, 1, pair)?;
    let mut clock = dev.zeros(1, 2)?;
    let mut images = Images::new(&dev, size, network.pixels, network.classes)?;
    let Images { xhat, scale, labels } = &mut images;
    let gather = network.config.gather(network.classes);
    dev.gather(xhat, scale, labels, &set, &targets, &order, &clock, &gather)?;

    let labels = Labels { labels: &pair, scale: &images.scale, row: network.config.label() };
    let mut activities = network.activities(size, 2, Purpose::Learning)?;
    let (objective, adam) = (network.config.objective(), network.config.adam(STEPS as u32));
    let mut losses = Vec::new();
    for (i, layer) in network.layers.iter_mut().enumerate() {
        let (below, above) = activities.split_at_mut(i);
        let activity = &mut above[0];
        let mut learning = Learning::new(&dev, layer, activity)?;
        let mut log = dev.zeros(STEPS * size, 1)?;
        dev.write(&mut clock, &[0, 0])?;
        let mut step = || {
            let rule = Rule { clock: &clock, dropout: Dropout::NONE, objective, adam };
            let (learning, log) = (&mut learning, &mut log);
            match below.last() {
                None => {
                    layer.image_current(&dev, activity, &images)?;
                    layer.learn_images(&dev, learning, log, activity, &images, &labels, &rule)?;
                }
                Some(below) => layer.learn(&dev, learning, log, activity, below, &labels, &rule)?,
            }
            dev.advance(&mut clock)
        };
        let mut told = || {
            on_step();
            ControlFlow::Continue(())
        };
        dev.repeat(STEPS, &mut step, &mut told)?;
        // What the next layer gets is the answer of the weights that have learned.
        match below.last() {
            None => {
                layer.image_current(&dev, activity, &images)?;
                layer.answer_images(&dev, activity, &labels)?;
            }
            Some(below) => layer.answer(&dev, activity, below, &labels)?,
        }
        losses.push(batch_means(&dev.download(&log)?, size));
    }
    let goodness = activities.iter().map(|a| dev.download(&a.goodness)).collect::<ff_tensor::Result<_>>()?;
    Ok((network, losses, goodness))
}
