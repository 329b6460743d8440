//! Images of few pixels enlarged to cells of a grid, each pixel a sharp square.

use std::path::Path;

use plotters::prelude::*;

use super::PlotError;
use super::canvas::{Area, COLOURS, Drawn};

/// Colour of a pixel that is not a number.
pub const NOT_FINITE: RGBColor = COLOURS[2];

/// Width and height of an image.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Pixels per row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
}

impl Shape {
    /// Asks that every image has this shape.
    ///
    /// # Errors
    /// [`PlotError::Image`] for the first that has not.
    pub fn check<'a>(
        self,
        path: &Path,
        mut images: impl Iterator<Item = &'a Vec<f32>>,
    ) -> Result<(), PlotError> {
        let Self { width, height } = self;
        match images.find(|image| width.checked_mul(height) != Some(image.len())) {
            Some(image) => Err(PlotError::Image { path: path.to_owned(), width, height, found: image.len() }),
            None => Ok(()),
        }
    }

    /// Size of the image fitted into a square of `side`; each pixel is a whole number of units wide where
    /// there is room.
    pub fn fitted(self, side: i32) -> (i32, i32) {
        let longer = self.width.max(self.height).max(1);
        let per_pixel = f64::from(side) / longer as f64;
        let per_pixel = if per_pixel >= 1.0 { per_pixel.floor() } else { per_pixel };
        let length = |pixels: usize| ((pixels as f64 * per_pixel).round() as i32).max(1);
        (length(self.width), length(self.height))
    }
}

/// Draws `pixels` of `shape` in the rectangle of `size` at `(left, top)`, both in the drawing's pixels.
pub fn draw_image(
    area: &Area<'_>,
    (left, top): (i32, i32),
    size: (i32, i32),
    shape: Shape,
    pixels: &[f32],
    colour: impl Fn(f32) -> RGBColor,
) -> Drawn {
    let edge = |k: usize, count: usize, length: i32| (k as i64 * i64::from(length) / count as i64) as i32;
    for (k, value) in pixels.iter().enumerate() {
        let (row, column) = (k / shape.width, k % shape.width);
        let x = [column, column + 1].map(|c| left + edge(c, shape.width, size.0));
        let y = [row, row + 1].map(|r| top + edge(r, shape.height, size.1));
        area.draw(&Rectangle::new([(x[0], y[0]), (x[1], y[1])], colour(*value).filled()))?;
    }
    Ok(())
}
