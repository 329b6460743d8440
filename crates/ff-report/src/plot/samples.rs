//! This module draws the images as the network sees them: originals, positive samples and negative samples.

use plotters::style::text_anchor::HPos;

use super::canvas::{Area, Drawn, INK, page_width, placeholder, write};
use super::grid::{Shape, draw_image, grey};
use super::lengths::{is_narrow, margin, on_page, px};
use super::page::Plot;

/// One row of images.
pub struct SampleRow {
    /// The title left of the row.
    pub title: &'static str,
    /// The pixels of each image, row-major, from 0, black, to 1, white.
    pub images: Vec<Vec<f32>>,
}

/// Rows of images, one below the other. A long row shows as many images as can be read.
pub struct Samples {
    /// The shape of each image.
    pub shape: Shape,
    /// The rows, from the top.
    pub rows: Vec<SampleRow>,
}

/// The gap between neighbouring images.
const GAP: i32 = 10;
/// The largest length of the longer side of an image.
const LARGEST: i32 = 170;
/// The largest number of images in a row. More would be too small to read.
const COLUMNS: usize = 16;
/// The largest number of images in a row on a narrow page.
const NARROW_COLUMNS: usize = 4;

/// Returns the room for the rows' titles.
fn titles(page: i32) -> i32 {
    if is_narrow(page) { 80 } else { 150 }
}

impl Samples {
    fn columns(&self, page: i32) -> usize {
        let most = if is_narrow(page) { NARROW_COLUMNS } else { COLUMNS };
        self.rows.iter().map(|row| row.images.len()).max().unwrap_or(0).min(most)
    }

    /// Returns the size of an image, in the drawing's pixels.
    fn cell(&self, page: i32) -> (i32, i32) {
        let side = (page - 2 * margin(page) - titles(page)) / self.columns(page).max(1) as i32 - GAP;
        self.shape.fitted(px(side.min(LARGEST)))
    }
}

impl Plot for Samples {
    fn title(&self) -> String {
        "Samples".into()
    }

    fn height(&self, page: i32) -> i32 {
        let room = self.rows.len() as i32 * (self.cell(page).1 + px(GAP));
        margin(page) + on_page(room.max(px(LARGEST)))
    }

    fn draw(&self, body: &Area<'_>) -> Drawn {
        self.shape.check(self.rows.iter().flat_map(|row| &row.images))?;
        let page = page_width(body);
        let (columns, cell) = (self.columns(page), self.cell(page));
        if columns == 0 || self.shape.is_empty() {
            return placeholder(body, "no image");
        }
        for (row, top) in self.rows.iter().zip((0..).step_by((cell.1 + px(GAP)) as usize)) {
            write(body, row.title, (20, INK), HPos::Left, (px(margin(page)), top + cell.1 / 2))?;
            for (k, image) in row.images.iter().take(columns).enumerate() {
                let left = px(margin(page) + titles(page)) + k as i32 * (cell.0 + px(GAP));
                draw_image(body, (left, top), cell, self.shape, image, grey)?;
            }
        }
        Ok(())
    }
}
