//! An NVIDIA GPU as a [`Device`](ff_tensor::Device): every op is a launch of the kernel of its name in `ff_kernels`.
//!
//! This crate computes nothing. `device.rs` takes each op apart and launches; `launch.rs` says how many threads, and how
//! arguments are handed over; `program.rs` puts a kernel and the formulas that it needs together. [`seam::Driver`] is the
//! seam below which there is either a GPU (`gpu.rs`) or, in the tests, a stand-in that runs the same kernels on the
//! processor. NVRTC compiles the kernels, most of them when a GPU is opened and those with formulas when an op brings the
//! formula. All are kept in the user's cache directory.
//!
//! It builds without CUDA's toolkit, and a program that contains it starts without NVIDIA's driver.

mod blas;
mod cache;
mod compile;
mod cuda;
mod device;
mod driver;
mod error;
mod gpu;
mod keeping;
mod launch;
mod memory;
mod products;
mod program;
mod programs;

pub use cuda::Cuda;
pub use error::OpenError;
pub use gpu::gpus;
pub use memory::Buffer;
pub use products::Products;

/// What stands between the ops and a GPU, for the tests: they put a stand-in there. It may change at any time.
#[doc(hidden)]
pub mod seam {
    pub use crate::compile::compile;
    pub use crate::driver::{Arg, Driver, DriverError, Grid, Recording};
    pub use crate::program::{Program, Struct};
}
