//! This module draws the goodness of each label for some images. Each image has a panel, and each label has a bar.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::axis::{number, usable};
use super::canvas::{Area, COLOURS, Drawn, Entry, GRID, INK, Mark, SOFT, page_width, placeholder, write};
use super::grid::{Shape, draw_image, grey};
use super::lengths::{is_narrow, margin, px};
use super::page::Plot;

/// An image and the goodness of each label.
pub struct Labelled {
    /// The pixels, row-major, from 0, black, to 1, white.
    pub image: Vec<f32>,
    /// A few words that say which image it is.
    pub words: String,
    /// The true label.
    pub truth: usize,
    /// The label with the largest goodness.
    pub predicted: usize,
    /// The goodness of each label.
    pub goodness: Vec<f32>,
}

/// A plot with a panel for each image. All bars share one scale, which begins at zero.
pub struct Labels {
    /// The shape of each image.
    pub shape: Shape,
    /// The images in order, row by row.
    pub images: Vec<Labelled>,
}

const TRUE: RGBColor = COLOURS[0];
const WRONG: RGBColor = COLOURS[1];
/// The height of a panel.
const PANEL: i32 = 210;
/// The side of a panel's image.
const IMAGE: i32 = 56;
/// The distance from a panel's top to its bars.
const TOP: i32 = 68;
/// The room below the bars, for the labels.
const FOOT: i32 = 32;
/// More labels than this are not written below their bars.
const NAMED: usize = 12;

impl Labels {
    fn columns(page: i32) -> usize {
        if is_narrow(page) { 2 } else { 5 }
    }
}

impl Plot for Labels {
    fn title(&self) -> String {
        "Goodness of every label".into()
    }

    fn legend(&self, _: i32) -> Vec<Entry> {
        let entry = |words: &str, colour| Entry::new(words, Mark::Area(colour));
        let mut entries = vec![entry("true label", TRUE), entry("other labels", SOFT)];
        if self.images.iter().any(|one| one.predicted != one.truth) {
            entries.insert(1, entry("predicted instead", WRONG));
        }
        entries
    }

    fn height(&self, page: i32) -> i32 {
        margin(page) / 2 + PANEL * self.images.len().div_ceil(Self::columns(page)).max(1) as i32
    }

    fn draw(&self, body: &Area<'_>) -> Drawn {
        if self.images.is_empty() {
            return placeholder(body, "no image");
        }
        self.shape.check(self.images.iter().map(|one| &one.image))?;
        let page = page_width(body);
        let columns = Self::columns(page);
        let body = body.margin(0, px(margin(page) / 2), px(margin(page)), px(margin(page)));
        let all = self.images.iter().flat_map(|one| &one.goodness).map(|g| f64::from(*g));
        let largest = all.filter(|g| usable(*g)).fold(0.0, f64::max);
        let panels = body.split_evenly((self.images.len().div_ceil(columns), columns));
        self.images.iter().zip(panels).try_for_each(|(one, area)| draw_panel(&area, one, self.shape, largest))
    }
}

fn draw_panel(area: &Area<'_>, one: &Labelled, shape: Shape, largest: f64) -> Drawn {
    let (width, height) = area.dim_in_pixel();
    let (right, floor) = (width as i32 - px(18), height as i32 - px(FOOT));
    if !shape.is_empty() {
        draw_image(area, (0, 0), shape.fitted(px(IMAGE)), shape, &one.image, grey)?;
    }
    let verdict = match one.predicted == one.truth {
        true => format!("predicted {}", one.predicted),
        false => format!("predicted {}, is {}", one.predicted, one.truth),
    };
    write(area, &one.words, (17, SOFT), HPos::Left, (px(IMAGE + 10), px(16)))?;
    write(area, &verdict, (19, INK), HPos::Left, (px(IMAGE + 10), px(40)))?;
    let best = one.goodness.get(one.predicted).map_or(String::new(), |g| number(f64::from(*g), 3));
    write(area, &best, (16, SOFT), HPos::Right, (right, px(16)))?;
    draw_bars(area, one, largest, (right, floor))?;
    area.draw(&PathElement::new([(0, floor), (right, floor)], GRID.stroke_width(2)))?;
    Ok(())
}

/// Draws the bars from the left edge to `right`, upwards from `floor`.
fn draw_bars(area: &Area<'_>, one: &Labelled, largest: f64, (right, floor): (i32, i32)) -> Drawn {
    let labels = one.goodness.len().max(1);
    let edge = |label: usize| (label as i32 * right) / labels as i32;
    for (label, goodness) in one.goodness.iter().enumerate() {
        // A goodness that is not a number gets the lowest bar, like a zero. `largest` is 0 if no goodness is usable.
        let share = (f64::from(*goodness) / largest.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        let height = (share * f64::from(floor - px(TOP))).round() as i32;
        let colour = match label {
            _ if label == one.truth => TRUE.mix(0.85),
            _ if label == one.predicted => WRONG.mix(0.85),
            _ => SOFT.mix(0.55),
        };
        let gap = ((edge(label + 1) - edge(label)) / 8).max(1);
        let corners = [(edge(label) + gap, floor - height.max(2)), (edge(label + 1) - gap, floor)];
        area.draw(&Rectangle::new(corners, colour.filled()))?;
        if labels <= NAMED {
            let middle = edge(label).midpoint(edge(label + 1));
            write(area, &label.to_string(), (16, INK), HPos::Center, (middle, floor + px(13)))?;
        }
    }
    Ok(())
}
