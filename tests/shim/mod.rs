//! The kernels without a GPU: compiled by the C++ compiler with `shim.h` in front, and run on the processor behind
//! `ff-cuda`'s own seam. A pass here is a pass of the shim, not of a GPU.
#![allow(dead_code)]

use std::alloc::Layout;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ff_cuda::{Arg, Cuda, Driver, DriverError, Grid, Recording};
use ff_tensor::{Error, Result};
use libloading::{Library, Symbol};

/// In which order the threads of a block have their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    Forward,
    Reverse,
    Shuffled,
}

/// What `shim.h` exports for each kernel.
type Launch = unsafe extern "C" fn(*const c_uint, *const c_char, *mut *mut c_void, c_int) -> *const c_char;

/// Compiled kernels. The shim's fibers are the process's, so one launch runs at a time.
pub struct Program {
    functions: HashMap<String, Launch>,
    _library: Library,
}

static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This variable makes the compiler add its sanitizers; the process then needs their library loaded first.
pub const SANITIZE: &str = "FF_SHIM_SANITIZE";

pub fn compiler() -> String {
    std::env::var("CXX").unwrap_or_else(|_| "c++".into())
}

impl Program {
    /// The engine's kernels.
    pub fn ours() -> Arc<Self> {
        static OURS: OnceLock<Arc<Program>> = OnceLock::new();
        OURS.get_or_init(|| Arc::new(Self::compile("kernels", &ff_kernels::program()))).clone()
    }

    /// Any kernels.
    pub fn compile(name: &str, text: &str) -> Self {
        let mut text = text.to_string();
        let names: Vec<String> = ff_kernels::names(&text).map(String::from).collect();
        for name in &names {
            text += &format!(
                "extern \"C\" __attribute__((visibility(\"default\"))) const char *shim_{name}(const unsigned *grid, \
                 const char *kinds, void **args, int schedule) {{ return shim::launch<&{name}>(grid, kinds, args, \
                 schedule); }}\n"
            );
        }
        let path = build(name, &text);
        // SAFETY: the library has just been built from this text, and does nothing when it is loaded.
        let library = unsafe { Library::new(&path) }.unwrap();
        // Loaded, it needs no file; a sanitizer's message does.
        if std::env::var_os(SANITIZE).is_none() {
            std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        }
        let find = |name: &String| {
            // SAFETY: the type is that of the function in the text above.
            let symbol: Symbol<Launch> = unsafe { library.get(format!("shim_{name}")) }.unwrap();
            (name.clone(), *symbol)
        };
        Self { functions: names.iter().map(find).collect(), _library: library }
    }
}

/// Compiles a text into a library of its own, anew each time: test binaries may run side by side.
fn build(name: &str, text: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shim-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (source, library) = (dir.join(format!("{name}.cc")), dir.join(format!("{name}.so")));
    std::fs::write(&source, text).unwrap();
    let mut command = Command::new(compiler());
    // Hidden, or another library's function of a kernel's name is called in its place: glibc has an `advance`.
    command.args(["-std=c++17", "-O1", "-g", "-shared", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off"]);
    command.args(["-Wall", "-Werror", "-Wno-unused-function", "-include"]);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shim/shim.h"));
    if std::env::var_os(SANITIZE).is_some() {
        command.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
    }
    let output = command.arg(&source).arg("-o").arg(&library).output().unwrap_or_else(|e| {
        panic!("the shim needs a C++ compiler: `{}` (or $CXX) does not start: {e}", compiler())
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// Bytes that one allocation can have.
const ROOM: usize = 1 << 30;

/// A driver whose GPU is the processor.
pub struct Shim {
    program: Arc<Program>,
    schedule: Schedule,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is allocated, by its address.
    blocks: BTreeMap<u64, Layout>,
    /// The launches of a step that is being recorded.
    recording: Option<Vec<(String, Grid, Vec<Arg>)>>,
}

impl Shim {
    pub fn new(program: Arc<Program>, schedule: Schedule) -> Arc<Self> {
        Arc::new(Self { program, schedule, state: Mutex::default() })
    }

    /// The engine's kernels as a device.
    pub fn device(schedule: Schedule) -> Cuda {
        Cuda::on(Self::new(Program::ours(), schedule))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Not while a step is recorded: a real driver would not either.
    fn outside_a_step(&self, what: &str) -> std::result::Result<(), DriverError> {
        match self.state().recording {
            Some(_) => Err(DriverError::Other(format!("a step that is recorded may not {what}"))),
            None => Ok(()),
        }
    }

    /// The bytes lie in one block.
    fn check(&self, at: u64, bytes: usize) {
        let state = self.state();
        let (start, block) = state.blocks.range(..=at).next_back().expect("an address that was allocated");
        assert!(at + bytes as u64 <= start + block.size() as u64, "{bytes} bytes at {at} leave their block");
    }

    fn run(&self, kernel: &str, grid: Grid, args: &[Arg]) -> std::result::Result<(), DriverError> {
        let launch = self.program.functions.get(kernel);
        let launch = launch.ok_or_else(|| DriverError::Other(format!("no kernel `{kernel}`")))?;
        let mut kinds = String::new();
        let mut pointers: Vec<*mut c_void> = Vec::new();
        for arg in args {
            let (kind, at): (char, *const c_void) = match arg {
                Arg::At(at) => ('p', std::ptr::from_ref(at).cast()),
                Arg::U32(n) => ('u', std::ptr::from_ref(n).cast()),
                Arg::U64(n) => ('U', std::ptr::from_ref(n).cast()),
                Arg::F32(x) => ('f', std::ptr::from_ref(x).cast()),
                Arg::Neuron(p) => ('s', std::ptr::from_ref(p).cast()),
            };
            kinds.push(kind);
            pointers.push(at.cast_mut());
        }
        kinds.push('\0');
        let grid = [grid.blocks[0], grid.blocks[1], grid.threads[0], grid.threads[1]];
        let (kinds, pointers) = (kinds.as_ptr().cast(), pointers.as_mut_ptr());
        let _turn = turn();
        // SAFETY: the shim compares number and kinds of the arguments with the kernel's before it reads them.
        let wrong = unsafe { launch(grid.as_ptr(), kinds, pointers, self.schedule as c_int) };
        if wrong.is_null() {
            return Ok(());
        }
        // SAFETY: a text that stays until the next launch, which waits for its turn.
        let wrong = unsafe { CStr::from_ptr(wrong) }.to_string_lossy().into_owned();
        Err(DriverError::Other(format!("{kernel}: {wrong}")))
    }
}

impl Driver for Shim {
    fn name(&self) -> String {
        "shim".into()
    }

    fn description(&self) -> String {
        format!("shim, threads {:?}", self.schedule)
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

    unsafe fn launch(&self, kernel: &str, grid: Grid, args: &[Arg]) -> std::result::Result<(), DriverError> {
        if let Some(launches) = &mut self.state().recording {
            launches.push((kernel.into(), grid, args.to_vec()));
            return Ok(());
        }
        self.run(kernel, grid, args)
    }

    unsafe fn product(
        &self,
        _: u64,
        _: (u64, bool),
        _: (u64, bool),
        _: [usize; 3],
    ) -> std::result::Result<bool, DriverError> {
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
}

struct Launches<'a> {
    shim: &'a Shim,
    launches: Vec<(String, Grid, Vec<Arg>)>,
}

impl Recording for Launches<'_> {
    fn replay(&self) -> std::result::Result<(), DriverError> {
        self.launches.iter().try_for_each(|(kernel, grid, args)| self.shim.run(kernel, *grid, args))
    }
}
