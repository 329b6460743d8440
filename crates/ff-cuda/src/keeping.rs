//! This module makes recorded steps sound. It is between the ops and any driver. `Device::repeat` asks for the same ops with the
//! same tensors in each step, but nothing makes safe code do so.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use ff_tensor::Result;

use crate::driver::{Arg, Driver, DriverError, Grid, Id, Link, Move, Recording};
use crate::error::failed;
use crate::program::Program;

/// A driver under which recorded steps are sound, whatever safe code does meanwhile. Memory that is given back stays until no
/// recording is left that may use it, and only the thread that records a step adds to that step.
pub(crate) struct Keeping {
    driver: Arc<dyn Driver>,
    state: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    recordings: usize,
    recorder: Option<ThreadId>,
    given_back: Vec<u64>,
}

impl Keeping {
    pub(crate) fn new(driver: Arc<dyn Driver>) -> Self {
        Self { driver, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, Kept> {
        lock(&self.state)
    }

    /// Refuses work of another thread while a step is recorded, because it would become part of that step.
    fn mine(&self) -> std::result::Result<(), DriverError> {
        match self.state().recorder {
            Some(recorder) if recorder != std::thread::current().id() => Err(DriverError::Other(
                "another thread records a step: wait until its training has gone on".into(),
            )),
            _ => Ok(()),
        }
    }

    /// Counts one recording less. After the last one, it frees the memory that was given back.
    fn release(&self) {
        let mut state = self.state();
        state.recordings -= 1;
        if state.recordings == 0 {
            for at in std::mem::take(&mut state.given_back) {
                // SAFETY: the caller of `free` has guaranteed it, and no recording is left.
                unsafe { self.driver.free(at) };
            }
        }
    }
}

fn lock(state: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A link that refuses work while a step is recorded. Other ranks are not there when the step is repeated.
struct Apart(Arc<Mutex<Kept>>, Box<dyn Link>);

impl Apart {
    fn outside_a_step(&self) -> std::result::Result<(), DriverError> {
        match lock(&self.0).recorder {
            Some(_) => Err(DriverError::Other("a step that is recorded cannot wait for other ranks".into())),
            None => Ok(()),
        }
    }
}

impl Link for Apart {
    unsafe fn exchange(&self, moves: &[Move]) -> std::result::Result<(), DriverError> {
        self.outside_a_step()?;
        // SAFETY: the caller guarantees it.
        unsafe { self.1.exchange(moves) }
    }

    fn wait(&self, patience: Option<Duration>) -> std::result::Result<(), DriverError> {
        self.outside_a_step()?;
        self.1.wait(patience)
    }

    fn give_up(&self) {
        self.1.give_up();
    }
}

/// A recording that keeps memory until the recording is dropped.
struct Holding<'a>(&'a Keeping, Box<dyn Recording + 'a>);

impl Recording for Holding<'_> {
    fn replay(&self) -> std::result::Result<(), DriverError> {
        self.0.mine()?;
        self.1.replay()
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Driver for Keeping {
    fn name(&self) -> String {
        self.driver.name()
    }

    fn description(&self) -> String {
        self.driver.description()
    }

    fn scan_rows(&self) -> usize {
        self.driver.scan_rows()
    }

    fn alloc(&self, bytes: usize) -> std::result::Result<u64, DriverError> {
        self.driver.alloc(bytes)
    }

    unsafe fn free(&self, at: u64) {
        let mut state = self.state();
        match state.recordings {
            // SAFETY: the caller guarantees it.
            0 => unsafe { self.driver.free(at) },
            _ => state.given_back.push(at),
        }
    }

    unsafe fn zero(&self, at: u64, bytes: usize) -> std::result::Result<(), DriverError> {
        self.mine()?;
        // SAFETY: the caller guarantees it.
        unsafe { self.driver.zero(at, bytes) }
    }

    unsafe fn upload(&self, at: u64, bytes: &[u8]) -> std::result::Result<(), DriverError> {
        self.mine()?;
        // SAFETY: the caller guarantees it.
        unsafe { self.driver.upload(at, bytes) }
    }

    unsafe fn download(&self, bytes: &mut [u8], at: u64) -> std::result::Result<(), DriverError> {
        self.mine()?;
        // SAFETY: the caller guarantees it.
        unsafe { self.driver.download(bytes, at) }
    }

    unsafe fn launch(
        &self,
        program: &Program,
        kernel: &str,
        grid: Grid,
        args: &[Arg],
    ) -> std::result::Result<(), DriverError> {
        self.mine()?;
        // SAFETY: the caller guarantees it.
        unsafe { self.driver.launch(program, kernel, grid, args) }
    }

    unsafe fn product(
        &self,
        c: u64,
        a: (u64, bool),
        b: (u64, bool),
        shape: [usize; 3],
    ) -> std::result::Result<bool, DriverError> {
        self.mine()?;
        // SAFETY: the caller guarantees it.
        unsafe { self.driver.product(c, a, b, shape) }
    }

    fn synchronise(&self) -> std::result::Result<(), DriverError> {
        self.mine()?;
        self.driver.synchronise()
    }

    fn record(&self, step: &mut dyn FnMut() -> Result<()>) -> Result<Box<dyn Recording + '_>> {
        let mut state = self.state();
        if state.recorder.is_some() {
            return Err(failed(self, DriverError::Other("a step is being recorded already".into())));
        }
        (state.recorder, state.recordings) = (Some(std::thread::current().id()), state.recordings + 1);
        drop(state);
        // A step that panics must not leave the driver in the middle of a recording. So the panic goes on after the recording has
        // ended.
        let mut panic = None;
        let recording = self.driver.record(&mut || {
            catch_unwind(AssertUnwindSafe(&mut *step)).unwrap_or_else(|reason| {
                panic = Some(reason);
                Err(failed(self, DriverError::Other("a step panicked".into())))
            })
        });
        self.state().recorder = None;
        if let Some(reason) = panic {
            drop(recording);
            self.release();
            resume_unwind(reason);
        }
        match recording {
            Ok(recording) => Ok(Box::new(Holding(self, recording))),
            Err(e) => {
                self.release();
                Err(e)
            }
        }
    }

    fn linkable(&self) -> std::result::Result<[u8; 16], DriverError> {
        self.driver.linkable()
    }

    fn new_id(&self) -> std::result::Result<Id, DriverError> {
        self.driver.new_id()
    }

    fn link(&self, rank: usize, ranks: usize, id: &Id) -> std::result::Result<Box<dyn Link>, DriverError> {
        Ok(Box::new(Apart(self.state.clone(), self.driver.link(rank, ranks, id)?)))
    }
}
