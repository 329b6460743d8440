//! What a device can do: the steps of the algorithm, each one op.
//!
//! One sample's path through training is the table of contents: `augment`, `gather`, `draw_labels`, `matmul`,
//! `label_current`, `local_grad`, `share_grad`, `matmul`, `adam`. When it only answers, `lif` and `goodness` stand in the
//! place of `local_grad`.
//!
//! Every op is what a single kernel launch can be: outputs come first, every buffer belongs to the caller,
//! nothing is allocated, nothing is read back to the host, no closure is passed. What changes from step to step
//! (which batch, the optimiser's step, the counter of random draws) stands in a [`Clock`] on the device.
//!
//! In the shapes below B is the batch, n the units of a layer, T the time steps, and R = K * B rows are K
//! *copies* of the batch that differ only by their label: K = 2 when training (row `b` the positive, row `B + b`
//! the negative), K = classes when all labels are tried. Row `r` belongs to sample `r % B`. With time, row
//! `r * T + t` is step `t` of row `r`.
//!
//! *Shares* are what the copies have in common, B + classes + 1 rows: a row for each image without its label, one for
//! each label, and one for the neutral label, number `classes`, which says nothing: the mean of the others. A copy is its image's row plus a multiple of its label's row, all times a factor. Images come in like
//! that, and whatever is linear keeps it so: one product of these rows serves any number of copies.

use std::ops::ControlFlow;

use crate::{
    Adam, Augment, Clock, Element, Gather, Goodness, LabelDraw, LabelRow, LocalLoss, Neuron, Norm, Objective,
    Result, Softmax, Tensor,
};

/// The gradient of a layer's current, for [`Device::share_grad`].
pub enum CurrentGrad<'a, D: Device> {
    /// As [`Device::local_grad`] leaves it, `[R, n]`.
    Stored(&'a Tensor<D>),
    /// That of linear units, `dI = dg * 2 * factor * I`, whose current follows from its shares.
    Linear {
        /// `[B + classes + 1, n]`
        shares: &'a Tensor<D>,
        /// `[R, 1]`, from [`Device::objective`].
        dgoodness: &'a Tensor<D>,
        /// Which says the factor.
        goodness: Goodness,
    },
}

/// A place to compute: memory, and the ops of the algorithm. Cloning gives another handle to the same device.
///
/// # Errors
/// Any op may say that a tensor does not have the shape beside its name ([`Error::Shape`](crate::Error::Shape)), that there
/// is no room, or that the device itself failed.
#[allow(clippy::missing_errors_doc)] // they are the same for all of them
pub trait Device: Clone + Send + Sync + Sized + 'static {
    /// Storage for elements of type `T`.
    type Buffer<T: Element>: Send + Sync;

    /// What the device calls itself: `cpu`, `cuda:0`.
    fn name(&self) -> String;

    // -- memory ---------------------------------------------------------------------------------------------

    /// A tensor of zeros.
    fn zeros<T: Element>(&self, rows: usize, cols: usize) -> Result<Tensor<Self, T>>;

    /// A tensor with the host's numbers, row-major.
    fn upload<T: Element>(&self, rows: usize, cols: usize, data: &[T]) -> Result<Tensor<Self, T>>;

    /// Overwrites a tensor with the host's numbers, row-major.
    fn write<T: Element>(&self, to: &mut Tensor<Self, T>, data: &[T]) -> Result<()>;

    /// The tensor's numbers, row-major; waits for all ops before it.
    fn download<T: Element>(&self, from: &Tensor<Self, T>) -> Result<Vec<T>>;

    /// Waits until every op has run.
    fn synchronise(&self) -> Result<()>;

    /// Runs `step` so many times, and `after` whenever one has been handed to the device, unless that says to stop. Gives the
    /// number of steps that were run.
    ///
    /// A device may call `step` once, record its launches and repeat them. So a step asks for the same ops with the same
    /// tensors and parameters each time, neither allocates nor downloads, and takes what changes from the [`Clock`].
    ///
    /// # Errors
    /// What `step` says.
    fn repeat(
        &self,
        times: usize,
        step: &mut dyn FnMut() -> Result<()>,
        after: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<usize> {
        for done in 1..=times {
            step()?;
            if after().is_break() {
                return Ok(done);
            }
        }
        Ok(times)
    }

    /// Rows that a scan over many images does well to take at a time: enough to keep the device busy, few enough to stay
    /// in its caches.
    fn scan_rows(&self) -> usize {
        1_280
    }

    // -- forward --------------------------------------------------------------------------------------------

    /// Changes each image a little, at random: `out(p) = image(M (p - c) + t + d(p) + c)` with `M`, `t` and `d` drawn from the
    /// seed, the epoch and the image's index, the same bits on every device.
    ///
    /// Once an epoch, not in a step: it may bring the list to the device, so [`repeat`](Self::repeat) does not take it.
    fn augment(
        &self,
        out: &mut Tensor<Self, u8>, // [N, height * width]
        images: &Tensor<Self, u8>,  // [N, height * width]
        p: &Augment,
    ) -> Result<()>;

    /// Fetches the clock's batch of images, makes room for the label and normalises image and label together:
    /// `xhat[b] = s[b] * pixels / 255` with zeros in the first `classes` slots and where a pixel is dropped,
    /// `s[b] = 1 / (norm of image and label + eps)`. The norm is the same for every label, so one `xhat` serves
    /// the positive, the negative and all candidates. Below the images stands a row for each label, a one in its slot.
    /// With `classes` 0 no label enters, and `xhat` is `[B, in]`: the images alone.
    ///
    /// `order` holds indices into `images`; batch `k` is `order[k * B..]`.
    fn gather(
        &self,
        xhat: &mut Tensor<Self>,        // [B + classes + 1, in]
        scale: &mut Tensor<Self>,       // [B, 1]
        labels: &mut Tensor<Self, u32>, // [B, 1]
        images: &Tensor<Self, u8>,      // [N, in]
        targets: &Tensor<Self, u32>,    // [N, 1]
        order: &Tensor<Self, u32>,      // [at least (batch + 1) * B, 1]
        clock: &Clock<Self>,
        p: &Gather,
    ) -> Result<()>;

    /// Writes the true labels into the first B rows and a wrong label for each into the next B. The wrong one is
    /// drawn in proportion to `exp(sharpness * score)` over the other classes, by the counter
    /// `(clock's step, row)`: see [`random`](crate::random).
    fn draw_labels(
        &self,
        pair: &mut Tensor<Self, u32>, // [2 B, 1]
        labels: &Tensor<Self, u32>,   // [B, 1]
        scores: &Tensor<Self>,        // [B, classes]; not read when sharpness is 0
        clock: &Clock<Self>,
        p: &LabelDraw,
    ) -> Result<()>;

    /// Normalises rows: `xhat = x / (norm + eps)`. With `steps` T, the rows are spike trains and the norm is
    /// that of a row's mean over time, so that the train's mean is what a rate would have given.
    fn normalise(
        &self,
        xhat: &mut Tensor<Self>, // [R T, in]
        x: &Tensor<Self>,        // [R T, in]
        steps: usize,
        p: &Norm,
    ) -> Result<()>;

    /// `C = op(A) op(B)`, where `op` transposes if asked to.
    fn matmul(
        &self,
        c: &mut Tensor<Self>, // [m, n]
        a: &Tensor<Self>,     // [m, k], or [k, m] if transposed
        transpose_a: bool,
        b: &Tensor<Self>, // [k, n], or [n, k] if transposed
        transpose_b: bool,
    ) -> Result<()>;

    /// How much each row of a layer's output is scaled before it meets the next weights, where the output is in
    /// shares: `t[r] = u[r] / (norm + eps)`, with the norm of `normalise` and `u` the layer's own factor (1 if it has
    /// none). The norm follows from the row's goodness.
    fn row_factor(
        &self,
        factor: &mut Tensor<Self>,    // [R, 1]
        goodness: &Tensor<Self>,      // [R, 1]
        below: Option<&Tensor<Self>>, // [R, 1], u
        units: usize,
        p: &Norm,
        g: Goodness,
    ) -> Result<()>;

    /// The input current of each copy: `I[r] = t[r] (shares[r % B] + amplitude * s[r % B] * shares[B + label[r]])`.
    fn label_current(
        &self,
        current: &mut Tensor<Self>,    // [R, n]
        shares: &Tensor<Self>,         // [B + classes + 1, n]
        scale: &Tensor<Self>,          // [B, 1]
        labels: &Tensor<Self, u32>,    // [R, 1]
        factor: Option<&Tensor<Self>>, // [R, 1], t; 1 if left out
        p: &LabelRow,
    ) -> Result<()>;

    /// The neurons over all time steps: `signal` from the current, and the spike train if the next layer wants it. A
    /// current of R rows is constant in time; one of R T rows has a row per step. `bias` is added to the current.
    fn lif(
        &self,
        signal: &mut Tensor<Self>,         // [R, n]
        spikes: Option<&mut Tensor<Self>>, // [R T, n], zeros and ones
        current: &Tensor<Self>,            // [R, n] or [R T, n]
        bias: Option<&Tensor<Self>>,       // [1, n]
        p: &Neuron,
    ) -> Result<()>;

    /// Goodness of each row: the mean or the sum of its squares.
    fn goodness(
        &self,
        goodness: &mut Tensor<Self>, // [R, 1]
        signal: &Tensor<Self>,       // [R, n]
        p: Goodness,
    ) -> Result<()>;

    /// Goodness of linear units from the shares of their current: `label_current` and `goodness`, with no activation
    /// stored.
    fn share_goodness(
        &self,
        goodness: &mut Tensor<Self>,   // [R, 1]
        shares: &Tensor<Self>,         // [B + classes + 1, n]
        scale: &Tensor<Self>,          // [B, 1]
        labels: &Tensor<Self, u32>,    // [R, 1]
        factor: Option<&Tensor<Self>>, // [R, 1], t; 1 if left out
        p: &LabelRow,
        g: Goodness,
    ) -> Result<()>;

    /// Layer 1's goodness for every label at once, with no activation stored: `label_current`, `lif` and
    /// `goodness` of all candidates.
    fn label_goodness(
        &self,
        scores: &mut Tensor<Self>,   // [B, classes]
        shares: &Tensor<Self>,       // [B + classes + 1, n]
        scale: &Tensor<Self>,        // [B, 1]
        bias: Option<&Tensor<Self>>, // [1, n]
        label: &LabelRow,
        neuron: &Neuron,
        goodness: Goodness,
    ) -> Result<()>;

    // -- learning -------------------------------------------------------------------------------------------

    /// All that a layer learns from, in one pass over its current: `lif`, dropout, `goodness`, `objective`, and the chain
    /// back to the current, in closed form, no tape:
    ///
    /// ```text
    /// dI = dg * 2 * factor * signal * slope,     slope = d signal / d current
    /// ```
    /// `factor` is 1/n for the mean, 1 for the sum. Membranes never leave the registers. A silenced unit passes nothing on
    /// and learns nothing; the copies of an image lose the same units. Pair `b`'s loss is number `batch * B + b` of
    /// `losses`, where `batch` is the clock's.
    fn local_grad(
        &self,
        dcurrent: &mut Tensor<Self>,       // as current
        losses: &mut Tensor<Self>,         // [pairs of an epoch, 1]
        signal: &mut Tensor<Self>,         // [2 B, n]
        spikes: Option<&mut Tensor<Self>>, // [2 B T, n], zeros and ones
        goodness: &mut Tensor<Self>,       // [2 B, 1]
        current: &Tensor<Self>,            // [2 B, n], constant in time, or [2 B T, n]
        bias: Option<&Tensor<Self>>,       // [1, n]
        clock: &Clock<Self>,
        p: &LocalLoss,
    ) -> Result<()>;

    /// The local losses of the pairs, as in `local_grad`, and their mean's gradient: `dL/dg` of positives and negatives.
    fn objective(
        &self,
        losses: &mut Tensor<Self>,    // [pairs of an epoch, 1]
        dgoodness: &mut Tensor<Self>, // [2 B, 1]
        goodness: &Tensor<Self>,      // [2 B, 1]
        clock: &Clock<Self>,
        p: &Objective,
    ) -> Result<()>;

    /// Cross-entropy of the softmax of scores, and its mean's gradient: image `b`'s loss, number `batch * B + b` of
    /// `losses`, is `-ln softmax(sharpness * scores[b])[label[b]]`.
    fn softmax_loss(
        &self,
        losses: &mut Tensor<Self>,  // [images of an epoch, 1]
        dscores: &mut Tensor<Self>, // [B, classes]
        scores: &Tensor<Self>,      // [B, classes]
        labels: &Tensor<Self, u32>, // [B, 1]
        clock: &Clock<Self>,
        p: &Softmax,
    ) -> Result<()>;

    /// The gradient of the shares: `dshares[b]` is the sum of
    /// `t[r] dI[r]` over the copies of image `b`, `dshares[B + l]` that of `amplitude * s[r % B] * t[r] dI[r]` over
    /// the rows with label `l`; rows in order. All copies share one image, so the weight gradient then needs one
    /// product.
    fn share_grad(
        &self,
        dshares: &mut Tensor<Self>, // [B + classes + 1, n]
        dcurrent: CurrentGrad<Self>,
        labels: &Tensor<Self, u32>,    // [R, 1]
        scale: &Tensor<Self>,          // [B, 1]
        factor: Option<&Tensor<Self>>, // [R, 1], t; 1 if left out
        p: &LabelRow,
    ) -> Result<()>;

    /// Backpropagation (through time): the gradient of the current from that of what the units passed on, which is
    /// their spikes if it has a row per step, else their rate (relu: their signal). The current is that of `lif`, without a
    /// bias; the membranes are computed anew from it. The reset counts as a constant.
    fn lif_grad(
        &self,
        dcurrent: &mut Tensor<Self>, // as current
        dpassed: &Tensor<Self>,      // [R, n] or [R T, n]
        current: &Tensor<Self>,      // [R, n], constant in time, or [R T, n]
        rows: usize,                 // R
        p: &Neuron,                  // `output` is not read
    ) -> Result<()>;

    /// The bias's gradient: the sum of all rows.
    fn sum_rows(
        &self,
        dbias: &mut Tensor<Self>, // [1, n]
        dcurrent: &Tensor<Self>,  // [R, n] or [R T, n]
    ) -> Result<()>;

    /// One step of Adam with bias correction, at the clock's step.
    fn adam(
        &self,
        weight: &mut Tensor<Self>,
        mean: &mut Tensor<Self>,
        square: &mut Tensor<Self>,
        dweight: &Tensor<Self>,
        clock: &Clock<Self>,
        p: &Adam,
    ) -> Result<()>;

    /// Adds one to the clock's step and batch.
    fn advance(&self, clock: &mut Clock<Self>) -> Result<()>;
}
