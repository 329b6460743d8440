//! This module draws the share of images that got a wrong label, epoch by epoch.

use plotters::style::RGBColor;

use super::canvas::COLOURS;
use super::lines::{Line, Lines};

/// Makes the lines of the errors in percent after epochs 1, 2, ... The last error of each line is written beside its name.
///
/// `together` are the errors of all layers together, measured on `images` (the line's name). `alone[l]` are the errors of layer
/// `l`'s goodness alone. They are left out if they are empty.
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

/// Makes the lines of the errors of several runs, each with its name.
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
