//! This module decides how a rank waits, and for how long. MPI never notices that another rank is frozen, or that its link is
//! dead.

use std::hint;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;

/// How long a rank waits for a message, where `FF_MPI_PATIENCE` does not say it.
const USUAL: Duration = Duration::from_secs(60);

/// Most messages come within this time. Only spinning answers them at once.
const SPIN: Duration = Duration::from_micros(5);

/// Until then a wait gives its core to any other thread that wants it. Then it sleeps.
const YIELD: Duration = Duration::from_millis(20);

/// How long a waiting rank sleeps before it looks again.
const SLEEP: Duration = Duration::from_micros(100);

/// A rank that has not looked for so long was itself stopped, as by Ctrl-Z.
const STOPPED: Duration = Duration::from_secs(1);

/// How long a rank waits for another one. `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Patience(pub(crate) Option<Duration>);

impl Patience {
    /// Reads the text of `FF_MPI_PATIENCE`: a number of seconds, where 0 is for ever.
    pub(crate) fn of(text: Option<&str>) -> Result<Self, Error> {
        let Some(text) = text else { return Ok(Self(Some(USUAL))) };
        let seconds: u64 = text.parse().map_err(|_| Error::Patience(text.into()))?;
        Ok(Self((seconds > 0).then_some(Duration::from_secs(seconds))))
    }

    /// Begins to wait.
    pub(crate) fn wait(self) -> Wait {
        let now = Instant::now();
        Wait { patience: self, began: now, looked: now }
    }
}

/// A wait that is under way.
pub(crate) struct Wait {
    patience: Patience,
    began: Instant,
    looked: Instant,
}

impl Wait {
    /// Pauses until it is time to look again. Returns whether there is patience left.
    pub(crate) fn pause(&mut self) -> bool {
        let waited = self.waited(Instant::now());
        match waited {
            _ if waited < SPIN => hint::spin_loop(),
            _ if waited < YIELD => thread::yield_now(),
            _ => thread::sleep(SLEEP),
        }
        self.patience.0.is_none_or(|longest| waited < longest)
    }

    /// Returns how long this rank has waited. The time begins anew after it was stopped, because then the others were stopped
    /// too, and need time to go on.
    fn waited(&mut self, now: Instant) -> Duration {
        if now - self.looked > STOPPED {
            self.began = now;
        }
        self.looked = now;
        now - self.began
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_a_number_of_seconds() {
        assert_eq!(Patience::of(None), Ok(Patience(Some(USUAL))));
        assert_eq!(Patience::of(Some("7")), Ok(Patience(Some(Duration::from_secs(7)))));
        assert_eq!(Patience::of(Some("0")), Ok(Patience(None)));
        let said = "FF_MPI_PATIENCE is `soon`: set it to a number of seconds, or to 0 to wait for ever";
        assert_eq!(Patience::of(Some("soon")).map_err(|error| error.to_string()), Err(said.into()));
    }

    #[test]
    fn a_wait_ends() {
        let mut wait = Patience(Some(Duration::from_millis(30))).wait();
        let began = Instant::now();
        while wait.pause() {}
        assert!(began.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn the_time_of_a_rank_that_was_stopped_begins_anew() {
        let mut wait = Patience(Some(USUAL)).wait();
        let (start, second) = (wait.began, Duration::from_secs(1));
        assert_eq!(wait.waited(start + second), second);
        assert_eq!(wait.waited(start + 90 * second), Duration::ZERO);
        assert_eq!(wait.waited(start + 91 * second), second);
    }
}
