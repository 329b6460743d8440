//! This module draws what each unit of the first layer looks for. Its weights are an image, blue below zero and red above.

use plotters::style::RGBColor;
use plotters::style::text_anchor::HPos;

use super::axis::number;
use super::canvas::{Area, Drawn, Entry, INK, Mark, page_width, placeholder, write};
use super::grid::{NOT_FINITE, Shape, draw_image};
use super::lengths::{is_narrow, margin, on_page, px};
use super::page::Plot;
use super::sheet::Picture;

/// The weights of each unit. All share one colour scale, which is symmetric about zero.
pub struct Weights {
    /// The shape of each unit's weights.
    pub shape: Shape,
    /// The weights of each unit, row-major. The first units are shown.
    pub units: Vec<Vec<f32>>,
    /// The number of units of the layer. `units` may have only the first of them.
    pub all: usize,
}

/// The largest number of units that are shown on a narrow page.
const NARROW_UNITS: usize = 24;
/// The gap between neighbouring images.
const GAP: i32 = 6;
/// The largest length of the longer side of an image.
const LARGEST: i32 = 168;
/// The number of colours of the scale.
const STRIPS: usize = 256;
/// The share of weights inside the colour scale. It is below 1, because a few large weights must not turn the others white.
const INSIDE: f64 = 0.995;
/// The colours from -1 to 1. They are the diverging scheme RdBu of ColorBrewer (C. Brewer): blue first, and light grey at zero.
const MAP: [[u8; 3]; 5] = [[5, 48, 97], [67, 147, 195], [247, 247, 247], [214, 96, 77], [103, 0, 31]];

impl Weights {
    /// The largest number of units that are shown. More would be too small to read.
    pub const MOST: usize = 96;

    fn shown(&self, page: i32) -> &[Vec<f32>] {
        &self.units[..self.units.len().min(if is_narrow(page) { NARROW_UNITS } else { Self::MOST })]
    }

    /// Returns the number of columns, about 1.5 times the number of rows. A narrow page has at most 4.
    fn columns(&self, page: i32) -> usize {
        let columns = (self.shown(page).len() as f64 * 1.5).sqrt().ceil() as usize;
        columns.clamp(1, if is_narrow(page) { 4 } else { usize::MAX })
    }

    /// Returns the size of an image, in the drawing's pixels.
    fn cell(&self, page: i32) -> (i32, i32) {
        let side = (page - 2 * margin(page) - scale(page)) / self.columns(page) as i32 - GAP;
        self.shape.fitted(px(side.min(LARGEST)))
    }
}

/// Returns the room right of the images, for the colour scale.
fn scale(page: i32) -> i32 {
    if is_narrow(page) { 90 } else { 120 }
}

impl Plot for Weights {
    fn title(&self) -> String {
        "First-layer weights".into()
    }

    fn legend(&self, page: i32) -> Vec<Entry> {
        let (shown, all) = (self.shown(page).len(), self.all);
        let words =
            if shown < all { format!("first {shown} of {all} units") } else { format!("{all} units") };
        vec![Entry::new(words, Mark::Note)]
    }

    fn height(&self, page: i32) -> i32 {
        let rows = self.shown(page).len().div_ceil(self.columns(page)) as i32;
        margin(page) + on_page((rows * (self.cell(page).1 + px(GAP))).max(px(2 * LARGEST)))
    }

    fn draw(&self, body: &Area<'_>) -> Drawn {
        self.shape.check(self.units.iter())?;
        let page = page_width(body);
        let (shown, columns, cell) = (self.shown(page), self.columns(page), self.cell(page));
        if shown.is_empty() || self.shape.is_empty() {
            return placeholder(body, "no weight");
        }
        let (limit, step) = (limit(shown), (cell.0 + px(GAP), cell.1 + px(GAP)));
        for (k, unit) in shown.iter().enumerate() {
            let at = ((k % columns) as i32 * step.0, (k / columns) as i32 * step.1);
            let corner = (px(margin(page)) + at.0, at.1);
            draw_image(body, corner, cell, self.shape, unit, |w| diverging(w / limit))?;
        }
        colour_scale(body, px(margin(page) + 20) + columns as i32 * step.0, limit)
    }
}

/// Returns the absolute weight that gets the strongest colour.
fn limit(units: &[Vec<f32>]) -> f32 {
    let mut sizes: Vec<f32> = units.iter().flatten().map(|w| w.abs()).filter(|w| w.is_finite()).collect();
    sizes.sort_unstable_by(f32::total_cmp);
    let at = (sizes.len() as f64 * INSIDE) as usize;
    sizes.get(at).copied().filter(|w| *w > 0.0).unwrap_or(1.0)
}

fn diverging(share: f32) -> RGBColor {
    if share.is_nan() {
        return NOT_FINITE;
    }
    let at = (share.clamp(-1.0, 1.0) + 1.0) * 2.0;
    let k = (at as usize).min(MAP.len() - 2);
    let [r, g, b]: [u8; 3] = std::array::from_fn(|c| {
        let (from, to) = (f32::from(MAP[k][c]), f32::from(MAP[k + 1][c]));
        (from + (to - from) * (at - k as f32)).round() as u8
    });
    RGBColor(r, g, b)
}

/// Draws a bar from `limit` down to `-limit`, with its left edge at `left`.
fn colour_scale(body: &Area<'_>, left: i32, limit: f32) -> Drawn {
    let (right, bottom) = (left + px(18), px(2 * LARGEST));
    let share = |k: usize| 1.0 - 2.0 * k as f32 / (STRIPS - 1) as f32;
    let pixels = (0..STRIPS).map(|k| diverging(share(k))).collect();
    body.draw(&Picture { corner: (left, 0), size: (px(18), bottom), columns: 1, pixels })?;
    for (value, level) in [(limit, px(8)), (0.0, bottom / 2), (-limit, bottom - px(8))] {
        let words = number(f64::from(value), 2);
        write(body, &words, (18, INK), HPos::Left, (right + px(8), level))?;
    }
    Ok(())
}
