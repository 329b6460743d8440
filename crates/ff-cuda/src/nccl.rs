//! This module makes NCCL a [`Link`], through the `cudarc` crate's layer of plain results. All exchanges are queued in the
//! device's only stream.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cudarc::driver::{CudaContext, CudaStream, result as driver, sys as cuda};
use cudarc::nccl::{result, sys};

use crate::driver::{DriverError, Id, Link, Move};
use crate::error::refused;

/// The oldest NCCL that has all that is used here as it is now.
const OLDEST: c_int = 21_800;

/// A wait looks again at once for so long. Then it sleeps in between.
const YIELD: Duration = Duration::from_millis(20);
const SLEEP: Duration = Duration::from_micros(100);

/// Checks that NCCL is installed and new enough. Nothing else here may be called before: `cudarc` panics without the library.
pub(crate) fn check() -> Result<(), DriverError> {
    // SAFETY: this opens the library and closes it again.
    if !unsafe { sys::is_culib_present() } {
        return Err(DriverError::Other("NCCL is not installed: there is no libnccl.so".into()));
    }
    let version = result::get_nccl_version().map_err(|e| DriverError::Other(words(e)))?;
    // Versions before 2.9 are written with one digit less.
    let major = if version < 10_000 { 1_000 } else { 10_000 };
    let text = |version, major| format!("{}.{}", version / major, version % major / 100);
    match version {
        OLDEST.. => Ok(()),
        _ => {
            let (found, needed) = (text(version, major), text(OLDEST, 10_000));
            Err(DriverError::Other(format!("NCCL is too old: this is {found}, and {needed} is needed")))
        }
    }
}

/// Makes the name of a new meeting of ranks.
pub(crate) fn new_id() -> Result<Id, DriverError> {
    check()?;
    let id = result::get_uniqueid().map_err(|e| DriverError::Other(words(e)))?;
    Ok(id.internal.map(|byte| byte as u8))
}

/// A rank's end of a communicator.
pub(crate) struct Nccl {
    rank: usize,
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    /// Two threads must not use it at once.
    communicator: Mutex<Handle>,
    /// Says whether the driver may no longer wait. The driver has it too.
    given_up: Arc<AtomicBool>,
}

/// NCCL's name for the communicator.
struct Handle(sys::ncclComm_t);

// SAFETY: a communicator belongs to a GPU and not to a thread. NCCL makes the GPU current in each of its calls. It only asks that
// two threads do not use a communicator at once, and the mutex around the handle sees to that.
unsafe impl Send for Handle {}

impl Nccl {
    /// Joins the other ranks, and waits for them.
    pub(crate) fn join(
        context: &Arc<CudaContext>,
        stream: &Arc<CudaStream>,
        given_up: &Arc<AtomicBool>,
        [rank, ranks]: [usize; 2],
        id: &Id,
    ) -> Result<Self, DriverError> {
        check()?;
        // The communicator takes the GPU that is current.
        context.bind_to_thread().map_err(refused)?;
        let id = sys::ncclUniqueId { internal: id.map(|byte| byte as c_char) };
        let mut communicator = std::ptr::null_mut();
        // SAFETY: the call writes the handle, and gets the id by value.
        unsafe { result::comm_init_rank(&mut communicator, number(ranks)?, id, number(rank)?) }
            .map_err(|e| DriverError::Other(words(e)))?;
        Ok(Self {
            rank,
            context: context.clone(),
            stream: stream.clone(),
            communicator: Mutex::new(Handle(communicator)),
            given_up: given_up.clone(),
        })
    }

    fn communicator(&self) -> MutexGuard<'_, Handle> {
        self.communicator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses work after all has been given up. Else it makes the context current in this thread.
    fn here(&self) -> Result<(), DriverError> {
        if self.given_up.load(Ordering::Relaxed) {
            return Err(DriverError::Other("the exchange with other ranks has been given up".into()));
        }
        self.context.bind_to_thread().map_err(refused)
    }

    /// Queues one part of an exchange.
    ///
    /// # Safety
    /// As [`Link::exchange`].
    unsafe fn queue(&self, communicator: &Handle, part: Move) -> Result<(), DriverError> {
        let (kind, stream) = (sys::ncclDataType_t::ncclUint8, self.stream.cu_stream());
        let queued = match part {
            Move::Copy { to, at, bytes } => {
                // SAFETY: the caller guarantees the memory.
                return unsafe { driver::memcpy_dtod_async(to, at, bytes, stream) }.map_err(refused);
            }
            Move::Send { to, at, bytes } => {
                let (at, to) = (at as *const c_void, number(to)?);
                // SAFETY: the caller guarantees memory and rank, and the communicator is open.
                unsafe { result::send(at, bytes, kind, to, communicator.0, stream.cast()) }
            }
            Move::Receive { from, at, bytes } => {
                let (at, from) = (at as *mut c_void, number(from)?);
                // SAFETY: the caller guarantees memory and rank, and the communicator is open.
                unsafe { result::recv(at, bytes, kind, from, communicator.0, stream.cast()) }
            }
        };
        queued.map(drop).map_err(|e| DriverError::Other(words(e)))
    }

    /// Returns whether all work that was queued is done, or what went wrong.
    fn is_done(&self) -> Result<bool, DriverError> {
        // SAFETY: the stream is open.
        match unsafe { cuda::cuStreamQuery(self.stream.cu_stream()) } {
            cuda::CUresult::CUDA_SUCCESS => return Ok(true),
            cuda::CUresult::CUDA_ERROR_NOT_READY => {}
            wrong => wrong.result().map_err(refused)?,
        }
        let mut state = sys::ncclResult_t::ncclSuccess;
        // SAFETY: the call writes one number, and the communicator is open.
        unsafe { sys::ncclCommGetAsyncError(self.communicator().0, &mut state) }
            .result()
            .and_then(|_| state.result())
            .map(|_| false)
            .map_err(|e| DriverError::Other(words(e)))
    }
}

impl Link for Nccl {
    unsafe fn exchange(&self, moves: &[Move]) -> Result<(), DriverError> {
        self.here()?;
        let communicator = self.communicator();
        let failed = |e| DriverError::Other(words(e));
        // A group belongs to this thread, and so do all calls up to its end.
        result::group_start().map_err(failed)?;
        // SAFETY: the caller guarantees it.
        let queued = moves.iter().try_for_each(|part| unsafe { self.queue(&communicator, *part) });
        // The group has to end even if a part was refused. In that case the part's own error says more.
        let ended = result::group_end().map(drop).map_err(failed);
        queued.and(ended)
    }

    fn wait(&self, patience: Option<Duration>) -> Result<(), DriverError> {
        self.here()?;
        let begun = Instant::now();
        while !self.is_done()? {
            let waited = begun.elapsed();
            if let Some(patience) = patience.filter(|patience| waited > *patience) {
                let (rank, seconds) = (self.rank, patience.as_secs());
                return Err(DriverError::Other(format!(
                    "rank {rank} has waited {seconds} s for the GPUs of other ranks: a process, a machine or a link is gone"
                )));
            }
            if waited < YIELD { thread::yield_now() } else { thread::sleep(SLEEP) }
        }
        Ok(())
    }

    fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }
}

impl Drop for Nccl {
    fn drop(&mut self) {
        // After an error the communicator stays until the process ends: NCCL could only end it together with all other ranks.
        if self.here().is_err() {
            return;
        }
        // What is queued uses the communicator. An error here cannot be reported.
        let _ = self.stream.synchronize();
        // SAFETY: nothing uses the communicator any more. This waits until all that was sent has left.
        let _ = unsafe { result::comm_destroy(self.communicator().0) };
    }
}

/// Returns a rank, or a number of ranks, as NCCL counts.
fn number(n: usize) -> Result<c_int, DriverError> {
    c_int::try_from(n).map_err(|e| DriverError::Other(e.to_string()))
}

/// Returns NCCL's words for an error, and what it last said about itself.
fn words(e: result::NcclError) -> String {
    let text = |at: *const c_char| {
        // SAFETY: NCCL returns a text that stays, or nothing.
        let text = (!at.is_null()).then(|| unsafe { CStr::from_ptr(at) });
        text.map(|text| text.to_string_lossy().trim().to_string()).unwrap_or_default()
    };
    // SAFETY: the calls read a number, and ignore the communicator that is left out.
    let (what, last) = unsafe { (sys::ncclGetErrorString(e.0), sys::ncclGetLastError(std::ptr::null_mut())) };
    match (text(what), text(last)) {
        (what, last) if last.is_empty() => format!("NCCL: {what}"),
        (what, last) => format!("NCCL: {what} ({last})"),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;
    use std::process::Command;

    use super::*;

    /// Runs an ignored test in a process of its own, which looks for libraries in `dir`. Returns the lines that it says.
    fn asked(test: &str, dir: &Path, told: &[(&str, &str)]) -> String {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", &format!("nccl::tests::{test}")])
            .env("LD_LIBRARY_PATH", dir)
            .envs(told.iter().copied())
            .output()
            .unwrap();
        let all = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{all}{}", String::from_utf8_lossy(&output.stderr));
        all.split("said: ").skip(1).filter_map(|said| said.lines().next()).collect::<Vec<_>>().join("\n")
    }

    /// Makes a folder with a driver and an NCCL that do nothing but what they are told.
    fn fake() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("fake.c"), include_str!("nccl_fake.c")).unwrap();
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
        let built = Command::new(&compiler)
            .args(["-shared", "-fPIC", "-pthread", "-o", "libnccl.so", "fake.c"])
            .current_dir(dir.path())
            .status()
            .unwrap_or_else(|e| panic!("this test needs a C compiler: {compiler}: {e}"));
        assert!(built.success());
        // One library for both, because they know the same streams.
        std::os::unix::fs::symlink("libnccl.so", dir.path().join("libcuda.so")).unwrap();
        dir
    }

    #[test]
    #[ignore = "the tests below start it"]
    fn says_an_id() {
        println!("said: {:?}", new_id().map(|id| id[1]));
    }

    #[test]
    fn a_library_that_is_missing_is_a_sentence() {
        // SAFETY: this opens the library and closes it again.
        if unsafe { sys::is_culib_present() } {
            println!("SKIPPED: this machine has NCCL");
            return;
        }
        let said = asked("says_an_id", tempfile::tempdir().unwrap().path(), &[]);
        assert_eq!(said, "Err(Other(\"NCCL is not installed: there is no libnccl.so\"))");
    }

    #[test]
    fn a_library_is_asked_for_its_version_and_then_for_an_id() {
        let dir = fake();
        let asked = |version, told: &[_]| {
            asked("says_an_id", dir.path(), &[&[("FAKE_VERSION", version)], told].concat())
        };
        for version in ["21800", "22703", "30001"] {
            assert_eq!(asked(version, &[]), "Ok(3)");
        }
        for (version, found) in [("2804", "2.8"), ("20905", "2.9"), ("21799", "2.17")] {
            let too_old = format!("NCCL is too old: this is {found}, and 2.18 is needed");
            assert_eq!(asked(version, &[]), format!("Err(Other({too_old:?}))"));
        }
        let said = asked("22703", &[("FAKE_RESULT", "2"), ("FAKE_LAST", "no socket interface found\n")]);
        assert_eq!(said, "Err(Other(\"NCCL: unhandled system error (no socket interface found)\"))");
        assert_eq!(asked("22703", &[("FAKE_RESULT", "5")]), "Err(Other(\"NCCL: another\"))");
    }

    /// Two ranks exchange bytes. Then rank 0 waits for bytes that nobody sends, and gives up.
    #[test]
    #[ignore = "the test below starts it"]
    fn exchanges() {
        let rank = |rank: usize| {
            let context = CudaContext::new(rank).unwrap();
            let (stream, id) = (context.new_stream().unwrap(), new_id().unwrap());
            let nccl = Nccl::join(&context, &stream, &Arc::default(), [rank, 2], &id).unwrap();
            let (own, mut all) = ([rank as u8 + 1; 3], [0u8; 5]);
            let (from, to, at) = (own.as_ptr() as u64, all.as_mut_ptr() as u64, [0, 2][rank]);
            let gather = [
                Move::Copy { to: to + at, at: from, bytes: 2 + rank },
                Move::Send { to: 1 - rank, at: from, bytes: 2 + rank },
                Move::Receive { from: 1 - rank, at: to + 2 - at, bytes: 3 - rank },
            ];
            if std::env::var_os("FAKE_STATE").is_none() {
                // SAFETY: the bytes are there.
                unsafe { nccl.exchange(&gather) }.unwrap();
                nccl.wait(None).unwrap();
                assert_eq!(std::hint::black_box(&all), &[1, 1, 2, 2, 2]);
            }
            if rank == 1 {
                return;
            }
            // SAFETY: as above.
            unsafe { nccl.exchange(&gather[2..]) }.unwrap();
            println!("said: {}", nccl.wait(Some(Duration::from_millis(40))).unwrap_err());
            nccl.give_up();
            // SAFETY: nothing is queued any more.
            println!("said: {}", unsafe { nccl.exchange(&gather) }.unwrap_err());
            println!("said: {}", nccl.wait(None).unwrap_err());
        };
        thread::scope(|scope| [0, 1].map(|number| drop(scope.spawn(move || rank(number)))));
    }

    #[test]
    fn ranks_exchange_bytes_and_do_not_wait_for_ever() {
        let dir = fake();
        let asked = |told: &[_]| {
            let said = asked("exchanges", dir.path(), &[&[("FAKE_VERSION", "22703")], told].concat());
            let mut said: Vec<String> = said.lines().map(str::to_string).collect();
            said.sort();
            said
        };
        // Rank 0 has given up, so NCCL is not asked to destroy its end.
        let waited =
            "rank 0 has waited 0 s for the GPUs of other ranks: a process, a machine or a link is gone";
        let given_up = "the exchange with other ranks has been given up";
        assert_eq!(asked(&[]), [waited, "rank 1 is destroyed", given_up, given_up]);
        let wrong = "NCCL: another (a link is gone)";
        let said = asked(&[("FAKE_STATE", "6"), ("FAKE_LAST", "a link is gone")]);
        assert_eq!(said, [wrong, "rank 1 is destroyed", given_up, given_up]);
    }
}
