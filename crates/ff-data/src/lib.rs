//! Finds, fetches, checks, reads or draws data sets of labelled images, as arrays on the host.
//!
//! In the order in which data flows: [`open`] looks for a set, in a directory, in the user's cache, or at MNIST's mirrors
//! ([`fetch`]), and draws [`synthetic()`] digits where it finds none. [`read_dir`] reads any set in MNIST's four files: the
//! size of the images and the number of classes come from the data. A [`Dataset`] has [`Samples`] to learn from and to be
//! tested on, images `[n, width * height]`, a byte a pixel, and labels `[n]`; [`Samples::split_last`] holds some out.
//! [`epoch_order`] is the order of each epoch. [`picture`] reads a PNG as MNIST would have kept it.
//!
//! Files from outside are checked before memory is taken for what they promise. An [`Error`] is one sentence with the
//! file's path; no bytes make a panic.
//!
//! ```
//! let set = ff_data::synthetic(100, 20, 1); // or ff_data::open(None, &|_| ())?.dataset
//! assert_eq!(set.train.images.dim(), (100, set.width * set.height));
//! assert!(set.test.labels.iter().all(|&label| usize::from(label) < set.classes));
//! let (train, held_out) = set.train.split_last(10);
//! assert_eq!((train.len(), held_out.len()), (90, 10));
//! ```

#![forbid(unsafe_code)]

use std::fmt;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2, Axis};
use sha2::{Digest, Sha256};

mod error;
mod fetch;
pub mod idx;
mod picture;
pub mod synthetic;

pub use error::{Error, Result};
pub use fetch::{Progress, fetch};
pub use idx::read_dir;
pub use picture::picture;
pub use synthetic::synthetic;

/// Labelled images.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// `[n, pixels]`, 0 background to 255 ink.
    pub images: Array2<u8>,
    /// `[n]`, below the number of classes.
    pub labels: Array1<u8>,
}

impl Samples {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The first `n` images, or all if there are fewer.
    pub fn take(&self, n: usize) -> Samples {
        self.slice(0, n.min(self.len()))
    }

    /// All but the last `n` images, and the last `n`.
    pub fn split_last(&self, n: usize) -> (Samples, Samples) {
        let first = self.len().saturating_sub(n);
        (self.slice(0, first), self.slice(first, self.len()))
    }

    fn slice(&self, from: usize, to: usize) -> Samples {
        Samples {
            images: self.images.slice_axis(Axis(0), (from..to).into()).to_owned(),
            labels: self.labels.slice_axis(Axis(0), (from..to).into()).to_owned(),
        }
    }
}

/// Images to learn from and images to be tested on.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// `mnist` if the files are MNIST's own, `synthetic`, or the name of the directory.
    pub name: String,
    /// Of an image, in pixels.
    pub width: usize,
    /// Of an image, in pixels.
    pub height: usize,
    /// Labels are below this.
    pub classes: usize,
    /// To learn from.
    pub train: Samples,
    /// To be tested on.
    pub test: Samples,
    /// Where it came from.
    pub source: Source,
}

impl Dataset {
    /// SHA-256 of the sizes, images and labels, whatever the set is called and wherever it lies.
    pub fn sha256(&self) -> String {
        let mut sum = Sha256::new();
        for samples in [&self.train, &self.test] {
            let sizes = [self.width, self.height, self.classes, samples.len()];
            sum.update(sizes.map(|size| (size as u64).to_le_bytes()).as_flattened());
            sum.update(samples.images.as_standard_layout().as_slice().unwrap_or_default());
            sum.update(samples.labels.as_standard_layout().as_slice().unwrap_or_default());
        }
        sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Where a data set came from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// Four IDX files.
    Directory(PathBuf),
    /// Drawn by this crate.
    Synthetic,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Source::Directory(dir) => dir.display().fmt(f),
            Source::Synthetic => f.write_str("drawn here"),
        }
    }
}

/// A data set, and what is worth saying about how it was found.
#[derive(Debug)]
pub struct Opened {
    /// The set.
    pub dataset: Dataset,
    /// Why the digits are synthetic, if nobody asked for them: one line.
    pub note: Option<String>,
}

/// The environment variable that names a directory of data.
pub const DATA_DIR: &str = "FF_DATA_DIR";

/// Images of the synthetic default.
pub const SYNTHETIC_TRAIN: usize = 20_000;
/// Test images of the synthetic default.
pub const SYNTHETIC_TEST: usize = 4_000;

/// The user's cache directory for MNIST, if the system has such a thing.
pub fn cache_dir() -> Option<PathBuf> {
    dirs::cache_dir().map(|dir| dir.join("forward-forward").join("mnist"))
}

/// Opens `dir`; else `$FF_DATA_DIR`; else MNIST from the cache; else downloads MNIST into the cache; else draws
/// synthetic digits, and says so.
///
/// # Errors
/// A directory that was asked for, by argument or variable, and is not there or not right; a damaged cache.
pub fn open(dir: Option<&Path>, progress: &dyn Fn(Progress)) -> Result<Opened> {
    let asked = dir.map(PathBuf::from).or_else(|| std::env::var_os(DATA_DIR).map(PathBuf::from));
    if let Some(dir) = asked.filter(|dir| !dir.as_os_str().is_empty()) {
        return Ok(Opened { dataset: read_dir(&dir)?, note: None });
    }
    let Some(cache) = cache_dir() else {
        return Ok(synthetic_because("this system has no cache directory to keep MNIST in"));
    };
    if !idx::all_there(&cache)
        && let Err(e) = fetch(&cache, progress)
    {
        return Ok(synthetic_because(&format!("MNIST could not be downloaded ({e})")));
    }
    Ok(Opened { dataset: read_dir(&cache)?, note: None })
}

fn synthetic_because(reason: &str) -> Opened {
    let dataset = synthetic(SYNTHETIC_TRAIN, SYNTHETIC_TEST, 0);
    Opened { dataset, note: Some(reason.into()) }
}
