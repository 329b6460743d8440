//! This module holds memory on the device, which is a tensor's storage, and copies numbers there and back.

use std::marker::PhantomData;
use std::sync::Arc;

use ff_tensor::{Element, Error, Result, Storage};

use crate::driver::Driver;
use crate::error::{failed, out_of_memory};

/// Memory for numbers on the device. It is given back when it is dropped, and it knows its device.
pub struct Buffer<T: Element> {
    driver: Arc<dyn Driver>,
    at: u64,
    len: usize,
    kind: PhantomData<T>,
}

/// An op gets `&Self` both to read and to write. The numbers that are written are on the device, and a `&mut` would let code swap
/// two buffers of different lengths.
impl<T: Element> Storage<T> for Buffer<T> {
    type Ref<'a> = &'a Self;
    type Mut<'a> = &'a Self;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self) -> &Self {
        self
    }

    fn get_mut(&mut self) -> &Self {
        self
    }
}

impl<T: Element> Buffer<T> {
    /// Allocates memory for `len` numbers, which may hold anything. If `len` is 0, the address is 0, which no kernel touches.
    pub(crate) fn new(driver: &Arc<dyn Driver>, len: usize) -> Result<Self> {
        let Some(bytes) = len.checked_mul(size_of::<T>()) else {
            return Err(Error::Device {
                device: driver.name(),
                reason: format!("{len} numbers are more than memory can hold"),
            });
        };
        let at = match bytes {
            0 => 0,
            _ => driver.alloc(bytes).map_err(|e| out_of_memory(&**driver, bytes, e))?,
        };
        Ok(Self { driver: driver.clone(), at, len, kind: PhantomData })
    }

    /// Returns its address.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Returns the driver that it belongs to.
    pub(crate) fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    pub(crate) fn zero(&self) -> Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        // SAFETY: this many bytes were allocated in `new`.
        unsafe { self.driver.zero(self.at, self.len * size_of::<T>()) }.map_err(|e| failed(&*self.driver, e))
    }

    /// Overwrites all of it. The caller has checked that `data` has as many numbers.
    pub(crate) fn write(&self, data: &[T]) -> Result<()> {
        let data = &data[..self.len];
        if data.is_empty() {
            return Ok(());
        }
        // SAFETY: elements are plain numbers without gaps, and a byte may be read at any alignment.
        let bytes = unsafe { std::slice::from_raw_parts(data.as_ptr().cast::<u8>(), size_of_val(data)) };
        // SAFETY: this many bytes were allocated in `new`.
        unsafe { self.driver.upload(self.at, bytes) }.map_err(|e| failed(&*self.driver, e))
    }

    /// Copies all numbers. The caller has checked that `data` has as many.
    pub(crate) fn read(&self, data: &mut [T]) -> Result<()> {
        let data = &mut data[..self.len];
        if data.is_empty() {
            return Ok(());
        }
        let size = size_of_val(data);
        // SAFETY: elements are plain numbers without gaps, for which all bytes are valid.
        let bytes = unsafe { std::slice::from_raw_parts_mut(data.as_mut_ptr().cast::<u8>(), size) };
        // SAFETY: this many bytes were allocated in `new`.
        unsafe { self.driver.download(bytes, self.at) }.map_err(|e| failed(&*self.driver, e))
    }
}

impl<T: Element> Drop for Buffer<T> {
    fn drop(&mut self) {
        if self.at != 0 {
            // SAFETY: the address came from `alloc` in `new`, and this was its only owner.
            unsafe { self.driver.free(self.at) };
        }
    }
}
