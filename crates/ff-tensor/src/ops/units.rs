//! These ops run the units of a layer. They compute the signals, the goodness and the gradient of the current.

use super::{
    Op, expect_clock, expect_columns, expect_formula, expect_log, expect_pairs, expect_units, refuse,
    rows_in_time,
};
use crate::{Clock, Dropout, Goodness, Memory, Objective, Result, Tensor, Units, expect_shape};

/// Runs the units over all time steps. It computes `signal` from the current, and the output in each step if the next
/// layer needs it. A current of R rows is constant in time. One of R T rows has a row for each step. The bias is added
/// to the current.
pub struct UnitsForward<'a, D: Memory> {
    /// `[R, n]`
    pub signal: &'a mut Tensor<D>,
    /// `[R T, n]`. It holds zeros and ones if the units spike.
    pub spikes: Option<&'a mut Tensor<D>>,
    /// `[R, n]` or `[R T, n]`
    pub current: &'a Tensor<D>,
    /// `[1, n]`
    pub bias: Option<&'a Tensor<D>>,
    /// The units.
    pub units: &'a dyn Units,
}

impl<D: Memory> UnitsForward<'_, D> {
    /// Says whether the current has a row for each time step.
    pub fn in_time(&self) -> bool {
        self.current.rows() != self.signal.rows()
    }
}

impl<D: Memory> Op for UnitsForward<'_, D> {
    fn check(&self) -> Result<()> {
        let spikes = self.spikes.as_deref();
        expect_units("units_forward", self.signal.shape(), spikes, self.current, self.bias, self.units)
            .map(drop)
    }
}

/// Computes the goodness of each row of signals.
pub struct RowGoodness<'a, D: Memory> {
    /// `[R, 1]`
    pub goodness: &'a mut Tensor<D>,
    /// `[R, n]`
    pub signal: &'a Tensor<D>,
    /// The formula of the goodness.
    pub formula: &'a dyn Goodness,
}

impl<D: Memory> Op for RowGoodness<'_, D> {
    fn check(&self) -> Result<()> {
        let [r, n] = self.signal.shape();
        expect_columns("row_goodness", "signal", n)?;
        expect_formula("row_goodness", self.formula)?;
        expect_shape("row_goodness", "goodness", self.goodness.shape(), [r, 1])
    }
}

/// Computes a layer's gradient in one pass over its current. The pass covers the units, dropout, their goodness, the
/// loss of each pair, and the chain rule back to the current. The gradient has a closed form, so there is no tape:
///
/// ```text
/// dI = dL/dg dg/dsignal slope,     slope = d signal / d current
/// ```
/// A silenced unit has no output and learns nothing. The two rows of a pair lose the same units. Pair `b`'s loss is
/// number `batch B + b` of `losses`, where `batch` is the clock's. Beyond the end it is not written.
///
/// [`SliceSignals`](crate::SliceSignals) and [`SliceGrad`](crate::SliceGrad) are its halves, for a layer whose units are
/// shared out.
pub struct LocalGrad<'a, D: Memory> {
    /// The gradient of the current, in the current's shape.
    pub dcurrent: &'a mut Tensor<D>,
    /// `[pairs of an epoch, 1]`
    pub losses: &'a mut Tensor<D>,
    /// `[2 B, n]`
    pub signal: &'a mut Tensor<D>,
    /// `[2 B T, n]`. It holds zeros and ones if the units spike.
    pub spikes: Option<&'a mut Tensor<D>>,
    /// `[2 B, 1]`
    pub goodness: &'a mut Tensor<D>,
    /// `[2 B, n]` if it is constant in time, otherwise `[2 B T, n]`.
    pub current: &'a Tensor<D>,
    /// `[1, n]`
    pub bias: Option<&'a Tensor<D>>,
    /// Gives the batch and the step.
    pub clock: &'a Clock<D>,
    /// The units.
    pub units: &'a dyn Units,
    /// Says which units fall silent.
    pub dropout: Dropout,
    /// The formula that turns the signals into one number.
    pub formula: &'a dyn Goodness,
    /// The loss that is minimised.
    pub objective: &'a dyn Objective,
}

impl<D: Memory> LocalGrad<'_, D> {
    /// Says whether the current has a row for each time step.
    pub fn in_time(&self) -> bool {
        self.current.rows() != self.signal.rows()
    }
}

impl<D: Memory> Op for LocalGrad<'_, D> {
    fn check(&self) -> Result<()> {
        let spikes = self.spikes.as_deref();
        expect_units("local_grad", self.signal.shape(), spikes, self.current, self.bias, self.units)?;
        expect_formula("local_grad", self.formula)?;
        expect_formula("local_grad", self.objective)?;
        expect_shape("local_grad", "dcurrent", self.dcurrent.shape(), self.current.shape())?;
        expect_pairs("local_grad", self.goodness, self.signal.rows())?;
        expect_log("local_grad", self.losses)?;
        expect_clock("local_grad", self.clock)
    }
}

/// Runs backpropagation (through time). It computes the gradient of the current from the gradient of the units' output.
/// That gradient has a row for each step, or it is that of the output's mean. The current is that of [`UnitsForward`],
/// without a bias. The states are computed again.
pub struct UnitsBackward<'a, D: Memory> {
    /// The gradient of the current, in the current's shape.
    pub dcurrent: &'a mut Tensor<D>,
    /// `[R, n]` or `[R T, n]`
    pub dpassed: &'a Tensor<D>,
    /// `[R, n]` if it is constant in time, otherwise `[R T, n]`.
    pub current: &'a Tensor<D>,
    /// The number of rows R.
    pub rows: usize,
    /// The units. The op does not read how they are judged.
    pub units: &'a dyn Units,
}

impl<D: Memory> Op for UnitsBackward<'_, D> {
    fn check(&self) -> Result<()> {
        let n = self.current.cols();
        expect_columns("units_backward", "current", n)?;
        expect_formula("units_backward", self.units)?;
        self.units.validate().or_else(|reason| refuse("units_backward", reason))?;
        let all = rows_in_time("units_backward", self.rows, self.units)?;
        let expected = |rows| [if rows == self.rows { self.rows } else { all }, n];
        expect_shape("units_backward", "current", self.current.shape(), expected(self.current.rows()))?;
        expect_shape("units_backward", "dpassed", self.dpassed.shape(), expected(self.dpassed.rows()))?;
        expect_shape("units_backward", "dcurrent", self.dcurrent.shape(), self.current.shape())
    }
}
