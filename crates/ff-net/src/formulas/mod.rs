//! The formulas that the engine brings along, one file for each, in Rust and beside it as CUDA text.
//!
//! They use the same traits as a formula of your own does, and no other door. `settings` is the only place where the names
//! in a config file become these types.

mod adam;
mod lif;
mod pair;
mod relu;
mod softplus;
mod squares;
mod staircase;
mod surrogate;

pub use adam::Adam;
pub use lif::{Lif, Output, Reset};
pub use pair::Pair;
pub use relu::Relu;
pub use softplus::Softplus;
pub use squares::Squares;
pub use surrogate::{Atan, Boxcar, FastSigmoid, Secant, Surrogate, Triangle};
