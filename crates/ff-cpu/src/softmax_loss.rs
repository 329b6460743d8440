//! Cross-entropy of the softmax over classes, and its gradient.
//!
//! ```text
//! p[b]       = softmax(sharpness scores[b])
//! L          = 1/B sum_b -ln p[b, label[b]]
//! dscores[b] = sharpness (p[b] - onehot(label[b])) / B
//! ```

/// See [`ff_tensor::SoftmaxLoss`]. `losses` are this batch's. A label beyond the last
/// class counts as the last one.
pub(crate) fn softmax_loss(
    losses: &mut [f32],
    dscores: &mut [f32],
    scores: &[f32],
    labels: &[u32],
    classes: usize,
    sharpness: f32,
) {
    let rows = dscores.chunks_exact_mut(classes).zip(scores.chunks_exact(classes)).zip(labels);
    for (((dscores, scores), &label), loss) in rows.zip(losses) {
        let label = (label as usize).min(classes - 1);
        // The largest score is taken off first, so that no `exp` overflows.
        let top = scores.iter().fold(f32::NEG_INFINITY, |top, &score| top.max(score));
        for (share, score) in dscores.iter_mut().zip(scores) {
            *share = (sharpness * (score - top)).exp();
        }
        let whole: f32 = dscores.iter().sum();
        *loss = whole.ln() - sharpness * (scores[label] - top);
        let step = sharpness / (labels.len() as f32);
        for share in dscores.iter_mut() {
            *share *= step / whole;
        }
        dscores[label] -= step;
    }
}
