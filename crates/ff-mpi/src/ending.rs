//! This module ends the whole job. The other ranks would wait for a rank that ends alone.

use std::io::{Write, stderr};
use std::process;
use std::sync::OnceLock;
#[cfg(feature = "mpi")]
use std::{thread, time::Duration};

#[cfg(feature = "mpi")]
use mpi::{environment, topology::SimpleCommunicator, traits::Communicator};

/// What the program makes of a sentence with which this crate ends the job.
static LAST_WORDS: OnceLock<fn(&str) -> String> = OnceLock::new();

/// Lets the program complete a sentence with which this crate itself ends the job. Only the program knows how far it has come,
/// and how to go on. Only the first call counts.
pub fn last_words(words: fn(&str) -> String) {
    let _ = LAST_WORDS.set(words);
}

/// Completes a sentence of this crate.
#[cfg(feature = "mpi")]
pub(crate) fn complete(sentence: &str) -> String {
    LAST_WORDS.get().map_or_else(|| sentence.into(), |words| words(sentence))
}

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
