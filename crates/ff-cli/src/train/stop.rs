//! Why a run has not come to its end, and whether it helps to go on.

use std::path::Path;

use crate::failure::Failure;

/// Why a run has not come to its end.
pub enum Stop {
    /// Somebody asked for it, and it stands here.
    Asked(String),
    /// To go on would end in the same place.
    Diverged(Failure),
    /// Anything else.
    Failed(Failure),
}

impl Stop {
    /// As the user sees it; `run` is the directory to go on from, if there is a checkpoint in it.
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
