//! This module ends the whole job. The other ranks would wait for a rank that ends alone.

use std::io::{Write, stderr};
use std::process;
#[cfg(feature = "mpi")]
use std::{thread, time::Duration};

#[cfg(feature = "mpi")]
use mpi::{environment, topology::SimpleCommunicator, traits::Communicator};

/// Prints a sentence and ends the whole job, with a code that is not 0. A rank that fails calls this.
pub fn abort(sentence: &str) -> ! {
    // One call writes the whole line, because other ranks print too.
    let _ = stderr().write_all(format!("{sentence}\n").as_bytes());
    end(1)
}

/// Ends the job if MPI runs, else this process: the launcher then ends the others. This does not wait for the thread that uses
/// MPI now, because it may wait for ever.
pub(crate) fn end(code: i32) -> ! {
    #[cfg(feature = "mpi")]
    if environment::is_initialized() && !environment::is_finalized() {
        // MPICH's launcher ends the job before it has read what this rank has printed, one time in ten.
        thread::sleep(Duration::from_millis(100));
        SimpleCommunicator::world().abort(code);
    }
    process::exit(code)
}
