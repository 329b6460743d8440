//! Plots: each turns plain numbers into one page, as PNG or SVG, and knows nothing of networks or devices.
//!
//! A value that is not finite leaves a gap, or is counted in words; it never stops a plot. Neither does
//! having no value at all. A file appears whole under its final name or not at all.

mod axis;
mod canvas;
mod confusion;
mod error_rate;
mod goodness;
mod grid;
mod labels;
mod lines;
mod loss;
mod membrane;
mod mistakes;
mod page;
mod raster;
mod samples;
mod sheet;
#[cfg(test)]
mod tests;
mod weights;

use std::io;
use std::path::PathBuf;

pub use confusion::Confusion;
pub use error_rate::{error, errors};
pub use goodness::{Goodness, LayerGoodness};
pub use grid::Shape;
pub use labels::{Labelled, Labels};
pub use lines::Lines;
pub use loss::{LayerCurve, loss};
pub use membrane::{Membrane, Membranes};
pub use mistakes::{Mistake, Mistakes};
pub use page::{NARROW, Plot, WIDE};
pub use raster::{Raster, Spikes};
pub use samples::{SampleRow, Samples};
pub use weights::Weights;

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
}
