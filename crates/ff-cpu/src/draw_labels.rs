//! Pairs each sample's true label with a wrong one.
//!
//! ```text
//! p(c) ~ exp(sharpness * score[c])  for c != true, 0 for the true label
//! ```
//! The tutorial shuffles the batch's labels instead, so that about a tenth of its negatives are positives.

use ff_tensor::random;

/// How wrong labels are drawn.
pub(crate) struct Draw {
    pub classes: usize,
    pub seed: u64,
    pub sharpness: f32,
}

/// See [`ff_tensor::DrawLabels`]. `step` is the clock's.
pub(crate) fn draw_labels(pair: &mut [u32], labels: &[u32], scores: Option<&[f32]>, step: u32, p: &Draw) {
    let (positive, negative) = pair.split_at_mut(labels.len());
    positive.copy_from_slice(labels);
    for (b, (negative, &label)) in negative.iter_mut().zip(labels).enumerate() {
        let u = random::uniform(p.seed, (u64::from(step) << 32) | b as u64);
        *negative = match scores {
            Some(scores) if p.sharpness != 0.0 => {
                hard_wrong_label(u, label, &scores[b * p.classes..][..p.classes], p.sharpness)
            }
            _ => uniform_wrong_label(u, label, p.classes),
        };
    }
}

fn uniform_wrong_label(u: f32, label: u32, classes: usize) -> u32 {
    let others = classes as u32 - 1;
    let pick = ((u * others as f32) as u32).min(others - 1);
    if pick < label { pick } else { pick + 1 }
}

/// Walks the cumulated probabilities. The largest score is taken off first, so that no `exp` overflows.
fn hard_wrong_label(u: f32, label: u32, scores: &[f32], sharpness: f32) -> u32 {
    let others = || scores.iter().enumerate().filter(|&(c, _)| c != label as usize);
    let top = others().fold(f32::NEG_INFINITY, |top, (_, &score)| top.max(score));
    let share = |score: f32| (sharpness * (score - top)).exp();
    let whole: f32 = others().map(|(_, &score)| share(score)).sum();
    let mut left = u * whole;
    let mut last = 0;
    for (c, &score) in others() {
        last = c as u32;
        left -= share(score);
        if left < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(sharpness: f32, scores: &[f32], label: u32) -> Vec<usize> {
        let classes = scores.len();
        let p = Draw { classes, seed: 3, sharpness };
        let mut counts = vec![0; classes];
        for step in 0..20_000 {
            let mut pair = [0, 0];
            draw_labels(&mut pair, &[label], Some(scores), step, &p);
            assert_eq!(pair[0], label);
            counts[pair[1] as usize] += 1;
        }
        counts
    }

    #[test]
    fn uniform_draws_every_wrong_label_and_never_the_true_one() {
        for label in 0..4 {
            let counts = drawn(0.0, &[0.0; 4], label);
            for (c, &count) in counts.iter().enumerate() {
                if c == label as usize {
                    assert_eq!(count, 0);
                } else {
                    assert!((6_400..6_940).contains(&count), "label {label}: {counts:?}");
                }
            }
        }
    }

    #[test]
    fn hard_draws_follow_the_scores() {
        // exp(2 * 0.5 ln 3) = 3: label 2 three times as often as label 0, whatever the true label scores.
        let counts = drawn(2.0, &[0.0, 100.0, 0.5 * 3f32.ln()], 1);
        assert_eq!(counts[1], 0);
        assert!((14_700..15_300).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn scores_that_are_not_numbers_still_give_a_wrong_label() {
        for scores in [[f32::NAN; 3], [f32::INFINITY; 3], [f32::NEG_INFINITY; 3]] {
            assert_eq!(drawn(1.0, &scores, 2)[2], 0);
        }
    }
}
