//! The command line as a user types it, in an empty directory with a small data set.
#![allow(clippy::unwrap_used, missing_docs)]

mod desk;
mod good;
#[cfg(feature = "cuda")]
mod gpu;
mod refused;
mod report;
#[cfg(unix)]
mod resume;
mod travel;
