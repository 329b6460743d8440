//! A matrix that lives on a device.

use crate::Device;

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

/// A row-major matrix `[rows, cols]` on device `D`. Rows are samples wherever there are samples; a vector with
/// one number per sample is `[samples, 1]`, one with a number per unit `[1, units]`.
pub struct Tensor<D: Device, T: Element = f32> {
    rows: usize,
    cols: usize,
    /// The device's own storage, `rows * cols` elements.
    pub data: D::Buffer<T>,
}

impl<D: Device, T: Element> Tensor<D, T> {
    /// Wraps a device's storage, which the device has made with `rows * cols` elements.
    pub fn new(rows: usize, cols: usize, data: D::Buffer<T>) -> Self {
        Self { rows, cols, data }
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
}

/// Where training stands, kept on the device so that no step depends on a number from the host: a step can
/// then be recorded once and replayed. `[1, 2]`: the optimiser's steps taken so far, and the batch within the
/// current epoch. [`Device::advance`] adds one to both.
pub type Clock<D> = Tensor<D, u32>;
