//! This module is a rank other than rank 0: it does what rank 0 tells it.

use std::ops::ControlFlow;
use std::path::Path;

use ff_data::Dataset;
use ff_net::peers::{meet, tell_all};
use ff_net::{Trainer, to_the_end};
use ff_tensor::Device;

use super::{GOES_ON, Job, Ranks, Shared, bits, device};
use crate::args::TrainArgs;
use crate::device::{self as devices, on_device};
use crate::failure::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::screen::Screen;
use crate::settings::Settings;
use crate::verdict::{Judge, Watched};
use crate::way::Ways;
use crate::{data, provenance, stand, training};

impl Ranks {
    /// Trains along with rank 0, until that has ended or stops.
    pub fn follow(&self, args: &TrainArgs) -> Outcome<()> {
        let screen = Screen::silent();
        // Rank 0 decides when all ranks stop, but a launcher asks every rank.
        let _asked = Interrupt::listen(false)?;
        let job = tell_all(&*self.peers, &[])?;
        let job: Job = serde_json::from_slice(&job).map_err(|e| Failure::new(e.to_string()))?;
        let program = provenance::program();
        if program != job.program {
            let message = format!("this is {program}, but rank 0 is {}", job.program);
            return Err(Failure::new(message).advise("the same build of ff-cli on all machines"));
        }
        let settings = Settings::of_text(&job.settings, "rank 0")?;
        let dev = devices::open(&device(Some(self), args))?;
        let set = data::open(args.data.as_deref().or(settings.data.as_deref()), &screen)?;
        if set.sha256() != job.data {
            let message = format!("{} ({}) is not the data set of rank 0", set.name, set.source);
            return Err(
                Failure::new(message).advise("`--data DIR` with a copy of the same files on each machine")
            );
        }
        on_device!(dev, dev => self.train_along(&dev, args, &job, &settings, &set))
    }

    fn train_along<D: Ways>(
        &self,
        dev: &D,
        args: &TrainArgs,
        job: &Job,
        settings: &Settings,
        set: &Dataset,
    ) -> Outcome<()> {
        if bits(dev)? != job.trial {
            let message = format!("{} computes other bits than rank 0", dev.name());
            return Err(Failure::new(message).advise("machines with processors of one kind"));
        }
        meet(&*self.peers)?;
        let shared = Shared { ranks: self, stages: job.stages.clone() };
        let watched = Watched::of(settings, set)?;
        let network = shared.network(dev, settings, set, &Screen::silent())?;
        let mut trainer = training::begin(network, settings, set)?;
        if job.resumed {
            trainer.receive_checkpoint()?;
        }
        let has_ended = epochs(&mut trainer, args, job.resumed, &watched)?;
        if has_ended && tell_all(&*self.peers, &[])? == GOES_ON {
            trainer.busy()?;
            watched.at_the_end(trainer.network(), set)?;
            trainer.send_model()?;
        }
        Ok(())
    }
}

/// Trains all epochs that are left. After each one it measures the error along with rank 0, and sends what rank 0 saves. Returns
/// whether all epochs are done.
fn epochs<D: Device>(
    trainer: &mut Trainer<D>,
    args: &TrainArgs,
    resumed: bool,
    watched: &Watched,
) -> Outcome<bool> {
    // Rank 0 does not tell where it writes.
    let run = args.resume.as_deref().or(args.out.as_deref()).unwrap_or(Path::new("RUN_DIR"));
    if resumed {
        stand::saved(run);
    }
    let (first, mut judge) = (trainer.epochs_done() + 1, Judge::new(trainer.network())?);
    while trainer.epochs_done() < trainer.epochs() {
        let epoch = trainer.epochs_done() + 1;
        let mut control = |at| {
            // Rank 0 has saved the epoch before this one.
            if epoch > first {
                stand::saved(run);
            }
            stand::note(epoch, at);
            ControlFlow::Continue(())
        };
        let has_ended = trainer.epoch_with(&mut control)?.is_some();
        if has_ended {
            judge.judge(trainer.network(), &watched.each_epoch, &mut to_the_end)?;
        } else if trainer.batches_done() == 0 {
            // Rank 0 has stopped between two epochs, and has saved before.
            return Ok(false);
        }
        trainer.send_checkpoint()?;
        if !has_ended {
            return Ok(false);
        }
    }
    Ok(true)
}
