//! This module holds the errors of drawing and writing a plot.

use std::io;
use std::path::PathBuf;

/// The result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, Error>;

/// The reason why there is no plot. Its message is one sentence that names the plot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused to write the plot.
    #[error("{}: the plot cannot be written: {source}", path.display())]
    Write {
        /// The plot's final name.
        path: PathBuf,
        /// The file system's reason.
        source: io::Error,
    },
    /// The drawing library refused a plot that was meant for a file.
    #[error("{}: the plot cannot be drawn: {reason}", path.display())]
    Draw {
        /// The plot's final name.
        path: PathBuf,
        /// The library's reason.
        reason: String,
    },
    /// The drawing library refused a plot that was meant for the page.
    #[error("the plot {name}: {reason}")]
    Figure {
        /// The figure's name on the page.
        name: &'static str,
        /// The library's reason.
        reason: String,
    },
}
