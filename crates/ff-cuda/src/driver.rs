//! The seam: what this crate asks of whatever runs the kernels.
//!
//! Two things stand below it: a GPU (`gpu.rs`), and in the tests a stand-in that runs the same kernels on the processor.
//! So everything above, which is shapes, launches, the order of arguments, buffers and replayed steps, is tested without
//! a GPU.

use ff_tensor::Result;
use ff_tensor::formula::MOST_WORDS;

use crate::program::Program;

/// What a driver refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// There is no room. In bytes.
    #[error("out of memory")]
    Memory {
        /// What there was, if the driver says so.
        free: usize,
    },
    /// Anything else, in the driver's words.
    #[error("{0}")]
    Other(String),
}

/// How many threads: blocks in a grid and threads in a block, each `[x, y]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Blocks.
    pub blocks: [u32; 2],
    /// Threads of each.
    pub threads: [u32; 2],
}

/// A kernel's argument, by value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arg {
    /// An address on the device; 0 for what was left out.
    At(u64),
    /// `u32`
    U32(u32),
    /// `u64`
    U64(u64),
    /// `float`
    F32(f32),
    /// The fields of a formula's struct, 32 bits each, of which the struct takes as many as it has.
    Words([u32; MOST_WORDS]),
}

/// Launches that can be repeated as they were.
pub trait Recording {
    /// Hands them all to the device once more.
    ///
    /// # Errors
    /// What the driver refuses.
    fn replay(&self) -> std::result::Result<(), DriverError>;
}

/// Whatever runs the kernels: memory with addresses, and one queue of work that is done in order.
pub trait Driver: Send + Sync {
    /// `cuda:0`
    fn name(&self) -> String;

    /// The same, and which GPU that is, for people.
    fn description(&self) -> String;

    /// Rows of a scan that keep it busy.
    fn scan_rows(&self) -> usize;

    /// Memory for so many bytes, more than none, with anything in it.
    ///
    /// # Errors
    /// If there is no room; so for all methods here, whatever the driver refuses.
    fn alloc(&self, bytes: usize) -> std::result::Result<u64, DriverError>;

    /// Gives memory back, after all work that was queued.
    ///
    /// # Safety
    /// `at` came from `alloc`, and nothing uses it any more.
    unsafe fn free(&self, at: u64);

    /// Queues setting bytes to zero.
    ///
    /// # Errors
    /// What the driver refuses.
    ///
    /// # Safety
    /// There are so many bytes at `at`; so for the copies below.
    unsafe fn zero(&self, at: u64, bytes: usize) -> std::result::Result<(), DriverError>;

    /// Copies from the host; done on return.
    ///
    /// # Errors
    /// What the driver refuses.
    ///
    /// # Safety
    /// There are so many bytes at `at`.
    unsafe fn upload(&self, at: u64, bytes: &[u8]) -> std::result::Result<(), DriverError>;

    /// Copies to the host, after all work that was queued; done on return.
    ///
    /// # Errors
    /// What the driver refuses.
    ///
    /// # Safety
    /// There are so many bytes at `at`.
    unsafe fn download(&self, bytes: &mut [u8], at: u64) -> std::result::Result<(), DriverError>;

    /// Queues a kernel of a program. A driver that meets the program for the first time compiles it before, unless a step is
    /// being recorded, which is an error.
    ///
    /// # Errors
    /// What the driver refuses.
    ///
    /// # Safety
    /// The arguments are the kernel's, in number, order and type, and every address holds what the kernel expects.
    unsafe fn launch(
        &self,
        program: &Program,
        kernel: &str,
        grid: Grid,
        args: &[Arg],
    ) -> std::result::Result<(), DriverError>;

    /// Queues `C = op(A) op(B)` with C `[m, n]` and op(A) `[m, k]`, row-major, by a library; `false` where there is none. No
    /// size is 0.
    ///
    /// # Errors
    /// What the driver refuses.
    ///
    /// # Safety
    /// The addresses hold matrices of these shapes.
    unsafe fn product(
        &self,
        c: u64,
        a: (u64, bool),
        b: (u64, bool),
        shape: [usize; 3],
    ) -> std::result::Result<bool, DriverError>;

    /// Waits for all work that was queued.
    ///
    /// # Errors
    /// What the driver refuses, and what went wrong in that work.
    fn synchronise(&self) -> std::result::Result<(), DriverError>;

    /// Calls `step`, whose launches are not run but recorded. `step` may neither allocate nor copy.
    ///
    /// # Errors
    /// What the driver refuses, and whatever `step` says.
    fn record(&self, step: &mut dyn FnMut() -> Result<()>) -> Result<Box<dyn Recording + '_>>;
}
