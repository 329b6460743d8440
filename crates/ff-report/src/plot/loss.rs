//! This module draws the loss of each layer during training.

use super::axis::number;
use super::canvas::COLOURS;
use super::lines::{Line, Lines};

/// The loss of one layer.
pub struct LayerCurve {
    /// The name beside the curve's end.
    pub name: String,
    /// The loss at epochs or steps 1, 2, ...
    pub points: Vec<f64>,
}

/// Makes one curve per layer. `x` says what the points are counted in.
pub fn loss(layers: Vec<LayerCurve>, x: &'static str) -> Lines {
    let lines = layers.into_iter().zip(COLOURS.iter().cycle());
    let lines = lines
        .map(|(layer, colour)| Line { name: layer.name, values: layer.points, colour: *colour, width: 5 })
        .collect();
    Lines { title: "Loss of each layer", x, y: "loss", last: |loss| number(loss, 3), lines }
}
