//! Backpropagation in the same engine, by hand: the yardstick that Forward-Forward is measured against.
//!
//! ```text
//! I_1,t  = xhat W_1                      the image, the same in each step: normalised as for Forward-Forward, no label in it
//! I_l,t  = spk_{l-1},t W_l               hidden LIF units pass on their spikes, step by step, the last ones their rate
//! scores = 1/T sum_t spk_L,t V           the output: a unit for each class that does not spike and has no leak
//! L      = cross-entropy of softmax(scores)
//! ```
//! and backwards, one line for each step of the chain:
//!
//! ```text
//! dV     = rate_L^T dscores,             drate_L = dscores V^T
//! dI_l   = lif_grad(dspk_l),             through time
//! dW_l   = sum_t spk_{l-1},t^T dI_l,t    dspk_{l-1},t = dI_l,t W_l^T
//! ```
//! With rectifiers there is no time, and `max(0, I)` takes the place of the spikes: an ordinary network.
//!
//! Not here: biases, dropout of units, more than one objective.

use ff_tensor::{
    Augmentation, Clock, Device, Gather, Neuron, NeuronKind, Output, Softmax, Surrogate, Tensor, expect_shape,
};
use ndarray::{Array1, Array2};
use ndarray_rand::RandomExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::network::uniform;
use crate::training::{TrainingSet, batch_means};
use crate::{Config, Error, Result, Scores, upload};

/// A network that learns by backpropagation.
///
/// Of the settings it reads `layers`, `neuron`, `beta`, `threshold`, `reset`, `steps`, `surrogate`, `norm`, `norm_eps`,
/// `epochs`, `batch`, `learning_rate`, `cool_from`, `weight_decay`, `pixel_dropout` and `seed`. The others belong to
/// Forward-Forward and are not looked at, except for those that it would have to obey: `bias` and `dropout`.
pub struct Backprop<D: Device> {
    /// Where it lives.
    pub dev: D,
    /// How it was built and is trained.
    pub config: Config,
    /// Inputs of layer 1.
    pub pixels: usize,
    /// Output units.
    pub classes: usize,
    /// `[in, out]`, from the image upwards; the last are the output's.
    pub weights: Vec<Tensor<D>>,
}

/// What is computed on the way forward for a batch of B, and has to stay until the way back.
struct Pass<D: Device> {
    xhat: Tensor<D>,        // [B, pixels]
    scale: Tensor<D>,       // [B, 1]
    labels: Tensor<D, u32>, // [B, 1]
    hidden: Vec<Hidden<D>>,
    scores: Tensor<D>, // [B, classes]
}

/// The same of a hidden layer.
struct Hidden<D: Device> {
    current: Tensor<D>,        // [B, n] in layer 1 and of rectifiers, else [B T, n]
    signal: Tensor<D>,         // [B, n]
    spikes: Option<Tensor<D>>, // [B T, n], where the next layer wants them
}

impl<D: Device> Hidden<D> {
    /// What the next weights meet.
    fn passed(&self) -> &Tensor<D> {
        self.spikes.as_ref().unwrap_or(&self.signal)
    }
}

impl<D: Device> Pass<D> {
    /// What weights `i` meet.
    fn input(&self, i: usize) -> &Tensor<D> {
        if i == 0 { &self.xhat } else { self.hidden[i - 1].passed() }
    }
}

impl<D: Device> Backprop<D> {
    /// A network with random weights, drawn as [`Network::new`](crate::Network::new) draws them.
    ///
    /// # Errors
    /// An impossible config, one that asks for what is not here, or a device without room.
    pub fn new(dev: &D, config: Config, pixels: usize, classes: usize) -> Result<Self> {
        config.validate(pixels, classes)?;
        let refuse = |key, what: &str| {
            Err(Error::Config { key, reason: format!("{what}, which backpropagation does not have here") })
        };
        if config.bias {
            return refuse("bias", "asks for biases");
        }
        if config.dropout > 0.0 {
            return refuse("dropout", "silences units");
        }
        if config.surrogate == Surrogate::Secant && config.neuron == NeuronKind::Lif {
            return refuse("surrogate", "is `secant`, the derivative of a rate instead of a spike");
        }
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let (mut weights, mut inputs) = (Vec::new(), pixels);
        for &units in config.layers.iter().chain([&classes]) {
            let weight = Array2::random_using((inputs, units), uniform(inputs, 1.0)?, &mut rng);
            weights.push(dev.upload(inputs, units, weight.as_slice().unwrap_or_default())?);
            inputs = units;
        }
        Ok(Self { dev: dev.clone(), config, pixels, classes, weights })
    }

    /// Numbers that are learned.
    pub fn parameters(&self) -> usize {
        self.weights.iter().map(|weight| weight.rows() * weight.cols()).sum()
    }

    /// Numbers of one image that are kept from the way forward for the way back: the image, and every layer's currents
    /// and what it passed on, step by step.
    pub fn kept_per_image(&self) -> usize {
        let of_layer = |(i, &units)| self.steps_of(i).iter().sum::<usize>() * units;
        self.pixels + self.config.layers.iter().enumerate().map(of_layer).sum::<usize>()
    }

    /// Rows per image of hidden layer `i`'s current, and of what it passes on.
    fn steps_of(&self, i: usize) -> [usize; 2] {
        let steps = self.neuron().steps;
        [if i == 0 { 1 } else { steps }, if i + 1 == self.config.layers.len() { 1 } else { steps }]
    }

    fn neuron(&self) -> Neuron {
        Neuron { output: Output::Rate, ..self.config.neuron() }
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

    /// From the images in `pass.xhat` to the scores.
    fn forward(&self, pass: &mut Pass<D>) -> Result<()> {
        let (dev, neuron, top) = (&self.dev, self.neuron(), self.config.layers.len());
        for i in 0..top {
            let (below, here) = pass.hidden.split_at_mut(i);
            let (input, h) = (below.last().map_or(&pass.xhat, Hidden::passed), &mut here[0]);
            dev.matmul(&mut h.current, input, false, &self.weights[i], false)?;
            dev.lif(&mut h.signal, h.spikes.as_mut(), &h.current, None, &neuron)?;
        }
        dev.matmul(&mut pass.scores, pass.hidden[top - 1].passed(), false, &self.weights[top], false)?;
        Ok(())
    }

    /// Every class's score for `images` `[n, pixels]`, as the scores of a single layer.
    ///
    /// # Errors
    /// Images of another size, or a failing device.
    pub fn scan(&self, images: &Array2<u8>) -> Result<Scores> {
        /// Images at a time: enough for the products.
        const BATCH: usize = 128;
        let (dev, [n, pixels]) = (&self.dev, [images.nrows(), images.ncols()]);
        expect_shape("scan", "images", [n, pixels], [n, self.pixels])?;
        let (set, targets, mut clock) = (upload::images(dev, images)?, dev.zeros(n, 1)?, dev.zeros(1, 2)?);
        // The last batch is filled up with the last image.
        let order: Vec<u32> = (0..n.next_multiple_of(BATCH)).map(|i| i.min(n - 1) as u32).collect();
        let order = dev.upload(order.len(), 1, &order)?;
        let p = Gather { amplitude: 0.0, ..self.config.gather(0) };
        let mut pass = self.pass(BATCH)?;
        let (mut scores, mut spikes) = (Vec::new(), vec![0.0; self.config.layers.len()]);
        for first in (0..n).step_by(BATCH) {
            let Pass { xhat, scale, labels, .. } = &mut pass;
            dev.gather(xhat, scale, labels, &set, &targets, &order, &clock, &p)?;
            dev.advance(&mut clock)?;
            self.forward(&mut pass)?;
            let here = BATCH.min(n - first);
            scores.extend_from_slice(&dev.download(&pass.scores)?[..here * self.classes]);
            for (sum, hidden) in spikes.iter_mut().zip(&pass.hidden) {
                let rates = dev.download(&hidden.signal)?;
                let rates = rates[..here * hidden.signal.cols()].iter().map(|&rate| f64::from(rate));
                *sum += rates.sum::<f64>() * self.neuron().steps as f64;
            }
        }
        let lif = self.config.neuron == NeuronKind::Lif && n > 0;
        let layer_spikes = lif.then(|| spikes.iter().map(|sum| sum / n as f64).collect());
        Ok(Scores { layers: vec![scores], classes: self.classes, layer_spikes })
    }
}

/// Gradients of a layer's weights, and Adam's moments.
struct Learning<D: Device> {
    dweight: Tensor<D>,
    mean: Tensor<D>,
    square: Tensor<D>,
}

/// Gradients of a hidden layer.
struct Back<D: Device> {
    dcurrent: Tensor<D>,
    dpassed: Tensor<D>,
}

/// A network in training by backpropagation, on a set of images that lies on the device.
pub struct BackpropTrainer<D: Device> {
    net: Backprop<D>,
    set: TrainingSet<D>,
    pass: Pass<D>,
    dscores: Tensor<D>,
    back: Vec<Back<D>>,
    learning: Vec<Learning<D>>,
    losses: Tensor<D>,
    clock: Clock<D>,
    epochs_done: usize,
}

impl<D: Device> BackpropTrainer<D> {
    /// Prepares to train on `images` `[n, pixels]` with `labels` `[n]`. A batch larger than the set is cut to it.
    ///
    /// # Errors
    /// An empty set, images of another size, a label that is no class, or a device without room.
    pub fn new(net: Backprop<D>, images: &Array2<u8>, labels: &Array1<u8>) -> Result<Self> {
        let dev = net.dev.clone();
        let set = TrainingSet::new(&dev, images, labels, net.pixels, net.classes)?;
        let batch = net.config.batch.min(labels.len());
        let like = |tensor: &Tensor<D>| dev.zeros(tensor.rows(), tensor.cols());
        let pass = net.pass(batch)?;
        let back = pass
            .hidden
            .iter()
            .map(|hidden| Ok(Back { dcurrent: like(&hidden.current)?, dpassed: like(hidden.passed())? }));
        let learning = net.weights.iter().map(|weight| {
            Ok(Learning { dweight: like(weight)?, mean: like(weight)?, square: like(weight)? })
        });
        Ok(Self {
            set,
            dscores: like(&pass.scores)?,
            back: back.collect::<ff_tensor::Result<_>>()?,
            learning: learning.collect::<ff_tensor::Result<_>>()?,
            losses: dev.zeros(labels.len() / batch * batch, 1)?,
            clock: dev.zeros(1, 2)?,
            epochs_done: 0,
            pass,
            net,
        })
    }

    /// As [`Trainer::augmented`](crate::Trainer::augmented).
    ///
    /// # Errors
    /// As there.
    pub fn augmented(mut self, list: &[Augmentation], width: usize, height: usize) -> Result<Self> {
        self.set = self.set.augmented(&self.net.dev, list, width, height)?;
        Ok(self)
    }

    /// Trains for one epoch through the images in `order`, a permutation of all of them, calling `on_step` after
    /// each batch; gives the mean loss.
    ///
    /// # Errors
    /// A loss or a weight that is no longer a number, or a failing device.
    pub fn epoch(&mut self, order: &[u32], on_step: &mut dyn FnMut()) -> Result<f64> {
        let (dev, batches) = (self.net.dev.clone(), self.batches());
        self.set.begin(&dev, order, self.net.config.seed, self.epochs_done)?;
        dev.write(&mut self.clock, &[(self.epochs_done * batches) as u32, 0])?;
        for _ in 0..batches {
            self.step()?;
            dev.advance(&mut self.clock)?;
            on_step();
        }
        self.epochs_done += 1;
        self.mean_loss()
    }

    /// One batch: forwards, backwards, and a step of Adam.
    fn step(&mut self) -> Result<()> {
        let (dev, config, top) = (&self.net.dev, &self.net.config, self.back.len());
        let Pass { xhat, scale, labels, .. } = &mut self.pass;
        let p = Gather { amplitude: 0.0, ..config.gather_to_learn(0, config.seed) };
        let (set, clock) = (&self.set, &self.clock);
        dev.gather(xhat, scale, labels, &set.images, &set.targets, &set.order, clock, &p)?;
        self.net.forward(&mut self.pass)?;

        let (pass, weights, batch) = (&self.pass, &self.net.weights, self.dscores.rows());
        let softmax = Softmax { sharpness: 1.0 };
        dev.softmax_loss(&mut self.losses, &mut self.dscores, &pass.scores, &pass.labels, clock, &softmax)?;
        dev.matmul(&mut self.learning[top].dweight, pass.input(top), true, &self.dscores, false)?;
        dev.matmul(&mut self.back[top - 1].dpassed, &self.dscores, false, &weights[top], true)?;
        for i in (0..top).rev() {
            let (below, here) = self.back.split_at_mut(i);
            let Back { dcurrent, dpassed } = &mut here[0];
            dev.lif_grad(dcurrent, dpassed, &pass.hidden[i].current, batch, &self.net.neuron())?;
            dev.matmul(&mut self.learning[i].dweight, pass.input(i), true, dcurrent, false)?;
            if let Some(below) = below.last_mut() {
                dev.matmul(&mut below.dpassed, dcurrent, false, &weights[i], true)?;
            }
        }
        let adam = config.adam((config.epochs * self.batches()) as u32);
        for (weight, l) in self.net.weights.iter_mut().zip(&mut self.learning) {
            dev.adam(weight, &mut l.mean, &mut l.square, &l.dweight, clock, &adam)?;
        }
        Ok(())
    }

    fn batches(&self) -> usize {
        self.losses.rows() / self.dscores.rows()
    }

    fn mean_loss(&self) -> Result<f64> {
        let (dev, epoch) = (&self.net.dev, self.epochs_done);
        let losses = batch_means(&dev.download(&self.losses)?, self.dscores.rows());
        if let Some(batch) = losses.iter().position(|loss| !loss.is_finite()) {
            let layer = self.net.weights.len();
            return Err(Error::Diverged { layer, epoch, batch: batch + 1, loss: losses[batch] });
        }
        // Units with a membrane that is not a number pass on no spikes, which no loss above them notices.
        for (i, weight) in self.net.weights.iter().enumerate() {
            if let Some(&loss) = dev.download(weight)?.iter().find(|weight| !weight.is_finite()) {
                return Err(Error::Diverged { layer: i + 1, epoch, batch: losses.len(), loss });
            }
        }
        Ok(losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / losses.len() as f64)
    }

    /// The last gradient of each layer's weights: what tests compare with finite differences.
    pub fn dweights(&self) -> impl Iterator<Item = &Tensor<D>> {
        self.learning.iter().map(|l| &l.dweight)
    }

    /// The network as it stands.
    pub fn net(&self) -> &Backprop<D> {
        &self.net
    }

    /// The network as it stands, for good.
    pub fn into_net(self) -> Backprop<D> {
        self.net
    }
}
