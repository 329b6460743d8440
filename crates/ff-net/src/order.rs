//! The order in which an epoch goes through the images.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Returns a permutation of `0..n` that depends only on `seed` and `epoch`. It is Fisher and Yates' shuffle with ChaCha8,
/// and each epoch has its own stream.
pub fn epoch_order(n: usize, seed: u64, epoch: u64) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(epoch.wrapping_add(1));
    let mut order: Vec<u32> = (0..n as u32).collect();
    for i in (1..n).rev() {
        // A 32-bit draw is scaled to 0..=i. It is uneven by at most one part in 2^32 / n.
        let j = (u64::from(rng.next_u32()) * (i as u64 + 1)) >> 32;
        order.swap(i, j as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_permutation_of_its_own_for_each_seed_and_epoch() {
        let order = epoch_order(1_000, 1, 0);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1_000).collect::<Vec<u32>>());
        assert_ne!(order, sorted);
        assert_eq!(order, epoch_order(1_000, 1, 0));
        assert_ne!(order, epoch_order(1_000, 1, 1));
        assert_ne!(order, epoch_order(1_000, 2, 0));
        assert_eq!(epoch_order(1, 5, 5), [0]);
        assert!(epoch_order(0, 5, 5).is_empty());
    }

    #[test]
    fn puts_every_image_everywhere() {
        let mut sums = [0u32; 5];
        for epoch in 0..2_000 {
            for (place, image) in epoch_order(5, 9, epoch).into_iter().enumerate() {
                sums[place] += image;
            }
        }
        // The mean of 0..5 is 2; over 2,000 epochs its deviation is 0.03.
        assert!(sums.iter().all(|&sum| (3_750..4_250).contains(&sum)), "{sums:?}");
    }
}
