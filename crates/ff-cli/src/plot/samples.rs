//! The images as the network sees them: originals, positive samples, negative samples.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::PlotError;
use super::canvas::{Area, Drawn, HEADER, INK, MARGIN, WIDTH, header, on_page, placeholder, px, save, write};
use super::grid::{NOT_FINITE, Shape, draw_image};

/// One row of images.
pub struct SampleRow<'a> {
    /// Stands left of the row.
    pub title: &'a str,
    /// Row-major pixels from 0, black, to 1, white.
    pub images: Vec<Vec<f32>>,
}

/// Room for the rows' titles.
const TITLES: i32 = 150;
/// Between neighbouring images.
const GAP: i32 = 10;
/// Of the longer side of an image.
const LARGEST: i32 = 170;
/// More images of a row would be too small to read.
const COLUMNS: usize = 16;

/// Draws `rows` of images of `width` x `height` pixels to a PNG 1200 wide at `path`; of a long row, the first
/// 16.
///
/// # Errors
/// An image of another size, or a plot that cannot be drawn or written.
pub fn samples(path: &Path, width: usize, height: usize, rows: &[SampleRow<'_>]) -> Result<(), PlotError> {
    let shape = Shape { width, height };
    shape.check(path, rows.iter().flat_map(|row| &row.images))?;
    let columns = rows.iter().map(|row| row.images.len()).max().unwrap_or(0).min(COLUMNS);
    let side = (WIDTH as i32 - 2 * MARGIN - TITLES) / columns.max(1) as i32 - GAP;
    let cell = shape.fitted(px(side.min(LARGEST)));
    let step = cell.1 + px(GAP);
    let room = (rows.len() as i32 * step).max(px(LARGEST));
    save(path, (HEADER + MARGIN + on_page(room)) as u32, |page| {
        header(page, "Samples", "")?;
        if columns == 0 || width * height == 0 {
            return placeholder(page, "no image");
        }
        for (row, top) in rows.iter().zip((px(HEADER)..).step_by(step as usize)) {
            draw_row(page, row, top, cell, shape)?;
        }
        Ok(())
    })
}

fn draw_row(page: &Area<'_>, row: &SampleRow<'_>, top: i32, cell: (i32, i32), shape: Shape) -> Drawn {
    write(page, row.title, (20, INK), HPos::Left, (px(MARGIN), top + cell.1 / 2))?;
    for (k, image) in row.images.iter().take(COLUMNS).enumerate() {
        let left = px(MARGIN + TITLES) + k as i32 * (cell.0 + px(GAP));
        draw_image(page, (left, top), cell, shape, image, grey)?;
    }
    Ok(())
}

fn grey(value: f32) -> RGBColor {
    if value.is_nan() {
        return NOT_FINITE;
    }
    let level = (value.clamp(0.0, 1.0) * 255.0).round() as u8;
    RGBColor(level, level, level)
}
