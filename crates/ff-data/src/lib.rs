//! Finds, downloads, checks and reads data sets of labelled images, or draws them. The images are arrays on the host.
//!
//! * [`open`] looks for a set in a directory, in the user's cache, or at MNIST's mirrors ([`fetch`]). If it finds none, it
//!   draws [`synthetic()`] digits.
//! * [`read_dir`] reads any set in MNIST's four files. The size of the images and the number of classes come from the data.
//! * A [`Dataset`] has [`Samples`] for training and for testing. Images are `[n, width * height]` with one byte for each
//!   pixel, and labels are `[n]`. [`Samples::split_last`] holds some of them out.
//! * [`picture`] reads a PNG in the form of MNIST's images.
//!
//! Each reader checks a file before it takes memory for the sizes in its header. An [`Error`] is one sentence with the path
//! of the file. No file makes the program panic.
//!
//! ```
//! let set = ff_data::synthetic(100, 20, 1); // or ff_data::open(None, &|_| ())?.dataset
//! assert_eq!(set.train.images.dim(), (100, set.width * set.height));
//! assert!(set.test.labels.iter().all(|&label| usize::from(label) < set.classes));
//! let (train, held_out) = set.train.split_last(10);
//! assert_eq!((train.len(), held_out.len()), (90, 10));
//! ```

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

mod dataset;
mod error;
mod fetch;
mod files;
pub mod idx;
mod picture;
pub mod synthetic;

pub use dataset::{Dataset, Samples, Source};
pub use error::{Error, Result};
pub use fetch::{Progress, fetch};
pub use idx::read_dir;
pub use picture::picture;
pub use synthetic::synthetic;

/// A data set, and a remark on how it was found.
#[derive(Debug)]
pub struct Opened {
    /// The set.
    pub dataset: Dataset,
    /// One line that says why the digits are synthetic, if nobody asked for synthetic ones.
    pub note: Option<String>,
}

/// The environment variable that names a directory of data.
pub const DATA_DIR: &str = "FF_DATA_DIR";

/// The number of training images that [`open`] draws.
pub const SYNTHETIC_TRAIN: usize = 20_000;
/// The number of test images that [`open`] draws.
pub const SYNTHETIC_TEST: usize = 4_000;

/// Returns the user's cache directory for MNIST, if the system has one.
pub fn cache_dir() -> Option<PathBuf> {
    dirs::cache_dir().map(|dir| dir.join("forward-forward").join("mnist"))
}

/// Opens the first of these: `dir`, `$FF_DATA_DIR`, and MNIST in the cache. If there is none, it downloads MNIST into the
/// cache. If this fails too, it draws synthetic digits and says so.
///
/// # Errors
/// The directory in the argument or the variable is missing or damaged, or the cache is damaged.
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
