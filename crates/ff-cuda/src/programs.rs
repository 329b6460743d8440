//! This module holds the programs that a GPU has used. Each was compiled or taken from the cache, and loaded, once.

use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::{CudaContext, DriverError as Refused, result, sys};

use crate::cache;
use crate::compile::compile;
use crate::error::{OpenError, words};
use crate::program::Program;

/// All programs of one GPU.
pub(crate) struct Programs {
    context: Arc<CudaContext>,
    /// The GPU's architecture, such as `sm_90`.
    arch: String,
    loaded: Mutex<HashMap<Program, Kernels>>,
}

/// A kernel's handle. It is valid as long as the [`Programs`] exist.
#[derive(Clone, Copy)]
pub(crate) struct Function(pub sys::CUfunction);

/// A loaded image, and the handle of each kernel in it.
struct Kernels {
    module: sys::CUmodule,
    functions: HashMap<String, Function>,
    context: Arc<CudaContext>,
}

// SAFETY: the module and the functions are handles, which the driver lets any thread use. The context is made current before each
// use.
unsafe impl Send for Kernels {}

impl Programs {
    /// Loads the kernels that need no formula, so that anything that is missing shows at once.
    pub(crate) fn open(context: &Arc<CudaContext>, arch: String) -> Result<Self, OpenError> {
        let fixed = Kernels::open(context, &arch, &Program::FIXED)?;
        let loaded = Mutex::new(HashMap::from([(Program::FIXED, fixed)]));
        Ok(Self { context: context.clone(), arch, loaded })
    }

    /// Returns a program's kernel. If the program is not there yet, it is loaded if `may_compile`, and refused otherwise.
    pub(crate) fn function(
        &self,
        program: &Program,
        kernel: &str,
        may_compile: bool,
    ) -> Result<Function, String> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if !loaded.contains_key(program) {
            if !may_compile {
                return Err("a step that is recorded brings a formula that no step before it had".into());
            }
            let kernels = Kernels::open(&self.context, &self.arch, program).map_err(|e| e.to_string())?;
            loaded.insert(*program, kernels);
        }
        let found = loaded.get(program).and_then(|kernels| kernels.functions.get(kernel));
        found.copied().ok_or_else(|| format!("the program `{}` has no kernel `{kernel}`", program.name()))
    }
}

impl Kernels {
    fn open(context: &Arc<CudaContext>, arch: &str, program: &Program) -> Result<Self, OpenError> {
        let text = program.text();
        let key = cache::key(&[&text, &ff_kernels::OPTIONS.join(" "), arch]);
        let make = || compile(&text, arch);
        let load = |image: &[u8]| Self::load(context, image, &text);
        cache::load(cache::dir().as_deref(), &key, make, load)
    }

    fn load(context: &Arc<CudaContext>, image: &[u8], text: &str) -> Result<Self, OpenError> {
        let refuse = |e: Refused| OpenError::Load(words(e));
        context.bind_to_thread().map_err(refuse)?;
        // SAFETY: NVRTC made the image, and it is whole, because the cache compares its digest.
        let module = unsafe { result::module::load_data(image.as_ptr().cast::<c_void>()) }.map_err(refuse)?;
        let mut loaded = Self { module, functions: HashMap::new(), context: context.clone() };
        for name in ff_kernels::names(text) {
            let symbol = CString::new(name).map_err(|e| OpenError::Load(e.to_string()))?;
            // SAFETY: the module has just been loaded.
            let function = unsafe { result::module::get_function(module, symbol) }.map_err(refuse)?;
            loaded.functions.insert(name.into(), Function(function));
        }
        Ok(loaded)
    }
}

impl Drop for Kernels {
    fn drop(&mut self) {
        if self.context.bind_to_thread().is_ok() {
            // SAFETY: the module was loaded in `load`, and the stream that used it has been waited for. An error here cannot be
            // reported.
            let _ = unsafe { result::module::unload(self.module) };
        }
    }
}
