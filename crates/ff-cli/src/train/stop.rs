//! This module says why a run has not ended, and whether it helps to resume it.

use std::path::Path;

use crate::failure::Failure;

/// The reason why a run has not ended.
pub enum Stop {
    /// The user asked for it. The text says how far the training has come.
    Asked(String),
    /// The training diverged. If it is resumed, it ends in the same place.
    Diverged(Failure),
    /// Something else went wrong.
    Failed(Failure),
}

impl Stop {
    /// Returns the error as the user sees it. `run` is the directory to resume from, if there is a checkpoint in it.
    pub fn failure(self, run: Option<&Path>) -> Failure {
        let resume = run.map(|run| format!("`ff-cli train --resume {}`", run.display()));
        match (self, resume) {
            (Stop::Asked(stand), Some(resume)) => {
                Failure::stopped(format!("{stand}; all of it is saved")).advise(format!("{resume} to go on"))
            }
            (Stop::Asked(stand), None) => Failure::stopped(stand),
            (Stop::Diverged(failure), Some(_)) => failure.advise(
                "a lower learning rate in another run: `--set learning_rate=VALUE`; to resume this one would end there again",
            ),
            (Stop::Failed(failure), Some(resume)) => failure.advise(format!("{resume} once that is put right")),
            (Stop::Diverged(failure) | Stop::Failed(failure), None) => failure,
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

impl From<ff_net::Error> for Stop {
    fn from(e: ff_net::Error) -> Self {
        match e {
            ff_net::Error::Diverged { .. } => Stop::Diverged(e.into()),
            _ => Stop::Failed(e.into()),
        }
    }
}
