//! From arrays on the host to tensors on a device.

use ff_tensor::{Device, Result, Tensor};
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
