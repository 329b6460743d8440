//! Every op on every device: against plain loops in f64 at odd sizes, and one device against the other.
#![allow(clippy::unwrap_used, missing_docs)]

mod augment;
mod backprop;
mod beyond;
mod cpu;
mod cuda;
mod edges;
#[path = "../formulas/mod.rs"]
mod formulas;
mod nets;
mod ops;
#[path = "../oracle/mod.rs"]
mod oracle;
mod own;
mod packing;
mod refused;
mod repeated;
#[path = "../shim/mod.rs"]
mod shim;
mod shim_itself;
mod slices;
mod units;
mod wavering;

/// Two rows of numbers are compared by their bits: a NaN equals itself.
fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }).collect()
}
