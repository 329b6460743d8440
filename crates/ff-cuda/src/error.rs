//! This module holds the errors of opening a GPU, one sentence each. It also turns a driver's errors into a device's.

use ff_tensor::Error;

use cudarc::driver::DriverError as Refused;

use crate::driver::{Driver, DriverError};

/// The reason why there is no CUDA device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// NVIDIA's driver is not installed.
    #[error("NVIDIA's driver is not installed: there is no {}", if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so" })]
    NoDriver,
    /// The driver is there but does not start.
    #[error("NVIDIA's driver does not start: {0}")]
    Driver(String),
    /// The driver is too old.
    #[error("NVIDIA's driver is too old: it serves CUDA {found}, and {needed} is needed")]
    OldDriver {
        /// The CUDA version that it serves.
        found: String,
        /// The oldest version that is enough.
        needed: String,
    },
    /// No GPU has that number.
    #[error("there is no GPU {index}: {}", numbered(*.count))]
    NoGpu {
        /// The number that was asked for.
        index: usize,
        /// The number of GPUs that there are.
        count: usize,
    },
    /// NVRTC is not installed, and no compiled kernels are in the cache.
    #[error("NVRTC, CUDA's compiler for kernels, is not installed: there is no {}", if cfg!(windows) { "nvrtc64_130_0.dll" } else { "libnvrtc.so" })]
    NoCompiler,
    /// The kernels do not compile.
    #[error("the kernels do not compile for {arch}: {first}")]
    Compile {
        /// The GPU's architecture.
        arch: String,
        /// The compiler's first error, with file and line.
        first: String,
        /// The compiler's whole log.
        log: String,
    },
    /// Products in TF32 were asked for, but cuBLAS is not installed.
    #[error("products in TF32 need cuBLAS, which is not installed: there is no {}", if cfg!(windows) { "cublas64_13.dll" } else { "libcublas.so" })]
    NoBlas,
    /// The compiled kernels do not load.
    #[error("the driver does not load the compiled kernels: {0}")]
    Load(String),
}

fn numbered(count: usize) -> String {
    match count {
        0 => "the driver finds none".into(),
        1 => "there is one, number 0".into(),
        _ => format!("there are {count}, numbered from 0"),
    }
}

/// Turns a driver's error into a device's.
pub(crate) fn failed(driver: &dyn Driver, e: DriverError) -> Error {
    Error::Device { device: driver.name(), reason: e.to_string() }
}

/// Turns the error of an allocation of `needed` bytes into a device's.
pub(crate) fn out_of_memory(driver: &dyn Driver, needed: usize, e: DriverError) -> Error {
    match e {
        DriverError::Memory { free } => Error::Memory { device: driver.name(), needed, free },
        DriverError::Other(_) => failed(driver, e),
    }
}

/// Turns CUDA's error into a driver's.
pub(crate) fn refused(e: Refused) -> DriverError {
    DriverError::Other(words(e))
}

/// Returns the driver's name for the error, and its explanation.
pub(crate) fn words(e: Refused) -> String {
    let text = |s: Result<&std::ffi::CStr, Refused>| s.ok().map(|s| s.to_string_lossy().into_owned());
    let name = text(e.error_name()).unwrap_or_else(|| format!("{:?}", e.0));
    text(e.error_string()).map_or(name.clone(), |what| format!("{name} ({what})"))
}
