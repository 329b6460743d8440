//! This module is the only place that chooses a device.

use ff_cpu::Cpu;
#[cfg(feature = "cuda")]
use ff_cuda::{Cuda, OpenError, Products};

use crate::args::DeviceArgs;
use crate::failure::{Failure, Outcome};

/// The largest number of threads. A larger number is probably a typing error.
const MOST_THREADS: usize = 4_096;

/// A device that is ready.
pub enum Chosen {
    Cpu(Cpu),
    #[cfg(feature = "cuda")]
    Cuda(Cuda),
}

/// The description of a device.
pub struct Place {
    /// A text such as `cpu, 2 threads`, or the name of the GPU.
    pub description: String,
    /// The number of threads, if the device is the CPU.
    pub threads: Option<usize>,
}

impl Chosen {
    /// Returns the description of the device.
    pub fn place(&self) -> Place {
        match self {
            Chosen::Cpu(dev) => {
                let (threads, plural) = (dev.threads(), if dev.threads() == 1 { "" } else { "s" });
                Place { description: format!("cpu, {threads} thread{plural}"), threads: Some(threads) }
            }
            #[cfg(feature = "cuda")]
            Chosen::Cuda(dev) => Place { description: dev.description(), threads: None },
        }
    }
}

/// Evaluates `$body` with `$dev` bound to the chosen device. The work of a `Cpu` runs on one of its own threads.
macro_rules! on_device {
    ($chosen:expr, $dev:ident => $body:expr) => {
        match $chosen {
            $crate::device::Chosen::Cpu($dev) => $dev.clone().install(|| $body),
            #[cfg(feature = "cuda")]
            $crate::device::Chosen::Cuda($dev) => $body,
        }
    };
}
pub(crate) use on_device;

/// Opens the device that was asked for. `auto` takes GPU 0 if it can be used, else the CPU.
pub fn open(args: &DeviceArgs) -> Outcome<Chosen> {
    if args.threads > MOST_THREADS {
        let message = format!("{} threads are more than {MOST_THREADS}", args.threads);
        return Err(Failure::new(message).advise("`--threads 0` for one per core"));
    }
    let cpu = || Ok(Chosen::Cpu(Cpu::new(args.threads)?));
    let name = args.device.as_deref().unwrap_or("auto");
    match name {
        "cpu" if args.tf32 => Err(Failure::new("`--tf32` is for a GPU").advise("`--device cuda`")),
        "cpu" => cpu(),
        "auto" => auto(args, cpu),
        "cuda" => cuda(name, 0, args.tf32),
        _ => match name.strip_prefix("cuda:").and_then(|index| index.parse().ok()) {
            Some(index) => cuda(name, index, args.tf32),
            None => Err(Failure::new(format!("there is no device `{name}`"))
                .advise("`--device auto`, `cpu`, `cuda` or `cuda:N` with a GPU's number")),
        },
    }
}

/// Returns the names of the GPUs, or the reason why there is none.
#[cfg(feature = "cuda")]
pub fn gpus() -> Result<Vec<String>, String> {
    ff_cuda::gpus().map_err(|e| e.to_string())
}

#[cfg(not(feature = "cuda"))]
pub fn gpus() -> Result<Vec<String>, String> {
    Err("this build has no CUDA device".into())
}

#[cfg(feature = "cuda")]
fn products(tf32: bool) -> Products {
    if tf32 { Products::Tf32 } else { Products::F32 }
}

/// Takes a GPU that passes its trial, or else the CPU. A machine without a driver or a GPU gets no message, unless
/// somebody typed `--device auto`.
#[cfg(feature = "cuda")]
fn auto(args: &DeviceArgs, cpu: impl FnOnce() -> Outcome<Chosen>) -> Outcome<Chosen> {
    match Cuda::new(0, products(args.tf32)) {
        Ok(dev) => match on_trial(dev) {
            Ok(dev) => return Ok(Chosen::Cuda(dev)),
            Err(reason) => eprintln!("note: {reason}; computing on the CPU"),
        },
        Err(OpenError::NoDriver | OpenError::NoGpu { .. }) if args.device.is_none() => {}
        Err(e) => eprintln!("note: {e}; computing on the CPU"),
    }
    cpu()
}

#[cfg(not(feature = "cuda"))]
fn auto(args: &DeviceArgs, cpu: impl FnOnce() -> Outcome<Chosen>) -> Outcome<Chosen> {
    if args.device.is_some() {
        eprintln!("note: this build has no CUDA device; computing on the CPU");
    }
    cpu()
}

/// The largest share by which the losses of a sound GPU may differ from the CPU's. TF32 and spikes at their threshold make a
/// difference of some thousandths.
#[cfg(feature = "cuda")]
const MOST_DISAGREEMENT: f32 = 0.02;

/// Returns the GPU if it computes as the CPU does, or else says what is wrong with it.
#[cfg(feature = "cuda")]
fn on_trial(dev: Cuda) -> Result<Cuda, String> {
    let reference = Cpu::new(1).map_err(|e| e.to_string())?;
    match ff_net::trial::disagreement(&dev, &reference) {
        Ok(off) if off <= MOST_DISAGREEMENT => Ok(dev),
        Ok(off) => Err(format!(
            "{} computes otherwise than the CPU: losses of a short trial differ by {:.0} %",
            dev.description(),
            100.0 * off
        )),
        Err(e) => Err(format!("{} failed in a short trial: {e}", dev.description())),
    }
}

#[cfg(feature = "cuda")]
fn cuda(name: &str, index: usize, tf32: bool) -> Outcome<Chosen> {
    let dev = open_cuda(name, index, tf32)?;
    let untrusted = |reason| Failure::new(format!("device `{name}`: {reason}")).advise("`--device cpu`");
    on_trial(dev).map(Chosen::Cuda).map_err(untrusted)
}

#[cfg(feature = "cuda")]
fn open_cuda(name: &str, index: usize, tf32: bool) -> Outcome<Cuda> {
    Cuda::new(index, products(tf32)).map_err(|e| {
        let advice = match &e {
            OpenError::NoDriver | OpenError::Driver(_) | OpenError::OldDriver { .. } => {
                "NVIDIA's driver for CUDA 12 or later, `nvidia-smi` to see whether it works, or `--device cpu`"
            }
            OpenError::NoGpu { count: 0, .. } => "`nvidia-smi` to see what the driver finds, or `--device cpu`",
            OpenError::NoGpu { .. } => "`--device cuda:0`",
            OpenError::NoCompiler => {
                "CUDA's toolkit, or `pip install nvidia-cuda-nvrtc` and LD_LIBRARY_PATH with its directory, or \
                 `--device cpu`"
            }
            OpenError::NoBlas => "CUDA's toolkit, or `pip install nvidia-cublas` and LD_LIBRARY_PATH with its directory, \
                                  or no `--tf32`",
            OpenError::Compile { .. } | OpenError::Load(_) => {
                "an NVRTC of the driver's CUDA version (`nvidia-smi` shows it), or `--device cpu`"
            }
        };
        Failure::new(format!("device `{name}`: {e}")).advise(advice)
    })
}

#[cfg(not(feature = "cuda"))]
fn cuda(name: &str, _: usize, _: bool) -> Outcome<Chosen> {
    let message = format!("device `{name}`: this build has no CUDA device");
    Err(Failure::new(message).advise("a build with `--features cuda`, or `--device cpu`"))
}
