//! This module reads weights that were learned elsewhere. They come as a PyTorch state dict in a safetensors file, as
//! the snnTorch tutorial's network gives it.
//!
//! ```text
//! layers.{i}.weight   [out, in]         layers.{i}.bias   [out], where the settings say `bias`
//! heads.{i}.weight    [classes, out]    of a model of ours that went through Python
//! layers.{i}.*.beta, threshold, ...     what snnTorch's `Leaky` keeps: compared with the settings
//! ```
//! The tensors say how large the layers are, the settings all else.

use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::file::{floats, matrix, of_anyone};
use crate::formulas::Reset;
use crate::{Config, Error, LayerWeights, LifConfig, Model, NegativesConfig, Result};

/// The bytes with which a file that `torch.save` wrote begins.
const ZIP: &[u8] = b"PK\x03\x04";

impl Model {
    /// Reads a state dict for images of `width * height` pixels in `classes` classes. `config.layers` need not be right:
    /// it follows the tensors. A file without heads gives a model without them, whatever `config.head` says.
    ///
    /// # Errors
    /// The error names the path and what is wrong: not there, no safetensors file, a model of ours already, a tensor
    /// that is missing, too many, of another shape or type than the settings ask for, or not finite; neurons other than
    /// the settings'.
    pub fn import(
        path: &Path,
        config: Config,
        dataset: &str,
        width: usize,
        height: usize,
        classes: usize,
    ) -> Result<Self> {
        let refuse = |reason: String| Error::Model { path: path.into(), reason };
        let bytes = std::fs::read(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
        let (config, weights) =
            state_dict(&bytes, config, width.saturating_mul(height), classes).map_err(refuse)?;
        let mut model = Self::new(config, dataset, width, height, classes, weights);
        model.origin.imported_from = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(model)
    }
}

type Imported = (Config, Vec<LayerWeights>);

fn state_dict(
    bytes: &[u8],
    mut config: Config,
    pixels: usize,
    classes: usize,
) -> std::result::Result<Imported, String> {
    if bytes.starts_with(ZIP) {
        return Err(
            "was written by `torch.save`; `safetensors.torch.save_file` writes what can be read here".into(),
        );
    }
    let (tensors, ours) = of_anyone(bytes)?;
    if ours.is_some() {
        return Err("is a model of this program already and needs no import".into());
    }
    let mut names = tensors.names();
    names.sort_unstable();

    config.layers = layer_sizes(&tensors, &names, pixels)?;
    // The file has all heads or none. `take` reports the ones that are missing.
    config.head &= names.iter().any(|name| name.starts_with("heads."));
    if !config.head && matches!(config.negatives, NegativesConfig::Head { .. }) {
        config.negatives = NegativesConfig::Uniform {}; // for training only, and no head would draw them
    }
    config.validate(pixels, classes).map_err(|e| format!("does not go with the settings: {e}"))?;

    let mut taken = Vec::new();
    let mut take = |name: String| {
        f32_only(&tensors, &name)?;
        taken.push(name.clone());
        Ok::<_, String>(name)
    };
    let mut weights = Vec::new();
    let mut inputs = pixels;
    for (i, &units) in config.layers.iter().enumerate() {
        let weight = matrix(&tensors, &take(format!("layers.{i}.weight"))?, units, inputs)?;
        let bias = match config.bias {
            true => Some(floats(&tensors, &take(format!("layers.{i}.bias"))?, &[units])?),
            false => None,
        };
        let head = match config.head {
            true => Some(matrix(&tensors, &take(format!("heads.{i}.weight"))?, classes, units)?),
            false => None,
        };
        weights.push(LayerWeights { weight, bias, head });
        inputs = units;
    }
    for name in names.into_iter().filter(|name| !taken.iter().any(|taken| taken == name)) {
        left_over(name, &tensors, &config)?;
    }
    Ok((config, weights))
}

/// Returns the number of outputs of each layer, from the bottom. The shapes have to fit each other.
fn layer_sizes(
    tensors: &SafeTensors,
    names: &[&str],
    pixels: usize,
) -> std::result::Result<Vec<usize>, String> {
    let mut sizes = Vec::new();
    let mut inputs = pixels;
    while let Ok(weight) = tensors.tensor(&format!("layers.{}.weight", sizes.len())) {
        let (i, shape) = (sizes.len(), weight.shape());
        if shape.len() != 2 || shape[1] != inputs {
            let from = if i == 0 { "pixels".into() } else { format!("outputs of layers.{}", i - 1) };
            return Err(format!(
                "has `layers.{i}.weight` as {shape:?}, but [out, in] with the {inputs} {from} as `in` is needed"
            ));
        }
        inputs = shape[0];
        sizes.push(inputs);
    }
    if sizes.is_empty() {
        let there = match names {
            [] => "no tensor at all".into(),
            _ => format!("`{}`", names[..names.len().min(4)].join("`, `")),
        };
        return Err(format!("has no tensor `layers.0.weight`; it has {there}"));
    }
    Ok(sizes)
}

/// Checks that the tensor is there, in the one type that is read.
fn f32_only(tensors: &SafeTensors, name: &str) -> std::result::Result<(), String> {
    let tensor = tensors.tensor(name).map_err(|_| format!("has no tensor `{name}`"))?;
    match tensor.dtype() {
        Dtype::F32 => Ok(()),
        Dtype::F64 | Dtype::F16 | Dtype::BF16 => {
            Err(format!("has `{name}` in {:?}; convert with `.float()` before saving", tensor.dtype()))
        }
        other => Err(format!("has `{name}` in {other:?}, but F32 is needed")),
    }
}

/// Checks a tensor that the settings do not ask for. It either belongs to snnTorch's neuron, if that is the settings'
/// neuron too, or it is one too many.
fn left_over(name: &str, tensors: &SafeTensors, config: &Config) -> std::result::Result<(), String> {
    let (layers, parts) = (config.layers.len(), name.split('.').collect::<Vec<_>>());
    let LifConfig { beta, threshold, reset, .. } = config.neuron.lif().copied().unwrap_or_default();
    let (code, reset) = match reset {
        Reset::Subtract => (0.0, "subtract"),
        Reset::Zero => (1.0, "zero"),
        Reset::None => (2.0, "none"),
    };
    let (wanted, settings) = match parts[..] {
        ["layers", _, _, "beta"] => (beta, format!("`beta = {beta}`")),
        ["layers", _, _, "threshold"] => (threshold, format!("`threshold = {threshold}`")),
        ["layers", _, _, "reset_mechanism_val"] => (code, format!("`reset = {reset}`, which is {code}")),
        ["layers", _, _, "graded_spikes_factor"] => (1.0, "spikes of 1".into()),
        ["layers", _, "weight"] => return Err(format!("has `{name}`, but no `layers.{layers}.weight`")),
        ["layers", _, "bias"] if !config.bias => {
            return Err(format!(
                "has `{name}`, but the settings say `bias = false`; `--set bias=true` reads it"
            ));
        }
        ["heads", _, "weight"] if !config.head => {
            return Err(format!(
                "has `{name}`, but the settings say `head = false`; `--set head=true` reads it"
            ));
        }
        _ => return Err(format!("has `{name}`, for which a net of {layers} layers has no place")),
    };
    let tensor = tensors.tensor(name).map_err(|e| e.to_string())?;
    match number(&tensor) {
        _ if config.neuron.lif().is_none() => {
            Err(format!("has `{name}`, of a unit that spikes, but the settings say `neuron = relu`"))
        }
        Some(value) if value == wanted => Ok(()),
        Some(value) => Err(format!("has {value} in `{name}`, but the settings say {settings}")),
        None => {
            let (dtype, shape) = (tensor.dtype(), tensor.shape());
            Err(format!("has `{name}` as {dtype:?} {shape:?}, but one number, {settings}, is needed"))
        }
    }
}

/// Returns the tensor's one number. It is an f32 or, as snnTorch keeps the reset, an i64.
fn number(tensor: &TensorView) -> Option<f32> {
    match (tensor.dtype(), tensor.data()) {
        (Dtype::F32, data) => Some(f32::from_le_bytes(data.try_into().ok()?)),
        (Dtype::I64, data) => Some(i64::from_le_bytes(data.try_into().ok()?) as f32),
        _ => None,
    }
}
