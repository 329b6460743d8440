//! This module has the reasons why a rank cannot join the others.

/// Each error is one sentence that says what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There are several ranks, but this build has no MPI.
    #[error(
        "this is rank {rank} of {size}, but this ff-cli was built without MPI and would train {size} times: \
         type `cargo build -p ff-cli --features mpi`"
    )]
    NoMpi {
        /// The number of this rank, counted from 0.
        rank: usize,
        /// The number of ranks that the launcher has started.
        size: usize,
    },
    /// The launcher belongs to another MPI library. Each rank would be alone in a world of its own.
    #[error(
        "the launcher has started {launched} ranks, but MPI knows of {world}: use the mpirun of {library}, for which this \
         program was built"
    )]
    OtherWorld {
        /// The number of ranks that the launcher has started.
        launched: usize,
        /// The number of ranks in MPI's world.
        world: usize,
        /// The name and version of the MPI library of this build.
        library: String,
    },
    /// MPI cannot be used from the threads of this process.
    #[error("{library} cannot be called from several threads: its build has no MPI_THREAD_SERIALIZED")]
    Threads {
        /// The name and version of the MPI library of this build.
        library: String,
    },
    /// MPI can be started only once in the life of a process.
    #[error("MPI was started before in this process")]
    Twice,
    /// The environment variable `FF_MPI_PATIENCE` is not a number.
    #[error("FF_MPI_PATIENCE is `{0}`: set it to a number of seconds, or to 0 to wait for ever")]
    Patience(String),
}
