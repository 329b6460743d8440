//! A matrix that lives in a device's memory.

use crate::error::{Error, Result};
use crate::memory::{Element, Memory, Storage};

/// A row-major matrix `[rows, cols]` on device `D`. Rows are samples wherever there are samples. A vector with one number
/// for each sample is `[samples, 1]`, one with a number for each unit is `[1, units]`.
///
/// The storage is private and has been checked, so every op can rely on `rows * cols` elements. Nobody can put another one
/// in its place:
///
/// ```compile_fail,E0616
/// # use ff_tensor::{Device, Tensor};
/// fn swap<D: Device>(a: &mut Tensor<D>, b: Tensor<D>) {
///     a.data = b.data;
/// }
/// ```
pub struct Tensor<D: Memory, T: Element = f32> {
    rows: usize,
    cols: usize,
    data: D::Buffer<T>,
}

impl<D: Memory, T: Element> Tensor<D, T> {
    /// Wraps a device's storage. Only devices need this. All others call [`Device::zeros`](crate::Device::zeros) or
    /// [`Device::upload`](crate::Device::upload).
    ///
    /// # Errors
    /// If the storage does not have `rows * cols` elements, or if a kernel could not count them in 32 bits.
    pub fn of_storage(rows: usize, cols: usize, data: D::Buffer<T>) -> Result<Self> {
        if element_count(rows, cols)? != data.len() {
            let (got, expected) = ([data.len(), 1], [rows, cols]);
            return Err(Error::Shape { op: "tensor", tensor: "storage", got, expected });
        }
        Ok(Self { rows, cols, data })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// `[rows, cols]`.
    pub fn shape(&self) -> [usize; 2] {
        [self.rows, self.cols]
    }

    /// The storage, for a device to read.
    pub fn get(&self) -> <D::Buffer<T> as Storage<T>>::Ref<'_> {
        self.data.get()
    }

    /// The storage, for a device to write.
    pub fn get_mut(&mut self) -> <D::Buffer<T> as Storage<T>>::Mut<'_> {
        self.data.get_mut()
    }
}

/// Elements of a matrix `[rows, cols]`.
///
/// # Errors
/// If rows, columns or elements are more than kernels and vectors can count.
pub fn element_count(rows: usize, cols: usize) -> Result<usize> {
    let most = u32::MAX as usize;
    let count = rows.checked_mul(cols).filter(|&count| count <= isize::MAX as usize / 8);
    match count {
        Some(count) if rows <= most && cols <= most => Ok(count),
        _ => Err(Error::Parameter {
            op: "tensor",
            reason: format!(
                "a matrix of {rows} x {cols} is too large; at most {most} rows and columns are possible"
            ),
        }),
    }
}

/// Where training stands, kept on the device so that no step depends on a number from the host: a step can then be
/// recorded once and replayed. `[1, 2]`: the optimiser's steps taken so far, and the batch within the current epoch.
/// [`Advance`](crate::Advance) adds one to both.
pub type Clock<D> = Tensor<D, u32>;
