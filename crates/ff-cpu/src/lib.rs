//! The reference device: every op of [`ff_tensor::Device`] on the processor's cores. [`Cpu::new`] with 0 takes all of them;
//! what needs speed runs within [`Cpu::install`].
//!
//! ```
//! use ff_cpu::Cpu;
//! use ff_tensor::{Device, MatMul};
//!
//! let dev = Cpu::new(0)?;
//! let (a, b) = (dev.upload(2, 2, &[1.0, 2.0, 3.0, 4.0])?, dev.upload(2, 1, &[1.0, 10.0])?);
//! let mut c = dev.zeros(2, 1)?;
//! MatMul { c: &mut c, a: &a, transpose_a: false, b: &b, transpose_b: false }.on(&dev)?;
//! assert_eq!(dev.download(&c)?, [21.0, 43.0]);
//! // What does not fit is refused by name.
//! let product = MatMul { c: &mut c, a: &a, transpose_a: false, b: &a, transpose_b: false };
//! let e = product.on(&dev).unwrap_err();
//! assert_eq!(e.to_string(), "matmul: `b` is [2, 2] but [2, 1] is needed");
//! # Ok::<_, ff_tensor::Error>(())
//! ```
//!
//! One file per op, in the order in which data flows; `device.rs` is the list of contents. Rows are
//! shared out among rayon's threads in blocks, and every sum runs in an order that does not depend on how many
//! threads there are: the same numbers come out, bit for bit, of 1, 2 or n.

mod device;

mod augment;
mod block;
mod dense;
mod draw_labels;
mod gather;
mod goodness;
mod label_current;
mod labels;
mod lanes;
mod local_grad;
mod matmul;
mod narrow;
mod normalise;
mod operand;
mod packing;
mod pair_losses;
mod row_factor;
mod select;
mod share_grad;
mod shares;
mod slice_grad;
mod slice_signals;
mod softmax_loss;
mod sparse;
mod sum_rows;
mod units;
mod update;

pub use device::Cpu;
pub use lanes::simd_name;
