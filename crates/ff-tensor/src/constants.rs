//! Numbers that all devices share: where two of them differed, the same training would give other bits.
//!
//! Each stands here once. `ff-cpu` uses it by name, and `ff-kernels` hands it to the compiler of the GPU's kernels.

/// Lanes of a row's sum: number `j` of a row is added to lane `j % LANES`, and the lanes are added up at the end, halves first.
pub const LANES: usize = 16;

/// Parts of a batch whose sums [`ShareGrad`](crate::ShareGrad) takes apart and then adds up in order.
pub const CHUNKS: usize = 8;

/// The byte of a white pixel: a pixel is its byte divided by this.
pub const WHITE: f32 = 255.0;

/// A derivative of the loss below this counts as zero: a pair that is told apart so well moves no weight, and the products
/// with its gradient would be denormal and slow.
pub const SMALLEST_DERIVATIVE: f32 = 1e-20;

/// Time steps for which a GPU's thread keeps all numbers of a unit's state on the way forth. The first number of a state
/// has a place in any case. So a neuron with one number keeps everything, and one with more of them computes its states
/// anew, from the start for each step, if it has more steps than this.
pub const MOST_KEPT: usize = 64;

/// A slice of a layer begins at a multiple of so many units, and has so many at least. A product with fewer columns sums in
/// another order.
pub const SLICE: usize = 32;
