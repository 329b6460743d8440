//! This module counts the synaptic operations of one prediction. The counts do not depend on the device.

use std::ops::Range;

use serde_json::{Value, json};

/// The numbers of operations of one prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operations {
    /// The number of additions. A spike adds a weight to each unit that it reaches, and a label adds its row of weights.
    pub additions: f64,
    /// The number of multiply-adds. A number that is not a spike is first multiplied with a weight.
    pub multiply_adds: f64,
}

impl Operations {
    /// Counts the operations of a network that has `layers[i]` units in layer `i` and tries `copies` labels (1 means that it
    /// tries none). A classifier for `classes` reads the layers `read`. The image is multiplied with its weights once. `spikes`
    /// are the spikes of each layer for the whole prediction. Without them, units pass on numbers.
    pub fn count(
        pixels: usize,
        layers: &[usize],
        classes: usize,
        copies: usize,
        read: Range<usize>,
        spikes: Option<&[f64]>,
    ) -> Self {
        let mut all = Self { additions: 0.0, multiply_adds: (pixels * layers[0]) as f64 };
        if copies > 1 {
            all.additions += (copies * layers[0]) as f64;
        }
        let mut pass_on = |layer: usize, reached: usize| match spikes {
            Some(spikes) => all.additions += spikes[layer] * reached as f64,
            None => all.multiply_adds += (copies * layers[layer] * reached) as f64,
        };
        for (layer, &above) in layers.iter().enumerate().skip(1) {
            pass_on(layer - 1, above);
        }
        for layer in read {
            pass_on(layer, classes);
        }
        all
    }

    /// Returns the numbers as JSON.
    pub fn document(self) -> Value {
        json!({ "additions": self.additions, "multiply_adds": self.multiply_adds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_hand() {
        // The network has 5 pixels, layers of 4 and 3 units, and 2 classes.
        let relu = Operations::count(5, &[4, 3], 2, 1, 1..2, None);
        assert_eq!(relu, Operations { additions: 0.0, multiply_adds: 5.0 * 4.0 + 4.0 * 3.0 + 3.0 * 2.0 });
        let all_labels = Operations::count(5, &[4, 3], 2, 2, 0..0, None);
        assert_eq!(all_labels, Operations { additions: 2.0 * 4.0, multiply_adds: 20.0 + 2.0 * 12.0 });
        let spiking = Operations::count(5, &[4, 3], 2, 2, 0..0, Some(&[10.0, 7.0]));
        assert_eq!(spiking, Operations { additions: 8.0 + 10.0 * 3.0, multiply_adds: 20.0 });
        let one_pass = Operations::count(5, &[4, 3], 2, 1, 0..2, Some(&[5.0, 6.0]));
        assert_eq!(
            one_pass,
            Operations { additions: 5.0 * 3.0 + 5.0 * 2.0 + 6.0 * 2.0, multiply_adds: 20.0 }
        );
    }
}
