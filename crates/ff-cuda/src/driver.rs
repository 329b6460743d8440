//! This module holds the interface to whatever runs the kernels.
//!
//! A GPU (`gpu.rs`) implements it, and so does the tests' shim, which runs the same kernels on the processor. So everything above
//! the interface is tested without a GPU: shapes, launches, the order of arguments, buffers and replayed steps.

use std::time::Duration;

use ff_tensor::Result;
use ff_tensor::formula::MOST_WORDS;

use crate::program::Program;

/// The error of a driver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// There is not enough memory.
    #[error("out of memory")]
    Memory {
        /// The free memory in bytes, if the driver says it.
        free: usize,
    },
    /// Any other error, in the driver's words.
    #[error("{0}")]
    Other(String),
}

/// The number of blocks in a grid and of threads in a block, each `[x, y]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// The number of blocks.
    pub blocks: [u32; 2],
    /// The number of threads in each block.
    pub threads: [u32; 2],
}

/// A kernel's argument, by value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arg {
    /// An address on the device. It is 0 for an argument that was left out.
    At(u64),
    /// A `u32`.
    U32(u32),
    /// A `u64`.
    U64(u64),
    /// A `float`.
    F32(f32),
    /// The fields of a formula's struct, 32 bits each. The struct takes as many as it has.
    Words([u32; MOST_WORDS]),
}

/// Recorded launches that can be repeated.
pub trait Recording {
    /// Hands all launches to the device once more.
    ///
    /// # Errors
    /// Fails if the driver refuses.
    fn replay(&self) -> std::result::Result<(), DriverError>;
}

/// The name of a meeting of ranks. Whoever has it can join.
pub type Id = [u8; 128];

/// One part of an exchange between ranks. `at` is an address on the device, at which there are `bytes` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Sends bytes to rank `to`.
    Send {
        /// The rank that receives them.
        to: usize,
        /// Where they are.
        at: u64,
        /// How many they are.
        bytes: usize,
    },
    /// Receives bytes of rank `from`.
    Receive {
        /// The rank that sends them.
        from: usize,
        /// Where they go.
        at: u64,
        /// How many they are.
        bytes: usize,
    },
    /// Copies bytes from place to place on this rank.
    Copy {
        /// Where they go.
        to: u64,
        /// Where they are.
        at: u64,
        /// How many they are.
        bytes: usize,
    },
}

/// A rank's end of a communicator, which joins the devices of several ranks.
pub trait Link: Send + Sync {
    /// Queues an exchange, behind all work that was queued. Its parts happen at the same time. What one rank sends, the other
    /// receives: the exchanges of two ranks come in the same order on both, and with the same numbers of bytes.
    ///
    /// # Errors
    /// Fails if the communicator refuses, or if it has been given up.
    ///
    /// # Safety
    /// There must be as many bytes at each address, and every rank must be one of the communicator's.
    unsafe fn exchange(&self, moves: &[Move]) -> std::result::Result<(), DriverError>;

    /// Waits for all work that was queued, and for other ranks within it.
    ///
    /// # Errors
    /// Fails if something went wrong in that work, if another rank is gone, or after `patience`, if there is one.
    fn wait(&self, patience: Option<Duration>) -> std::result::Result<(), DriverError>;

    /// Gives up. The work that was queued may wait for ever for another rank, so the driver never waits again. It keeps all
    /// memory until the process ends.
    fn give_up(&self);
}

/// Returns the error of a driver that joins no ranks.
fn no_links() -> DriverError {
    DriverError::Other("this build has no NCCL".into())
}

/// A driver runs the kernels. It has memory with addresses, and one queue of work that is done in order.
pub trait Driver: Send + Sync {
    /// Returns its name, such as `cuda:0`.
    fn name(&self) -> String;

    /// Returns its name and which GPU that is, for people to read.
    fn description(&self) -> String;

    /// Returns the number of rows of a scan that keep it busy.
    fn scan_rows(&self) -> usize;

    /// Allocates this many bytes, which must be more than 0. The memory may hold anything.
    ///
    /// # Errors
    /// Fails if there is not enough memory, or if the driver refuses.
    fn alloc(&self, bytes: usize) -> std::result::Result<u64, DriverError>;

    /// Frees memory, after all work that was queued.
    ///
    /// # Safety
    /// `at` must come from `alloc`, and nothing may use it any more.
    unsafe fn free(&self, at: u64);

    /// Queues work that sets bytes to zero.
    ///
    /// # Errors
    /// Fails if the driver refuses.
    ///
    /// # Safety
    /// There must be this many bytes at `at`.
    unsafe fn zero(&self, at: u64, bytes: usize) -> std::result::Result<(), DriverError>;

    /// Copies from the host. The copy is done on return.
    ///
    /// # Errors
    /// Fails if the driver refuses.
    ///
    /// # Safety
    /// There must be this many bytes at `at`.
    unsafe fn upload(&self, at: u64, bytes: &[u8]) -> std::result::Result<(), DriverError>;

    /// Copies to the host, after all work that was queued. The copy is done on return.
    ///
    /// # Errors
    /// Fails if the driver refuses.
    ///
    /// # Safety
    /// There must be this many bytes at `at`.
    unsafe fn download(&self, bytes: &mut [u8], at: u64) -> std::result::Result<(), DriverError>;

    /// Queues a kernel of a program. If the program is new to the driver, the driver compiles it first. While a step is being
    /// recorded, a new program is an error instead.
    ///
    /// # Errors
    /// Fails if the driver refuses.
    ///
    /// # Safety
    /// The arguments must be the kernel's in number, order and type, and every address must hold what the kernel expects.
    unsafe fn launch(
        &self,
        program: &Program,
        kernel: &str,
        grid: Grid,
        args: &[Arg],
    ) -> std::result::Result<(), DriverError>;

    /// Queues `C = op(A) op(B)` with C `[m, n]` and op(A) `[m, k]`, row-major, by a library. No size may be 0. Returns `false` if
    /// there is no library.
    ///
    /// # Errors
    /// Fails if the driver refuses.
    ///
    /// # Safety
    /// The addresses must hold matrices of these shapes.
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
    /// Fails if the driver refuses, or if something went wrong in that work.
    fn synchronise(&self) -> std::result::Result<(), DriverError>;

    /// Calls `step` and records its launches instead of running them. `step` may neither allocate nor copy.
    ///
    /// # Errors
    /// Fails if the driver refuses or `step` fails.
    fn record(&self, step: &mut dyn FnMut() -> Result<()>) -> Result<Box<dyn Recording + '_>>;

    /// Returns what tells this GPU from all others, if it can exchange bytes with them by itself.
    ///
    /// # Errors
    /// Says why it cannot.
    fn linkable(&self) -> std::result::Result<[u8; 16], DriverError> {
        Err(no_links())
    }

    /// Makes the name of a new meeting of ranks. One rank does so and tells the others.
    ///
    /// # Errors
    /// Fails if the driver cannot exchange bytes, or if it refuses.
    fn new_id(&self) -> std::result::Result<Id, DriverError> {
        Err(no_links())
    }

    /// Joins the other ranks, and waits for them. All of them call this with the same `id`, each one on a GPU of its own.
    ///
    /// # Errors
    /// Fails if the driver cannot exchange bytes, or if it refuses.
    fn link(&self, _rank: usize, _ranks: usize, _id: &Id) -> std::result::Result<Box<dyn Link>, DriverError> {
        Err(no_links())
    }
}
