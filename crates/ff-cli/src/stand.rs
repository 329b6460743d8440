//! This module knows how far this rank has come in a training. The sentence with which a rank fails says it, and how to go on.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ff_net::Progress;

use crate::failure::Failure;

static STAND: Mutex<Stand> = Mutex::new(Stand { at: None, run: None });

struct Stand {
    /// The epoch, counted from 1, and its steps.
    at: Option<(usize, Progress)>,
    /// The directory of the run, once there is a checkpoint in it.
    run: Option<PathBuf>,
}

fn stand() -> MutexGuard<'static, Stand> {
    STAND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes how many steps of an epoch are done. Epochs are counted from 1.
pub fn note(epoch: usize, at: Progress) {
    stand().at = Some((epoch, at));
}

/// Notes that there is a checkpoint of the run in `dir`.
pub fn saved(dir: &Path) {
    stand().run = Some(dir.into());
}

/// Adds to a failure which rank it is, in which step it is, and how to go on.
pub fn of_rank(failure: Failure, rank: usize) -> Failure {
    let Stand { at, run } = &*stand();
    let place = match at {
        None => format!("rank {rank}"),
        Some((epoch, Progress { done, all })) if done < all => {
            format!("rank {rank}, epoch {epoch}, step {}", done + 1)
        }
        Some((epoch, _)) => format!("rank {rank}, after epoch {epoch}"),
    };
    let failure = failure.at(&place);
    match run {
        None => failure,
        Some(run) => {
            failure.or_advise(format!("`ff-cli train --resume {}`, on any number of ranks", run.display()))
        }
    }
}
