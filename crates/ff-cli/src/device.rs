//! The one place that chooses a device.

use ff_cpu::Cpu;

use crate::args::DeviceArgs;
use crate::failure::{Failure, Outcome};

/// More threads than this are a slip of the finger.
const MOST_THREADS: usize = 4_096;

/// The device that was asked for. `auto` takes the CPU, which is the only one in this build.
pub fn open(args: &DeviceArgs) -> Outcome<Cpu> {
    if args.threads > MOST_THREADS {
        let message = format!("{} threads are more than {MOST_THREADS}", args.threads);
        return Err(Failure::new(message).advise("`--threads 0` for one per core"));
    }
    match args.device.as_str() {
        "auto" | "cpu" => Ok(Cpu::new(args.threads)?),
        cuda if cuda == "cuda" || cuda.starts_with("cuda:") => {
            Err(Failure::new(format!("device `{cuda}`: this build has no CUDA device"))
                .advise("`--device cpu`"))
        }
        other => Err(Failure::new(format!("there is no device `{other}`"))
            .advise("`--device auto`, `cpu` or `cuda:N`")),
    }
}
