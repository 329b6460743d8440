//! Numbers that all devices share: where two of them differed, the same training would give other bits.
//!
//! Each stands here once. `ff-cpu` uses it by name, and `ff-kernels` hands it to the compiler of the GPU's kernels.

/// Lanes of a row's sum: number `j` of a row is added to lane `j % LANES`, and the lanes are added up at the end, halves first.
pub const LANES: usize = 16;

/// Parts of a batch whose sums [`share_grad`](crate::Device::share_grad) takes apart and then adds up in order.
pub const CHUNKS: usize = 8;

/// The byte of a white pixel: a pixel is its byte divided by this.
pub const WHITE: f32 = 255.0;

/// Most time steps for which [`Surrogate::Secant`](crate::Surrogate::Secant) has a slope of its own.
pub const MOST_SECANT_STEPS: usize = 64;

/// How far beyond its ends the secant's slope has fallen to one half, in lengths of the secant. A tenth was as good as a
/// fiftieth and better than a half.
pub const TAIL: f32 = 0.1;

/// A derivative of the loss below this counts as zero: a pair that is told apart so well moves no weight, and the products
/// with its gradient would be denormal and slow.
pub const SMALLEST_DERIVATIVE: f32 = 1e-20;

/// A weight's gradient below this counts as zero in Adam. Its square, times `1 - beta2`, is still a normal number.
pub const SMALLEST_GRADIENT: f32 = 1e-16;

/// A mean of gradients below this counts as zero in Adam.
pub const SMALLEST_MEAN: f32 = 1e-30;

/// A mean of squared gradients below this counts as zero in Adam.
pub const SMALLEST_SQUARE: f32 = 1e-36;
