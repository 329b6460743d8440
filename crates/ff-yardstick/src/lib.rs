//! This crate holds what Forward-Forward is compared with. Nothing here is needed to train or to predict.
//!
//! | module | what it is |
//! |---|---|
//! | [`backprop`] | the same spiking network, trained by backpropagation through time, by hand in the same engine |
//! | [`tutorial`] | the snnTorch tutorial on Forward-Forward, step by step, with the numbers that it prints |
//! | [`torch`] | the random numbers that PyTorch draws for a seed, which the tutorial needs |

#![forbid(unsafe_code)]

pub mod backprop;
pub mod torch;
pub mod tutorial;

pub use backprop::{Backprop, BackpropTrainer};
