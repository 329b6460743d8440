//! The share of images given a wrong label, epoch by epoch.

use plotters::style::RGBColor;

use super::canvas::COLOURS;
use super::lines::{Line, Lines};

/// Errors in percent after epochs 1, 2, ..., the last ones in words.
///
/// `together` are those of all layers, measured on `images` (the line's name); `alone[l]` the error when only layer
/// `l`'s goodness is asked, left out if empty.
pub fn error(images: &str, together: Vec<f64>, alone: Vec<Vec<f64>>) -> Lines {
    let of_layers = alone.into_iter().zip(COLOURS[1..].iter().cycle()).enumerate();
    let mut lines: Vec<Line> = of_layers
        .filter(|(_, (values, _))| !values.is_empty())
        .map(|(l, (values, colour))| line(format!("layer {} alone", l + 1), values, *colour, 3))
        .collect();
    // The most important line is drawn last, over the others.
    lines.push(line(images.to_owned(), together, COLOURS[0], 7));
    percent("Classification error", lines)
}

/// The errors of several runs, each with its name.
pub fn errors(runs: Vec<(String, Vec<f64>)>) -> Lines {
    let lines = runs.into_iter().zip(COLOURS.iter().cycle());
    percent(
        "Error of each run",
        lines.map(|((name, errors), colour)| line(name, errors, *colour, 5)).collect(),
    )
}

fn line(name: String, values: Vec<f64>, colour: RGBColor, width: u32) -> Line {
    Line { name, values, colour, width }
}

fn percent(title: &'static str, lines: Vec<Line>) -> Lines {
    Lines { title, x: "epoch", y: "error (%)", last: |error| format!("{error:.2} %"), lines }
}
