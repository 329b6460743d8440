//! This module trains by backpropagation, written by hand in the same engine. Forward-Forward is compared with it.
//!
//! ```text
//! I_1,t  = xhat W_1                      the image, the same in each step: normalised as for Forward-Forward, no label in it
//! I_l,t  = spk_{l-1},t W_l               hidden LIF units pass on their spikes, step by step, the last ones their rate
//! scores = 1/T sum_t spk_L,t V           the output: a unit for each class that does not spike and has no leak
//! L      = cross-entropy of softmax(scores)
//! ```
//! With rectifiers there is no time, and `max(0, I)` replaces the spikes, so this is an ordinary network. The backward pass is in
//! [`BackpropTrainer`].
//!
//! This module has no biases, no dropout of units, and only one objective.

mod training;

use std::sync::Arc;

use ff_net::formulas::Output;
use ff_net::{Config, Error, LifConfig, NeuronConfig, Result, Scores, SurrogateKind, uniform, upload};
use ff_tensor::{Advance, Clock, Device, Dropout, Gather, MatMul, Tensor, Units, UnitsForward, expect_shape};
use ndarray::Array2;
use ndarray_rand::RandomExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

pub use training::BackpropTrainer;

/// A network that learns by backpropagation.
///
/// It reads the settings `layers`, `neuron` without its `output`, `norm`, `norm_eps`, `epochs`, `batch`, `learning_rate`,
/// `cool_from`, `weight_decay`, `pixel_dropout`, `seed`, `train_samples` and `validation_samples`. The others belong to
/// Forward-Forward and are ignored, except for `bias` and `dropout`. It would have to obey these two, so it refuses them. It also
/// refuses the surrogate `secant`.
pub struct Backprop<D: Device> {
    /// The device that holds it.
    pub dev: D,
    /// The settings with which it was built and is trained.
    pub config: Config,
    /// The number of inputs of layer 1.
    pub pixels: usize,
    /// The number of output units.
    pub classes: usize,
    /// The weights of each layer, `[in, out]`, from the image upwards. The last ones are the output layer's.
    pub weights: Vec<Tensor<D>>,
    /// The hidden units, which pass on their spikes.
    units: Arc<dyn Units>,
}

/// The results of the forward pass for a batch of B. They have to stay until the backward pass.
struct Pass<D: Device> {
    xhat: Tensor<D>,        // [B, pixels]
    scale: Tensor<D>,       // [B, 1]
    labels: Tensor<D, u32>, // [B, 1]
    hidden: Vec<Hidden<D>>,
    scores: Tensor<D>, // [B, classes]
}

/// The results of the forward pass in a hidden layer.
struct Hidden<D: Device> {
    current: Tensor<D>,        // [B, n] in layer 1 and of rectifiers, else [B T, n]
    signal: Tensor<D>,         // [B, n]
    spikes: Option<Tensor<D>>, // [B T, n], if the next layer needs them
}

/// Images on the device, from which batches are taken.
#[derive(Clone, Copy)]
struct Source<'a, D: Device> {
    images: &'a Tensor<D, u8>,
    targets: &'a Tensor<D, u32>,
    order: &'a Tensor<D, u32>,
    clock: &'a Clock<D>,
}

impl<D: Device> Hidden<D> {
    /// Returns the input of the next weights.
    fn passed(&self) -> &Tensor<D> {
        self.spikes.as_ref().unwrap_or(&self.signal)
    }
}

impl<D: Device> Pass<D> {
    /// Returns the input of weights `i`.
    fn input(&self, i: usize) -> &Tensor<D> {
        if i == 0 { &self.xhat } else { self.hidden[i - 1].passed() }
    }
}

impl<D: Device> Backprop<D> {
    /// Makes a network with random weights, drawn as [`Network::new`](ff_net::Network::new) draws them.
    ///
    /// # Errors
    /// Fails if the config is impossible or asks for what is not here, or if the device has no room.
    pub fn new(dev: &D, config: Config, pixels: usize, classes: usize) -> Result<Self> {
        config.validate(pixels, classes)?;
        let units = hidden_units(&config)?;
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let (mut weights, mut inputs) = (Vec::new(), pixels);
        for &units in config.layers.iter().chain([&classes]) {
            let weight = Array2::random_using((inputs, units), uniform(inputs, 1.0)?, &mut rng);
            weights.push(dev.upload(inputs, units, weight.as_slice().unwrap_or_default())?);
            inputs = units;
        }
        Ok(Self { dev: dev.clone(), config, pixels, classes, weights, units })
    }

    /// Returns the number of parameters that are learned.
    pub fn parameters(&self) -> usize {
        self.weights.iter().map(|weight| weight.rows() * weight.cols()).sum()
    }

    /// Returns how many numbers of one image the forward pass keeps for the backward pass: the image, and every layer's currents
    /// and outputs, step by step.
    pub fn kept_per_image(&self) -> usize {
        let of_layer = |(i, &units)| self.steps_of(i).iter().sum::<usize>() * units;
        self.pixels + self.config.layers.iter().enumerate().map(of_layer).sum::<usize>()
    }

    /// Returns the rows per image of hidden layer `i`'s current, and of its output.
    fn steps_of(&self, i: usize) -> [usize; 2] {
        let steps = self.units.steps();
        [if i == 0 { 1 } else { steps }, if i + 1 == self.config.layers.len() { 1 } else { steps }]
    }

    fn pass(&self, batch: usize) -> Result<Pass<D>> {
        let dev = &self.dev;
        let hidden = self.config.layers.iter().enumerate().map(|(i, &units)| {
            let [current, passed] = self.steps_of(i).map(|steps| steps * batch);
            let spikes = (passed > batch).then(|| dev.zeros(passed, units)).transpose()?;
            Ok(Hidden { current: dev.zeros(current, units)?, signal: dev.zeros(batch, units)?, spikes })
        });
        Ok(Pass {
            xhat: dev.zeros(batch, self.pixels)?,
            scale: dev.zeros(batch, 1)?,
            labels: dev.zeros(batch, 1)?,
            hidden: hidden.collect::<ff_tensor::Result<_>>()?,
            scores: dev.zeros(batch, self.classes)?,
        })
    }

    /// Fetches the clock's batch of images into `pass`. The images have no label in their pixels.
    fn fetch(&self, pass: &mut Pass<D>, from: Source<D>, dropout: Dropout) -> ff_tensor::Result<()> {
        let Pass { xhat, scale, labels, .. } = pass;
        let Source { images, targets, order, clock } = from;
        let (classes, amplitude, norm) = (0, 0.0, self.config.norm());
        Gather { xhat, scale, labels, images, targets, order, clock, classes, amplitude, norm, dropout }
            .on(&self.dev)
    }

    /// Computes the scores from the images in `pass.xhat`.
    fn forward(&self, pass: &mut Pass<D>) -> ff_tensor::Result<()> {
        let (dev, units, top) = (&self.dev, &*self.units, self.config.layers.len());
        for i in 0..top {
            let (below, here) = pass.hidden.split_at_mut(i);
            let a = below.last().map_or(&pass.xhat, Hidden::passed);
            let Hidden { current, signal, spikes } = &mut here[0];
            MatMul { c: current, a, transpose_a: false, b: &self.weights[i], transpose_b: false }.on(dev)?;
            UnitsForward { signal, spikes: spikes.as_mut(), current, bias: None, units }.on(dev)?;
        }
        let (c, a) = (&mut pass.scores, pass.hidden[top - 1].passed());
        MatMul { c, a, transpose_a: false, b: &self.weights[top], transpose_b: false }.on(dev)
    }

    /// Returns every class's score for `images` `[n, pixels]`, as the scores of a single layer.
    ///
    /// # Errors
    /// Fails if the images have another size, or if the device fails.
    pub fn scan(&self, images: &Array2<u8>) -> Result<Scores> {
        /// The number of images at a time. It is enough for the products.
        const BATCH: usize = 128;
        let (dev, (n, pixels)) = (&self.dev, images.dim());
        expect_shape("scan", "images", [n, pixels], [n, self.pixels])?;
        let set = upload::images(dev, images.view())?;
        let (targets, mut clock) = (dev.zeros(n, 1)?, dev.zeros(1, 2)?);
        // The last batch is filled up with the last image.
        let order: Vec<u32> = (0..n.next_multiple_of(BATCH)).map(|i| i.min(n - 1) as u32).collect();
        let order = dev.upload(order.len(), 1, &order)?;
        let mut pass = self.pass(BATCH)?;
        let (mut scores, mut spikes) = (Vec::new(), vec![0.0; self.config.layers.len()]);
        for first in (0..n).step_by(BATCH) {
            let source = Source { images: &set, targets: &targets, order: &order, clock: &clock };
            self.fetch(&mut pass, source, Dropout::NONE)?;
            Advance { clock: &mut clock }.on(dev)?;
            self.forward(&mut pass)?;
            let here = BATCH.min(n - first);
            scores.extend_from_slice(&dev.download(&pass.scores)?[..here * self.classes]);
            self.count_spikes(&pass, here, &mut spikes)?;
        }
        let spiking = self.units.spikes() && n > 0;
        let layer_spikes = spiking.then(|| spikes.iter().map(|sum| sum / n as f64).collect());
        Ok(Scores { layers: vec![scores], classes: self.classes, layer_spikes })
    }

    /// Adds each layer's spikes for the first `here` images of this batch.
    fn count_spikes(&self, pass: &Pass<D>, here: usize, sums: &mut [f64]) -> Result<()> {
        for (sum, hidden) in sums.iter_mut().zip(&pass.hidden) {
            let rates = self.dev.download(&hidden.signal)?;
            let rates = rates[..here * hidden.signal.cols()].iter().map(|&rate| f64::from(rate));
            *sum += rates.sum::<f64>() * self.units.steps() as f64;
        }
        Ok(())
    }
}

/// Returns the hidden units of a network with these settings. They pass on spikes or their rate, whatever `output` says. It
/// refuses settings that backpropagation does not have here.
fn hidden_units(config: &Config) -> Result<Arc<dyn Units>> {
    let refuse = |key, what: &str| {
        Err(Error::Config { key, reason: format!("{what}, which backpropagation does not have here") })
    };
    if config.bias {
        return refuse("bias", "asks for biases");
    }
    if config.dropout > 0.0 {
        return refuse("dropout", "silences units");
    }
    let Some(&lif) = config.neuron.lif() else { return Ok(config.units()) };
    if lif.surrogate == SurrogateKind::Secant {
        return refuse("neuron.lif.surrogate", "is `secant`, the derivative of a rate instead of a spike");
    }
    let neuron = NeuronConfig::Lif(LifConfig { output: Output::Rate, ..lif });
    Ok(Config { neuron, ..config.clone() }.units())
}
