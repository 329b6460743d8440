//! What each unit of the first layer looks for: its weights as an image, blue below zero, red above.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::PlotError;
use super::axis::number;
use super::canvas::{Area, Drawn, HEADER, INK, MARGIN, WIDTH, header, on_page, placeholder, px, save, write};
use super::grid::{NOT_FINITE, Shape, draw_image};

/// More units would be too small to read.
const UNITS: usize = 96;
/// Between neighbouring images.
const GAP: i32 = 6;
/// Of the longer side of an image.
const LARGEST: i32 = 168;
/// Right of the images, for the colour scale.
const SCALE: i32 = 120;
/// The share of weights inside the colour scale: a few large ones must not turn the others white.
const INSIDE: f64 = 0.995;
/// From -1 to 1: the diverging scheme RdBu of ColorBrewer (C. Brewer), blue first, with light grey at zero.
const MAP: [[u8; 3]; 5] = [[5, 48, 97], [67, 147, 195], [247, 247, 247], [214, 96, 77], [103, 0, 31]];

/// Draws the weights of the first 96 of `units`, each `width` x `height` and row-major, to a PNG 1200 wide at
/// `path`. All share one colour scale, symmetric about zero.
///
/// # Errors
/// An image of another size, or a plot that cannot be drawn or written.
pub fn weights(path: &Path, width: usize, height: usize, units: &[Vec<f32>]) -> Result<(), PlotError> {
    let shape = Shape { width, height };
    shape.check(path, units.iter())?;
    let shown = &units[..units.len().min(UNITS)];
    let columns = columns(shown.len());
    let side = (WIDTH as i32 - 2 * MARGIN - SCALE) / columns as i32 - GAP;
    let cell = shape.fitted(px(side.min(LARGEST)));
    let step = (cell.0 + px(GAP), cell.1 + px(GAP));
    let room = (shown.len().div_ceil(columns) as i32 * step.1).max(px(2 * LARGEST));
    save(path, (HEADER + MARGIN + on_page(room)) as u32, |page| {
        let all = units.len();
        let note =
            if shown.len() < all { format!("first {UNITS} of {all} units") } else { format!("{all} units") };
        header(page, "First-layer weights", &note)?;
        if shown.is_empty() || width * height == 0 {
            return placeholder(page, "no weight");
        }
        let limit = limit(shown);
        for (k, unit) in shown.iter().enumerate() {
            let at = ((k % columns) as i32 * step.0, (k / columns) as i32 * step.1);
            let corner = (px(MARGIN) + at.0, px(HEADER) + at.1);
            draw_image(page, corner, cell, shape, unit, |w| diverging(w / limit))?;
        }
        colour_scale(page, px(MARGIN + 24) + columns as i32 * step.0, limit)
    })
}

/// A page is half again as wide as high.
fn columns(units: usize) -> usize {
    ((units as f64 * 1.5).sqrt().ceil() as usize).max(1)
}

/// The absolute weight that gets the strongest colour.
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

/// A bar from `limit` down to `-limit`, its left edge at `left`.
fn colour_scale(page: &Area<'_>, left: i32, limit: f32) -> Drawn {
    let (right, top, bottom) = (left + px(18), px(HEADER), px(HEADER + 2 * LARGEST));
    for y in top..bottom {
        let share = 1.0 - 2.0 * (y - top) as f32 / (bottom - top - 1) as f32;
        page.draw(&Rectangle::new([(left, y), (right, y + 1)], diverging(share).filled()))?;
    }
    for (value, level) in [(limit, top + px(8)), (0.0, top.midpoint(bottom)), (-limit, bottom - px(8))] {
        let words = number(f64::from(value), 2);
        write(page, &words, (18, INK), HPos::Left, (right + px(8), level))?;
    }
    Ok(())
}
