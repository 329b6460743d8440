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

use ff_tensor::{Device, Tensor};
use ndarray::{Array1, Array2};
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::file::{Named, Values, floats, from_bytes, to_bytes, write_whole};
use crate::model::About;
use crate::{Error, Model, Result, Trainer};

/// The version of the part that a checkpoint has besides the model. It is the only version that is read.
const FORMAT: u64 = 1;
/// The name of the tensor with the checksum. Bytes come after numbers in a file, so it is the last tensor.
const CHECKSUM: &str = "sha256";
/// The number of bytes of the checksum.
const DIGEST: usize = 32;

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
struct Metadata<'a> {
    #[serde(flatten)]
    model: About,
    checkpoint: Stand<'a>,
}

/// The part of the metadata that a model's metadata does not have.
#[derive(Serialize, Deserialize)]
struct Stand<'a> {
    format_version: u64,
    epochs_done: usize,
    batches_done: usize,
    notes: Cow<'a, Value>,
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
        trainer.network().has_names(true)?;
        if !trainer.is_of_images() {
            let reason = "cannot be written: a file has no name for this training's source of pairs".into();
            return Err(Error::Checkpoint { reason });
        }
        let mut model = Model::of(trainer.network(), dataset, width, height)?;
        model.origin.augment = trainer.augmentations().to_vec();
        let (epochs_done, batches_done) = (trainer.epochs_done, trainer.batches_done);
        let lasting = lasting(trainer).into_iter();
        let lasting = lasting.map(|(name, tensor)| Ok((name, (tensor.shape(), dev.download(tensor)?))));
        let lasting = lasting.collect::<Result<_>>()?;
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
        let (epochs, batches) = (trainer.epochs(), trainer.batches());
        let [done, of_next] = [self.epochs_done, self.batches_done];
        if done > epochs || of_next >= if done == epochs { 1 } else { batches } {
            return Err(refuse(format!(
                "stands at epoch {done}, batch {of_next}, but the training has {epochs} epochs of {batches} batches"
            )));
        }
        for (name, tensor) in lasting(&mut trainer) {
            let Some((shape, values)) = self.lasting.get(&name) else {
                return Err(refuse(format!("has no tensor `{name}`")));
            };
            if *shape != tensor.shape() {
                let wanted = tensor.shape();
                return Err(refuse(format!("has `{name}` as {shape:?}, but the training needs {wanted:?}")));
            }
            dev.write(tensor, values)?;
        }
        (trainer.epochs_done, trainer.batches_done) = (done, of_next);
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
            let values = Values::Floats(values.into());
            tensors.push(Named { name: name.clone(), shape: shape.to_vec(), values });
        }
        let nothing_yet = Values::Bytes(vec![0; DIGEST]);
        tensors.push(Named { name: CHECKSUM.into(), shape: vec![DIGEST], values: nothing_yet });
        let about = Metadata {
            model: self.model.about(),
            checkpoint: Stand {
                format_version: FORMAT,
                epochs_done: self.epochs_done,
                batches_done: self.batches_done,
                notes: Cow::Borrowed(&self.notes),
            },
        };
        let mut bytes = to_bytes(&tensors, &about)?;
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
        let metadata: Value =
            serde_json::from_str(&about).map_err(|e| format!("has damaged metadata ({e})"))?;
        let Some(stand) = metadata.get("checkpoint") else {
            return Err("is a model, not a checkpoint".into());
        };
        let format = &stand["format_version"];
        if *format != FORMAT {
            return Err(format!("has checkpoint format {format}, but this program reads format {FORMAT}"));
        }
        let written = tensors.tensor(CHECKSUM).map_err(|_| format!("has no tensor `{CHECKSUM}`"))?;
        match bytes.split_last_chunk::<DIGEST>() {
            Some((all, digest)) if written.data() == digest && Sha256::digest(all)[..] == *digest => {}
            _ => return Err("is damaged: its checksum is that of another content".into()),
        }
        let stand: Stand =
            Stand::deserialize(stand).map_err(|e| format!("has a stand that makes no sense ({e})"))?;
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

/// Returns everything that lasts from step to step besides the weights, by name: Adam's moments, and the losses of this
/// epoch. Everything else is made anew in each step.
fn lasting<D: Device>(trainer: &mut Trainer<D>) -> Vec<(String, &mut Tensor<D>)> {
    let (mut lasting, moments) = (Vec::new(), trainer.moment_names());
    let names = trainer.parameter_names();
    let (learning, losses, heads) = trainer.lasting();
    for (i, (l, losses)) in learning.iter_mut().zip(losses).enumerate() {
        for (parameter, of_parameter) in names[i].iter().zip(&mut l.moments) {
            for (moment, tensor) in moments.iter().zip(of_parameter) {
                lasting.push((format!("adam.layers.{i}.{parameter}.{moment}"), tensor));
            }
        }
        lasting.push((format!("losses.layers.{i}"), losses));
    }
    let heads = heads.iter_mut().flat_map(|heads| heads.learning.iter_mut().zip(&mut heads.losses));
    for (i, (l, losses)) in heads.enumerate() {
        for (moment, tensor) in moments.iter().zip(&mut l.moments) {
            lasting.push((format!("adam.heads.{i}.weight.{moment}"), tensor));
        }
        lasting.push((format!("losses.heads.{i}"), losses));
    }
    lasting
}

/// Returns a tensor of two dimensions, whatever they are.
fn matrix(tensors: &SafeTensors, name: &str) -> std::result::Result<Matrix, String> {
    let tensor = tensors.tensor(name).map_err(|e| e.to_string())?;
    let Ok(shape) = <[usize; 2]>::try_from(tensor.shape()) else {
        return Err(format!("has `{name}` with {} dimensions instead of 2", tensor.shape().len()));
    };
    Ok((shape, floats(tensors, name, &shape)?))
}
