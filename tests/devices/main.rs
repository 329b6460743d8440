//! Every op on every device: against plain loops in f64 at odd sizes, and one device against the other.
#![allow(clippy::unwrap_used, missing_docs)]

mod augment;
mod backprop;
mod cpu;
mod cuda;
mod edges;
mod nets;
mod ops;
#[path = "../oracle/mod.rs"]
mod oracle;
#[path = "../shim/mod.rs"]
mod shim;
mod shim_itself;

/// Two rows of numbers are compared by their bits: a NaN equals itself.
fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}
