//! This module fetches a batch of images. It clears the label's pixels and normalises each row as if the label were
//! there.
//!
//! ```text
//! x       = pixels / 255, the first `classes` of them 0, and those that are dropped          [B, in]
//! s       = 1 / (norm of x and the label's amplitude + eps)      [B]
//! xhat    = s x
//! ```
//! Below the images there is one row for each label, with a one in the label's pixel. The last row is the neutral one,
//! with `1 / classes` in each of these pixels. So one product gives the contributions of images and of labels to the
//! current. These are the *shares*, and `label_current` adds them up.
//!
//! A label is one pixel of fixed amplitude. So its energy is the same for every label, and so is `s`. Therefore one
//! `xhat` serves the positive, the negative and every candidate. (The tutorial uses the maximum of the batch as the
//! amplitude, so a prediction there depends on the other images of the batch. On MNIST both amplitudes are 1.)

use ff_tensor::constants::WHITE;
use ff_tensor::{Dropout, Norm};
use rayon::prelude::*;

use crate::block::BLOCK;
use crate::lanes::vectorised;

/// The source of a batch, and the changes to it.
pub(crate) struct Images<'a> {
    pub images: &'a [u8],
    pub targets: &'a [u32],
    /// The indices of this batch, and those of the batches after it.
    pub ids: &'a [u32],
    pub classes: usize,
    pub amplitude: f32,
    pub norm: Norm,
    pub dropout: Dropout,
}

/// See [`ff_tensor::Gather`]. `step` is the clock's step.
pub(crate) fn gather(xhat: &mut [f32], scale: &mut [f32], labels: &mut [u32], p: &Images, step: u32) {
    let label_rows = if p.classes == 0 { 0 } else { p.classes + 1 };
    let rows = scale.len() + label_rows;
    if rows == 0 {
        return;
    }
    let pixels = xhat.len() / rows;
    let (xhat, of_labels) = xhat.split_at_mut(scale.len() * pixels);
    of_labels.fill(0.0);
    for (label, row) in of_labels.chunks_exact_mut(pixels).enumerate() {
        match label {
            _ if label < p.classes => row[label] = 1.0,
            _ => row[..p.classes].fill(1.0 / p.classes as f32),
        }
    }
    xhat.par_chunks_mut(BLOCK * pixels)
        .zip(scale.par_chunks_mut(BLOCK))
        .zip(labels.par_chunks_mut(BLOCK))
        .enumerate()
        .for_each(|(block, ((xhat, scale), labels))| {
            vectorised(
                #[inline(always)]
                || {
                    for (b, row) in xhat.chunks_exact_mut(pixels).enumerate() {
                        (scale[b], labels[b]) = gather_image(row, block * BLOCK + b, p, step);
                    }
                },
            )
        });
}

/// Fetches row `b` of the batch and returns its scale and its label. An image that does not exist becomes a row of NaN.
#[inline(always)]
fn gather_image(row: &mut [f32], b: usize, p: &Images, step: u32) -> (f32, u32) {
    let Some((&target, id)) = p.ids.get(b).and_then(|&id| Some((p.targets.get(id as usize)?, id as usize)))
    else {
        row.fill(f32::NAN);
        return (f32::NAN, 0);
    };
    let image = &p.images[id * row.len()..][..row.len()];
    let scale = match p.dropout.rate {
        0.0 => gather_row(row, image, p),
        _ => gather_row_with_gaps(row, image, step, b, p),
    };
    (scale, target)
}

/// Fetches a row and returns its scale. The norm is computed from the bytes, which are whole numbers, before the row is
/// written. So the row is written only once.
#[inline(always)]
fn gather_row(x: &mut [f32], image: &[u8], p: &Images) -> f32 {
    let image = &image[p.classes..];
    // The partial sums are short, so that they fit into 32 bits without overflow. Vector instructions can then compute
    // them.
    let energy =
        image.chunks(1 << 14).map(|c| u64::from(c.iter().map(|&p| u32::from(p).pow(2)).sum::<u32>())).sum();
    let s = scale(energy, x.len(), p);
    let (of_label, x) = x.split_at_mut(p.classes);
    of_label.fill(0.0);
    let step = s / WHITE;
    for (x, &pixel) in x.iter_mut().zip(image) {
        *x = step * f32::from(pixel);
    }
    s
}

/// Does the same for a row with dropped pixels. `x` holds the pixels until their energy is known.
#[inline(always)]
fn gather_row_with_gaps(x: &mut [f32], image: &[u8], step: u32, b: usize, p: &Images) -> f32 {
    let n = x.len();
    x[..p.classes].fill(0.0);
    for (i, (x, &pixel)) in x.iter_mut().zip(image).enumerate().skip(p.classes) {
        *x = if p.dropout.silences(step, b, n, i) { 0.0 } else { f32::from(pixel) };
    }
    let square = |x: f32| (x as u32).pow(2);
    let energy = x.chunks(1 << 14).map(|c| u64::from(c.iter().map(|&x| square(x)).sum::<u32>())).sum();
    let s = scale(energy, n, p);
    for x in &mut x[p.classes..] {
        *x *= s / WHITE;
    }
    s
}

/// Returns `s` of a row of `n` pixels whose squared bytes have this sum.
#[inline(always)]
fn scale(energy: u64, n: usize, p: &Images) -> f32 {
    let energy = energy as f32 / (WHITE * WHITE) + p.amplitude * p.amplitude;
    p.norm.factor(energy, n)
}
