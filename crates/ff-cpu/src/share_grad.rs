//! From the copies' goodness back to the shares: `current_grad`, then the transpose of `label_current`, in one pass.
//!
//! ```text
//! dI[r]          = dg[r] 2 factor signal[r] slope[r]
//! dshares[b]     = sum over copies of t[r] dI[r],                               b = r % B
//! dshares[B + l] = sum over rows with label l of amplitude s[b] t[r] dI[r]
//! ```
//! Each task has some columns and goes through all rows in order, so each sum has one order.

use ff_tensor::{Goodness, LabelRow};
use ndarray::Axis;
use pulp::{Simd, WithSimd};

use crate::lanes::{LANES, put, vector};
use crate::shares::{Share, share_out};

/// What the copies' gradients follow from; see [`ff_tensor::Device::share_grad`].
pub(crate) struct Copies<'a> {
    pub dgoodness: &'a [f32],
    pub signal: &'a [f32],
    pub slope: Option<&'a [f32]>,
    pub labels: &'a [u32],
    pub factor: Option<&'a [f32]>,
}

/// See [`ff_tensor::Device::share_grad`]. `n` units.
pub(crate) fn share_grad(
    dshares: &mut [f32],
    copies: Copies,
    scale: &[f32],
    n: usize,
    g: Goodness,
    p: &LabelRow,
) {
    let (batch, rows) = (scale.len(), dshares.len() / n);
    let factor = 2.0 * g.factor(n);
    share_out(dshares, [rows, n], [rows, LANES], &|share| {
        pulp::Arch::new().dispatch(Columns {
            share,
            copies: &copies,
            scale,
            n,
            factor,
            amplitude: p.amplitude,
        });
    });
}

/// One task's columns.
struct Columns<'a, 'c> {
    share: Share<'c>,
    copies: &'a Copies<'a>,
    scale: &'a [f32],
    n: usize,
    factor: f32,
    amplitude: f32,
}

impl WithSimd for Columns<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (copies, batch) = (self.copies, self.scale.len());
        let (mut images, mut of_labels) = self.share.c.split_at(Axis(0), batch);
        of_labels.fill(0.0);
        for (b, mut image) in images.outer_iter_mut().enumerate() {
            image.fill(0.0);
            for r in (b..copies.labels.len()).step_by(batch) {
                let mut of_label = of_labels.row_mut(copies.labels[r] as usize);
                let (Some(image), Some(of_label)) = (image.as_slice_mut(), of_label.as_slice_mut()) else {
                    unreachable!("a row lies in one piece")
                };
                let by = copies.dgoodness[r] * self.factor * copies.factor.map_or(1.0, |t| t[r]);
                let first = r * self.n + self.share.column;
                copies.add(simd, image, of_label, first, [by, self.amplitude * self.scale[b]]);
            }
        }
    }
}

impl Copies<'_> {
    /// Adds `by signal slope`, from `first` on, to one row, and `a` times that to the other.
    #[inline(always)]
    fn add<S: Simd>(
        &self,
        simd: S,
        image: &mut [f32],
        of_label: &mut [f32],
        first: usize,
        [by, a]: [f32; 2],
    ) {
        let n = image.len();
        let signal = &self.signal[first..][..n];
        let slope = self.slope.map(|slope| &slope[first..][..n]);
        let (by, a) = (simd.splat_f32s(by), simd.splat_f32s(a));
        for at in (0..n).step_by(S::F32_LANES) {
            let mut d = simd.mul_f32s(by, vector(simd, signal, at));
            if let Some(slope) = slope {
                d = simd.mul_f32s(d, vector(simd, slope, at));
            }
            let sum = simd.add_f32s(vector(simd, image, at), d);
            put(simd, image, at, sum);
            let sum = simd.add_f32s(vector(simd, of_label, at), simd.mul_f32s(a, d));
            put(simd, of_label, at, sum);
        }
    }
}
