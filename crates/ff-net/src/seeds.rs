//! Streams of random numbers: every draw of a training follows from one seed, and this is the only place that derives
//! others from it.

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Wrong labels, of the layer whose turn it is; 0 if all learn together.
    Labels(usize),
    /// Pixels that are dropped, with the same number.
    Pixels(usize),
    /// Units that are silenced: that number, and the layer, both counted from 0.
    Units(usize, usize),
}

/// The seed of one stream. The bits that are flipped are those of the first version of this engine, so that a seed still
/// gives the same weights.
pub fn stream(seed: u64, what: Stream) -> u64 {
    let of_turn = |turn: usize| seed ^ ((turn as u64) << 32);
    match what {
        Stream::Labels(turn) => of_turn(turn),
        Stream::Pixels(turn) => of_turn(turn) ^ 0x9E37_79B9,
        Stream::Units(turn, layer) => of_turn(turn) ^ ((layer as u64).wrapping_add(1) << 40),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_a_seed_differ() {
        let mut all = std::collections::BTreeSet::new();
        for turn in 0..5 {
            let units = (0..5).map(|layer| Stream::Units(turn, layer));
            all.extend(
                [Stream::Labels(turn), Stream::Pixels(turn)].into_iter().chain(units).map(|s| stream(7, s)),
            );
        }
        assert_eq!(all.len(), 5 * 7);
    }
}
