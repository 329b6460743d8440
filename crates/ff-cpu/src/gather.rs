//! Fetches a batch of images, with the label's pixels cleared and the row normalised as if the label were there.
//!
//! ```text
//! x       = pixels / 255, the first `classes` of them 0          [B, in]
//! s       = 1 / (norm of x and the label's amplitude + eps)      [B]
//! xhat    = s x
//! ```
//! and, below the images, one row for each label: a one in its pixel. So one product gives what an image and what a
//! label contributes to the current, its *shares*; `label_current` puts them together.
//!
//! A label is one pixel of fixed amplitude, so its energy, and with it `s`, is the same for every label: one
//! `xhat` serves the positive, the negative and every candidate. (The tutorial uses the maximum of the batch as
//! the amplitude, so that a prediction depends on what else is in the batch; on MNIST both are 1.)

use ff_tensor::Gather;
use rayon::prelude::*;

use crate::device::BLOCK;
use crate::lanes::vectorised;

/// See [`ff_tensor::Device::gather`]. `ids` are this batch's indices.
pub(crate) fn gather(
    xhat: &mut [f32],
    scale: &mut [f32],
    labels: &mut [u32],
    images: &[u8],
    targets: &[u32],
    ids: &[u32],
    p: &Gather,
) {
    let pixels = xhat.len() / (ids.len() + p.classes);
    let (xhat, of_labels) = xhat.split_at_mut(ids.len() * pixels);
    of_labels.fill(0.0);
    for (label, row) in of_labels.chunks_exact_mut(pixels).enumerate() {
        row[label] = 1.0;
    }
    xhat.par_chunks_mut(BLOCK * pixels)
        .zip(scale.par_chunks_mut(BLOCK))
        .zip(labels.par_chunks_mut(BLOCK))
        .zip(ids.par_chunks(BLOCK))
        .for_each(|(((xhat, scale), labels), ids)| {
            vectorised(
                #[inline(always)]
                || {
                    for (b, &id) in ids.iter().enumerate() {
                        let image = &images[id as usize * pixels..][..pixels];
                        scale[b] = gather_row(&mut xhat[b * pixels..][..pixels], image, p);
                        labels[b] = targets[id as usize];
                    }
                },
            )
        });
}

/// The norm is had from whole numbers, so that the row is written once.
#[inline(always)]
fn gather_row(x: &mut [f32], image: &[u8], p: &Gather) -> f32 {
    const WHITE: f32 = 255.0;
    let image = &image[p.classes..];
    // Short sums of 32 bits, which vector instructions make, that cannot run over.
    let energy: u64 =
        image.chunks(1 << 14).map(|c| u64::from(c.iter().map(|&p| u32::from(p).pow(2)).sum::<u32>())).sum();
    let energy = energy as f32 / (WHITE * WHITE) + p.amplitude * p.amplitude;
    let s = p.norm.factor(energy, x.len());
    let (of_label, x) = x.split_at_mut(p.classes);
    of_label.fill(0.0);
    let step = s / WHITE;
    for (x, &pixel) in x.iter_mut().zip(image) {
        *x = step * f32::from(pixel);
    }
    s
}
