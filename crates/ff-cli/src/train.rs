//! `train` starts a run from settings, or resumes a run that was stopped. It writes a run directory.

use crate::args::TrainArgs;
use crate::checkpoints::Checkpoints;
use crate::device::on_device;
use crate::failure::Outcome;
use crate::ranks::{self, Ranks};
use crate::run_dir::RunDir;
use crate::screen::Screen;
use crate::settings::{Asked, Settings};
use crate::{data, device};

mod notes;
mod plots;
mod resume;
mod run;
mod stop;

use notes::Notes;
use run::Run;

/// Trains and tests a network, and writes the run's directory.
pub fn train(args: &TrainArgs) -> Outcome<()> {
    let ranks = Ranks::join(args)?;
    if let Some(ranks) = ranks.as_ref().filter(|ranks| !ranks.is_first()) {
        return ranks.follow(args);
    }
    let screen = Screen::new(args.json.json);
    if let Some(dir) = &args.resume {
        return resume::resume(dir, args, ranks.as_ref(), &screen);
    }
    let settings = Settings::resolve(Asked {
        preset: args.preset.as_deref(),
        config: args.config.as_deref(),
        set: &args.set,
        seed: args.seed,
        data: args.data.as_deref(),
    })?;
    let dev = device::open(&ranks::device(ranks.as_ref(), args))?;
    let set = data::open(settings.data.as_deref(), &screen)?;
    settings.config.validate(set.width * set.height, set.classes)?;
    let place = dev.place();
    on_device!(dev, dev => {
        let shared = ranks.as_ref().map(|ranks| ranks.begin(&dev, args, &settings, &set, false)).transpose()?;
        let mut dir = RunDir::prepare(args.out.as_deref(), &settings.preset)?;
        let checkpoints = Checkpoints::begin(&mut dir)?;
        let notes = Notes::new(settings.to_toml()?, set.sha256());
        dir.write("config.toml", &notes.settings)?;
        Run::new(&screen, settings, dev, place, set, dir, checkpoints, notes, shared)?.run(None)
    })
}
