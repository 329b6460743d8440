//! This module holds the device that a user opens: one GPU.

use std::sync::Arc;

use crate::driver::Driver;
use crate::error::OpenError;
use crate::gpu::Gpu;
use crate::keeping::Keeping;
use crate::products::Products;

/// One GPU. Its tensors belong to it and to its clones.
#[derive(Clone)]
pub struct Cuda {
    pub(crate) driver: Arc<dyn Driver>,
}

impl Cuda {
    /// Opens GPU number `index`. Its kernels come from the user's cache, or else are compiled, which takes some seconds. Those
    /// that need formulas are compiled when an op brings a formula for the first time.
    ///
    /// # Errors
    /// Fails if there is no such GPU, or if something that it needs is missing.
    pub fn new(index: usize, products: Products) -> Result<Self, OpenError> {
        Ok(Self::on(Arc::new(Gpu::open(index, products)?)))
    }

    /// Makes a device on any driver.
    #[doc(hidden)]
    pub fn on(driver: Arc<dyn Driver>) -> Self {
        Self { driver: Arc::new(Keeping::new(driver)) }
    }

    /// Returns its name and which GPU that is, for people to read.
    pub fn description(&self) -> String {
        self.driver.description()
    }
}
