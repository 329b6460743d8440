//! This module computes matrix products with cuBLAS, if it is installed.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::cublas::{CudaBlas, result, sys};
use cudarc::driver::{CudaContext, CudaStream, result as driver};

use crate::driver::DriverError;
use crate::error::OpenError;
use crate::products::Products;

/// The size of the workspace in bytes, as NVIDIA's manual wants it for a Hopper GPU. The workspace is our own, so that a recorded
/// step allocates nothing.
const WORKSPACE: usize = 32 << 20;

/// One handle for the one stream. Two threads must not use it at once.
pub(crate) struct Blas {
    handle: Mutex<CudaBlas>,
    /// The workspace is dropped after the handle that uses it.
    _workspace: Workspace,
}

/// The memory that cuBLAS works in.
struct Workspace {
    at: u64,
    context: Arc<CudaContext>,
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if self.context.bind_to_thread().is_ok() {
            // SAFETY: the memory was allocated in `open`, and its user is gone. An error here cannot be reported.
            let _ = unsafe { driver::free_sync(self.at) };
        }
    }
}

impl Blas {
    /// Opens cuBLAS. If it is not installed, this returns `None`, or an error if TF32 needs it.
    pub(crate) fn open(
        context: &Arc<CudaContext>,
        stream: &Arc<CudaStream>,
        products: Products,
    ) -> Result<Option<Self>, OpenError> {
        // SAFETY: this opens the library and closes it again.
        if !unsafe { sys::is_culib_present() } {
            return if products == Products::Tf32 { Err(OpenError::NoBlas) } else { Ok(None) };
        }
        let fail = |e: result::CublasError| OpenError::Driver(format!("cuBLAS: {e}"));
        let failed = |e| OpenError::Driver(format!("cuBLAS: {e}"));
        context.bind_to_thread().map_err(failed)?;
        let blas = CudaBlas::new(stream.clone()).map_err(fail)?;
        let mode = match products {
            Products::F32 => sys::cublasMath_t::CUBLAS_DEFAULT_MATH,
            Products::Tf32 => sys::cublasMath_t::CUBLAS_TF32_TENSOR_OP_MATH,
        };
        // SAFETY: the handle is open.
        unsafe { sys::cublasSetMathMode(*blas.handle(), mode) }.result().map_err(fail)?;
        // SAFETY: the memory may hold anything, and only cuBLAS uses it.
        let at = unsafe { driver::malloc_sync(WORKSPACE) }.map_err(failed)?;
        let workspace = Workspace { at, context: context.clone() };
        // SAFETY: the handle is open, and the workspace outlives it.
        unsafe { sys::cublasSetWorkspace_v2(*blas.handle(), at as *mut c_void, WORKSPACE) }
            .result()
            .map_err(fail)?;
        Ok(Some(Self { handle: Mutex::new(blas), _workspace: workspace }))
    }

    /// Queues `C = op(A) op(B)`, row-major, with C `[m, n]` and op(A) `[m, k]`. cuBLAS is column-major, so it reads a row-major
    /// matrix as its transpose. Therefore it is asked for `C' = op(B)' op(A)'`.
    ///
    /// # Safety
    /// The addresses must hold matrices of these shapes.
    pub(crate) unsafe fn product(
        &self,
        c: u64,
        (a, transpose_a): (u64, bool),
        (b, transpose_b): (u64, bool),
        [m, k, n]: [usize; 3],
    ) -> Result<(), DriverError> {
        let op = |transpose| match transpose {
            true => sys::cublasOperation_t::CUBLAS_OP_T,
            false => sys::cublasOperation_t::CUBLAS_OP_N,
        };
        let int = |n: usize| i32::try_from(n).map_err(|e| DriverError::Other(e.to_string()));
        let (columns_of_a, columns_of_b) = (if transpose_a { m } else { k }, if transpose_b { k } else { n });
        let blas = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        let (one, zero) = (1.0f32, 0.0f32);
        // SAFETY: the caller guarantees the matrices. The two factors are read before the call returns.
        unsafe {
            result::sgemm(
                *blas.handle(),
                op(transpose_b),
                op(transpose_a),
                int(n)?,
                int(m)?,
                int(k)?,
                &one,
                b as *const f32,
                int(columns_of_b)?,
                a as *const f32,
                int(columns_of_a)?,
                &zero,
                c as *mut f32,
                int(n)?,
            )
        }
        .map_err(|e| DriverError::Other(format!("cuBLAS: {e}")))
    }
}
