//! This module says how many threads a kernel gets. It also turns an op's tensors and numbers into a kernel's arguments.

use std::sync::Arc;

use ff_kernels::constants::{AFFINE, ELASTIC, NUMBERS, SHIFT};
use ff_tensor::constants::LANES;
use ff_tensor::{Augmentation, Element, Error, Formula, NormKind, Result, Tensor};

use crate::cuda::Cuda;
use crate::driver::{Arg, Driver, Grid};
use crate::error::failed;
use crate::memory::Buffer;
use crate::program::Program;

/// An op on its way to the driver.
pub(crate) struct Call<'a> {
    pub driver: &'a Arc<dyn Driver>,
    /// The op's name, for errors and for [`kernel_of`].
    pub op: &'static str,
}

/// The largest number of blocks in a grid, `[x, y]`, as CUDA's manual says for every GPU.
const MOST_BLOCKS: [u32; 2] = [i32::MAX as u32, 65_535];
/// The largest number of rows, columns and the like. A kernel counts in 32 bits and may look one row of blocks beyond the end.
const MOST: usize = i32::MAX as usize;

impl Call<'_> {
    fn refuse<T>(&self, reason: String) -> Result<T> {
        Err(Error::Parameter { op: self.op, reason })
    }

    /// Returns a number in the type in which kernels count, and refuses one above [`MOST`].
    fn number(&self, name: &str, n: usize) -> Result<u32> {
        match u32::try_from(n) {
            Ok(small) if n <= MOST => Ok(small),
            _ => self
                .refuse(format!("`{name}` is {n}, and a kernel counts up to {MOST}: take smaller batches")),
        }
    }

    /// Refuses a tensor of another device.
    pub(crate) fn owns<T: Element>(&self, name: &str, buffer: &Buffer<T>) -> Result<()> {
        let (here, there) = (self.driver, buffer.driver());
        if Arc::ptr_eq(here, there) {
            return Ok(());
        }
        let (here, there) = (here.name(), there.name());
        self.refuse(match here == there {
            true => {
                format!("`{name}` belongs to another opened `{there}`: open a GPU once and clone the device")
            }
            false => format!("`{name}` lies on {there}, not on {here}"),
        })
    }

    /// Launches the op's kernel. If the grid has no block, there is nothing to do.
    pub(crate) fn launch(&self, program: &Program, grid: Grid, args: &[Arg]) -> Result<()> {
        let [x, y] = grid.blocks;
        if x == 0 || y == 0 {
            return Ok(());
        }
        let [most_x, most_y] = MOST_BLOCKS;
        if x > most_x || y > most_y {
            return self
                .refuse(format!("it takes {x} x {y} blocks of threads; {most_x} x {most_y} are possible"));
        }
        // SAFETY: the op has been checked, so that its tensors have the shapes that the kernel expects. `args!` has made sure
        // that they are on this device. They come in the order of the kernel's arguments. The shim's tests compare their number
        // and types with the kernel's.
        unsafe { self.driver.launch(program, kernel_of(self.op), grid, args) }
            .map_err(|e| failed(&**self.driver, e))
    }

    /// Hands a product to a library. `args!` has already checked the matrices. Returns `false` if there is no library.
    pub(crate) fn product(
        &self,
        c: &Buffer<f32>,
        (a, transpose_a): (&Buffer<f32>, bool),
        (b, transpose_b): (&Buffer<f32>, bool),
        shape: [usize; 3],
    ) -> Result<bool> {
        let (a, b) = ((a.at(), transpose_a), (b.at(), transpose_b));
        // SAFETY: the op has been checked, so the matrices have these shapes, and they are on this device.
        unsafe { self.driver.product(c.at(), a, b, shape) }.map_err(|e| failed(&**self.driver, e))
    }
}

/// Returns the kernel of an op. It has the op's name, except for `select`, because the C library has a `select` too.
fn kernel_of(op: &'static str) -> &'static str {
    if op == "select" { "select_rows" } else { op }
}

/// Returns the number of blocks for `count` numbers, `of` in each. [`Call::launch`] refuses a number that does not fit.
fn blocks(count: usize, of: usize) -> u32 {
    u32::try_from(count.div_ceil(of)).unwrap_or(u32::MAX)
}

/// Returns a grid for `[x, y]` numbers, with blocks for `[wide, high]` of them.
pub(crate) fn cover([x, y]: [usize; 2], [wide, high]: [usize; 2], threads: [u32; 2]) -> Grid {
    Grid { blocks: [blocks(x, wide), blocks(y, high)], threads }
}

/// Returns a grid with a thread for each of `count` numbers.
pub(crate) fn each(count: usize) -> Grid {
    cover([count, 1], [256, 1], [256, 1])
}

/// Returns a grid with a thread for each unit of each row.
pub(crate) fn units(rows: usize, n: usize) -> Grid {
    let threads = n.next_multiple_of(32).clamp(32, 256);
    cover([rows, n], [1, threads], [threads as u32, 1])
}

/// Returns a grid with a thread for each lane of a row's sum, and 16 rows in a block.
pub(crate) fn sums(rows: usize) -> Grid {
    cover([rows, 1], [16, 1], [LANES as u32, 16])
}

/// A value that can be handed to a kernel. `name` is its name in errors.
pub(crate) trait ToArg {
    fn arg(&self, call: &Call, name: &str) -> Result<Arg>;
}

/// Makes a kernel's arguments, in the kernel's order.
macro_rules! args {
    ($call:expr; $($arg:expr),* $(,)?) => {
        [$($crate::launch::ToArg::arg(&$arg, &$call, stringify!($arg))?),*]
    };
}
pub(crate) use args;

impl<T: Element> ToArg for Tensor<Cuda, T> {
    fn arg(&self, call: &Call, name: &str) -> Result<Arg> {
        call.owns(name, self.get())?;
        Ok(Arg::At(self.get().at()))
    }
}

impl<A: ToArg> ToArg for &A {
    fn arg(&self, call: &Call, name: &str) -> Result<Arg> {
        (**self).arg(call, name)
    }
}

impl<A: ToArg> ToArg for &mut A {
    fn arg(&self, call: &Call, name: &str) -> Result<Arg> {
        (**self).arg(call, name)
    }
}

/// A tensor that is left out becomes the address 0.
impl<A: ToArg> ToArg for Option<A> {
    fn arg(&self, call: &Call, name: &str) -> Result<Arg> {
        self.as_ref().map_or(Ok(Arg::At(0)), |arg| arg.arg(call, name))
    }
}

impl ToArg for usize {
    fn arg(&self, call: &Call, name: &str) -> Result<Arg> {
        call.number(name, *self).map(Arg::U32)
    }
}

impl ToArg for u64 {
    fn arg(&self, _: &Call, _: &str) -> Result<Arg> {
        Ok(Arg::U64(*self))
    }
}

impl ToArg for bool {
    fn arg(&self, _: &Call, _: &str) -> Result<Arg> {
        Ok(Arg::U32(u32::from(*self)))
    }
}

impl ToArg for f32 {
    fn arg(&self, _: &Call, _: &str) -> Result<Arg> {
        Ok(Arg::F32(*self))
    }
}

impl ToArg for NormKind {
    fn arg(&self, _: &Call, _: &str) -> Result<Arg> {
        Ok(Arg::U32(*self as u32))
    }
}

/// Returns a formula's numbers, which its struct takes as its fields.
pub(crate) fn fields(formula: &dyn Formula) -> Arg {
    Arg::Words(*formula.numbers().words())
}

impl ToArg for Arg {
    fn arg(&self, _: &Call, _: &str) -> Result<Arg> {
        Ok(*self)
    }
}

/// Returns five numbers for each change: its kind, and its bounds in the order of `Augmentation`.
pub(crate) fn changes(list: &[Augmentation]) -> Vec<f32> {
    let numbers = |change: &Augmentation| -> [f32; NUMBERS] {
        match *change {
            Augmentation::Shift { pixels } => [SHIFT as f32, pixels as f32, 0.0, 0.0, 0.0],
            Augmentation::Affine { rotate, scale, shear, shift } => {
                [AFFINE as f32, rotate, scale, shear, shift]
            }
            Augmentation::Elastic { strength, smoothness } => {
                [ELASTIC as f32, strength, smoothness, 0.0, 0.0]
            }
        }
    };
    list.iter().flat_map(numbers).collect()
}
