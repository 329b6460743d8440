//! The kernels without a GPU: compiled by the C++ compiler with `shim.h` in front, and run on the processor behind
//! `ff-cuda`'s own seam. A pass here is a pass of the shim, not of a GPU.
#![allow(dead_code)]

mod build;
mod links;

use std::alloc::Layout;
use std::collections::{BTreeMap, HashMap};
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ff_cuda::Cuda;
use ff_cuda::seam::{Arg, Driver, DriverError, Grid, Id, Link, Program, Recording};
use ff_tensor::{Error, Result};

use build::Library;
#[allow(unused_imports)] // not every test starts a compiler itself
pub use build::{SANITIZE, compiler};

/// In which order the threads of a block have their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    Forward,
    Reverse,
    Shuffled,
}

/// Bytes that one allocation can have.
const ROOM: usize = 1 << 30;

/// What is done to a program's text before it is compiled.
type Change = Box<dyn Fn(String) -> String + Send + Sync>;

/// A driver whose GPU is the processor.
pub struct Shim {
    name: String,
    schedule: Schedule,
    change: Change,
    changed: Arc<AtomicBool>,
    programs: Mutex<HashMap<Program, Arc<Library>>>,
    state: Arc<Mutex<State>>,
    /// Whether there is a stand-in for NCCL.
    links: bool,
}

#[derive(Default)]
struct State {
    /// What is allocated, by its address.
    blocks: BTreeMap<u64, Layout>,
    /// The launches of a step that is being recorded.
    recording: Option<Vec<Launch>>,
}

impl State {
    /// The bytes lie in one block.
    fn check(&self, at: u64, bytes: usize) {
        let (start, block) = self.blocks.range(..=at).next_back().expect("an address that was allocated");
        assert!(at + bytes as u64 <= start + block.size() as u64, "{bytes} bytes at {at} leave their block");
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A launch that has been recorded.
struct Launch {
    library: Arc<Library>,
    kernel: String,
    grid: Grid,
    args: Vec<Arg>,
}

impl Shim {
    fn with(name: &str, schedule: Schedule, change: Change) -> Self {
        let changed = Arc::default();
        Self {
            name: name.into(),
            schedule,
            change,
            changed,
            programs: Mutex::default(),
            state: Arc::default(),
            links: true,
        }
    }

    /// The engine's kernels.
    pub fn named(name: &str, schedule: Schedule) -> Arc<Self> {
        Arc::new(Self::with(name, schedule, Box::new(|text| text)))
    }

    /// The engine's kernels as a device.
    pub fn device(schedule: Schedule) -> Cuda {
        Cuda::on(Self::named("shim", schedule))
    }

    /// The engine's kernels as a device that has no NCCL.
    pub fn without_links(schedule: Schedule) -> Cuda {
        let mut shim = Self::with("shim", schedule, Box::new(|text| text));
        shim.links = false;
        Cuda::on(Arc::new(shim))
    }

    /// Kernels of one's own, whatever the program.
    pub fn of_text(text: &'static str, schedule: Schedule) -> Arc<Self> {
        Arc::new(Self::with("shim", schedule, Box::new(move |_| text.into())))
    }

    /// The engine's kernels with a mistake. [`was_changed`](Self::was_changed) says whether a kernel had the place.
    pub fn broken(right: &'static str, wrong: &'static str, schedule: Schedule) -> Arc<Self> {
        let mut shim = Self::with("shim", schedule, Box::new(|text| text));
        let changed = shim.changed.clone();
        shim.change = Box::new(move |text| {
            changed.fetch_or(text.contains(right), Ordering::Relaxed);
            text.replace(right, wrong)
        });
        Arc::new(shim)
    }

    /// Whether a text that has been used was another one before.
    pub fn was_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Not while a step is recorded: a real driver would not either.
    fn outside_a_step(&self, what: &str) -> std::result::Result<(), DriverError> {
        match self.state().recording {
            Some(_) => Err(DriverError::Other(format!("a step that is recorded may not {what}"))),
            None => Ok(()),
        }
    }

    fn check(&self, at: u64, bytes: usize) {
        self.state().check(at, bytes);
    }

    /// A program, compiled when it is met for the first time.
    fn built(&self, program: &Program) -> std::result::Result<Arc<Library>, DriverError> {
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = programs.get(program) {
            return Ok(library.clone());
        }
        self.outside_a_step("bring a formula that no step before it had")?;
        let text = (self.change)(program.text());
        let library = Library::of(program.name(), &text).map_err(DriverError::Other)?;
        programs.insert(*program, library.clone());
        Ok(library)
    }

    fn run(&self, launch: &Launch) -> std::result::Result<(), DriverError> {
        let Launch { library, kernel, grid, args } = launch;
        let mut kinds = String::new();
        let mut pointers: Vec<*mut c_void> = Vec::new();
        for arg in args {
            let (kind, at): (char, *const c_void) = match arg {
                Arg::At(at) => ('p', std::ptr::from_ref(at).cast()),
                Arg::U32(n) => ('u', std::ptr::from_ref(n).cast()),
                Arg::U64(n) => ('U', std::ptr::from_ref(n).cast()),
                Arg::F32(x) => ('f', std::ptr::from_ref(x).cast()),
                Arg::Words(words) => ('s', std::ptr::from_ref(words).cast()),
            };
            kinds.push(kind);
            pointers.push(at.cast_mut());
        }
        let grid = [grid.blocks[0], grid.blocks[1], grid.threads[0], grid.threads[1]];
        library
            .launch(kernel, grid, &kinds, &mut pointers, self.schedule as i32)
            .map_err(|wrong| DriverError::Other(format!("{kernel}: {wrong}")))
    }
}

impl Driver for Shim {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn description(&self) -> String {
        format!("{}, threads {:?}", self.name, self.schedule)
    }

    fn scan_rows(&self) -> usize {
        160
    }

    fn alloc(&self, bytes: usize) -> std::result::Result<u64, DriverError> {
        self.outside_a_step("allocate")?;
        if bytes > ROOM {
            return Err(DriverError::Memory { free: ROOM });
        }
        let layout = Layout::from_size_align(bytes, 256).unwrap();
        // SAFETY: the size is not zero, by the trait's contract.
        let at = unsafe { std::alloc::alloc(layout) };
        assert!(!at.is_null());
        // SAFETY: so many bytes have just been allocated. All ones are NaN: what is read unwritten shows.
        unsafe { at.write_bytes(0xFF, bytes) };
        self.state().blocks.insert(at as u64, layout);
        Ok(at as u64)
    }

    unsafe fn free(&self, at: u64) {
        let layout = self.state().blocks.remove(&at).expect("an address that was allocated");
        // SAFETY: allocated with this layout in `alloc`.
        unsafe { std::alloc::dealloc(at as *mut u8, layout) };
    }

    unsafe fn zero(&self, at: u64, bytes: usize) -> std::result::Result<(), DriverError> {
        self.outside_a_step("set memory")?;
        self.check(at, bytes);
        // SAFETY: checked.
        unsafe { (at as *mut u8).write_bytes(0, bytes) };
        Ok(())
    }

    unsafe fn upload(&self, at: u64, bytes: &[u8]) -> std::result::Result<(), DriverError> {
        self.outside_a_step("copy")?;
        self.check(at, bytes.len());
        // SAFETY: checked.
        unsafe { (at as *mut u8).copy_from(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }

    unsafe fn download(&self, bytes: &mut [u8], at: u64) -> std::result::Result<(), DriverError> {
        self.outside_a_step("copy")?;
        self.check(at, bytes.len());
        // SAFETY: checked.
        unsafe { (at as *const u8).copy_to(bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    unsafe fn launch(
        &self,
        program: &Program,
        kernel: &str,
        grid: Grid,
        args: &[Arg],
    ) -> std::result::Result<(), DriverError> {
        let launch =
            Launch { library: self.built(program)?, kernel: kernel.into(), grid, args: args.to_vec() };
        if let Some(launches) = &mut self.state().recording {
            launches.push(launch);
            return Ok(());
        }
        self.run(&launch)
    }

    unsafe fn product(
        &self,
        _: u64,
        _: (u64, bool),
        _: (u64, bool),
        shape: [usize; 3],
    ) -> std::result::Result<bool, DriverError> {
        assert!(shape.iter().all(|&size| size > 0), "a library refuses a product of {shape:?}");
        Ok(false)
    }

    fn synchronise(&self) -> std::result::Result<(), DriverError> {
        self.outside_a_step("wait")
    }

    fn record(&self, step: &mut dyn FnMut() -> Result<()>) -> Result<Box<dyn Recording + '_>> {
        self.state().recording = Some(Vec::new());
        let said = step();
        let launches = self.state().recording.take().unwrap_or_default();
        said?;
        if launches.is_empty() {
            return Err(Error::Device { device: "shim".into(), reason: "a step launched nothing".into() });
        }
        Ok(Box::new(Launches { shim: self, launches }))
    }

    fn linkable(&self) -> std::result::Result<[u8; 16], DriverError> {
        if !self.links {
            return Err(DriverError::Other("this shim has no NCCL".into()));
        }
        let mut own = [0; 16];
        own[..8].copy_from_slice(&(Arc::as_ptr(&self.state) as u64).to_le_bytes());
        Ok(own)
    }

    fn new_id(&self) -> std::result::Result<Id, DriverError> {
        self.linkable().map(|_| links::new_id())
    }

    fn link(&self, rank: usize, ranks: usize, id: &Id) -> std::result::Result<Box<dyn Link>, DriverError> {
        self.linkable()?;
        let state = self.state.clone();
        let check = Box::new(move |at, bytes| lock(&state).check(at, bytes));
        Ok(Box::new(links::Threads::join(rank, ranks, id, check)?))
    }
}

struct Launches<'a> {
    shim: &'a Shim,
    launches: Vec<Launch>,
}

impl Recording for Launches<'_> {
    fn replay(&self) -> std::result::Result<(), DriverError> {
        self.launches.iter().try_for_each(|launch| self.shim.run(launch))
    }
}
