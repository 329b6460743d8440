//! This module makes a real GPU a [`Driver`], through the `cudarc` crate's layer of plain results.
//!
//! `cudarc` loads NVIDIA's libraries when they are first used and panics if they are missing. So this crate first checks that
//! each is there. There is one stream, and all queued work runs in order. So only `upload`, `download`, `free`, `synchronise` and
//! the destructor wait here.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cudarc::driver::{CudaContext, CudaGraph, CudaStream, DriverError as Refused, result, sys};
use ff_tensor::Result;

use crate::blas::Blas;
use crate::driver::{Arg, Driver, DriverError, Grid, Recording};
#[cfg(feature = "nccl")]
use crate::driver::{Id, Link};
use crate::error::{OpenError, failed, refused, words};
#[cfg(feature = "nccl")]
use crate::nccl::{self, Nccl};
use crate::products::Products;
use crate::program::Program;
use crate::programs::{Function, Programs};

/// The oldest CUDA that a driver has to serve, as drivers write it. It has graphs as they are now, and it loads images of NVRTC
/// 12.
const OLDEST: i32 = 12_000;
/// No kernel has this many arguments.
const MOST_ARGS: usize = 24;

/// One GPU, its only stream, and the kernels.
pub(crate) struct Gpu {
    index: usize,
    description: String,
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    programs: Programs,
    blas: Option<Blas>,
    /// Says whether launches are being recorded. Compiling would spoil the recording.
    recording: AtomicBool,
    /// Says whether the queue may wait for ever for another rank. Then nothing here waits for the queue.
    given_up: Arc<AtomicBool>,
}

impl Gpu {
    pub(crate) fn open(index: usize, products: Products) -> std::result::Result<Self, OpenError> {
        let starts = |e: Refused| OpenError::Driver(words(e));
        let count = count()?;
        if index >= count {
            return Err(OpenError::NoGpu { index, count });
        }
        let context = CudaContext::new(index).map_err(starts)?;
        // SAFETY: all work is queued in one stream, so there is nothing to track.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().map_err(starts)?;
        let (major, minor) = context.compute_capability().map_err(starts)?;
        let arch = format!("sm_{major}{minor}");
        let name = context.name().map_err(starts)?;
        Ok(Self {
            index,
            description: format!("cuda:{index}, {name}"),
            programs: Programs::open(&context, arch)?,
            blas: Blas::open(&context, &stream, products)?,
            recording: AtomicBool::new(false),
            given_up: Arc::default(),
            context,
            stream,
        })
    }

    /// Makes the context current in this thread. Each call to the driver needs that. After an exchange was given up, no call is
    /// possible.
    fn here(&self) -> std::result::Result<(), DriverError> {
        if self.given_up.load(Ordering::Relaxed) {
            return Err(DriverError::Other("an exchange with other ranks has failed".into()));
        }
        self.context.bind_to_thread().map_err(refused)
    }
}

/// Returns the names of all GPUs.
///
/// # Errors
/// Fails if NVIDIA's driver is missing, too old, or does not start.
pub fn gpus() -> std::result::Result<Vec<String>, OpenError> {
    let name = |index| {
        let name = result::device::get(index).and_then(result::device::get_name);
        name.map_err(|e| OpenError::Driver(words(e)))
    };
    (0..count()? as i32).map(name).collect()
}

/// Starts the driver and counts its GPUs.
fn count() -> std::result::Result<usize, OpenError> {
    // SAFETY: this opens the library and closes it again.
    if !unsafe { sys::is_culib_present() } {
        return Err(OpenError::NoDriver);
    }
    check_version()?;
    match result::init().and_then(|()| result::device::get_count()) {
        Ok(count) => Ok(usize::try_from(count).unwrap_or(0)),
        Err(Refused(sys::CUresult::CUDA_ERROR_NO_DEVICE)) => Ok(0),
        Err(e) => Err(OpenError::Driver(words(e))),
    }
}

fn check_version() -> std::result::Result<(), OpenError> {
    let mut version = 0;
    // SAFETY: the driver writes one number, and the call needs no initialisation.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result().map_err(|e| OpenError::Driver(words(e)))?;
    let text = |version| format!("{}.{}", version / 1000, version % 1000 / 10);
    match version {
        OLDEST.. => Ok(()),
        _ => Err(OpenError::OldDriver { found: text(version), needed: text(OLDEST) }),
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        // The work that is still queued uses the kernels. An error here cannot be reported.
        let _ = self.stream.synchronize();
    }
}

impl Driver for Gpu {
    fn name(&self) -> String {
        format!("cuda:{}", self.index)
    }

    fn description(&self) -> String {
        self.description.clone()
    }

    /// A GPU has some hundred thousand threads, and 16 of them sum up a row.
    fn scan_rows(&self) -> usize {
        20_480
    }

    fn alloc(&self, bytes: usize) -> std::result::Result<u64, DriverError> {
        self.here()?;
        // SAFETY: the memory is given out as it is, and it is written before it is read.
        unsafe { result::malloc_sync(bytes) }.map_err(|e| match e {
            Refused(sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY) => {
                DriverError::Memory { free: self.context.mem_get_info().map_or(0, |(free, _)| free) }
            }
            e => refused(e),
        })
    }

    unsafe fn free(&self, at: u64) {
        // A destructor cannot report an error. The next call meets it again.
        let _ = self.here().map(|()| {
            let _ = self.stream.synchronize();
            // SAFETY: the caller owns this memory, and all queued work is done.
            let _ = unsafe { result::free_sync(at) };
        });
    }

    unsafe fn zero(&self, at: u64, bytes: usize) -> std::result::Result<(), DriverError> {
        self.here()?;
        // SAFETY: the caller guarantees the memory.
        unsafe { result::memset_d8_async(at, 0, bytes, self.stream.cu_stream()) }.map_err(refused)
    }

    unsafe fn upload(&self, at: u64, bytes: &[u8]) -> std::result::Result<(), DriverError> {
        self.here()?;
        // SAFETY: the caller guarantees the memory. The host's memory is borrowed until the copy is done.
        unsafe { result::memcpy_htod_async(at, bytes, self.stream.cu_stream()) }.map_err(refused)?;
        self.synchronise()
    }

    unsafe fn download(&self, bytes: &mut [u8], at: u64) -> std::result::Result<(), DriverError> {
        self.here()?;
        // SAFETY: the caller guarantees the memory. The host's memory is borrowed until the copy is done.
        unsafe { result::memcpy_dtoh_async(bytes, at, self.stream.cu_stream()) }.map_err(refused)?;
        self.synchronise()
    }

    unsafe fn launch(
        &self,
        program: &Program,
        kernel: &str,
        grid: Grid,
        args: &[Arg],
    ) -> std::result::Result<(), DriverError> {
        self.here()?;
        let may_compile = !self.recording.load(Ordering::Relaxed);
        let Function(function) =
            self.programs.function(program, kernel, may_compile).map_err(DriverError::Other)?;
        let mut pointers = [std::ptr::null_mut::<c_void>(); MOST_ARGS];
        for (pointer, arg) in pointers.iter_mut().zip(args) {
            *pointer = value(arg);
        }
        let [[x, y], [wide, high]] = [grid.blocks, grid.threads];
        let (stream, pointers) = (self.stream.cu_stream(), &mut pointers[..args.len()]);
        // SAFETY: the caller guarantees the arguments. Each pointer points to a number that outlives the call, and the driver
        // copies the number during the call.
        unsafe { result::launch_kernel(function, (x, y, 1), (wide, high, 1), 0, stream, pointers) }
            .map_err(refused)
    }

    unsafe fn product(
        &self,
        c: u64,
        a: (u64, bool),
        b: (u64, bool),
        shape: [usize; 3],
    ) -> std::result::Result<bool, DriverError> {
        let Some(blas) = &self.blas else { return Ok(false) };
        self.here()?;
        // SAFETY: the caller guarantees the matrices.
        unsafe { blas.product(c, a, b, shape) }.map(|()| true)
    }

    fn synchronise(&self) -> std::result::Result<(), DriverError> {
        self.here()?;
        self.stream.synchronize().map_err(refused)
    }

    fn record(&self, step: &mut dyn FnMut() -> Result<()>) -> Result<Box<dyn Recording + '_>> {
        let fail = |e| failed(self, refused(e));
        let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        self.stream.begin_capture(mode).map_err(fail)?;
        self.recording.store(true, Ordering::Relaxed);
        let said = step();
        self.recording.store(false, Ordering::Relaxed);
        // The capture has to end even if the step failed. In that case the step's own error says more.
        let graph = self.stream.end_capture(sys::CUgraphInstantiate_flags(0));
        said?;
        let empty = || failed(self, DriverError::Other("a step launched nothing".into()));
        Ok(Box::new(Graph(graph.map_err(fail)?.ok_or_else(empty)?)))
    }

    #[cfg(feature = "nccl")]
    fn linkable(&self) -> std::result::Result<[u8; 16], DriverError> {
        nccl::check()?;
        Ok(self.context.uuid().map_err(refused)?.bytes.map(|byte| byte as u8))
    }

    #[cfg(feature = "nccl")]
    fn new_id(&self) -> std::result::Result<Id, DriverError> {
        self.here()?;
        nccl::new_id()
    }

    #[cfg(feature = "nccl")]
    fn link(&self, rank: usize, ranks: usize, id: &Id) -> std::result::Result<Box<dyn Link>, DriverError> {
        let link = Nccl::join(&self.context, &self.stream, &self.given_up, [rank, ranks], id)?;
        Ok(Box::new(link))
    }
}

struct Graph(CudaGraph);

impl Recording for Graph {
    fn replay(&self) -> std::result::Result<(), DriverError> {
        self.0.launch().map_err(refused)
    }
}

/// Returns the address of an argument's number.
fn value(arg: &Arg) -> *mut c_void {
    let at: *const c_void = match arg {
        Arg::At(at) => std::ptr::from_ref(at).cast(),
        Arg::U32(n) => std::ptr::from_ref(n).cast(),
        Arg::U64(n) => std::ptr::from_ref(n).cast(),
        Arg::F32(x) => std::ptr::from_ref(x).cast(),
        Arg::Words(words) => std::ptr::from_ref(words).cast(),
    };
    at.cast_mut()
}
