//! This module draws the confusion matrix. It shows which label is taken for which.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{Area, COLOURS, Drawn, Entry, GRID, INK, Mark, SOFT, page_width, placeholder, write};
use super::lengths::{is_narrow, margin, px};
use super::page::Plot;

/// The number of images for each true and each predicted label.
pub struct Confusion {
    /// The counts, `[truth][predicted]`.
    pub counts: Vec<Vec<usize>>,
}

/// The room left of the matrix, for the true labels.
const LEFT: i32 = 54;
/// The room above the matrix, for the predicted labels.
const TOP: i32 = 54;
/// A cell of less width or height than this has no number.
const WRITTEN: i32 = 22;

impl Plot for Confusion {
    fn title(&self) -> String {
        "Confusion matrix".into()
    }

    fn legend(&self, _: i32) -> Vec<Entry> {
        vec![Entry::new("right", Mark::Area(COLOURS[0])), Entry::new("wrong", Mark::Area(COLOURS[1]))]
    }

    fn height(&self, page: i32) -> i32 {
        TOP + margin(page) + if is_narrow(page) { 360 } else { 520 }
    }

    fn draw(&self, body: &Area<'_>) -> Drawn {
        if self.counts.is_empty() {
            return placeholder(body, "no image");
        }
        let page = page_width(body);
        let grid = Grid {
            left: px(margin(page) + LEFT),
            right: px(page - margin(page)),
            bottom: px(self.height(page) - margin(page)),
            classes: self.counts.len(),
        };
        grid.draw_frame(body, px(margin(page)))?;
        let (worst, size) = (self.worst(), if is_narrow(page) { 13 } else { 18 });
        let mut rows = self.counts.iter().enumerate();
        rows.try_for_each(|(truth, row)| grid.draw_row(body, truth, row, worst, size))
    }
}

impl Confusion {
    /// Returns the count of the most frequent mistake.
    fn worst(&self) -> usize {
        let of_row = |(truth, row): (usize, &Vec<usize>)| {
            row.iter().enumerate().filter(|(k, _)| *k != truth).map(|(_, count)| *count).max()
        };
        self.counts.iter().enumerate().filter_map(of_row).max().unwrap_or(0)
    }
}

/// The places of the cells, in the drawing's pixels.
struct Grid {
    left: i32,
    right: i32,
    bottom: i32,
    classes: usize,
}

impl Grid {
    /// Returns the left edge of a column. There is one more column, for each row's error.
    fn x(&self, k: usize) -> i32 {
        self.left + (self.right - self.left) * k as i32 / (self.classes as i32 + 1)
    }

    /// Returns the upper edge of a row.
    fn y(&self, k: usize) -> i32 {
        px(TOP) + (self.bottom - px(TOP)) * k as i32 / self.classes as i32
    }

    fn middle(&self, row: usize) -> i32 {
        self.y(row).midpoint(self.y(row + 1))
    }

    /// Returns the width or the height of a cell, whichever is less.
    fn cell(&self) -> i32 {
        (self.x(1) - self.x(0)).min(self.y(1) - self.y(0))
    }

    /// Draws the border and the labels around it. It leaves out some labels if they would touch.
    fn draw_frame(&self, body: &Area<'_>, margin: i32) -> Drawn {
        let above = px(TOP - 18);
        write(body, "predicted", (17, SOFT), HPos::Left, (self.left, px(12)))?;
        write(body, "true", (17, SOFT), HPos::Left, (margin, above))?;
        write(body, "error", (17, SOFT), HPos::Right, (self.right, above))?;
        let corners = [(self.left, px(TOP)), (self.x(self.classes), self.bottom)];
        body.draw(&Rectangle::new(corners, GRID.stroke_width(1)))?;
        let stride = [1, 2, 5, 10, 20].into_iter().find(|s| *s as i32 * self.cell() >= px(WRITTEN));
        for label in (0..self.classes).step_by(stride.unwrap_or(50)) {
            let across = self.x(label).midpoint(self.x(label + 1));
            write(body, &label.to_string(), (17, INK), HPos::Center, (across, above))?;
            let beside = (self.left - px(14), self.middle(label));
            write(body, &label.to_string(), (17, INK), HPos::Right, beside)?;
        }
        Ok(())
    }

    fn draw_row(&self, body: &Area<'_>, truth: usize, row: &[usize], worst: usize, size: i32) -> Drawn {
        let (all, level) = (row.iter().sum::<usize>(), self.middle(truth));
        let written = self.cell() >= px(WRITTEN);
        for (predicted, &count) in row.iter().enumerate() {
            let x = [self.x(predicted), self.x(predicted + 1)];
            let corners = [(x[0], self.y(truth)), (x[1], self.y(truth + 1))];
            if count > 0 {
                let colour = colour(truth == predicted, count, all, worst);
                body.draw(&Rectangle::new(corners, colour.filled()))?;
            }
            if written {
                body.draw(&Rectangle::new(corners, GRID.stroke_width(1)))?;
            }
            if written && count > 0 {
                let middle = (x[0].midpoint(x[1]), level);
                write(body, &count.to_string(), (size, INK), HPos::Center, middle)?;
            }
        }
        if self.y(1) - self.y(0) < px(14) || all == 0 {
            return Ok(());
        }
        let wrong = all - row.get(truth).copied().unwrap_or(0);
        let words = format!("{:.1} %", 100.0 * wrong as f64 / all as f64);
        write(body, &words, (size, INK), HPos::Right, (self.right, level))
    }
}

/// Returns a cell's colour. The colour of a right cell grows stronger with the cell's share of its row, and that of a wrong cell
/// with its share of the worst mistake.
fn colour(right: bool, count: usize, row: usize, worst: usize) -> RGBAColor {
    let share = count as f64 / if right { row } else { worst }.max(1) as f64;
    if right { COLOURS[0].mix(0.35 * share) } else { COLOURS[1].mix(0.1 + 0.6 * share) }
}
