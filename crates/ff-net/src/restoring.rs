//! This module reads a checkpoint tensor by tensor, and hands each rank its part. So no rank needs room for the whole network.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ff_tensor::Device;
use safetensors::tensor::{Dtype, Metadata};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::checkpoint::{DIGEST, Stand, checksum, damaged};
use crate::file::KEY;
use crate::model::About;
use crate::stream::Stream;
use crate::{Config, Error, Result, Trainer};

/// The longest description of tensors that is read, in bytes. It is that of the safetensors library.
const LONGEST: u64 = 100_000_000;
/// A file is read in parts of so many bytes.
const PART: usize = 1 << 20;

/// A checkpoint in a file. The description is in memory, the numbers are not.
pub struct Stored {
    path: PathBuf,
    file: BufReader<File>,
    tensors: Metadata,
    /// The place of the first number.
    start: u64,
    about: About,
    stand: Stand<'static>,
}

impl Stored {
    /// Opens a file, and checks its description and its checksum.
    ///
    /// # Errors
    /// As [`Checkpoint::load`](crate::Checkpoint::load).
    pub fn open(path: &Path) -> Result<Self> {
        Self::read(path).map_err(|reason| Error::Model { path: path.into(), reason })
    }

    fn read(path: &Path) -> std::result::Result<Self, String> {
        let unread = |e: std::io::Error| format!("cannot be read: {e}");
        let damaged_file = |e: &dyn std::fmt::Display| format!("is not a whole safetensors file ({e})");
        let file = File::open(path).map_err(unread)?;
        let length = file.metadata().map_err(unread)?.len();
        let mut file = BufReader::new(file);
        let mut eight = [0; 8];
        file.read_exact(&mut eight).map_err(|e| damaged_file(&e))?;
        let described = u64::from_le_bytes(eight);
        if described > LONGEST.min(length - 8) {
            return Err(damaged_file(&"its description is longer than the file"));
        }
        let mut header = vec![0; described as usize];
        file.read_exact(&mut header).map_err(|e| damaged_file(&e))?;
        let tensors: Metadata = serde_json::from_slice(&header).map_err(|e| damaged_file(&e))?;
        let start = 8 + described;
        if tensors.data_len() as u64 != length - start {
            return Err(damaged_file(&"its tensors are not as long as the file says"));
        }
        let Some(about) = tensors.metadata().as_ref().and_then(|metadata| metadata.get(KEY)) else {
            return Err("was not written by this program".into());
        };
        let (stand, name) = (Stand::parse(about)?, checksum().name);
        let last = tensors.info(&name).ok_or(format!("has no tensor `{name}`"))?;
        if last.data_offsets != (tensors.data_len().wrapping_sub(DIGEST), tensors.data_len())
            || !is_sound(&mut file, length).map_err(unread)?
        {
            return Err(damaged());
        }
        let about = About::parse(about)?;
        Ok(Self { path: path.into(), file, tensors, start, about, stand })
    }

    /// Returns the number of epochs that have ended.
    pub fn epochs_done(&self) -> usize {
        self.stand.epochs_done
    }

    /// Returns the notes of the host.
    pub fn notes(&self) -> &Value {
        &self.stand.notes
    }

    /// Returns the data set's name.
    pub fn dataset(&self) -> &str {
        self.about.dataset()
    }

    /// Returns the settings of the training.
    pub fn config(&self) -> &Config {
        self.about.config()
    }

    /// Puts a training where this one was stopped. It continues as if it had never stopped. If there are several ranks, rank 0
    /// calls this, and all others call [`Trainer::receive_checkpoint`].
    ///
    /// # Errors
    /// Fails if this is not a state of that training, if a number is not finite, or if a rank is gone.
    pub fn restore<D: Device>(&mut self, trainer: &mut Trainer<D>) -> Result<()> {
        let refuse = |reason: String| Error::Checkpoint { reason };
        if trainer.network().config != *self.config() {
            return Err(refuse("has other settings than this training".into()));
        }
        trainer.stand_at(self.stand.epochs_done, self.stand.batches_done)?;
        for kept in trainer.kept() {
            let name = &kept.name;
            let info = self.tensors.info(name).ok_or_else(|| refuse(format!("has no tensor `{name}`")))?;
            if info.dtype != Dtype::F32 || info.shape != kept.shape {
                let (got, wanted) = (&info.shape, &kept.shape);
                return Err(refuse(format!("has `{name}` as {got:?}, but the training needs {wanted:?}")));
            }
        }
        let Self { path, file, tensors, start, .. } = self;
        let refuse = |reason: String| Error::Model { path: path.clone(), reason };
        let unread = |e: std::io::Error| refuse(format!("cannot be read: {e}"));
        trainer.scatter(&mut |name, first, numbers| {
            if let Some(info) = tensors.info(name).filter(|_| first) {
                file.seek(SeekFrom::Start(*start + info.data_offsets.0 as u64)).map_err(unread)?;
            }
            let mut word = [0; 4];
            for number in numbers {
                file.read_exact(&mut word).map_err(unread)?;
                *number = f32::from_le_bytes(word);
                if !number.is_finite() {
                    return Err(refuse(format!("has {number} in `{name}`")));
                }
            }
            Ok(())
        })
    }
}

/// Gives the next numbers of a tensor. The flag says that they are its first ones.
type Fill<'a> = &'a mut dyn FnMut(&str, bool, &mut [f32]) -> Result<()>;

impl<D: Device> Trainer<D> {
    /// Gets the part of this rank from rank 0, which reads a checkpoint with [`Stored::restore`].
    ///
    /// # Errors
    /// Fails if a rank is gone, or if the device fails.
    pub fn receive_checkpoint(&mut self) -> Result<()> {
        self.scatter(&mut |_, _, _| Ok(()))
    }

    /// Tells all ranks how far the training has come, and hands them their part of each tensor.
    fn scatter(&mut self, fill: Fill) -> Result<()> {
        let (dev, ranks) = (self.network().dev.clone(), self.network().ranks.clone());
        let peers = ranks.as_ref().map(|ranks| ranks.peers());
        if let Some(peers) = peers {
            let stand = [self.epochs_done, self.batches_done].map(|n| (n as u64).to_le_bytes()).concat();
            let stand = crate::peers::tell_all(peers, &stand)?;
            let mut numbers = stand.as_chunks().0.iter().map(|eight| u64::from_le_bytes(*eight) as usize);
            let mut next = || numbers.next().unwrap_or_default();
            let (epochs, batches) = (next(), next());
            self.stand_at(epochs, batches)?;
        }
        let stream = Stream::new(&dev, peers);
        for mut kept in self.kept() {
            let (name, mut first) = (kept.name.clone(), true);
            stream.scatter(&mut kept, &mut |numbers| fill(&name, std::mem::take(&mut first), numbers))?;
        }
        Ok(())
    }
}

/// Returns whether the last bytes of a file are the checksum of those before.
fn is_sound(file: &mut BufReader<File>, length: u64) -> std::io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let (mut digest, mut part) = (Sha256::new(), vec![0; PART]);
    let mut rest = length - DIGEST as u64;
    while rest > 0 {
        let part = &mut part[..rest.min(PART as u64) as usize];
        file.read_exact(part)?;
        digest.update(&*part);
        rest -= part.len() as u64;
    }
    let mut written = [0; DIGEST];
    file.read_exact(&mut written)?;
    Ok(digest.finalize()[..] == written)
}
