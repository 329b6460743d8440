//! This module writes tensors to a safetensors file, with a note of this program in the metadata, and reads them with
//! care.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use ndarray::{Array2, ArrayView2};
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::Serialize;

use crate::{Error, Result};

/// The metadata's only key.
const KEY: &str = "forward-forward";

/// A tensor to be written.
pub(crate) struct Named<'a> {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Values<'a>,
}

pub(crate) enum Values<'a> {
    Floats(Cow<'a, [f32]>),
    Bytes(Vec<u8>),
}

impl View for &Named<'_> {
    fn dtype(&self) -> Dtype {
        match &self.values {
            Values::Floats(_) => Dtype::F32,
            Values::Bytes(_) => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.values {
            Values::Bytes(bytes) => bytes.into(),
            Values::Floats(values) => {
                let mut bytes = vec![0; 4 * values.len()];
                let (words, _) = bytes.as_chunks_mut::<4>();
                words.iter_mut().zip(&**values).for_each(|(word, value)| *word = value.to_le_bytes());
                bytes.into()
            }
        }
    }

    fn data_len(&self) -> usize {
        match &self.values {
            Values::Floats(values) => 4 * values.len(),
            Values::Bytes(bytes) => bytes.len(),
        }
    }
}

/// Returns the bytes of a file with these tensors, and with `about` as metadata.
pub(crate) fn to_bytes(named: &[Named], about: &impl Serialize) -> std::result::Result<Vec<u8>, String> {
    let about = serde_json::to_string(about).map_err(|e| e.to_string())?;
    // There is only one entry, because the library writes several in an order that changes from run to run.
    let metadata = HashMap::from([(KEY.to_string(), about)]);
    safetensors::serialize(named.iter().map(|tensor| (&tensor.name, tensor)), Some(metadata))
        .map_err(|e| e.to_string())
}

/// Returns the tensors of a file, and its metadata if this program wrote it.
pub(crate) fn of_anyone(bytes: &[u8]) -> std::result::Result<(SafeTensors<'_>, Option<String>), String> {
    let damaged = |e| format!("is not a whole safetensors file ({e})");
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
    Ok((tensors, header.metadata().as_ref().and_then(|metadata| metadata.get(KEY)).cloned()))
}

/// Returns the tensors and the metadata of a file that this program wrote.
pub(crate) fn from_bytes(bytes: &[u8]) -> std::result::Result<(SafeTensors<'_>, String), String> {
    match of_anyone(bytes)? {
        (tensors, Some(about)) => Ok((tensors, about)),
        _ => Err("was not written by this program".into()),
    }
}

/// Writes a file whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let refuse = |e| Error::Model { path: path.into(), reason: format!("cannot be written: {e}") };
    ff_file::write(path, bytes).map_err(refuse)
}

/// Turns torch's `[rows, cols]` into our `[cols, rows]`.
pub(crate) fn matrix(
    tensors: &SafeTensors,
    name: &str,
    rows: usize,
    cols: usize,
) -> std::result::Result<Array2<f32>, String> {
    let values = floats(tensors, name, &[rows, cols])?;
    let matrix = ArrayView2::from_shape((rows, cols), &values).map_err(|e| e.to_string())?;
    Ok(matrix.t().as_standard_layout().into_owned())
}

/// Returns a tensor's numbers, if it has this shape and they are finite.
pub(crate) fn floats(
    tensors: &SafeTensors,
    name: &str,
    shape: &[usize],
) -> std::result::Result<Vec<f32>, String> {
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
