//! This module stores a trained network as a file, `model.safetensors`, with its settings in the metadata.
//!
//! Tensors are named `layers.{i}.weight`, `[out, in]`, and `layers.{i}.bias`, `[out]`, as `torch.nn.Linear` keeps
//! them; the head beside a layer is `heads.{i}.weight`, `[classes, out]`.

use std::path::Path;

use ff_tensor::{Augmentation, Device, Tensor};
use ndarray::Array2;
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::file::{Named, floats, from_bytes, matrix, to_bytes, write_whole};
use crate::network::check_shapes;
use crate::{Config, Error, LayerWeights, Network, Result};

/// The version of the format that is written. Older versions are read: version 1 had no [`Origin`], version 2 no typed
/// settings.
const FORMAT: u64 = 3;
/// The longest side of an image, and the largest number of classes.
const MOST: usize = 1 << 20;

/// The content of the metadata, as JSON.
#[derive(Serialize, Deserialize)]
pub(crate) struct About {
    format_version: u64,
    /// The version of the program that wrote it.
    version: String,
    dataset: String,
    width: usize,
    height: usize,
    classes: usize,
    config: Config,
    #[serde(default)]
    origin: Origin,
}

impl About {
    /// Describes a network of this version. It refuses one that could not be read back, because it is not what its settings
    /// say, or because it reads images of another size. It also refuses parts for which a file has no name.
    pub(crate) fn of<D: Device>(
        network: &Network<D>,
        dataset: &str,
        width: usize,
        height: usize,
        origin: Origin,
    ) -> Result<Self> {
        network.check(network.pixels)?;
        network.has_names(false)?;
        let (config, pixels, classes) = (&network.config, network.pixels, network.classes);
        if width.checked_mul(height) != Some(pixels) {
            let reason = format!("is {width} and the height {height}, but the network reads {pixels} pixels");
            return Err(Error::Config { key: "width", reason });
        }
        config.validate(pixels, classes)?;
        let (dataset, config, version) = (dataset.into(), config.clone(), env!("CARGO_PKG_VERSION").into());
        Ok(Self { format_version: FORMAT, version, dataset, width, height, classes, config, origin })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn dataset(&self) -> &str {
        &self.dataset
    }

    pub(crate) fn parse(text: &str) -> std::result::Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|e| format!("has damaged metadata ({e})"))?;
        let format = &value["format_version"];
        if !format.as_u64().is_some_and(|version| (1..=FORMAT).contains(&version)) {
            return Err(format!(
                "has format version {format}, but this program ({}) reads versions 1 to {FORMAT}; a newer one may read it",
                env!("CARGO_PKG_VERSION")
            ));
        }
        let about: About =
            serde_json::from_value(value).map_err(|e| format!("has settings that make no sense ({e})"))?;
        for (key, size) in [("width", about.width), ("height", about.height), ("classes", about.classes)] {
            if !(1..=MOST).contains(&size) {
                return Err(format!("has a `{key}` of {size}; 1 to {MOST} is possible"));
            }
        }
        Ok(about)
    }
}

/// The origin of a model, as far as it is known and [`Config`] does not say it. Errors are in percent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// The preset that the settings started from.
    pub preset: Option<String>,
    /// The changes that were made to the training images before each epoch.
    pub augment: Vec<Augmentation>,
    /// The file whose weights these are, if they were learned elsewhere.
    pub imported_from: Option<String>,
    /// The number of images that it learned from.
    pub train_samples: Option<usize>,
    /// The error on these images, or on the first of them if they are many.
    pub train_error: Option<f64>,
    /// The number of images that it was tested on.
    pub test_samples: Option<usize>,
    /// The error on the test images.
    pub test_error: Option<f64>,
    /// The error on the test images in one pass with the heads.
    pub head_test_error: Option<f64>,
}

/// A trained network as a file, `model.safetensors`, and the content of that file on the host.
///
/// Tensors are named and laid out as `torch.nn.Linear` keeps them: `layers.{i}.weight`, `[out, in]`, `layers.{i}.bias`,
/// `[out]`, and `heads.{i}.weight`, `[classes, out]`. All else is a JSON document in the metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The settings with which it was built and trained.
    pub config: Config,
    /// The data set's name.
    pub dataset: String,
    /// The width of an image, in pixels.
    pub width: usize,
    /// The height of an image, in pixels.
    pub height: usize,
    /// The number of labels.
    pub classes: usize,
    /// The weights of each layer.
    pub weights: Vec<LayerWeights>,
    /// The origin of the model.
    pub origin: Origin,
    /// The format of the file that it came from. A file is always written in the newest one.
    pub format_version: u64,
    /// The version of the program that wrote that file.
    pub version: String,
}

impl Model {
    /// Takes a network's weights from its device. Nothing is known of its origin yet.
    ///
    /// # Errors
    /// Fails for a network with a neuron or a goodness of your own, for which a file has no name, or a failing device.
    /// It also fails for a network that could not be read back, because it is not what its settings say, or reads
    /// images of another size.
    pub fn of<D: Device>(network: &Network<D>, dataset: &str, width: usize, height: usize) -> Result<Self> {
        network.expect_whole()?;
        About::of(network, dataset, width, height, Origin::default())?;
        let (dev, config) = (&network.dev, &network.config);
        let (pixels, classes) = (network.pixels, network.classes);
        let matrix = |tensor: &Tensor<D>| {
            Array2::from_shape_vec(tensor.shape(), dev.download(tensor)?)
                .map_err(|e| Error::Config { key: "layers", reason: e.to_string() })
        };
        let mut weights = Vec::new();
        for (i, layer) in network.layers.iter().enumerate() {
            weights.push(LayerWeights {
                weight: matrix(layer.weight())?,
                bias: layer.bias.as_ref().map(|bias| dev.download(bias)).transpose()?,
                head: network.heads.get(i).map(|head| matrix(&head.weight)).transpose()?,
            });
        }
        check_shapes(config, pixels, classes, &weights)?;
        Ok(Self::new(config.clone(), dataset, width, height, classes, weights))
    }

    /// Makes a model of this version, of unknown origin.
    pub(crate) fn new(
        config: Config,
        dataset: &str,
        width: usize,
        height: usize,
        classes: usize,
        weights: Vec<LayerWeights>,
    ) -> Self {
        let (dataset, version) = (dataset.into(), env!("CARGO_PKG_VERSION").into());
        let (origin, format_version) = (Origin::default(), FORMAT);
        Self { config, dataset, width, height, classes, weights, origin, format_version, version }
    }

    /// Puts the network on a device.
    ///
    /// # Errors
    /// Fails if the device has no room.
    pub fn network<D: Device>(&self, dev: &D) -> Result<Network<D>> {
        let pixels = self.width.saturating_mul(self.height);
        Network::with_weights(dev, self.config.clone(), pixels, self.classes, self.weights.clone())
    }

    /// Writes the file under a temporary name and renames it. So there is never half a model.
    ///
    /// # Errors
    /// The error names the path and what the system said.
    pub fn save(&self, path: &Path) -> Result<()> {
        let bytes = to_bytes(self.tensors(), None, &self.about());
        write_whole(path, &bytes.map_err(|reason| Error::Model { path: path.into(), reason })?)
    }

    /// Returns all weights, in torch's shapes.
    pub(crate) fn tensors(&self) -> Vec<Named<'_>> {
        let mut named = Vec::new();
        for (i, LayerWeights { weight, bias, head }) in self.weights.iter().enumerate() {
            let matrices = [("layers", Some(weight)), ("heads", head.as_ref())];
            for (part, matrix) in matrices.into_iter().filter_map(|(part, m)| Some((part, m?.t()))) {
                let (name, shape) = (format!("{part}.{i}.weight"), matrix.shape().to_vec());
                let values = matrix.as_standard_layout().into_owned().into_raw_vec_and_offset().0;
                named.push(Named { name, shape, values: values.into() });
            }
            if let Some(bias) = bias {
                let (name, shape) = (format!("layers.{i}.bias"), vec![bias.len()]);
                named.push(Named { name, shape, values: bias.into() });
            }
        }
        named
    }

    /// Returns the content of the metadata.
    pub(crate) fn about(&self) -> About {
        About {
            format_version: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            dataset: self.dataset.clone(),
            width: self.width,
            height: self.height,
            classes: self.classes,
            config: self.config.clone(),
            origin: self.origin.clone(),
        }
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// The error names the path and what is wrong: not there, cut short, of another format version, of other shapes
    /// than its own settings say, with a weight that is not a number.
    pub fn load(path: &Path) -> Result<Self> {
        let refuse = |reason: String| Error::Model { path: path.into(), reason };
        let bytes = std::fs::read(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
        from_bytes(&bytes).and_then(|(tensors, about)| Self::of_tensors(&tensors, &about)).map_err(refuse)
    }

    /// Checks and takes the content of a file.
    pub(crate) fn of_tensors(tensors: &SafeTensors, about: &str) -> std::result::Result<Self, String> {
        let about = About::parse(about)?;
        let (config, classes) = (about.config, about.classes);
        let pixels = about.width * about.height;
        config.validate(pixels, classes).map_err(|e| format!("has impossible settings: {e}"))?;

        let mut weights = Vec::new();
        let mut inputs = pixels;
        for (i, &units) in config.layers.iter().enumerate() {
            let matrix = |part: &str, rows, cols| matrix(tensors, &format!("{part}.{i}.weight"), rows, cols);
            weights.push(LayerWeights {
                weight: matrix("layers", units, inputs)?,
                bias: config
                    .bias
                    .then(|| floats(tensors, &format!("layers.{i}.bias"), &[units]))
                    .transpose()?,
                head: config.head.then(|| matrix("heads", classes, units)).transpose()?,
            });
            inputs = units;
        }
        let (dataset, width, height) = (about.dataset, about.width, about.height);
        let (origin, format_version, version) = (about.origin, about.format_version, about.version);
        Ok(Self { config, dataset, width, height, classes, weights, origin, format_version, version })
    }
}
