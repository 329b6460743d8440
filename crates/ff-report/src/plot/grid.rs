//! This module enlarges images of few pixels to cells of a grid.

use plotters::prelude::*;

use super::canvas::{Area, COLOURS, Drawn};
use super::sheet::Picture;

/// The colour of a pixel that is not a number.
pub const NOT_FINITE: RGBColor = COLOURS[2];

/// The width and height of an image.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// The number of pixels per row.
    pub width: usize,
    /// The number of rows.
    pub height: usize,
}

impl Shape {
    /// Returns whether there is nothing to see.
    pub fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// Checks that every image has as many pixels as this shape.
    ///
    /// # Errors
    /// Fails with the size of the first image that does not.
    pub fn check<'a>(self, mut images: impl Iterator<Item = &'a Vec<f32>>) -> Drawn {
        let Self { width, height } = self;
        match images.find(|image| width.checked_mul(height) != Some(image.len())) {
            Some(image) => {
                Err(format!("an image has {} pixels instead of {width} x {height}", image.len()).into())
            }
            None => Ok(()),
        }
    }

    /// Returns the size of the image fitted into a square of `side`. Each pixel is a whole number of units wide if there is room.
    pub fn fitted(self, side: i32) -> (i32, i32) {
        let longer = self.width.max(self.height).max(1);
        let per_pixel = f64::from(side) / longer as f64;
        let per_pixel = if per_pixel >= 1.0 { per_pixel.floor() } else { per_pixel };
        let length = |pixels: usize| ((pixels as f64 * per_pixel).round() as i32).max(1);
        (length(self.width), length(self.height))
    }
}

/// Draws `pixels` of `shape` in the rectangle of `size` at `corner`, both in the drawing's pixels.
pub fn draw_image(
    area: &Area<'_>,
    corner: (i32, i32),
    size: (i32, i32),
    shape: Shape,
    pixels: &[f32],
    colour: impl Fn(f32) -> RGBColor,
) -> Drawn {
    let pixels = pixels.iter().map(|value| colour(*value)).collect();
    area.draw(&Picture { corner, size, columns: shape.width, pixels })?;
    Ok(())
}

/// Returns the grey of a value from 0, black, to 1, white.
pub fn grey(value: f32) -> RGBColor {
    if value.is_nan() {
        return NOT_FINITE;
    }
    let level = (value.clamp(0.0, 1.0) * 255.0).round() as u8;
    RGBColor(level, level, level)
}
