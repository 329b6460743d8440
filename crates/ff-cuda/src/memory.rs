//! Memory on the device: a tensor's storage, and the way there and back.

use std::marker::PhantomData;
use std::sync::Arc;

use ff_tensor::{Element, Error, Result, Storage};

use crate::driver::Driver;
use crate::error::{failed, out_of_memory};

/// Room for numbers on the device, given back when it is dropped. It knows its device.
pub struct Buffer<T: Element> {
    driver: Arc<dyn Driver>,
    at: u64,
    len: usize,
    kind: PhantomData<T>,
}

/// An op gets the buffer itself in both cases. What is written is on the device, and a `&mut` would let two buffers of
/// different lengths be swapped.
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
    /// Room for `len` numbers, with anything in it. None at all is address 0, which no kernel touches.
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

    /// Where it is.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Whose it is.
    pub(crate) fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    pub(crate) fn zero(&self) -> Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        // SAFETY: that many bytes were allocated in `new`.
        unsafe { self.driver.zero(self.at, self.len * size_of::<T>()) }.map_err(|e| failed(&*self.driver, e))
    }

    /// Overwrites all of it with as many numbers as it has; the caller has compared.
    pub(crate) fn write(&self, data: &[T]) -> Result<()> {
        let data = &data[..self.len];
        if data.is_empty() {
            return Ok(());
        }
        // SAFETY: elements are plain numbers without gaps, and a byte may be read at any alignment.
        let bytes = unsafe { std::slice::from_raw_parts(data.as_ptr().cast::<u8>(), size_of_val(data)) };
        // SAFETY: that many bytes were allocated in `new`.
        unsafe { self.driver.upload(self.at, bytes) }.map_err(|e| failed(&*self.driver, e))
    }

    /// All of it.
    pub(crate) fn read(&self) -> Result<Vec<T>> {
        let mut data = vec![T::default(); self.len];
        if data.is_empty() {
            return Ok(data);
        }
        let size = size_of_val(data.as_slice());
        // SAFETY: elements are plain numbers without gaps, for which all bytes are valid.
        let bytes = unsafe { std::slice::from_raw_parts_mut(data.as_mut_ptr().cast::<u8>(), size) };
        // SAFETY: that many bytes were allocated in `new`.
        unsafe { self.driver.download(bytes, self.at) }.map_err(|e| failed(&*self.driver, e))?;
        Ok(data)
    }
}

impl<T: Element> Drop for Buffer<T> {
    fn drop(&mut self) {
        if self.at != 0 {
            // SAFETY: it came from `alloc` in `new`, and this was its only owner.
            unsafe { self.driver.free(self.at) };
        }
    }
}
