//! This module keeps the last two checkpoints of a run that has not ended, `checkpoints/epoch-0003.safetensors` and so on.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use ff_data::Dataset;
use ff_net::{Stored, Trainer};
use ff_tensor::Device;
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::run_dir::RunDir;
use crate::screen::Screen;

/// The name of the lock file. The process that trains the run holds the lock.
const LOCK: &str = "lock";

/// The checkpoints of a run that only this process trains.
pub struct Checkpoints {
    run: PathBuf,
    dir: PathBuf,
    _lock: File,
    /// The newest checkpoint that is known to be whole.
    newest: Option<PathBuf>,
}

impl Checkpoints {
    /// Makes the folder for the checkpoints of a new run, and locks it.
    pub fn begin(run: &mut RunDir) -> Outcome<Self> {
        let dir = run.path("checkpoints");
        if let Err(e) = fs::create_dir(&dir) {
            // Another process was faster, and the files that are there belong to it.
            if e.kind() == std::io::ErrorKind::AlreadyExists {
                run.keep();
            }
            return Err(Failure::new(format!("{}: cannot be made: {e}", dir.display()))
                .advise("`--out DIR` with a new directory"));
        }
        Self::locked(run.dir(), dir)
    }

    /// Opens the checkpoints of the run in `run`. The run must have been stopped.
    pub fn open(run: &Path) -> Outcome<Self> {
        let shown = run.display();
        let again = format!("`ff-cli train --config {}` to begin again", run.join("config.toml").display());
        if !run.join("config.toml").is_file() {
            return Err(Failure::new(format!("{shown}: is no run: there is no config.toml in it"))
                .advise("`ff-cli train --resume RUN_DIR` with the directory of a run that was stopped, such as runs/quick-1"));
        }
        let ended = |dir: &Path| {
            // A process that was killed at the very end of the run has left its checkpoints.
            let _ = fs::remove_dir_all(dir);
            Failure::new(format!("{shown}: this run has ended"))
                .advise(format!("`ff-cli eval {}`, or {again}", run.join("model.safetensors").display()))
        };
        let dir = run.join("checkpoints");
        if has_ended(run) {
            return Err(ended(&dir));
        }
        let none = || {
            Failure::new(format!("{shown}: this run was stopped before its first checkpoint")).advise(&again)
        };
        if !dir.is_dir() {
            return Err(none());
        }
        let checkpoints = Self::locked(run, dir)?;
        // The process that held the lock may have finished the run in the meantime.
        if has_ended(run) {
            return Err(ended(&checkpoints.dir));
        }
        if checkpoints.files().is_empty() { Err(none()) } else { Ok(checkpoints) }
    }

    fn locked(run: &Path, dir: PathBuf) -> Outcome<Self> {
        let path = dir.join(LOCK);
        let lock = File::create(&path)
            .map_err(|e| Failure::new(format!("{}: cannot be written: {e}", path.display())))?;
        // A file system without locks gives another error. The run then continues without a lock.
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            let message = format!("{}: another process trains this run", run.display());
            return Err(Failure::new(message).advise("the same once that has ended"));
        }
        Ok(Self { run: run.into(), dir, _lock: lock, newest: None })
    }

    /// Loads the newest checkpoint that is sound, and names the damaged ones.
    pub fn load(&mut self, screen: &Screen) -> Outcome<Stored> {
        let mut damaged = Vec::new();
        for path in self.files().into_iter().rev() {
            match Stored::open(&path) {
                Ok(checkpoint) => {
                    for e in damaged {
                        screen.note(format!("{e}; going on from the checkpoint before it"));
                    }
                    self.newest = Some(path);
                    return Ok(checkpoint);
                }
                Err(e) => damaged.push(e),
            }
        }
        let damaged: Vec<String> = damaged.iter().map(ff_net::Error::to_string).collect();
        let config = self.run.join("config.toml");
        Err(Failure::new(format!("there is no sound checkpoint: {}", damaged.join("; ")))
            .advise(format!("`ff-cli train --config {}` to begin again", config.display())))
    }

    /// Returns whether there is a checkpoint to resume from.
    pub fn any(&self) -> bool {
        self.newest.is_some()
    }

    /// Writes a checkpoint. Then it removes all others except the one before it.
    pub fn save<D: Device>(&mut self, trainer: &mut Trainer<D>, set: &Dataset, notes: &Value) -> Outcome<()> {
        let path = self.dir.join(name(trainer.epochs_done(), trainer.batches_done()));
        trainer.save(&path, &set.name, set.width, set.height, notes).map_err(|e| match e {
            ff_net::Error::Model { .. } => {
                Failure::new(e.to_string()).advise("`--out DIR` with a directory on another disk")
            }
            e => e.into(),
        })?;
        let before = self.newest.replace(path.clone());
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let other = entry.path();
            if other != path && Some(&other) != before.as_ref() && entry.file_name() != LOCK {
                // A file that cannot be removed takes room, but does no harm.
                let _ = fs::remove_file(other);
            }
        }
        Ok(())
    }

    /// Removes all checkpoints, because the run has ended.
    pub fn remove(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
        self.newest = None;
    }

    /// Returns the paths of all checkpoints, with the newest last.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let stand = |path: PathBuf| Some((stand(path.file_name()?.to_str()?)?, path));
        let mut files: Vec<_> = entries.filter_map(|entry| stand(entry.path())).collect();
        files.sort();
        files.into_iter().map(|(_, path)| path).collect()
    }
}

/// Returns whether the run has ended. The summary is the last file that a run writes.
pub fn has_ended(run: &Path) -> bool {
    run.join("summary.json").exists()
}

fn name(epochs_done: usize, batches_done: usize) -> String {
    match batches_done {
        0 => format!("epoch-{epochs_done:04}.safetensors"),
        _ => format!("epoch-{:04}-batch-{batches_done:05}.safetensors", epochs_done + 1),
    }
}

/// Reads the epoch and the batch from a file's name. The end of an epoch comes after all of its batches.
fn stand(name: &str) -> Option<(usize, usize)> {
    let name = name.strip_prefix("epoch-")?.strip_suffix(".safetensors")?;
    match name.split_once("-batch-") {
        Some((epoch, batch)) => Some((epoch.parse().ok()?, batch.parse().ok()?)),
        None => Some((name.parse().ok()?, usize::MAX)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_in_the_order_of_time() {
        let names = [(0, 7), (0, 100_000), (1, 0), (1, 3), (9_999, 0), (10_000, 1), (10_000, 2), (10_001, 0)]
            .map(|(epochs, batches)| name(epochs, batches));
        assert_eq!(names[0], "epoch-0001-batch-00007.safetensors");
        assert_eq!(names[2], "epoch-0001.safetensors");
        let stands = names.each_ref().map(|name| stand(name).unwrap());
        assert!(stands.is_sorted(), "{stands:?}");
        for other in ["lock", ".tmpAbC", "epoch-.safetensors", "epoch-0001.safetensors.tmp"] {
            assert_eq!(stand(other), None, "{other}");
        }
    }
}
