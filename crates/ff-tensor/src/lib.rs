//! The vocabulary of the engine: the device trait, tensors and the parameters of each op.
