//! This module leads the gradient from the current of the copies back to the shares. It is the transpose of
//! `label_current`. Linear units do not even store their current: this code computes the current again from the shares,
//! and its gradient from the current.
//!
//! ```text
//! dI[r]          = as `local_grad` has left it; of linear units, dg[r] 2 factor I[r]
//! dshares[b]     = sum over copies of t[r] dI[r],                               b = r % B
//! dshares[B + l] = sum over rows with label l of amplitude s[b] t[r] dI[r]
//! ```
//! The images are cut into chunks. The chunks are the same for any number of threads. Each chunk goes through its rows
//! in order and has its own sums for the labels. These sums are then added in the order of the chunks.

use std::cell::RefCell;

use ff_tensor::constants::CHUNKS;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::lanes::{arch, put, vector};

thread_local! {
    /// Each chunk's sums for the labels. They are kept from step to step, so that no step allocates memory.
    static OF_LABELS: RefCell<Vec<f32>> = RefCell::default();
}

/// See [`ff_tensor::CurrentGrad`].
#[derive(Clone, Copy)]
pub(crate) enum CurrentGrad<'a> {
    Stored(&'a [f32]),
    Linear { shares: &'a [f32], dgoodness: &'a [f32], goodness_factor: f32 },
}

/// The inputs of the shares' gradients. See [`ff_tensor::ShareGrad`].
pub(crate) struct Copies<'a> {
    pub dcurrent: CurrentGrad<'a>,
    pub labels: &'a [u32],
    pub factor: Option<&'a [f32]>,
}

/// See [`ff_tensor::ShareGrad`]. The layer has `n` units.
pub(crate) fn share_grad(dshares: &mut [f32], copies: Copies, scale: &[f32], n: usize, amplitude: f32) {
    let (images, of_labels) = dshares.split_at_mut(scale.len() * n);
    let images_of_chunk = scale.len().div_ceil(CHUNKS);
    // The buffer is taken and not borrowed, because this thread may get other work while it waits for the other
    // threads.
    let mut sums = OF_LABELS.take();
    sums.clear();
    sums.resize(CHUNKS * of_labels.len(), 0.0);
    let parts = sums.par_chunks_mut(of_labels.len()).zip(images.par_chunks_mut(images_of_chunk * n));
    parts.enumerate().for_each(|(chunk, (of_labels, images))| {
        let (first, copies) = (chunk * images_of_chunk, &copies);
        arch().dispatch(Chunk { images, of_labels, first, copies, scale, n, amplitude });
    });
    of_labels.fill(0.0);
    for sums in sums.chunks_exact(of_labels.len()) {
        for (of_label, sum) in of_labels.iter_mut().zip(sums) {
            *of_label += sum;
        }
    }
    OF_LABELS.set(sums);
}

/// Some images. The first one has the number `first`.
struct Chunk<'a> {
    images: &'a mut [f32],
    of_labels: &'a mut [f32],
    first: usize,
    copies: &'a Copies<'a>,
    scale: &'a [f32],
    n: usize,
    amplitude: f32,
}

impl WithSimd for Chunk<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (copies, n, batch) = (self.copies, self.n, self.scale.len());
        for (b, image) in (self.first..).zip(self.images.chunks_exact_mut(n)) {
            image.fill(0.0);
            for r in (b..copies.labels.len()).step_by(batch) {
                let last = self.of_labels.len() / n - 1;
                let label = (copies.labels[r] as usize).min(last) * n;
                let of_label = &mut self.of_labels[label..][..n];
                let t = copies.factor.map_or(1.0, |t| t[r]);
                let a = self.amplitude * self.scale[b];
                match copies.dcurrent {
                    CurrentGrad::Stored(dcurrent) => {
                        let (dcurrent, t) = (&dcurrent[r * n..][..n], simd.splat_f32s(t));
                        add(
                            simd,
                            image,
                            of_label,
                            a,
                            #[inline(always)]
                            |at| simd.mul_f32s(t, vector(simd, dcurrent, at)),
                        );
                    }
                    CurrentGrad::Linear { shares, dgoodness, goodness_factor } => {
                        let (of_image, label) = (&shares[b * n..][..n], &shares[batch * n + label..][..n]);
                        // One factor t is for the current, the other is for its gradient.
                        let by = simd.splat_f32s(dgoodness[r] * (2.0 * goodness_factor) * t * t);
                        let a_s = simd.splat_f32s(a);
                        add(
                            simd,
                            image,
                            of_label,
                            a,
                            #[inline(always)]
                            |at| {
                                let label = simd.mul_f32s(a_s, vector(simd, label, at));
                                simd.mul_f32s(by, simd.add_f32s(vector(simd, of_image, at), label))
                            },
                        );
                    }
                }
            }
        }
    }
}

/// Adds `d` to the image's row, and `a` times that to the label's.
#[inline(always)]
fn add<S: Simd>(simd: S, image: &mut [f32], of_label: &mut [f32], a: f32, d: impl Fn(usize) -> S::f32s) {
    let a = simd.splat_f32s(a);
    for at in (0..image.len()).step_by(S::F32_LANES) {
        let d = d(at);
        let sum = simd.add_f32s(vector(simd, image, at), d);
        put(simd, image, at, sum);
        let sum = simd.add_f32s(vector(simd, of_label, at), simd.mul_f32s(a, d));
        put(simd, of_label, at, sum);
    }
}
