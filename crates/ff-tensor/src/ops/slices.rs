//! These ops are the two halves of [`LocalGrad`](crate::LocalGrad), for a layer whose units are shared out. Each rank has a
//! slice of the units. Between the halves the ranks exchange their signals.
//!
//! ```text
//! signal[r, j] = that of unit first + j of the layer            slope[r, j] = d signal[r, j] / d current
//! g[r]         = factor(all) sum_i term(signal[r, i])           over all units i, as LocalGrad sums
//! dI[r, j]     = dL/dg[r] factor(all) dterm(signal[r, first + j]) slope[r, j]
//! ```
//! The halves of all slices, side by side, are `LocalGrad` of the whole layer to the last bit.

use super::{
    Op, expect_clock, expect_columns, expect_formula, expect_log, expect_pairs, expect_units, refuse,
};
use crate::{Clock, Dropout, Goodness, Memory, Objective, Result, Tensor, Units, expect_shape};

/// Runs the units of a slice of a layer. It computes their signals and the slopes of these. It is the first half of
/// [`LocalGrad`](crate::LocalGrad).
///
/// The slice has m units, and the first of them is unit `first` of the layer. Dropout silences the units that it silences
/// in the whole layer.
pub struct SliceSignals<'a, D: Memory> {
    /// `[2 B, m]`
    pub signal: &'a mut Tensor<D>,
    /// The slope of the signal, in the current's shape. [`SliceGrad`] makes the gradient of it.
    pub slope: &'a mut Tensor<D>,
    /// `[2 B T, m]`. It holds zeros and ones if the units spike.
    pub spikes: Option<&'a mut Tensor<D>>,
    /// `[2 B, m]` if it is constant in time, otherwise `[2 B T, m]`.
    pub current: &'a Tensor<D>,
    /// `[1, m]`
    pub bias: Option<&'a Tensor<D>>,
    /// Gives the step.
    pub clock: &'a Clock<D>,
    /// The number of the slice's first unit.
    pub first: usize,
    /// The number of units of the whole layer.
    pub all: usize,
    /// The units.
    pub units: &'a dyn Units,
    /// Says which units fall silent.
    pub dropout: Dropout,
    /// The formula that will turn the signals into one number. It says what a silent unit's slope is.
    pub formula: &'a dyn Goodness,
}

impl<D: Memory> SliceSignals<'_, D> {
    /// Says whether the current has a row for each time step.
    pub fn in_time(&self) -> bool {
        self.current.rows() != self.signal.rows()
    }
}

impl<D: Memory> Op for SliceSignals<'_, D> {
    fn check(&self) -> Result<()> {
        let ([rows, m], spikes) = (self.signal.shape(), self.spikes.as_deref());
        expect_units("slice_signals", [rows, m], spikes, self.current, self.bias, self.units)?;
        expect_formula("slice_signals", self.formula)?;
        expect_shape("slice_signals", "slope", self.slope.shape(), self.current.shape())?;
        expect_slice("slice_signals", self.first, m, self.all)?;
        if !rows.is_multiple_of(2) {
            let reason = format!("`signal` has {rows} rows: positives and as many negatives are needed");
            return refuse("slice_signals", reason);
        }
        expect_clock("slice_signals", self.clock)
    }
}

/// Computes the gradient of the current of a slice of a layer's units, from the signals of all units. It is the second
/// half of [`LocalGrad`](crate::LocalGrad).
///
/// Each rank computes the goodness and the losses of the whole layer, so they are the same on all of them. Pair `b`'s loss
/// is number `batch B + b` of `losses`, where `batch` is the clock's. Beyond the end it is not written.
pub struct SliceGrad<'a, D: Memory> {
    /// `[2 B, m]` or `[2 B T, m]`. It holds the slopes that [`SliceSignals`] has left, and then the gradient of the current.
    pub dcurrent: &'a mut Tensor<D>,
    /// `[pairs of an epoch, 1]`
    pub losses: &'a mut Tensor<D>,
    /// `[2 B, 1]`
    pub goodness: &'a mut Tensor<D>,
    /// `[2 B, all]`: the signals of all units of the layer.
    pub signal: &'a Tensor<D>,
    /// Gives the batch.
    pub clock: &'a Clock<D>,
    /// The number of the slice's first unit.
    pub first: usize,
    /// The formula that turns the signals into one number.
    pub formula: &'a dyn Goodness,
    /// The loss that is minimised.
    pub objective: &'a dyn Objective,
}

impl<D: Memory> SliceGrad<'_, D> {
    /// Returns the number of rows that a sample has in `dcurrent`: one, or one for each time step.
    pub fn steps(&self) -> usize {
        self.dcurrent.rows().checked_div(self.signal.rows()).map_or(1, |steps| steps.max(1))
    }
}

impl<D: Memory> Op for SliceGrad<'_, D> {
    fn check(&self) -> Result<()> {
        let ([rows, all], m) = (self.signal.shape(), self.dcurrent.cols());
        expect_columns("slice_grad", "dcurrent", m)?;
        expect_slice("slice_grad", self.first, m, all)?;
        expect_formula("slice_grad", self.formula)?;
        expect_formula("slice_grad", self.objective)?;
        expect_shape("slice_grad", "dcurrent", self.dcurrent.shape(), [rows * self.steps(), m])?;
        expect_pairs("slice_grad", self.goodness, rows)?;
        expect_log("slice_grad", self.losses)?;
        expect_clock("slice_grad", self.clock)
    }
}

/// Checks that a layer of `all` units has a slice of `m` units from number `first` on.
fn expect_slice(op: &'static str, first: usize, m: usize, all: usize) -> Result<()> {
    match first.checked_add(m) {
        Some(end) if end <= all => Ok(()),
        _ => refuse(op, format!("a slice of {m} units from unit {first} on, of a layer of {all} units")),
    }
}
