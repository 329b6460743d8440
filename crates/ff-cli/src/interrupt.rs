//! This module handles Ctrl-C. The first one asks the training to stop after its step. Another one ends the process at once.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::{Failure, INTERRUPTED, Outcome};

/// A flag that says whether somebody has asked the process to end.
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to listen. From now on, the first Ctrl-C or request to terminate only sets the flag.
    pub fn listen() -> Outcome<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the shutdown must find that the flag is not set yet when the first signal comes.
            flag::register_conditional_shutdown(signal, INTERRUPTED.into(), Arc::clone(&asked))
                .and_then(|_| flag::register(signal, Arc::clone(&asked)))
                .map_err(|e| Failure::new(format!("Ctrl-C cannot be listened for: {e}")))?;
        }
        Ok(Self(asked))
    }

    /// Returns whether to stop.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Tells a loop over steps whether to continue.
    pub fn flow(&self) -> ControlFlow<()> {
        if self.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Stops listening. From now on, the first signal ends the process too.
    pub fn stop_listening(self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
