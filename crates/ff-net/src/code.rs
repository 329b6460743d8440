//! The bytes in which signals travel between ranks. What arrives has the bits of what was sent.

use ff_tensor::{Device, Error, Readout, Result, Tensor, Units};

use crate::layer::Activity;

/// How numbers travel: spikes and counts of spikes as bytes, everything else as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// The mean of 0 or 1 over so many steps.
    Rate(usize),
    /// Any number.
    Number,
}

/// The byte of a number that is NaN.
const NAN: u8 = u8::MAX;

impl Code {
    /// Returns what a layer passes on, and how it travels.
    pub fn of_passed<'a, D: Device>(activity: &'a Activity<D>, units: &dyn Units) -> (&'a Tensor<D>, Self) {
        match &activity.spikes {
            Some(spikes) => (spikes, Self::of(units, true)),
            None => (&activity.signal, Self::of(units, false)),
        }
    }

    /// Returns the code of a layer's signals, or of its spikes in each step.
    pub fn of(units: &dyn Units, in_steps: bool) -> Self {
        match (units.spikes(), in_steps, units.readout(), units.steps()) {
            (true, true, ..) => Self::Rate(1),
            (true, false, Readout::Rate, steps) if steps < usize::from(NAN) => Self::Rate(steps),
            _ => Self::Number,
        }
    }

    pub fn bytes(self, numbers: usize) -> usize {
        match self {
            Self::Rate(_) => numbers,
            Self::Number => 4 * numbers,
        }
    }

    pub fn put(self, numbers: &[f32], bytes: &mut Vec<u8>) -> Result<()> {
        bytes.clear();
        let Self::Rate(steps) = self else {
            bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
            return Ok(());
        };
        let most = steps as f32;
        bytes.extend(numbers.iter().map(|x| if x.is_nan() { NAN } else { (x * most + 0.5) as u8 }));
        let per_step = 1.0 / most;
        let differs = |(x, byte): (&f32, &u8)| !x.is_nan() && f32::from(*byte) * per_step != *x;
        match numbers.iter().zip(&*bytes).find(|pair| differs(*pair)) {
            None => Ok(()),
            Some((x, _)) => {
                let reason = format!("a unit passes on {x}, which is no number of spikes in {steps} steps");
                Err(Error::Parameter { op: "ranks", reason })
            }
        }
    }

    pub fn take(self, bytes: &[u8], numbers: &mut Vec<f32>) {
        numbers.clear();
        match self {
            Self::Rate(steps) => {
                let per_step = 1.0 / steps as f32;
                let rate = |byte: &u8| if *byte == NAN { f32::NAN } else { f32::from(*byte) * per_step };
                numbers.extend(bytes.iter().map(rate));
            }
            Self::Number => {
                let four = bytes.as_chunks().0.iter();
                numbers.extend(four.map(|four| f32::from_le_bytes(*four)));
            }
        }
    }
}
