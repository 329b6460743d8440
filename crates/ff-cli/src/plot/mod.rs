//! Plots: each function turns plain numbers into one PNG file and knows nothing of networks or devices.
//!
//! A value that is not finite leaves a gap, or is counted in words; it never stops a plot. Neither does
//! having no value at all. A file appears whole under its final name or not at all.

mod axis;
mod canvas;
mod error_rate;
mod goodness;
mod grid;
mod lines;
mod loss;
mod samples;
#[cfg(test)]
mod tests;
mod weights;

use std::io;
use std::path::PathBuf;

pub use error_rate::error;
pub use goodness::{LayerGoodness, goodness};
pub use loss::{LayerCurve, loss};
pub use samples::{SampleRow, samples};
pub use weights::weights;

/// Why there is no plot: one sentence that names the file.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// The file system refused.
    #[error("{}: the plot cannot be written: {source}", path.display())]
    Write {
        /// The plot's final name.
        path: PathBuf,
        /// The file system's reason.
        source: io::Error,
    },
    /// The drawing library refused.
    #[error("{}: the plot cannot be drawn: {reason}", path.display())]
    Draw {
        /// The plot's final name.
        path: PathBuf,
        /// The library's reason.
        reason: String,
    },
    /// An image of another size than the one stated.
    #[error("{}: an image to plot has {found} pixels instead of {width} x {height}", path.display())]
    Image {
        /// The plot's final name.
        path: PathBuf,
        /// Stated pixels per row.
        width: usize,
        /// Stated number of rows.
        height: usize,
        /// Values in the image.
        found: usize,
    },
}
