//! A program's text as a library of this process: compiled once for each text, when somebody needs it.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use libloading::{Library as Loaded, Symbol};

/// What `shim.h` exports for each kernel.
type Entry = unsafe extern "C" fn(*const c_uint, *const c_char, *mut *mut c_void, c_int) -> *const c_char;

/// A compiled program.
pub struct Library {
    functions: HashMap<String, Entry>,
    /// The fibers are the library's, so one of its launches runs at a time.
    turn: Mutex<()>,
    _loaded: Loaded,
}

/// This variable makes the compiler add its sanitizers; the process then needs their library loaded first.
pub const SANITIZE: &str = "FF_SHIM_SANITIZE";

pub fn compiler() -> String {
    std::env::var("CXX").unwrap_or_else(|_| "c++".into())
}

/// A text's library, which is being made or has been.
type Slot = Arc<OnceLock<Result<Arc<Library>, String>>>;

impl Library {
    /// That of a text, or the compiler's first error.
    pub fn of(name: &str, text: &str) -> Result<Arc<Self>, String> {
        static ALL: Mutex<Option<HashMap<String, Slot>>> = Mutex::new(None);
        let slot = {
            let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
            all.get_or_insert_default().entry(text.into()).or_default().clone()
        };
        // Other texts are compiled meanwhile.
        slot.get_or_init(|| Self::compile(name, text).map(Arc::new)).clone()
    }

    fn compile(name: &str, text: &str) -> Result<Self, String> {
        let names: Vec<&str> = ff_kernels::names(text).collect();
        let mut source = text.to_string();
        for name in &names {
            writeln!(
                source,
                "extern \"C\" __attribute__((visibility(\"default\"))) const char *shim_{name}(const unsigned *grid, \
                 const char *kinds, void **args, int schedule) {{ return shim::launch<&{name}>(grid, kinds, args, \
                 schedule); }}"
            )
            .unwrap();
        }
        let path = build(name, &source)?;
        // SAFETY: the library has just been built from this text, and does nothing when it is loaded.
        let loaded = unsafe { Loaded::new(&path) }.unwrap();
        // Loaded, it needs no file; a sanitizer's message does.
        if std::env::var_os(SANITIZE).is_none() {
            std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        }
        let find = |name: &&str| {
            // SAFETY: the type is that of the function in the text above.
            let symbol: Symbol<Entry> = unsafe { loaded.get(format!("shim_{name}")) }.unwrap();
            (name.to_string(), *symbol)
        };
        let functions = names.iter().map(find).collect();
        Ok(Self { functions, turn: Mutex::new(()), _loaded: loaded })
    }

    /// Runs a kernel, or says what is wrong with its arguments or its barriers. `kinds` are those of the arguments: see
    /// `shim.h`.
    pub fn launch(
        &self,
        kernel: &str,
        grid: [u32; 4],
        kinds: &str,
        args: &mut [*mut c_void],
        schedule: i32,
    ) -> Result<(), String> {
        let function = self.functions.get(kernel).ok_or_else(|| format!("no kernel `{kernel}`"))?;
        let kinds = CString::new(kinds).unwrap();
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the shim compares number and kinds of the arguments with the kernel's before it reads them.
        let wrong = unsafe { function(grid.as_ptr(), kinds.as_ptr(), args.as_mut_ptr(), schedule) };
        if wrong.is_null() {
            return Ok(());
        }
        // SAFETY: a text that stays until the next launch, which waits for its turn.
        Err(unsafe { CStr::from_ptr(wrong) }.to_string_lossy().into_owned())
    }
}

/// Compiles a text into a library of its own, anew in each process: test binaries may run side by side.
fn build(name: &str, text: &str) -> Result<PathBuf, String> {
    static BUILT: AtomicUsize = AtomicUsize::new(0);
    let number = BUILT.fetch_add(1, Ordering::Relaxed);
    let dir = format!("shim-{name}-{}-{number}", std::process::id());
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(dir);
    std::fs::create_dir_all(&dir).unwrap();
    let (source, library) = (dir.join(format!("{name}.cc")), dir.join(format!("{name}.so")));
    std::fs::write(&source, text).unwrap();
    let mut command = Command::new(compiler());
    // Hidden, or another library's function of a kernel's name is called in its place: glibc has an `advance`.
    command.args(["-std=c++17", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off"]);
    command.args(["-Wall", "-Werror", "-Wno-unused-function", "-include"]);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shim/shim.h"));
    if std::env::var_os(SANITIZE).is_some() {
        command.args(["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
    }
    let output = command.arg(&source).arg("-o").arg(&library).output().unwrap_or_else(|e| {
        panic!("the shim needs a C++ compiler: `{}` (or $CXX) does not start: {e}", compiler())
    });
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| line.contains("error")).unwrap_or(&said);
    if output.status.success() { Ok(library) } else { Err(first.trim().into()) }
}
