//! This module stores a training as a file, so that it can be continued later. The file is a model file (see [`Model`])
//! with everything that lasts from step to step.
//!
//! Besides the weights it has Adam's moments, `adam.layers.{i}.weight.mean` and so on, and the losses of an epoch that has
//! not ended, `losses.layers.{i}`, in the shapes that they have on the device. The metadata says how far the training has
//! come. Order, negatives, dropout and augmentation follow from the seed and from that, so there is no generator whose
//! state would have to be kept. The last 32 bytes are the SHA-256 of all bytes before them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use ff_tensor::Device;
use ndarray::{Array1, Array2};
use safetensors::tensor::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::file::{Described, Named, floats, from_bytes, to_bytes, write_whole};
use crate::model::About;
use crate::training::is_weight;
use crate::{Error, Model, Result, Trainer};

/// The version of the part that a checkpoint has besides the model. It is the only version that is read.
const FORMAT: u64 = 1;
/// The name of the tensor with the checksum.
const CHECKSUM: &str = "sha256";
/// The number of bytes of the checksum.
pub(crate) const DIGEST: usize = 32;

type Matrix = ([usize; 2], Vec<f32>);

/// The state of a training, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The network.
    pub model: Model,
    /// The number of epochs that have ended. It counts over all layers if the schedule is greedy.
    pub epochs_done: usize,
    /// The number of batches that are done in the epoch that has not ended.
    pub batches_done: usize,
    /// Notes that the host wants to find again. This crate does not look into them.
    pub notes: Value,
    /// The shape and the numbers of everything else that lasts from step to step, by name.
    lasting: BTreeMap<String, Matrix>,
}

/// The content of the metadata.
#[derive(Serialize)]
pub(crate) struct Metadata<'a> {
    #[serde(flatten)]
    model: About,
    checkpoint: Stand<'a>,
}

/// The part of the metadata that a model's metadata does not have.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stand<'a> {
    format_version: u64,
    pub epochs_done: usize,
    pub batches_done: usize,
    pub notes: Cow<'a, Value>,
}

impl<'a> Metadata<'a> {
    pub fn new(model: About, epochs_done: usize, batches_done: usize, notes: &'a Value) -> Self {
        let notes = Cow::Borrowed(notes);
        Self { model, checkpoint: Stand { format_version: FORMAT, epochs_done, batches_done, notes } }
    }
}

impl Stand<'static> {
    /// Reads the part of the metadata that says how far the training has come.
    pub fn parse(about: &str) -> std::result::Result<Self, String> {
        let metadata: Value =
            serde_json::from_str(about).map_err(|e| format!("has damaged metadata ({e})"))?;
        let Some(stand) = metadata.get("checkpoint") else {
            return Err("is a model, not a checkpoint".into());
        };
        let format = &stand["format_version"];
        if *format != FORMAT {
            return Err(format!("has checkpoint format {format}, but this program reads format {FORMAT}"));
        }
        Self::deserialize(stand).map_err(|e| format!("has a stand that makes no sense ({e})"))
    }
}

/// Describes the tensor with the checksum. Bytes come after numbers in a file, so it is the last tensor.
pub(crate) fn checksum() -> Described {
    Described { name: CHECKSUM.into(), shape: vec![DIGEST], dtype: Dtype::U8 }
}

/// What is said of a file whose checksum is wrong.
pub(crate) fn damaged() -> String {
    "is damaged: its checksum is that of another content".into()
}

impl Checkpoint {
    /// Takes a training's state from its device. It changes nothing there.
    ///
    /// # Errors
    /// Fails if the device fails.
    pub fn of<D: Device>(
        trainer: &mut Trainer<D>,
        dataset: &str,
        width: usize,
        height: usize,
        notes: Value,
    ) -> Result<Self> {
        let dev = trainer.network().dev.clone();
        trainer.expect_savable()?;
        let mut model = Model::of(trainer.network(), dataset, width, height)?;
        model.origin.augment = trainer.augmentations().to_vec();
        let (epochs_done, batches_done) = (trainer.epochs_done, trainer.batches_done);
        let mut lasting = BTreeMap::new();
        for kept in trainer.kept().into_iter().filter(|kept| !is_weight(&kept.name)) {
            lasting.insert(kept.name, (kept.tensor.shape(), dev.download(kept.tensor)?));
        }
        Ok(Self { model, epochs_done, batches_done, notes, lasting })
    }

    /// Puts the training on a device, with the images and labels that it had. It continues as if it had never stopped.
    ///
    /// # Errors
    /// Fails if this is not a state of the training that the settings and images make, or the device has no room.
    pub fn trainer<D: Device>(
        &self,
        dev: &D,
        images: &Array2<u8>,
        labels: &Array1<u8>,
    ) -> Result<Trainer<D>> {
        let refuse = |reason: String| Error::Checkpoint { reason };
        let trainer = Trainer::new(self.model.network(dev)?, images, labels)?;
        let Model { width, height, origin, .. } = &self.model;
        let mut trainer = trainer.augmented(&origin.augment, *width, *height)?;
        trainer.stand_at(self.epochs_done, self.batches_done)?;
        for kept in trainer.kept().into_iter().filter(|kept| !is_weight(&kept.name)) {
            let (name, tensor) = (kept.name, kept.tensor);
            let Some((shape, values)) = self.lasting.get(&name) else {
                return Err(refuse(format!("has no tensor `{name}`")));
            };
            if *shape != tensor.shape() {
                let wanted = tensor.shape();
                return Err(refuse(format!("has `{name}` as {shape:?}, but the training needs {wanted:?}")));
            }
            dev.write(tensor, values)?;
        }
        Ok(trainer)
    }

    /// Writes the file under a temporary name, waits until it is on the disk, and renames it. So there is never half a
    /// checkpoint.
    ///
    /// # Errors
    /// The error names the path and what the system said.
    pub fn save(&self, path: &Path) -> Result<()> {
        let bytes = self.written().map_err(|reason| Error::Model { path: path.into(), reason })?;
        write_whole(path, &bytes)
    }

    /// Returns the bytes of the file.
    ///
    /// # Errors
    /// Fails if the notes cannot be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.written().map_err(|reason| Error::Checkpoint { reason })
    }

    /// Reads and checks the bytes of a file, as [`load`](Self::load) does.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).map_err(|reason| Error::Checkpoint { reason })
    }

    fn written(&self) -> std::result::Result<Vec<u8>, String> {
        let mut tensors = self.model.tensors();
        for (name, (shape, values)) in &self.lasting {
            tensors.push(Named { name: name.clone(), shape: shape.to_vec(), values: values.into() });
        }
        let about = Metadata::new(self.model.about(), self.epochs_done, self.batches_done, &self.notes);
        let mut bytes = to_bytes(tensors, Some(checksum()), &about)?;
        if let Some((all, digest)) = bytes.split_last_chunk_mut::<DIGEST>() {
            digest.copy_from_slice(&Sha256::digest(all));
        }
        Ok(bytes)
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// The error names the path and what is wrong: as for a model, and a file with another checksum than it had when it
    /// was written.
    pub fn load(path: &Path) -> Result<Self> {
        let refuse = |reason: String| Error::Model { path: path.into(), reason };
        let bytes = std::fs::read(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
        Self::read(&bytes).map_err(refuse)
    }

    fn read(bytes: &[u8]) -> std::result::Result<Self, String> {
        let (tensors, about) = from_bytes(bytes)?;
        let stand = Stand::parse(&about)?;
        let written = tensors.tensor(CHECKSUM).map_err(|_| format!("has no tensor `{CHECKSUM}`"))?;
        match bytes.split_last_chunk::<DIGEST>() {
            Some((all, digest)) if written.data() == digest && Sha256::digest(all)[..] == *digest => {}
            _ => return Err(damaged()),
        }
        let model = Model::of_tensors(&tensors, &about)?;
        let mut lasting = BTreeMap::new();
        for name in tensors.names() {
            if name.starts_with("adam.") || name.starts_with("losses.") {
                lasting.insert(name.into(), matrix(&tensors, name)?);
            }
        }
        let (epochs_done, batches_done) = (stand.epochs_done, stand.batches_done);
        Ok(Self { model, epochs_done, batches_done, notes: stand.notes.into_owned(), lasting })
    }
}

/// Returns a tensor of two dimensions, whatever they are.
fn matrix(tensors: &SafeTensors, name: &str) -> std::result::Result<Matrix, String> {
    let tensor = tensors.tensor(name).map_err(|e| e.to_string())?;
    let Ok(shape) = <[usize; 2]>::try_from(tensor.shape()) else {
        return Err(format!("has `{name}` with {} dimensions instead of 2", tensor.shape().len()));
    };
    Ok((shape, floats(tensors, name, &shape)?))
}
