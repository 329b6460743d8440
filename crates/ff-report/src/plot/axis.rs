//! This module holds an axis. It has a range that shows all usable values, round ticks, and a logarithm if values span a decade.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// A range of values with ticks inside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The first and the last value shown.
    pub range: (f64, f64),
    /// The ticks, in rising order.
    pub ticks: Vec<f64>,
    /// Says whether equal distances are equal ratios. If so, all values are positive.
    pub log: bool,
}

/// From this ratio of the largest to the smallest value on, a curve's end would look flat on a linear axis.
const LOG_RATIO: f64 = 10.0;
/// The number of ticks aimed at.
const TICKS: f64 = 8.0;
/// The number of ticks aimed at on the long axis of epochs.
const COUNT_TICKS: f64 = 12.0;
/// Larger values cannot be drawn: a ratio of two, or a margin around them, could overflow.
const LARGEST: f64 = 1e150;
/// Smaller ranges cannot be divided, and the logarithms of smaller values are coarse.
const SMALLEST: f64 = 1e-150;

impl Axis {
    /// Makes an axis for curves. It is logarithmic if all values are positive and span a decade. Otherwise it is linear, and it
    /// starts at zero if no value is negative. Returns `None` if no value is usable.
    pub fn of_curves(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (lo, hi) = bounds(values)?;
        if lo >= SMALLEST && hi / lo >= LOG_RATIO {
            return Some(Self::logarithmic(lo, hi));
        }
        let (lo, hi) = divisible(lo.min(0.0), hi);
        let room = 0.05 * (hi - lo);
        Some(Self::linear(if lo < 0.0 { lo - room } else { lo }, hi + room))
    }

    /// Makes an axis for a membrane, which can fall below zero. It is linear, with some room. Returns `None` if no value is
    /// usable.
    pub fn of_membrane(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (lo, hi) = bounds(values)?;
        let (lo, hi) = divisible(lo, hi);
        let room = 0.05 * (hi - lo);
        Some(Self::linear(lo - room, hi + room))
    }

    /// Makes an axis for a histogram's values. It shows their range and no more. Returns `None` if no value is usable.
    pub fn of_values(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (lo, hi) = bounds(values)?;
        let (lo, hi) = divisible(lo, hi);
        Some(Self::linear(lo, hi))
    }

    /// Makes an axis for epochs or steps counted from 1 to `count`. The ticks are whole numbers.
    pub fn of_counts(count: usize) -> Self {
        // A single point is in the middle.
        let range = if count <= 1 { (0.5, 1.5) } else { (1.0, count as f64) };
        let mut ticks = multiples(range, round_step((range.1 - range.0) / COUNT_TICKS).max(1.0));
        if ticks.first() != Some(&1.0) {
            ticks.insert(0, 1.0);
        }
        Self { range, ticks, log: false }
    }

    fn linear(lo: f64, hi: f64) -> Self {
        let mut ticks = multiples((lo, hi), round_step((hi - lo) / TICKS));
        // A minus sign before zero would only confuse.
        ticks.iter_mut().filter(|tick| **tick == 0.0).for_each(|tick| *tick = 0.0);
        Self { range: (lo, hi), ticks, log: false }
    }

    fn logarithmic(lo: f64, hi: f64) -> Self {
        let decades = (hi / lo).log10();
        let room = 10f64.powf(0.05 * decades);
        let range = (lo / room, hi * room);
        // If there are few decades, each also has ticks at 2 and 5.
        let digits: &[f64] = if decades < 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let stride = (decades / TICKS).ceil();
        let ticks = multiples((range.0.log10().floor(), range.1.log10()), stride)
            .into_iter()
            .flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powf(decade)))
            .filter(|tick| (range.0..=range.1).contains(tick))
            .collect();
        Self { range, ticks, log: true }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        let scaled = |v: f64| if self.log { v.log10() } else { v };
        let (lo, hi) = (scaled(self.range.0), scaled(self.range.1));
        start + (f64::from(end - start) * (scaled(*value) - lo) / (hi - lo)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // The library asks again for lighter lines between the ticks, but there are none.
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.range.0..self.range.1
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        number(*value, 6)
    }
}

/// Writes `value` with this many significant digits, without trailing zeros. Very large and very small values have a power of
/// ten.
pub fn number(value: f64, digits: usize) -> String {
    let rounded = format!("{value:.*e}", digits - 1).parse().unwrap_or(value);
    if rounded == 0.0 || !rounded.is_finite() || (1e-4..1e6).contains(&rounded.abs()) {
        rounded.to_string()
    } else {
        format!("{rounded:e}")
    }
}

/// Returns whether a value can be drawn.
pub fn usable(value: f64) -> bool {
    value.abs() <= LARGEST
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| usable(*v)).map(|v| (v, v)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Widens a range that is too narrow to divide, such as a constant's. It gets room on both sides, but none below a lower end of
/// 0.
fn divisible(lo: f64, hi: f64) -> (f64, f64) {
    let size = lo.abs().max(hi.abs());
    if hi - lo > 1e-9 * size && hi - lo > SMALLEST {
        return (lo, hi);
    }
    let room = if size > SMALLEST { 0.1 * size } else { 1.0 };
    (if lo == 0.0 { 0.0 } else { lo - room }, hi + room)
}

/// Returns the smallest of 1, 2, 5 times a power of ten that is at least `step`, which is positive.
fn round_step(step: f64) -> f64 {
    let decade = 10f64.powf(step.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade);
    steps.into_iter().find(|s| *s >= step * (1.0 - 1e-9)).unwrap_or(steps[3])
}

/// Returns the multiples of `step` inside the range.
fn multiples((lo, hi): (f64, f64), step: f64) -> Vec<f64> {
    let (first, last) = ((lo / step - 1e-9).ceil(), (hi / step + 1e-9).floor());
    // The callers ask for at most a dozen. The bound holds even if rounding breaks that.
    (0..64).map(|k| first + f64::from(k)).take_while(|k| *k <= last).map(|k| k * step).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn curve(values: &[f64]) -> Axis {
        Axis::of_curves(values.iter().copied()).unwrap()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = curve(&[0.31, 0.47]);
        assert_eq!(axis.range.0, 0.0);
        assert_eq!(
            axis.ticks.iter().map(|t| number(*t, 6)).collect::<Vec<_>>(),
            ["0", "0.1", "0.2", "0.3", "0.4"]
        );
    }

    #[test]
    fn a_decade_asks_for_a_logarithm() {
        let axis = curve(&[2.5, f64::NAN, 0.1]);
        assert!(axis.log);
        assert_eq!(axis.ticks, [0.1, 0.2, 0.5, 1.0, 2.0]);
        assert!(!curve(&[2.5, 0.3]).log);
        assert!(!curve(&[2.5, 0.0]).log);
    }

    #[test]
    fn places_run_from_end_to_end() {
        let axis = Axis { range: (1.0, 100.0), ticks: vec![], log: true };
        assert_eq!([1.0, 10.0, 100.0].map(|v| axis.map(&v, (0, 200))), [0, 100, 200]);
        let axis = Axis { log: false, ..axis };
        assert_eq!([1.0, 50.5, 100.0].map(|v| axis.map(&v, (200, 0))), [200, 100, 0]);
    }

    #[test]
    fn every_range_can_be_divided() {
        let cases: [&[f64]; 8] = [
            &[0.0],
            &[-0.0, 0.0],
            &[7.0, 7.0],
            &[-7.0],
            &[1e-308],
            &[1e150, -1e150],
            &[1e-150, 1e150],
            &[1.0, 1.0 + 1e-15],
        ];
        for values in cases {
            for axis in [curve(values), Axis::of_values(values.iter().copied()).unwrap()] {
                let span = axis.range.1 - axis.range.0;
                assert!(span.is_finite() && span > 0.0, "{values:?}: {axis:?}");
                assert!((2..=20).contains(&axis.ticks.len()), "{values:?}: {axis:?}");
                assert!(axis.ticks.is_sorted(), "{values:?}: {axis:?}");
            }
        }
        assert_eq!(Axis::of_curves([f64::NAN, f64::INFINITY, 1e151].into_iter()), None);
    }

    #[test]
    fn epochs_are_counted_in_whole_numbers() {
        assert_eq!(Axis::of_counts(1).ticks, [1.0]);
        assert_eq!(Axis::of_counts(5).ticks, [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(Axis::of_counts(1000).ticks[..3], [1.0, 100.0, 200.0]);
    }

    #[test]
    fn numbers_are_short() {
        let cases =
            [(0.1 + 0.2, "0.3"), (1.374, "1.37"), (1e-5, "1e-5"), (2.5e7, "2.5e7"), (f64::NAN, "NaN")];
        for (value, words) in cases {
            assert_eq!(number(value, 3), words);
        }
    }
}
