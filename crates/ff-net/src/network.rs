//! Layers on top of each other.

use ff_tensor::{Device, Tensor};
use ndarray::Array2;
use ndarray_rand::RandomExt;
use ndarray_rand::rand_distr::Uniform;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::layer::{Activity, Images, Input, Labels, Sizes};
use crate::{Config, Error, Head, Layer, Link, Result};

/// A network for images of `pixels` pixels in `classes` classes.
pub struct Network<D: Device> {
    /// Where it lives.
    pub dev: D,
    /// How it was built and is trained.
    pub config: Config,
    /// Inputs of layer 1.
    pub pixels: usize,
    /// Labels, and pixels given up for them.
    pub classes: usize,
    /// From the image upwards.
    pub layers: Vec<Layer<D>>,
    /// One beside each layer, or none at all.
    pub heads: Vec<Head<D>>,
}

/// What a forward pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Only the goodness counts.
    Goodness,
    /// Each copy's signals: for the heads.
    Signals,
    /// The layers learn from it.
    Learning,
}

/// A layer's weights, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerWeights {
    /// `[in, out]`
    pub weight: Array2<f32>,
    /// `[out]`
    pub bias: Option<Vec<f32>>,
    /// `[out, classes]`, of the head beside it.
    pub head: Option<Array2<f32>>,
}

impl<D: Device> Network<D> {
    /// A network with random weights, uniform in `+- weight_scale / sqrt(in)` (from ChaCha8, seeded by
    /// `config.seed`).
    ///
    /// # Errors
    /// An impossible config, or a device without room.
    pub fn new(dev: &D, config: Config, pixels: usize, classes: usize) -> Result<Self> {
        config.validate(pixels, classes)?;
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let mut inputs = pixels;
        let mut weights = Vec::new();
        for &units in &config.layers {
            let uniform = uniform(inputs, config.weight_scale)?;
            let weight = Array2::random_using((inputs, units), uniform, &mut rng);
            let bias = config
                .bias
                .then(|| Array2::random_using((1, units), uniform, &mut rng).into_raw_vec_and_offset().0);
            let head = config.head.then(|| Array2::zeros((units, classes)));
            weights.push(LayerWeights { weight, bias, head });
            inputs = units;
        }
        Self::with_weights(dev, config, pixels, classes, weights)
    }

    /// A network with given weights.
    ///
    /// # Errors
    /// An impossible config, or weights of other shapes than it says.
    pub fn with_weights(
        dev: &D,
        config: Config,
        pixels: usize,
        classes: usize,
        weights: Vec<LayerWeights>,
    ) -> Result<Self> {
        config.validate(pixels, classes)?;
        check_shapes(&config, pixels, classes, &weights)?;
        let (mut layers, mut heads) = (Vec::new(), Vec::new());
        for LayerWeights { weight, bias, head } in weights {
            let (inputs, units) = weight.dim();
            let weight = weight.as_standard_layout();
            layers.push(Layer {
                weight: dev.upload(inputs, units, weight.as_slice().unwrap_or_default())?,
                bias: bias.map(|bias| dev.upload(1, units, &bias)).transpose()?,
                neuron: config.neuron(),
                norm: config.norm(),
                goodness: config.goodness,
            });
            if let Some(head) = head {
                let head = head.as_standard_layout();
                let weight = dev.upload(units, classes, head.as_slice().unwrap_or_default())?;
                heads.push(Head { weight });
            }
        }
        Ok(Self { dev: dev.clone(), config, pixels, classes, layers, heads })
    }

    /// Numbers that are learned, the heads' included.
    pub fn parameters(&self) -> usize {
        let of_layer = |layer: &Layer<D>| {
            layer.weight.rows() * layer.weight.cols() + layer.bias.as_ref().map_or(0, Tensor::cols)
        };
        let of_head = |head: &Head<D>| head.weight.rows() * head.weight.cols();
        self.layers.iter().map(of_layer).sum::<usize>() + self.heads.iter().map(of_head).sum::<usize>()
    }

    /// Numbers of one image that a layer keeps from its way forward to its update: what came in, the signal of its units and the gradient
    /// of their current, for the positive and the negative. Layer 1 keeps the image once. No layer needs another one's, so the
    /// largest counts.
    pub fn kept_per_image(&self) -> usize {
        let steps = |spikes: bool| if spikes { self.config.neuron().steps } else { 1 };
        let of_layer = |(i, layer): (usize, &Layer<D>)| {
            let steps = steps(i > 0 && self.config.link == Link::Spikes);
            let [inputs, units] = layer.weight.shape();
            let came_in = if i == 0 { inputs } else { 2 * steps * inputs };
            came_in + 2 * (1 + steps) * units
        };
        self.layers.iter().enumerate().map(of_layer).max().unwrap_or_default()
    }

    /// Buffers for a forward pass of `copies` labels for each of `batch` images.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn activities(&self, batch: usize, copies: usize, purpose: Purpose) -> Result<Vec<Activity<D>>> {
        let spikes = self.config.link == Link::Spikes;
        let learn = purpose == Purpose::Learning;
        let rows = purpose == Purpose::Signals || learn && self.config.dropout > 0.0;
        let top = self.layers.len() - 1;
        let buffers = self.layers.iter().enumerate().map(|(i, layer)| {
            let input = match i {
                0 => Input::Images,
                _ if !spikes && !rows && self.layers[..i].iter().all(Layer::is_linear) => Input::Shares,
                _ => Input::Rows,
            };
            let (spikes_in, spikes_out) = (spikes && i > 0, spikes && i < top);
            let sizes = Sizes { batch, copies, classes: self.classes, input, spikes_in, spikes_out, rows };
            Activity::new(&self.dev, layer, sizes)
        });
        Ok(buffers.collect::<ff_tensor::Result<_>>()?)
    }

    /// A whole forward pass: each row of `labels` with its image, through all layers.
    ///
    /// # Errors
    /// Shapes that do not match, or a failing device.
    pub fn forward(
        &self,
        activities: &mut [Activity<D>],
        images: &Images<D>,
        labels: &Tensor<D, u32>,
    ) -> Result<()> {
        let labels = Labels { labels, scale: &images.scale, row: self.config.label() };
        self.layers[0].image_current(&self.dev, &mut activities[0], images)?;
        self.layers[0].answer_images(&self.dev, &mut activities[0], &labels)?;
        for i in 1..self.layers.len() {
            let (below, above) = activities.split_at_mut(i);
            self.layers[i].answer(&self.dev, &mut above[0], &below[i - 1], &labels)?;
        }
        Ok(())
    }
}

/// What the weights of units with `inputs` inputs are drawn from; with a `scale` of 1, as `torch.nn.Linear` has it.
pub(crate) fn uniform(inputs: usize, scale: f32) -> Result<Uniform<f32>> {
    let bound = scale / (inputs as f32).sqrt();
    Uniform::new(-bound, bound).map_err(|e| Error::Config { key: "layers", reason: e.to_string() })
}

/// Whether the weights are those of a network of this config.
fn check_shapes(config: &Config, pixels: usize, classes: usize, weights: &[LayerWeights]) -> Result<()> {
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
        let wanted = config.head.then_some((units, classes));
        if head.as_ref().map(Array2::dim) != wanted {
            return bad(format!("asks for another head beside layer {}", i + 1));
        }
        inputs = units;
    }
    Ok(())
}
