//! A matrix that lives on a device.

use crate::{Device, Error, Result};

/// A number that a tensor can hold: pixels are `u8`, labels and indices `u32`, all else `f32`.
pub trait Element: Copy + Default + Send + Sync + std::fmt::Debug + sealed::Sealed + 'static {}
impl Element for u8 {}
impl Element for u32 {}
impl Element for f32 {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for u32 {}
    impl Sealed for f32 {}
}

/// A device's memory for elements of type `T`. Its length never changes.
pub trait Storage<T: Element>: Send + Sync {
    /// What an op reads from: a slice on the CPU, the buffer with its address on a GPU.
    type Ref<'a>
    where
        Self: 'a;
    /// What an op writes to. It cannot change the length.
    type Mut<'a>
    where
        Self: 'a;

    /// Number of elements.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// To read.
    fn get(&self) -> Self::Ref<'_>;

    /// To write.
    fn get_mut(&mut self) -> Self::Mut<'_>;
}

impl<T: Element> Storage<T> for Vec<T> {
    type Ref<'a> = &'a [T];
    type Mut<'a> = &'a mut [T];

    fn len(&self) -> usize {
        self.len()
    }

    fn get(&self) -> &[T] {
        self
    }

    fn get_mut(&mut self) -> &mut [T] {
        self
    }
}

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
pub struct Tensor<D: Device, T: Element = f32> {
    rows: usize,
    cols: usize,
    data: D::Buffer<T>,
}

impl<D: Device, T: Element> Tensor<D, T> {
    /// Wraps a device's storage. Only devices need this; all others call [`Device::zeros`] or [`Device::upload`].
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
