//! This module has the errors of data from outside.

use std::io;
use std::path::{Path, PathBuf};

/// The result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Each error is one sentence that names the file and says what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused to read or write.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory lacks one of the four files.
    #[error("{}: no {file} (nor {file}.gz) in this directory", dir.display())]
    NoFile {
        /// The directory.
        dir: PathBuf,
        /// The usual name of the missing file.
        file: String,
    },
    /// The file is not what it should be.
    #[error("{}: {reason}", path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No mirror gave the file.
    #[error("{file}: {reason}")]
    Download {
        /// The file.
        file: String,
        /// What went wrong with the last mirror.
        reason: String,
    },
}

impl Error {
    pub(crate) fn bad(path: &Path, reason: impl Into<String>) -> Self {
        Error::Bad { path: path.into(), reason: reason.into() }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Error::Io { path: path.into(), source }
    }
}
