//! The reference device: every op of the device trait on the processor's cores.
