//! From arrays on the host to tensors on a device.

use ff_tensor::{Device, Error, Result, Tensor};
use ndarray::{ArrayView1, ArrayView2};

/// Images `[n, pixels]`, whatever the array's layout.
///
/// # Errors
/// If the device has no room.
pub fn images<D: Device>(dev: &D, images: ArrayView2<u8>) -> Result<Tensor<D, u8>> {
    let (n, pixels) = images.dim();
    let in_rows = images.as_standard_layout();
    dev.upload(n, pixels, in_rows.as_slice().unwrap_or_default())
}

/// Labels `[n]` as `[n, 1]`.
///
/// # Errors
/// If the device has no room.
pub fn labels<D: Device>(dev: &D, labels: ArrayView1<u8>) -> Result<Tensor<D, u32>> {
    let labels: Vec<u32> = labels.iter().map(|&label| u32::from(label)).collect();
    dev.upload(labels.len(), 1, &labels)
}

/// Room on the host for a matrix that goes to the device.
///
/// # Errors
/// If there is no such room.
pub fn room<D: Device>(dev: &D, rows: usize, cols: usize) -> Result<Vec<f32>> {
    let (mut numbers, count) = (Vec::new(), rows.saturating_mul(cols));
    let reason = || format!("there is no room for {} bytes", count.saturating_mul(4));
    let refuse = |_| Error::Device { device: dev.name(), reason: reason() };
    numbers.try_reserve_exact(count).map_err(refuse)?;
    Ok(numbers)
}
