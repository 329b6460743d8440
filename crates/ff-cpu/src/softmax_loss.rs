//! Cross-entropy of the softmax over classes, and its gradient.
//!
//! ```text
//! p[b]       = softmax(sharpness scores[b])
//! L          = 1/B sum_b -ln p[b, label[b]]
//! dscores[b] = sharpness (p[b] - onehot(label[b])) / B
//! ```

use ff_tensor::Softmax;

/// See [`ff_tensor::Device::softmax_loss`]. `losses` are this batch's.
pub(crate) fn softmax_loss(
    losses: &mut [f32],
    dscores: &mut [f32],
    scores: &[f32],
    labels: &[u32],
    classes: usize,
    p: &Softmax,
) {
    let rows = dscores.chunks_exact_mut(classes).zip(scores.chunks_exact(classes)).zip(labels);
    for (((dscores, scores), &label), loss) in rows.zip(losses) {
        // The largest score is taken off first, so that no `exp` overflows.
        let top = scores.iter().fold(f32::NEG_INFINITY, |top, &score| top.max(score));
        for (share, score) in dscores.iter_mut().zip(scores) {
            *share = (p.sharpness * (score - top)).exp();
        }
        let whole: f32 = dscores.iter().sum();
        *loss = whole.ln() - p.sharpness * (scores[label as usize] - top);
        let step = p.sharpness / (labels.len() as f32);
        for share in dscores.iter_mut() {
            *share *= step / whole;
        }
        dscores[label as usize] -= step;
    }
}
