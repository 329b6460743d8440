//! These ops turn numbers into the bytes in which they travel to other ranks, and back. What arrives has the bits of what was
//! sent.
//!
//! ```text
//! Rate(T):   byte = T x, a count of spikes      x = byte / T      255 for what is no such count, and NaN of that
//! Number:    the four bytes of x
//! ```

use super::{Op, expect_columns, refuse, same_count};
use crate::packing::{NO_RATE, Packing};
use crate::{Memory, Result, Tensor, expect_shape};

/// Turns numbers into the bytes in which they travel.
pub struct Pack<'a, D: Memory> {
    /// R m width bytes, in any shape.
    pub bytes: &'a mut Tensor<D, u8>,
    /// `[R, m]`
    pub numbers: &'a Tensor<D>,
    /// Says what the bytes are.
    pub packing: Packing,
}

impl<D: Memory> Op for Pack<'_, D> {
    fn check(&self) -> Result<()> {
        let [rows, m] = self.numbers.shape();
        expect_columns("pack", "numbers", m)?;
        expect_packing("pack", self.packing)?;
        let size = [rows, m.saturating_mul(self.packing.width())];
        let got = self.bytes.shape();
        if same_count(got, size) { Ok(()) } else { expect_shape("pack", "bytes", got, size) }
    }
}

/// Turns the bytes of some slices of a layer into the numbers of the whole layer. It undoes the [`Pack`] of each slice.
///
/// The slices are those of [`slice_of`](crate::packing::slice_of). Their bytes come one after the other.
pub struct Unpack<'a, D: Memory> {
    /// `[R, n]`
    pub numbers: &'a mut Tensor<D>,
    /// `[1, R n width]`: the bytes of the first slice, `[R, m width]`, then those of the second one, and so on.
    pub bytes: &'a Tensor<D, u8>,
    /// The number of slices.
    pub slices: usize,
    /// Says what the bytes are.
    pub packing: Packing,
}

impl<D: Memory> Op for Unpack<'_, D> {
    fn check(&self) -> Result<()> {
        let [rows, n] = self.numbers.shape();
        expect_columns("unpack", "numbers", n)?;
        expect_packing("unpack", self.packing)?;
        if !(1..=1 << 16).contains(&self.slices) {
            return refuse("unpack", format!("{} slices; 1 to 65536 are possible", self.slices));
        }
        let all = rows.saturating_mul(n).saturating_mul(self.packing.width());
        expect_shape("unpack", "bytes", self.bytes.shape(), [1, all])
    }
}

/// Checks that the counts of spikes fit into a byte.
fn expect_packing(op: &'static str, packing: Packing) -> Result<()> {
    match packing {
        Packing::Rate(steps @ (0 | NO_RATE)) => {
            refuse(op, format!("a rate of {steps} steps; 1 to 254 are possible"))
        }
        _ => Ok(()),
    }
}
