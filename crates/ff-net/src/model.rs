//! A trained network as a file: `model.safetensors`, with its settings in the metadata.
//!
//! Tensors are named `layers.{i}.weight`, `[out, in]`, and `layers.{i}.bias`, `[out]`, as `torch.nn.Linear` keeps
//! them; the head beside a layer is `heads.{i}.weight`, `[classes, out]`.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use ff_tensor::{Device, Tensor};
use ndarray::{Array2, ArrayView2};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Config, Error, LayerWeights, Network, Result};

/// The version of the format that is written, and the only one that is read.
const FORMAT: u64 = 1;
/// The metadata's only key.
const KEY: &str = "forward-forward";
/// Longest side of an image, and most classes.
const MOST: usize = 1 << 20;

/// What the metadata says, as JSON.
#[derive(Serialize, Deserialize)]
struct About {
    format_version: u64,
    /// Of the program that wrote it.
    version: String,
    dataset: String,
    width: usize,
    height: usize,
    classes: usize,
    config: Config,
}

impl About {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|e| format!("has damaged metadata ({e})"))?;
        let format = &value["format_version"];
        if *format != FORMAT {
            return Err(format!("has format version {format}, but this program reads version {FORMAT}"));
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

/// What a model file holds, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// How it was built and trained.
    pub config: Config,
    /// The data set's name.
    pub dataset: String,
    /// Of an image.
    pub width: usize,
    /// Of an image.
    pub height: usize,
    /// Number of labels.
    pub classes: usize,
    /// Of each layer.
    pub weights: Vec<LayerWeights>,
}

impl Model {
    /// Takes a network's weights from its device.
    ///
    /// # Errors
    /// If the device fails.
    pub fn of<D: Device>(network: &Network<D>, dataset: &str, width: usize, height: usize) -> Result<Self> {
        let dev = &network.dev;
        let matrix = |tensor: &Tensor<D>| {
            Array2::from_shape_vec(tensor.shape(), dev.download(tensor)?)
                .map_err(|e| Error::Config { key: "layers", reason: e.to_string() })
        };
        let mut weights = Vec::new();
        for (i, layer) in network.layers.iter().enumerate() {
            weights.push(LayerWeights {
                weight: matrix(&layer.weight)?,
                bias: layer.bias.as_ref().map(|bias| dev.download(bias)).transpose()?,
                head: network.heads.get(i).map(|head| matrix(&head.weight)).transpose()?,
            });
        }
        let (config, classes) = (network.config.clone(), network.classes);
        Ok(Self { config, dataset: dataset.into(), width, height, classes, weights })
    }

    /// The network on a device.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn network<D: Device>(&self, dev: &D) -> Result<Network<D>> {
        let pixels = self.width * self.height;
        Network::with_weights(dev, self.config.clone(), pixels, self.classes, self.weights.clone())
    }

    /// Writes the file under a temporary name and renames it: there is never half a model.
    ///
    /// # Errors
    /// The path, and what the system said.
    pub fn save(&self, path: &Path) -> Result<()> {
        let refuse = |reason: String| Error::Model { path: path.into(), reason };
        let bytes = self.to_bytes().map_err(refuse)?;
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let write = || {
            let mut file = readable_by_all(tempfile::Builder::new()).tempfile_in(dir)?;
            file.write_all(&bytes)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|e| e.error)
        };
        write().map(|_| ()).map_err(|e| refuse(format!("cannot be written: {e}")))
    }

    fn to_bytes(&self) -> std::result::Result<Vec<u8>, String> {
        let mut named: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
        for (i, LayerWeights { weight, bias, head }) in self.weights.iter().enumerate() {
            let bytes =
                |values: &mut dyn Iterator<Item = &f32>| values.flat_map(|v| v.to_le_bytes()).collect();
            let matrices = [("layers", Some(weight)), ("heads", head.as_ref())];
            for (part, matrix) in matrices.into_iter().filter_map(|(part, m)| Some((part, m?.t()))) {
                named.push((
                    format!("{part}.{i}.weight"),
                    matrix.shape().to_vec(),
                    bytes(&mut matrix.iter()),
                ));
            }
            if let Some(bias) = bias {
                named.push((format!("layers.{i}.bias"), vec![bias.len()], bytes(&mut bias.iter())));
            }
        }
        let views = named.iter().map(|(name, shape, bytes)| {
            Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(|e| e.to_string())?))
        });
        let views = views.collect::<std::result::Result<Vec<_>, String>>()?;
        let about = About {
            format_version: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            dataset: self.dataset.clone(),
            width: self.width,
            height: self.height,
            classes: self.classes,
            config: self.config.clone(),
        };
        let about = serde_json::to_string(&about).map_err(|e| e.to_string())?;
        // One entry: the library writes several in an order that changes from run to run.
        let metadata = HashMap::from([(KEY.to_string(), about)]);
        safetensors::serialize(views, Some(metadata)).map_err(|e| e.to_string())
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// The path, and what is wrong: not there, cut short, of another format version, of other shapes than its
    /// own settings say, with a weight that is not a number.
    pub fn load(path: &Path) -> Result<Self> {
        let refuse = |reason: String| Error::Model { path: path.into(), reason };
        let bytes = std::fs::read(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
        Self::from_bytes(&bytes).map_err(refuse)
    }

    fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, String> {
        let damaged = |e| format!("is not a whole safetensors file ({e})");
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
        let Some(about) = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY)) else {
            return Err("was not written by this program".into());
        };
        let about = About::parse(about)?;
        let (config, classes) = (about.config, about.classes);
        let pixels = about.width * about.height;
        config.validate(pixels, classes).map_err(|e| format!("has impossible settings: {e}"))?;

        let mut weights = Vec::new();
        let mut inputs = pixels;
        for (i, &units) in config.layers.iter().enumerate() {
            let matrix = |part: &str, rows, cols| {
                let values = floats(&tensors, &format!("{part}.{i}.weight"), &[rows, cols])?;
                let matrix = ArrayView2::from_shape((rows, cols), &values).map_err(|e| e.to_string())?;
                Ok::<_, String>(matrix.t().as_standard_layout().into_owned())
            };
            weights.push(LayerWeights {
                weight: matrix("layers", units, inputs)?,
                bias: config
                    .bias
                    .then(|| floats(&tensors, &format!("layers.{i}.bias"), &[units]))
                    .transpose()?,
                head: config.head.then(|| matrix("heads", classes, units)).transpose()?,
            });
            inputs = units;
        }
        let (dataset, width, height) = (about.dataset, about.width, about.height);
        Ok(Self { config, dataset, width, height, classes, weights })
    }
}

/// Temporary files are private; a model need not be. (The user's umask still holds.)
fn readable_by_all<'a, 'b>(mut builder: tempfile::Builder<'a, 'b>) -> tempfile::Builder<'a, 'b> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}

fn floats(tensors: &SafeTensors, name: &str, shape: &[usize]) -> std::result::Result<Vec<f32>, String> {
    let tensor = tensors.tensor(name).map_err(|_| format!("has no tensor `{name}`"))?;
    if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
        let (dtype, got) = (tensor.dtype(), tensor.shape());
        return Err(format!("has `{name}` as {dtype:?} {got:?}, but its settings say F32 {shape:?}"));
    }
    let (words, _) = tensor.data().as_chunks::<4>();
    let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
    match values.iter().find(|v| !v.is_finite()) {
        Some(v) => Err(format!("has {v} in `{name}`")),
        None => Ok(values),
    }
}
