//! This crate connects ranks through MPI, so that several machines train one network.
//!
//! [`start`] asks the launcher's variables whether there are other ranks, and starts MPI only then. [`Mpi`] is a [`Peers`] of
//! the engine. The feature `mpi` links the MPI library of the machine. Without the feature this crate compiles everywhere, and
//! [`start`] refuses to be one of several ranks.
//!
//! ```no_run
//! use ff_net::Peers;
//!
//! match ff_mpi::start() {
//!     Ok(Some(mpi)) => println!("this is rank {} of {}", mpi.rank(), mpi.size()),
//!     Ok(None) => println!("this process trains alone"),
//!     Err(error) => ff_mpi::abort(&error.to_string()),
//! }
//! ```
//!
//! MPI itself waits for ever if another rank panics, freezes or loses its link. So a panic of one rank ends the job, and
//! [`Mpi`] loses patience after a while.

#![forbid(unsafe_code)]

use std::env;

#[cfg(not(feature = "mpi"))]
mod absent;
mod ending;
mod error;
mod launched;
#[cfg(any(feature = "mpi", test))]
mod patience;
#[cfg(feature = "mpi")]
mod post;
#[cfg(feature = "mpi")]
mod present;

#[cfg(not(feature = "mpi"))]
use absent as world;
#[cfg(feature = "mpi")]
use present as world;

pub use ending::{abort, last_words};
pub use error::Error;
#[doc(no_inline)]
pub use ff_net::Peers;
pub use launched::Launched;
pub use world::Mpi;

/// Returns what the launcher's variables say about this process, and `None` where no launcher has set any.
pub fn launched() -> Option<Launched> {
    Launched::of(|name| env::var(name).ok())
}

/// Joins the other ranks of this job. Returns `None` where there are no others: starting MPI takes 0.4 s, even for one rank.
///
/// # Errors
/// Fails if there are other ranks and this build has no MPI, if MPI knows of another number of ranks than the launcher, or if
/// `FF_MPI_PATIENCE` is not a number.
pub fn start() -> Result<Option<Mpi>, Error> {
    match launched() {
        Some(launched) if launched.size > 1 => world::start(launched).map(Some),
        _ => Ok(None),
    }
}
