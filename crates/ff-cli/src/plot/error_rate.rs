//! The share of images given a wrong label, epoch by epoch.

use std::path::Path;

use super::PlotError;
use super::canvas::COLOURS;
use super::lines::{Line, Words, save_lines};

/// Draws the errors in percent after epochs 1, 2, ... to a PNG of 1200 x 750 at `path`, the last ones in
/// words.
///
/// `values` are those of all layers together, measured on `images` (the line's name); `per_layer[l]` the error
/// when only layer `l`'s goodness is asked, left out if empty.
///
/// # Errors
/// If the plot cannot be drawn or written.
pub fn error(path: &Path, images: &str, values: &[f64], per_layer: &[Vec<f64>]) -> Result<(), PlotError> {
    let named = |name: &str, values, colour, width| Line { name: name.to_owned(), values, colour, width };
    let mut lines: Vec<Line<'_>> = per_layer
        .iter()
        .zip(COLOURS[1..].iter().cycle())
        .enumerate()
        .filter(|(_, (values, _))| !values.is_empty())
        .map(|(l, (values, colour))| named(&format!("layer {} alone", l + 1), values, *colour, 3))
        .collect();
    // The most important line is drawn last, over the others.
    lines.push(named(images, values, COLOURS[0], 7));
    save_lines(
        path,
        &Words {
            title: "Classification error",
            x: "epoch",
            y: "error (%)",
            last: |error| format!("{error:.2} %"),
        },
        &lines,
    )
}
