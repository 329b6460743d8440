//! This module shares a training out among ranks: the processes of one job, each on its own cores, GPU or machine.
//!
//! Rank 0 reads the settings, prints, and writes the run. The others do what it tells them, and read their own data.

mod follower;

use std::any::Any;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ff_data::Dataset;
use ff_net::peers::{meet, tell_all};
use ff_net::{Network, Peers, trial};
use ff_tensor::Device;
use serde::{Deserialize, Serialize};

use crate::args::{DeviceArgs, Parallel, TrainArgs};
use crate::failure::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::screen::Screen;
use crate::settings::Settings;
use crate::way::{Way, Ways};
use crate::{balance, provenance, stand};

/// The ranks, once they know each other. From then on, an error of one rank has to end the others. A rank that drops its peers
/// waits for the others, so they are kept here until the rank has ended well.
static JOINED: Mutex<Option<Joined>> = Mutex::new(None);

/// What joins the ranks. It goes in this order.
struct Joined {
    _transport: Option<Box<dyn Any + Send>>,
    _peers: Arc<dyn Peers>,
}

/// How often rank 0 looks whether it is asked to stop, and how long it then waits until it says that it cannot.
const POLL: Duration = Duration::from_millis(50);
const SOON: Duration = Duration::from_millis(300);

/// What rank 0 says after the last epoch if it goes on.
const GOES_ON: &[u8] = &[1];

/// The ranks of this job.
pub struct Ranks {
    peers: Arc<dyn Peers>,
    patience: Option<Duration>,
}

/// What rank 0 tells the others.
#[derive(Serialize, Deserialize)]
struct Job {
    program: String,
    settings: String,
    /// The SHA-256 of the data set.
    data: String,
    /// The bits of the losses of a short trial. Processors that compute differently have others.
    trial: Vec<u32>,
    /// The number of layers of each rank. It is `None` if each has some units of every layer.
    stages: Option<Vec<usize>>,
    resumed: bool,
}

impl Ranks {
    /// Joins the other ranks of this job. Returns `None` if this process trains alone.
    pub fn join(args: &TrainArgs) -> Outcome<Option<Self>> {
        let peers = ff_mpi::start().map_err(|e| Failure::new(e.to_string()))?;
        let Some(peers) = peers else {
            return match &args.stages {
                Some(stages) if stages.len() != 1 => {
                    let message = format!("there is 1 rank, but `--stages` has {}", stages.len());
                    Err(Failure::new(message).advise(format!("`mpirun -np {}` before it", stages.len())))
                }
                _ => Ok(None),
            };
        };
        let patience = peers.patience();
        let peers: Arc<dyn Peers> = Arc::new(peers);
        *joined() = Some(Joined { _transport: None, _peers: peers.clone() });
        ff_mpi::last_words(|sentence| of_rank(Failure::new(sentence)).to_string());
        match args.parallel {
            Some(Parallel::Units) if args.stages.is_some() => {
                Err(Failure::new("`--stages` is for layers").advise("`--parallel layers`"))
            }
            Some(_) => Ok(Some(Self { peers, patience })),
            None => {
                let message = format!("nothing says how {} ranks share the work", peers.size());
                Err(Failure::new(message).advise("`--parallel units` or `--parallel layers`"))
            }
        }
    }

    /// Returns whether this is rank 0, which prints and writes.
    pub fn is_first(&self) -> bool {
        self.peers.rank() == 0
    }

    /// Tells the other ranks what to train, and waits until they are ready.
    pub fn begin<D: Device>(
        &self,
        dev: &D,
        args: &TrainArgs,
        settings: &Settings,
        set: &Dataset,
        resumed: bool,
    ) -> Outcome<Shared<'_>> {
        let stages = match (args.parallel, &args.stages) {
            (Some(Parallel::Layers), None) => {
                Some(balance::cut(&balance::seconds(dev, settings, set)?, self.peers.size())?)
            }
            (_, stages) => stages.clone(),
        };
        match &stages {
            Some(stages) => settings.config.check_stages(stages, self.peers.size())?,
            None => settings.config.check_slices(self.peers.size())?,
        }
        let job = Job {
            program: provenance::program(),
            settings: settings.to_toml()?,
            data: set.sha256(),
            trial: bits(dev)?,
            stages: stages.clone(),
            resumed,
        };
        let job = serde_json::to_vec(&job).map_err(|e| Failure::new(e.to_string()))?;
        tell_all(&*self.peers, &job)?;
        meet(&*self.peers)?;
        Ok(Shared { ranks: self, stages })
    }
}

/// A training that all ranks have agreed on.
pub struct Shared<'a> {
    ranks: &'a Ranks,
    /// The number of layers of each rank. It is `None` if each has some units of every layer.
    stages: Option<Vec<usize>>,
}

impl Shared<'_> {
    /// Returns the number of ranks.
    pub fn size(&self) -> usize {
        self.ranks.peers.size()
    }

    /// Says which share of the training each rank was busy, if the ranks have layers of their own.
    pub fn balance(&self, busy: &[f64]) -> Option<String> {
        let (mut first, mut words) = (1, Vec::new());
        for (rank, (layers, busy)) in self.stages.as_ref()?.iter().zip(busy).enumerate() {
            let last = first + layers - 1;
            let layers =
                if first == last { format!("layer {first}") } else { format!("layers {first}-{last}") };
            words.push(format!("rank {rank} with {layers} {:.0} %", 100.0 * busy));
            first = last + 1;
        }
        Some(format!("busy: {}", words.join(", ")))
    }

    /// Says how to go on if this rank, which is rank 0, is asked to stop and does not come to it: a launcher asks it, too, when
    /// another rank has died, and kills it soon after. The result has to be dropped in time.
    pub fn watch(&self, interrupt: &Interrupt) -> Sender<()> {
        let (over, is_over) = channel();
        let asked = interrupt.flag();
        thread::spawn(move || {
            let pause = |time| matches!(is_over.recv_timeout(time), Err(RecvTimeoutError::Timeout));
            while pause(POLL) {
                if asked.load(Ordering::Relaxed) && pause(SOON) {
                    let waits = Failure::stopped(
                        "asked to stop, but this step does not end: another rank may be gone",
                    );
                    return eprintln!("{}", of_rank(waits));
                }
            }
        });
        over
    }

    /// Tells the other ranks, once all epochs are done, whether the network is tested and written now. Only rank 0 does so.
    pub fn tell_whether_to_end(&self, goes_on: bool) -> ff_net::Result<()> {
        let said: &[u8] = if goes_on { GOES_ON } else { &[] };
        Ok(tell_all(&*self.ranks.peers, said).map(drop)?)
    }

    /// Makes the part of this rank of a network with random weights. If signals do not go the shortest way, `screen` says why.
    pub fn network<D: Ways>(
        &self,
        dev: &D,
        settings: &Settings,
        set: &Dataset,
        screen: &Screen,
    ) -> Outcome<Network<D>> {
        let (config, pixels, peers) =
            (settings.config.clone(), set.width * set.height, self.ranks.peers.clone());
        let Way { transport, note } = dev.way(peers.clone(), self.ranks.patience)?;
        *joined() = Some(Joined { _transport: Some(Box::new(transport.clone())), _peers: peers.clone() });
        note.iter().for_each(|note| screen.note(note));
        Ok(match &self.stages {
            Some(stages) => {
                Network::over_layers_by(dev, config, pixels, set.classes, peers, transport, stages)?
            }
            None => Network::over_units_by(dev, config, pixels, set.classes, peers, transport)?,
        })
    }
}

/// Returns the device of this process. If it is one of several ranks, that is its share of the cores of its machine, or a GPU of
/// its own.
pub fn device(ranks: Option<&Ranks>, args: &TrainArgs) -> DeviceArgs {
    let asked = args.device.clone();
    let Some(here) = ff_mpi::launched().filter(|_| ranks.is_some()) else { return asked };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = if asked.threads == 0 { (cores / here.local_size.max(1)).max(1) } else { asked.threads };
    let own = |name: String| if name == "cuda" { format!("cuda:{}", here.local_rank) } else { name };
    DeviceArgs { threads, device: asked.device.map(own), tf32: asked.tf32 }
}

/// Returns the bits of the losses of a trial.
fn bits<D: Device>(dev: &D) -> Outcome<Vec<u32>> {
    Ok(trial::losses(dev)?.into_iter().map(f32::to_bits).collect())
}

fn joined() -> MutexGuard<'static, Option<Joined>> {
    JOINED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds to a failure which rank it is, and how far it has come.
fn of_rank(failure: Failure) -> Failure {
    stand::of_rank(failure, ff_mpi::launched().map_or(0, |here| here.rank))
}

/// Waits until all ranks have ended well, if this process is one of several.
pub fn leave() {
    joined().take();
}

/// Prints an error, and ends the whole job if this process is one of several ranks.
pub fn fail(failure: Failure) -> ExitCode {
    let code = ExitCode::from(failure.exit_code());
    let here = ff_mpi::launched().filter(|launched| launched.size > 1);
    let ends_all = joined().is_some() && !failure.is_stop();
    match here {
        Some(_) if ends_all => ff_mpi::abort(&of_rank(failure).to_string()),
        // All ranks have found the same mistake, or rank 0 has told the others to stop.
        Some(here) if here.rank > 0 => {}
        _ => eprintln!("{failure}"),
    }
    leave();
    code
}
