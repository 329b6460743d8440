//! A connection turns a layer's input into the current of its units, and the current's gradient into that of its weights.
//!
//! ```text
//! I = x W            dW = x^T dI
//! ```
//! A connection is linear in its input. That is all that the rest of the engine knows of it, so a connection of your own (a
//! convolution, a mask) is one type that implements [`Connection`].

use ff_tensor::{Device, Error, MatMul, Result, Tensor};

/// Weights between a layer's input and its units.
///
/// # Errors
/// Shapes that do not match, or a failing device, for all methods.
#[allow(clippy::missing_errors_doc)] // they are the same for all of them
pub trait Connection<D: Device>: Send + Sync {
    /// `[inputs, units]`
    fn shape(&self) -> [usize; 2];

    /// The weights, `[inputs, units]` in a [`Dense`] connection: what people look at.
    fn weight(&self) -> &Tensor<D>;

    /// What is learned: a name for files, and the numbers. By default that is the weights.
    fn parameters(&self) -> Vec<(&'static str, &Tensor<D>)> {
        vec![("weight", self.weight())]
    }

    /// Number `i` of the parameters. A training step asks for them one by one, so that it allocates nothing.
    fn parameter_mut(&mut self, i: usize) -> Option<&mut Tensor<D>>;

    /// Whether this is a weight from each input to each unit and nothing else, which is what a [`Model`](crate::Model) keeps.
    fn is_dense(&self) -> bool {
        false
    }

    /// The current `[rows, units]` of the rows `x` `[rows, inputs]`.
    fn current(&self, dev: &D, current: &mut Tensor<D>, x: &Tensor<D>) -> Result<()>;

    /// The gradient of each parameter, in its shape, from the gradient `dcurrent` `[rows, units]` of the current.
    fn gradient(
        &self,
        dev: &D,
        gradients: &mut [Tensor<D>],
        x: &Tensor<D>,
        dcurrent: &Tensor<D>,
    ) -> Result<()>;
}

/// A weight from each input to each unit.
pub struct Dense<D: Device> {
    /// `[in, out]`: a label picks a row. (`torch.nn.Linear` keeps the transpose.)
    pub weight: Tensor<D>,
}

impl<D: Device> Connection<D> for Dense<D> {
    fn shape(&self) -> [usize; 2] {
        self.weight.shape()
    }

    fn weight(&self) -> &Tensor<D> {
        &self.weight
    }

    fn is_dense(&self) -> bool {
        true
    }

    fn parameter_mut(&mut self, i: usize) -> Option<&mut Tensor<D>> {
        (i == 0).then_some(&mut self.weight)
    }

    fn current(&self, dev: &D, current: &mut Tensor<D>, x: &Tensor<D>) -> Result<()> {
        MatMul { c: current, a: x, transpose_a: false, b: &self.weight, transpose_b: false }.on(dev)
    }

    fn gradient(
        &self,
        dev: &D,
        gradients: &mut [Tensor<D>],
        x: &Tensor<D>,
        dcurrent: &Tensor<D>,
    ) -> Result<()> {
        let [dweight] = gradients else {
            let reason = format!("{} gradients for one weight", gradients.len());
            return Err(Error::Parameter { op: "dense", reason });
        };
        MatMul { c: dweight, a: x, transpose_a: true, b: dcurrent, transpose_b: false }.on(dev)
    }
}
