//! This module writes a training to a file tensor by tensor, and each tensor part by part. So the network need not fit into one
//! machine. The file has the bytes of [`Checkpoint::save`](crate::Checkpoint::save) or [`Model::save`](crate::Model::save).

use std::io::{self, BufWriter, Write};
use std::path::Path;

use ff_file::NewFile;
use ff_tensor::Device;
use safetensors::tensor::Dtype;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::checkpoint::{Metadata, checksum};
use crate::file::{Described, beginning};
use crate::kept::Kept;
use crate::model::{About, Origin};
use crate::ranks::to_bytes;
use crate::stream::Stream;
use crate::training::is_weight;
use crate::{Result, Trainer};

/// What a file has besides the tensors of a model.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Moments, losses and a checksum.
    Training,
    Nothing,
}

impl<D: Device> Trainer<D> {
    /// Writes a checkpoint, under a temporary name until it is whole. `notes` are for the host, and this crate does not look
    /// into them. If there are several ranks, rank 0 calls this, and all others call [`send_checkpoint`](Self::send_checkpoint).
    ///
    /// # Errors
    /// As [`Checkpoint::of`](crate::Checkpoint::of) and [`Checkpoint::save`](crate::Checkpoint::save). It also fails if a rank
    /// is gone.
    pub fn save(
        &mut self,
        path: &Path,
        dataset: &str,
        width: usize,
        height: usize,
        notes: &Value,
    ) -> Result<()> {
        self.expect_savable()?;
        let origin = Origin { augment: self.augmentations().to_vec(), ..Origin::default() };
        let about = About::of(self.network(), dataset, width, height, origin)?;
        let about = Metadata::new(about, self.epochs_done, self.batches_done, notes);
        self.write(path, Content::Training, &about)
    }

    /// Writes the network as a model, as [`save`](Self::save) writes a checkpoint. The others call
    /// [`send_model`](Self::send_model).
    ///
    /// # Errors
    /// As [`Model::of`](crate::Model::of) and [`Model::save`](crate::Model::save). It also fails if a rank is gone.
    pub fn save_model(
        &mut self,
        path: &Path,
        dataset: &str,
        width: usize,
        height: usize,
        origin: Origin,
    ) -> Result<()> {
        let about = About::of(self.network(), dataset, width, height, origin)?;
        self.write(path, Content::Nothing, &about)
    }

    /// Sends the part of this rank to rank 0, which writes a checkpoint.
    ///
    /// # Errors
    /// Fails if a rank is gone, or if the device fails.
    pub fn send_checkpoint(&mut self) -> Result<()> {
        self.gather(Content::Training, &mut |_| Ok(()))
    }

    /// Sends the part of this rank to rank 0, which writes a model.
    ///
    /// # Errors
    /// Fails if a rank is gone, or if the device fails.
    pub fn send_model(&mut self) -> Result<()> {
        self.gather(Content::Nothing, &mut |_| Ok(()))
    }

    fn write(&mut self, path: &Path, content: Content, about: &impl Serialize) -> Result<()> {
        let refuse = |reason: String| crate::Error::Model { path: path.into(), reason };
        let written = |e: io::Error| refuse(format!("cannot be written: {e}"));
        let kept = self.content(content);
        let described = kept.iter().map(|k| Described {
            name: k.name.clone(),
            shape: k.shape.clone(),
            dtype: Dtype::F32,
        });
        let described: Vec<_> = described.chain((content == Content::Training).then(checksum)).collect();
        let beginning = beginning(&described, about).map_err(refuse)?;
        let mut file = BufWriter::new(NewFile::create(path).map_err(written)?);
        let mut digest = Sha256::new();
        let mut put = |bytes: &[u8]| {
            // A model has no checksum.
            if content == Content::Training {
                digest.update(bytes);
            }
            file.write_all(bytes).map_err(written)
        };
        put(&beginning)?;
        self.gather(content, &mut |numbers| put(&to_bytes(numbers)))?;
        if content == Content::Training {
            file.write_all(&digest.finalize()).map_err(written)?;
        }
        let file = file.into_inner().map_err(|e| written(e.into_error()))?;
        file.finish().map_err(written)
    }

    /// Lists the tensors of a file.
    fn content(&mut self, content: Content) -> Vec<Kept<'_, D>> {
        let mut kept = self.kept();
        kept.retain(|kept| content == Content::Training || is_weight(&kept.name));
        kept
    }

    /// Brings all tensors to rank 0, one after the other.
    fn gather(&mut self, content: Content, put: &mut dyn FnMut(&[f32]) -> Result<()>) -> Result<()> {
        let (dev, ranks) = (self.network().dev.clone(), self.network().ranks.clone());
        let stream = Stream::new(&dev, ranks.as_ref().map(|ranks| ranks.peers()));
        self.content(content).iter().try_for_each(|kept| stream.gather(kept, put))
    }
}
