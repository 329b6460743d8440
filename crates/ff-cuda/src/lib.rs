//! An NVIDIA GPU as a [`Device`](ff_tensor::Device): every op is a launch of the kernel of its name in `ff_kernels`.
//!
//! This crate computes nothing. `device.rs` checks shapes and launches; `launch.rs` says how many threads, and how
//! arguments are handed over; [`Driver`] is the seam below which there is either a GPU (`gpu.rs`) or, in the tests, a
//! stand-in that runs the same kernels on the processor. The kernels are compiled when a GPU is opened, by NVRTC, and
//! kept in the user's cache directory.
//!
//! It builds without CUDA's toolkit, and a program that contains it starts without NVIDIA's driver.

mod blas;
mod cache;
mod compile;
mod device;
mod driver;
mod error;
mod gpu;
mod launch;
mod memory;
mod products;

pub use compile::compile;
pub use device::Cuda;
pub use driver::{Arg, Driver, DriverError, Grid, NeuronArg, Recording};
pub use error::OpenError;
pub use gpu::gpus;
pub use memory::Buffer;
pub use products::Products;
