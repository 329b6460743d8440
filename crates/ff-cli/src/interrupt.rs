//! This module handles Ctrl-C. The first one asks the training to stop after its step. Another one ends the process at once,
//! unless it is one of several ranks.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::{Failure, INTERRUPTED, Outcome};

/// Says whether somebody has asked the process to end.
pub struct Interrupt {
    asked: Arc<AtomicBool>,
    /// A signal ends the process if this is set before it comes.
    ends_at_once: Arc<AtomicBool>,
}

impl Interrupt {
    /// Starts to listen. From now on, the first Ctrl-C or request to terminate is only noted. A second one ends the process. If
    /// that is one of several ranks, all of them are noted: a launcher and a batch system both send them for one Ctrl-C, and a
    /// launcher that gets another Ctrl-C kills all ranks.
    pub fn listen(is_alone: bool) -> Outcome<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let ends_at_once = if is_alone { asked.clone() } else { Arc::default() };
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the shutdown must find that the flag is not set yet when the first signal comes.
            flag::register_conditional_shutdown(signal, INTERRUPTED.into(), Arc::clone(&ends_at_once))
                .and_then(|_| flag::register(signal, Arc::clone(&asked)))
                .map_err(|e| Failure::new(format!("Ctrl-C cannot be listened for: {e}")))?;
        }
        Ok(Self { asked, ends_at_once })
    }

    /// Returns whether to stop.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Returns the flag that says whether to stop.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.asked.clone()
    }

    /// Tells a loop over steps whether to continue.
    pub fn flow(&self) -> ControlFlow<()> {
        if self.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Stops listening. From now on, the first signal ends the process too.
    pub fn stop_listening(self) {
        self.ends_at_once.store(true, Ordering::Relaxed);
    }
}
