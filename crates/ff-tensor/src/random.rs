//! This module draws random numbers by counter. Draw `i` of a seed is a pure function of both, so every device and
//! every number of threads gets the same draw.

/// Returns the `counter`-th draw of `seed`: 32 random bits.
///
/// It applies the finaliser of SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014) to a Weyl sequence.
#[inline]
pub fn bits(seed: u64, counter: u64) -> u32 {
    let mut z = mix(seed).wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = mix(z);
    (z >> 32) as u32
}

/// Returns the `counter`-th draw of `seed` in `[0, 1)`. It is a multiple of 2^-24, so it is exact in `f32`.
#[inline]
pub fn uniform(seed: u64, counter: u64) -> f32 {
    (bits(seed, counter) >> 8) as f32 * (1.0 / 16_777_216.0)
}

#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_differ_by_seed_and_counter() {
        let n = 100_000;
        let draws: Vec<f32> = (0..n).map(|i| uniform(7, i)).collect();
        let mean = draws.iter().sum::<f32>() / n as f32;
        assert!((mean - 0.5).abs() < 0.005, "mean {mean}");
        assert!(draws.iter().all(|&u| (0.0..1.0).contains(&u)));
        let below = draws.iter().filter(|&&u| u < 0.1).count();
        assert!((9_500..10_500).contains(&below), "{below} of {n} below 0.1");
        assert_ne!(bits(7, 0), bits(7, 1));
        assert_ne!(bits(7, 0), bits(8, 0));
        // Neighbouring seeds must not be shifted copies of each other.
        assert_ne!(bits(7, 1), bits(8, 0));
    }
}
