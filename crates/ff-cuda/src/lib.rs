//! This crate makes an NVIDIA GPU a [`Device`](ff_tensor::Device). Every op launches its kernel in `ff_kernels`, except that
//! cuBLAS computes matrix products if it is installed.
//!
//! This crate computes nothing itself. `device.rs` takes each op apart and launches its kernel. `launch.rs` says how many threads
//! a kernel gets, and how arguments are handed over. `program.rs` puts a kernel and the formulas that it needs together.
//! [`seam::Driver`] is the interface to either a GPU (`gpu.rs`) or the tests' shim, which runs the same kernels on the processor.
//! NVRTC compiles the kernels, most of them when a GPU is opened and those with formulas when an op brings the formula. All are
//! kept in the user's cache directory.
//!
//! [`Communicator`] moves bytes between the GPUs of several ranks. It needs NCCL and the feature `nccl` (`nccl.rs`).
//!
//! The crate builds without CUDA's toolkit. A program that contains it starts without NVIDIA's driver.

mod blas;
mod cache;
mod communicator;
mod compile;
mod cuda;
mod device;
mod driver;
mod error;
mod gpu;
mod keeping;
mod launch;
mod memory;
#[cfg(feature = "nccl")]
mod nccl;
mod products;
mod program;
mod programs;

pub use communicator::Communicator;
pub use cuda::Cuda;
pub use error::OpenError;
pub use gpu::gpus;
pub use memory::Buffer;
pub use products::Products;

/// The interface between the ops and a GPU. It is public for the tests, which put their shim there. It may change at any time.
#[doc(hidden)]
pub mod seam {
    pub use crate::compile::compile;
    pub use crate::driver::{Arg, Driver, DriverError, Grid, Id, Link, Move, Recording};
    pub use crate::program::{Program, Struct};
}
