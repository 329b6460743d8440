//! This module puts layers on top of each other.

mod part;

use std::ops::Range;
use std::sync::Arc;

use ff_tensor::{Device, Objective, Optimiser, Tensor};
use ndarray::Array2;
use ndarray_rand::rand_distr::Uniform;

use crate::connection::Dense;
use crate::input::{Images, Input};
use crate::layers;
use crate::pass::{Pass, Purpose, Shape, expect_buffers};
use crate::ranks::Ranks;
use crate::{Config, Error, Head, Layer, Link, Result};

/// A network: layers on top of each other, and what they minimise.
///
/// [`new`](Self::new) makes one from settings. Parts that the settings do not know are put in afterwards, before a
/// [`Trainer`](crate::Trainer) takes the network. Such a part is another neuron, goodness or connection in a layer, another
/// objective, or another optimiser.
pub struct Network<D: Device> {
    /// The device that holds the network.
    pub dev: D,
    /// The settings with which it is built and trained.
    pub config: Config,
    /// The number of inputs of layer 1.
    pub pixels: usize,
    /// The number of labels. It is also the number of pixels that are given up for them.
    pub classes: usize,
    /// The layers, from the image upwards.
    pub layers: Vec<Layer<D>>,
    /// The heads. There is one beside each layer, or none at all.
    pub heads: Vec<Head<D>>,
    /// The objective that each layer minimises.
    pub objective: Arc<dyn Objective>,
    /// The optimiser that moves weights by gradients. If it is `None`, Adam does, as the settings say.
    pub optimiser: Option<Arc<dyn Optimiser>>,
    /// The ranks, if this is the part that one of several ranks has.
    pub(crate) ranks: Option<Ranks<D>>,
}

/// A layer's weights, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerWeights {
    /// The weights, `[in, out]`.
    pub weight: Array2<f32>,
    /// The biases, `[out]`.
    pub bias: Option<Vec<f32>>,
    /// The weights of the head beside the layer, `[out, classes]`.
    pub head: Option<Array2<f32>>,
}

impl<D: Device> Network<D> {
    /// Makes a network with random weights, uniform in `+- weight_scale / sqrt(in)` (from ChaCha8, seeded by
    /// `config.seed`).
    ///
    /// # Errors
    /// Fails for an impossible config, or a device without room.
    pub fn new(dev: &D, config: Config, pixels: usize, classes: usize) -> Result<Self> {
        Self::drawn(dev, config, pixels, classes, None)
    }

    /// Makes a network with given weights.
    ///
    /// # Errors
    /// Fails for an impossible config, or weights of other shapes than it says.
    pub fn with_weights(
        dev: &D,
        config: Config,
        pixels: usize,
        classes: usize,
        weights: Vec<LayerWeights>,
    ) -> Result<Self> {
        config.validate(pixels, classes)?;
        check_shapes(&config, pixels, classes, &weights)?;
        let mut network = Self::empty(dev, config, pixels, classes, None);
        for LayerWeights { weight, bias, head } in weights {
            let (shape, weight) = (weight.dim().into(), weight.as_standard_layout());
            let head = head.as_ref().map(|head| head.as_standard_layout());
            let head = head.as_ref().map(|head| head.as_slice().unwrap_or_default());
            network.push(shape, weight.as_slice().unwrap_or_default(), bias.as_deref(), head)?;
        }
        Ok(network)
    }

    /// Makes a network that has no layer yet.
    fn empty(dev: &D, config: Config, pixels: usize, classes: usize, ranks: Option<Ranks<D>>) -> Self {
        let (objective, dev, layers, heads) = (config.objective(), dev.clone(), Vec::new(), Vec::new());
        Self { dev, config, pixels, classes, layers, heads, objective, optimiser: None, ranks }
    }

    /// Puts a layer with weights of this shape on top, and a head beside it. The head's weights are `[rows, classes]`.
    fn push(
        &mut self,
        [inputs, units]: [usize; 2],
        weight: &[f32],
        bias: Option<&[f32]>,
        head: Option<&[f32]>,
    ) -> Result<()> {
        let (dev, config, classes) = (&self.dev, &self.config, self.classes);
        let weight = dev.upload(inputs, units, weight)?;
        self.layers.push(Layer {
            connection: Box::new(Dense { weight }),
            bias: bias.map(|bias| dev.upload(1, units, bias)).transpose()?,
            units: config.units(),
            norm: config.norm(),
            goodness: Arc::new(config.goodness),
        });
        if let Some(head) = head {
            self.heads.push(Head { weight: dev.upload(head.len() / classes, classes, head)? });
        }
        Ok(())
    }

    /// Returns whether this rank has layer `i` or a part of it. Without ranks, it has.
    pub(crate) fn has(&self, i: usize) -> bool {
        self.ranks.as_ref().is_none_or(|ranks| ranks.has(i))
    }

    /// Returns the units of layer `i` that this rank has.
    fn own(&self, i: usize) -> Range<usize> {
        let all = self.config.layers[i];
        self.ranks.as_ref().map_or(0..all, |ranks| ranks.own(i, all))
    }

    /// Returns the rows of the head beside layer `i` that this rank has. A head is not cut.
    fn head_rows(&self, i: usize) -> usize {
        if self.has(i) { self.config.layers[i] } else { 0 }
    }

    /// Makes the buffers for a pass through this network.
    pub(crate) fn pass(&self, shape: Shape, purpose: Purpose) -> Result<Box<dyn Pass<D>>> {
        let Self { dev, config, layers, .. } = self;
        match &self.ranks {
            None => Ok(layers::pass(dev, layers, shape, config.link == Link::Spikes, purpose)?),
            Some(ranks) => ranks.pass(dev, config, layers, shape, purpose),
        }
    }

    /// Refuses the part of a rank where the whole network is needed.
    pub(crate) fn expect_whole(&self) -> Result<()> {
        match self.ranks {
            None => Ok(()),
            Some(_) => {
                let reason = "are shared out among ranks, but this needs the whole network".into();
                Err(Error::Config { key: "layers", reason })
            }
        }
    }

    /// Returns the optimiser of a run of `last_step` steps.
    pub(crate) fn optimiser(&self, last_step: u32) -> Arc<dyn Optimiser> {
        self.optimiser.clone().unwrap_or_else(|| self.config.optimiser(last_step))
    }

    /// Checks that the layers fit on each other and on the input, which is rows of `inputs` numbers.
    pub(crate) fn check(&self, inputs: usize) -> Result<()> {
        let bad = |reason: String| Err(Error::Config { key: "layers", reason });
        if self.layers.is_empty() {
            return bad("has no layer".into());
        }
        self.check_part()?;
        if self.classes == 0 {
            return Err(Error::Config { key: "classes", reason: "is 0; 1 at least is possible".into() });
        }
        let mut below = inputs;
        for (i, layer) in self.layers.iter().enumerate() {
            let [inputs, units] = layer.shape();
            if inputs != below && self.has(i) {
                return bad(format!("has a layer {} for {inputs} inputs, but {below} come in", i + 1));
            }
            if layer.units.states() == 0 {
                return bad(format!(
                    "has a layer {} whose neuron has no state: one number at least is needed",
                    i + 1
                ));
            }
            layer.units.validate().or_else(|reason| bad(format!("has a layer {} whose {reason}", i + 1)))?;
            let (bias, wanted) = (layer.bias.as_ref().map(Tensor::shape), [1, units]);
            if let Some(got) = bias.filter(|got| *got != wanted) {
                return bad(format!("has a layer {} with a bias of {got:?} instead of {wanted:?}", i + 1));
            }
            self.check_steps(i)?;
            let names: Vec<_> = layer.parameters().into_iter().map(|(name, _)| name).collect();
            if let Some(twice) = names.iter().enumerate().find(|(k, name)| names[..*k].contains(name)) {
                return bad(format!("has a layer {} with two parameters named `{}`", i + 1, twice.1));
            }
            // A head is not cut, where its layer is.
            let rows = if self.ranks.is_some() { self.head_rows(i) } else { units };
            let (head, wanted) = (self.heads.get(i).map(|head| head.weight.shape()), [rows, self.classes]);
            if let Some(got) = head.filter(|got| *got != wanted) {
                return bad(format!("has a layer {} with a head of {got:?} instead of {wanted:?}", i + 1));
            }
            below = if self.ranks.is_some() { self.config.layers[i] } else { units };
        }
        match self.heads.len() {
            0 => Ok(()),
            n if n == self.layers.len() => Ok(()),
            n => bad(format!(
                "has {} layers, but `heads` has {n}: each layer needs one, or none does",
                self.layers.len()
            )),
        }
    }

    /// Checks that this rank has its columns of each layer, if there are ranks.
    fn check_part(&self) -> Result<()> {
        let bad = |reason: String| Err(Error::Config { key: "layers", reason });
        if self.ranks.is_none() {
            return Ok(());
        }
        if self.layers.len() != self.config.layers.len() {
            return bad("has another number of layers on a rank than in the settings".into());
        }
        for (i, layer) in self.layers.iter().enumerate() {
            if !layer.connection.is_dense() {
                return bad(format!(
                    "has a layer {} with a connection of your own, which has no slices",
                    i + 1
                ));
            }
            let (units, wanted) = (layer.shape()[1], self.own(i).len());
            if units != wanted {
                return bad(format!(
                    "has a layer {} with {units} units on this rank instead of {wanted}",
                    i + 1
                ));
            }
        }
        Ok(())
    }

    /// Checks that layer `i` has a time step for each spike that comes in.
    fn check_steps(&self, i: usize) -> Result<()> {
        let steps = |layer: &Layer<D>| layer.units.steps();
        let (own, below) = (&self.layers[i], &self.layers[i.saturating_sub(1)]);
        if self.config.link == Link::Signal || steps(own) == steps(below) {
            return Ok(());
        }
        let (own, below, i) = (steps(own), steps(below), i + 1);
        let reason =
            format!("is `spikes`, but layer {i} has {own} time steps and the layer below it {below}");
        Err(Error::Config { key: "link", reason })
    }

    /// Checks that a file can describe this network. A file knows settings, and no part that was put in afterwards.
    /// Parts that only a training needs are checked only if it goes `on`.
    pub(crate) fn has_names(&self, on: bool) -> Result<()> {
        let refuse = |key, what: String| {
            let reason = format!(
                "is {what} here, for which a file has no name; keep the weights of its layers instead"
            );
            Err(Error::Config { key, reason })
        };
        let (units, goodness) = (format!("{:?}", self.config.units()), format!("{:?}", self.config.goodness));
        for layer in &self.layers {
            let own = [format!("{:?}", layer.units), format!("{:?}", layer.goodness)];
            if !layer.connection.is_dense() {
                return refuse("layers", "a connection of your own".into());
            }
            if own[0] != units {
                return refuse("neuron", own[0].clone());
            }
            if own[1] != goodness {
                return refuse("goodness", own[1].clone());
            }
        }
        let (own, named) = (format!("{:?}", self.objective), format!("{:?}", self.config.objective()));
        match &self.optimiser {
            _ if on && own != named => refuse("objective", own),
            Some(optimiser) if on => refuse("optimiser", format!("{optimiser:?}")),
            _ => Ok(()),
        }
    }

    /// Returns how many numbers are learned, including those of the heads.
    pub fn parameters(&self) -> usize {
        let size = |tensor: &Tensor<D>| tensor.rows() * tensor.cols();
        let of_layers = self.layers.iter().flat_map(Layer::parameters).map(|(_, tensor)| size(tensor));
        of_layers.sum::<usize>() + self.heads.iter().map(|head| size(&head.weight)).sum::<usize>()
    }

    /// Returns how many numbers of one image a layer keeps from its forward pass to its update. These are its input,
    /// the signal of its units and the gradient of their current, for the positive and the negative. Layer 1 keeps the
    /// image once. No layer needs what another one keeps, so the result is the largest number of any layer.
    pub fn kept_per_image(&self) -> usize {
        let of_layer = |(i, layer): (usize, &Layer<D>)| {
            let steps = if i > 0 && self.config.link == Link::Spikes { layer.units.steps() } else { 1 };
            let [inputs, units] = layer.shape();
            let came_in = if i == 0 { inputs } else { 2 * steps * inputs };
            came_in + 2 * (1 + steps) * units
        };
        self.layers.iter().enumerate().map(of_layer).max().unwrap_or_default()
    }

    /// Runs a whole forward pass. It takes each row of `labels` with its image through all layers. `images.xhat` has
    /// been fetched before.
    ///
    /// # Errors
    /// Fails for shapes that do not match, or a failing device.
    pub(crate) fn forward(
        &self,
        pass: &mut dyn Pass<D>,
        images: &mut Images<D>,
        labels: &Tensor<D, u32>,
    ) -> ff_tensor::Result<()> {
        let Images { xhat, shares, .. } = &mut *images;
        let Some(first) = self.layers.first() else { return expect_buffers(0, 0) };
        if self.has(0) {
            first.connection.current(&self.dev, shares, xhat)?;
        }
        let input: Input<D> = images.overlay(labels, self.config.label_amplitude);
        for i in 0..self.layers.len() {
            pass.answer(&self.dev, &self.layers, i, input)?;
        }
        Ok(())
    }
}

/// Returns the distribution of the initial weights of units with `inputs` inputs. With a `scale` of 1 it is that of
/// `torch.nn.Linear`.
///
/// # Errors
/// Fails if there are no inputs, or if the scale is not a finite number above 0.
pub fn uniform(inputs: usize, scale: f32) -> Result<Uniform<f32>> {
    let bound = scale / (inputs as f32).sqrt();
    Uniform::new(-bound, bound).map_err(|_| {
        let needs = "a finite scale above 0 and 1 input at least are possible";
        Error::Config { key: "weight_scale", reason: format!("is {scale} with {inputs} inputs; {needs}") }
    })
}

/// Checks that the weights are those of a network of this config.
pub(crate) fn check_shapes(
    config: &Config,
    pixels: usize,
    classes: usize,
    weights: &[LayerWeights],
) -> Result<()> {
    let bad = |reason: String| Err(Error::Config { key: "layers", reason });
    if weights.len() != config.layers.len() {
        return bad(format!(
            "has {} layers, but there are weights for {}",
            config.layers.len(),
            weights.len()
        ));
    }
    let mut inputs = pixels;
    for (i, (&units, LayerWeights { weight, bias, head })) in config.layers.iter().zip(weights).enumerate() {
        if weight.dim() != (inputs, units) {
            let got = weight.dim();
            return bad(format!("asks for weights {:?} in layer {}, not {got:?}", (inputs, units), i + 1));
        }
        let (wanted, got) = (if config.bias { units } else { 0 }, bias.as_ref().map_or(0, Vec::len));
        if wanted != got {
            let wanted = if wanted == 0 { "no".to_string() } else { wanted.to_string() };
            return bad(format!("asks for {wanted} biases in layer {}, but there are {got}", i + 1));
        }
        let (wanted, got) = (config.head.then_some((units, classes)), head.as_ref().map(Array2::dim));
        if wanted != got {
            let words = |dim: Option<_>| match dim {
                Some((rows, cols)) => format!("weights ({rows}, {cols})"),
                None => "no weights".into(),
            };
            let (wanted, got, layer) = (words(wanted), words(got), i + 1);
            let reason = format!("asks for {wanted} beside layer {layer}, but there are {got}");
            return Err(Error::Config { key: "head", reason });
        }
        inputs = units;
    }
    Ok(())
}
