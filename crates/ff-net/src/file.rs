//! This module writes tensors to a safetensors file, with a note of this program in the metadata, and reads them with
//! care.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use ndarray::{Array2, ArrayView2};
use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorInfo};
use serde::Serialize;

use crate::{Error, Result};

/// The metadata's only key.
pub(crate) const KEY: &str = "forward-forward";

/// A tensor to be written, as the beginning of a file describes it.
pub(crate) struct Described {
    pub name: String,
    pub shape: Vec<usize>,
    pub dtype: Dtype,
}

/// Returns the beginning of a file with these tensors and with `about` as metadata. The tensors' bytes follow in the order in
/// which they are given. They are sorted: numbers before bytes, and each of these by name.
pub(crate) fn beginning(
    tensors: &[Described],
    about: &impl Serialize,
) -> std::result::Result<Vec<u8>, String> {
    let about = serde_json::to_string(about).map_err(|e| e.to_string())?;
    // There is only one entry, because the library writes several in an order that changes from run to run.
    let metadata = HashMap::from([(KEY.to_string(), about)]);
    let mut end = 0;
    let mut described = Vec::new();
    for Described { name, shape, dtype } in tensors {
        let bytes = shape.iter().product::<usize>() * (dtype.bitsize() / 8);
        let data_offsets = (end, end + bytes);
        described.push((name.clone(), TensorInfo { dtype: *dtype, shape: shape.clone(), data_offsets }));
        end += bytes;
    }
    let header = Metadata::new(Some(metadata), described).map_err(|e| e.to_string())?;
    let mut header = serde_json::to_vec(&header).map_err(|e| e.to_string())?;
    // The tensors begin at a multiple of 8 bytes.
    header.resize(header.len().next_multiple_of(size_of::<u64>()), b' ');
    let mut beginning = (header.len() as u64).to_le_bytes().to_vec();
    beginning.append(&mut header);
    Ok(beginning)
}

/// A tensor of numbers to be written.
pub(crate) struct Named<'a> {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Cow<'a, [f32]>,
}

/// Returns the bytes of a file with these tensors and with `about` as metadata. There may be a last tensor of bytes, which are 0.
pub(crate) fn to_bytes(
    mut named: Vec<Named>,
    last: Option<Described>,
    about: &impl Serialize,
) -> std::result::Result<Vec<u8>, String> {
    named.sort_by(|a, b| a.name.cmp(&b.name));
    let described = named.iter().map(|Named { name, shape, .. }| Described {
        name: name.clone(),
        shape: shape.clone(),
        dtype: Dtype::F32,
    });
    let room = last.as_ref().map_or(0, |last| last.shape.iter().product());
    let mut bytes = beginning(&described.chain(last).collect::<Vec<_>>(), about)?;
    for Named { values, .. } in &named {
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    bytes.resize(bytes.len() + room, 0);
    Ok(bytes)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safetensors::tensor::TensorView;

    use super::*;

    #[test]
    fn a_file_has_the_bytes_that_the_library_writes() {
        let numbers = [("b", vec![2, 3]), ("a.10", vec![1]), ("a.2", vec![0, 4])];
        let values = |n: usize| (0..n).map(|i| i as f32 - 0.5).collect::<Vec<f32>>();
        let named = numbers.clone().map(|(name, shape)| Named {
            name: name.into(),
            values: values(shape.iter().product()).into(),
            shape,
        });
        let last = Described { name: "0".into(), shape: vec![5], dtype: Dtype::U8 };
        let ours = to_bytes(named.into(), Some(last), &"about").unwrap();

        let bytes = |n| values(n).iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>();
        let numbers: Vec<_> = numbers.into_iter().map(|(n, s)| (n, bytes(s.iter().product()), s)).collect();
        let mut views = Vec::new();
        for (name, bytes, shape) in &numbers {
            views.push((*name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
        }
        views.push(("0", TensorView::new(Dtype::U8, vec![5], &[0; 5]).unwrap()));
        let metadata = HashMap::from([(KEY.to_string(), "\"about\"".to_string())]);
        assert!(ours == safetensors::serialize(views, Some(metadata)).unwrap());
    }
}
