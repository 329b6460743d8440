//! This module has the data set in memory.

use std::fmt;
use std::path::PathBuf;

use ndarray::{Array1, Array2, Axis};
use sha2::{Digest, Sha256};

/// Labelled images.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// The images, `[n, pixels]`. A pixel goes from 0 (background) to 255 (ink).
    pub images: Array2<u8>,
    /// The labels, `[n]`. Each is below the number of classes.
    pub labels: Array1<u8>,
}

impl Samples {
    /// Returns the number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Returns the first `n` images, or all if there are fewer.
    pub fn take(&self, n: usize) -> Samples {
        self.slice(0, n.min(self.len()))
    }

    /// Splits the images into all but the last `n`, and the last `n`.
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

/// A data set with images for training and images for testing.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The name of the set: `mnist` for MNIST's own files, `synthetic` for drawn digits, else the name of the directory.
    pub name: String,
    /// The width of an image, in pixels.
    pub width: usize,
    /// The height of an image, in pixels.
    pub height: usize,
    /// The number of classes. Labels are below it.
    pub classes: usize,
    /// The images for training.
    pub train: Samples,
    /// The images for testing.
    pub test: Samples,
    /// The place where the set came from.
    pub source: Source,
}

impl Dataset {
    /// Returns the SHA-256 of the sizes, images and labels. It does not depend on the name or place of the set.
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

/// The place where a data set came from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// The set was read from four IDX files.
    Directory(PathBuf),
    /// The set was drawn by this crate.
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
