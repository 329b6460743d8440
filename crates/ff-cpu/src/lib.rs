//! The reference device: every op of [`ff_tensor::Device`] on the processor's cores.
//!
//! One file per op, in the order in which data flows; `device.rs` is the list of contents. Rows are
//! shared out among rayon's threads in blocks, and every sum runs in an order that does not depend on how many
//! threads there are: the same numbers come out, bit for bit, of 1, 2 or n.

mod checks;
mod device;

mod adam;
mod augment;
mod dense;
mod draw_labels;
mod gather;
mod goodness;
mod label_current;
mod lanes;
mod lif;
mod lif_grad;
mod local_grad;
mod matmul;
mod normalise;
mod objective;
mod row_factor;
mod share_grad;
mod shares;
mod softmax_loss;
mod sparse;
mod staircase;
mod sum_rows;
mod surrogate;

pub use device::Cpu;
pub use lanes::simd_name;
