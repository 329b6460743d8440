//! This module draws images that got a wrong label, each with its true label and the predicted one.

use plotters::style::text_anchor::HPos;

use super::canvas::{Area, Drawn, Entry, INK, Mark, page_width, placeholder, write};
use super::grid::{Shape, draw_image, grey};
use super::lengths::{is_narrow, margin, on_page, px};
use super::page::Plot;

/// An image that got a wrong label.
pub struct Mistake {
    /// The pixels, row-major, from 0, black, to 1, white.
    pub image: Vec<f32>,
    /// The true label.
    pub truth: usize,
    /// The predicted label.
    pub predicted: usize,
}

/// The images that got a wrong label.
pub struct Mistakes {
    /// The shape of each image.
    pub shape: Shape,
    /// The images, the worst first. Only as many as can be read are shown.
    pub worst: Vec<Mistake>,
    /// The number of images that got a wrong label.
    pub all: usize,
}

/// The gap between neighbouring images.
const GAP: i32 = 14;
/// The room below an image, for its labels.
const WORDS: i32 = 32;
/// The largest number of rows.
const ROWS: usize = 3;

/// Returns the number of images in a row.
fn columns(page: i32) -> usize {
    if is_narrow(page) { 4 } else { 10 }
}

impl Mistakes {
    fn shown(&self, page: i32) -> &[Mistake] {
        &self.worst[..self.worst.len().min(ROWS * columns(page))]
    }

    /// Returns the size of an image, in the drawing's pixels.
    fn cell(&self, page: i32) -> (i32, i32) {
        self.shape.fitted(px((page - 2 * margin(page)) / columns(page) as i32 - GAP))
    }
}

impl Plot for Mistakes {
    fn title(&self) -> String {
        "The worst mistakes".into()
    }

    fn legend(&self, page: i32) -> Vec<Entry> {
        let words = format!("{} of {}; true label → predicted", self.shown(page).len(), self.all);
        vec![Entry::new(words, Mark::Note)]
    }

    fn height(&self, page: i32) -> i32 {
        let rows = self.shown(page).len().div_ceil(columns(page)).max(1) as i32;
        margin(page) / 2 + rows * (on_page(self.cell(page).1) + WORDS + GAP)
    }

    fn draw(&self, body: &Area<'_>) -> Drawn {
        self.shape.check(self.worst.iter().map(|one| &one.image))?;
        let page = page_width(body);
        if self.worst.is_empty() || self.shape.is_empty() {
            return placeholder(body, "no mistake");
        }
        let cell = self.cell(page);
        let step = (px(page - 2 * margin(page)) / columns(page) as i32, cell.1 + px(WORDS + GAP));
        for (k, one) in self.shown(page).iter().enumerate() {
            let (column, row) = (k % columns(page), k / columns(page));
            let corner = (px(margin(page)) + column as i32 * step.0, row as i32 * step.1);
            draw_image(body, corner, cell, self.shape, &one.image, grey)?;
            let words = format!("{} → {}", one.truth, one.predicted);
            let middle = (corner.0 + cell.0 / 2, corner.1 + cell.1 + px(WORDS / 2));
            write(body, &words, (19, INK), HPos::Center, middle)?;
        }
        Ok(())
    }
}
