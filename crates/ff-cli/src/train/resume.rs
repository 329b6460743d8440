//! `train --resume` resumes a run that was stopped, with its own settings and on its own data.

use std::path::Path;

use super::notes::Notes;
use super::run::Run;
use crate::args::TrainArgs;
use crate::checkpoints::Checkpoints;
use crate::device::on_device;
use crate::failure::{Failure, Outcome};
use crate::ranks::{self, Ranks};
use crate::run_dir::RunDir;
use crate::screen::Screen;
use crate::settings::Settings;
use crate::{data, device, stand};

/// Resumes the run in `path`.
pub fn resume(path: &Path, args: &TrainArgs, ranks: Option<&Ranks>, screen: &Screen) -> Outcome<()> {
    let mut checkpoints = Checkpoints::open(path)?;
    let checkpoint = checkpoints.load(screen)?;
    let notes = Notes::of(&checkpoint)?;
    let config = path.join("config.toml");
    if std::fs::read(&config).ok().as_deref() != Some(notes.settings.as_bytes()) {
        let message = format!("{}: has been changed since the run began", config.display());
        return Err(Failure::new(message).advise(format!(
            "`ff-cli train --config {}` for another run, or put back what was there",
            config.display()
        )));
    }
    let mut settings = Settings::of_text(&notes.settings, &config.display().to_string())?;
    settings.data = args.data.clone().or(settings.data);

    let dev = device::open(&ranks::device(ranks, args))?;
    let mut set = data::open(settings.data.as_deref(), screen)?;
    let dataset = &checkpoint.model.dataset;
    if set.sha256() != notes.data {
        let message = format!("{} ({}) is not what the run was trained on: {dataset}", set.name, set.source);
        return Err(Failure::new(format!("{message}, with another checksum"))
            .advise("`--data DIR` with the data set that the run began with"));
    }
    // The data set may be in a directory with another name now.
    set.name.clone_from(dataset);
    let (dir, place) = (RunDir::open(path), dev.place());
    dir.write("metrics.jsonl", &notes.lines()?)?;
    stand::saved(path);
    on_device!(dev, dev => {
        let from = Some(&checkpoint);
        let shared = ranks.map(|ranks| ranks.begin(&dev, args, &settings, &set, from)).transpose()?;
        Run::new(screen, settings, dev, place, set, dir, checkpoints, notes, shared)?.run(Some(checkpoint))
    })
}
