//! The loss of each layer as training goes on.

use std::path::Path;

use super::PlotError;
use super::axis::number;
use super::canvas::COLOURS;
use super::lines::{Line, Words, save_lines};

/// What one layer lost.
pub struct LayerCurve<'a> {
    /// Stands beside the curve's end.
    pub name: &'a str,
    /// The loss at epochs or steps 1, 2, ...
    pub points: &'a [f64],
}

/// Draws one curve per layer to a PNG of 1200 x 750 at `path`; `x_label` says what the points are counted in.
///
/// # Errors
/// If the plot cannot be drawn or written.
pub fn loss(path: &Path, layers: &[LayerCurve<'_>], x_label: &str) -> Result<(), PlotError> {
    let lines: Vec<Line<'_>> = layers
        .iter()
        .zip(COLOURS.iter().cycle())
        .map(|(layer, colour)| Line {
            name: layer.name.to_owned(),
            values: layer.points,
            colour: *colour,
            width: 5,
        })
        .collect();
    save_lines(
        path,
        &Words { title: "Loss of each layer", x: x_label, y: "loss", last: |loss| number(loss, 3) },
        &lines,
    )
}
