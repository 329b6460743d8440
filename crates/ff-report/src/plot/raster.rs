//! This module draws which unit spikes when. Each spike has a mark, and each layer and label has a panel.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::canvas::{
    Area, COLOURS, Drawn, Entry, GRID, INK, Mark, SOFT, page_width, placeholder, text, write,
};
use super::lengths::{is_narrow, margin, px};
use super::page::Plot;

/// The spikes of one layer for one image and label.
pub struct Spikes {
    /// The name above the panel.
    pub name: String,
    /// Says whether the label is the true one.
    pub right: bool,
    /// The number of time steps.
    pub steps: usize,
    /// Says whether each unit spikes at each step, `[unit][step]`, with the units from the bottom.
    pub units: Vec<Vec<bool>>,
}

/// A plot with panels in two columns. The left ones have the true label, and the right ones have a wrong label.
pub struct Raster {
    /// The panels in order, row by row.
    pub panels: Vec<Spikes>,
    /// A few words that say which image it is.
    pub words: String,
}

/// The height of a panel.
const PANEL: i32 = 400;
/// The length of the longest mark of a spike.
const MARK: i32 = 22;
/// The room above a panel, for its name.
const NAME: i32 = 40;
/// The room below a panel.
const FOOT: i32 = 56;

impl Plot for Raster {
    fn title(&self) -> String {
        "Spikes".into()
    }

    fn legend(&self, _: i32) -> Vec<Entry> {
        vec![Entry::new(self.words.clone(), Mark::Note)]
    }

    fn height(&self, page: i32) -> i32 {
        let panel = if is_narrow(page) { 320 } else { PANEL };
        margin(page) / 2 + panel * self.panels.len().div_ceil(2).max(1) as i32
    }

    fn draw(&self, body: &Area<'_>) -> Drawn {
        if self.panels.is_empty() {
            return placeholder(body, "no spike");
        }
        let side = px(margin(page_width(body)));
        let body = body.margin(0, side / 2, side, side);
        let areas = body.split_evenly((self.panels.len().div_ceil(2), 2));
        self.panels.iter().zip(areas).try_for_each(|(panel, area)| draw_panel(&area, panel))
    }
}

fn draw_panel(area: &Area<'_>, panel: &Spikes) -> Drawn {
    let colour = if panel.right { COLOURS[0] } else { COLOURS[1] };
    let (width, height) = area.dim_in_pixel();
    let side = px(14);
    let (left, right) = if panel.right { (0, width as i32 - side) } else { (side, width as i32) };
    let (top, bottom) = (px(NAME), height as i32 - px(FOOT));
    write(area, &panel.name, (19, INK), HPos::Left, (left, px(NAME / 2)))?;
    area.draw(&Rectangle::new([(left, top), (right, bottom)], GRID.stroke_width(2)))?;
    let cell = |k: usize, count: usize, (from, to): (i32, i32)| {
        from + ((to - from) as i64 * k as i64 / count.max(1) as i64) as i32
    };
    for (unit, spikes) in panel.units.iter().enumerate() {
        let y = [unit + 1, unit].map(|u| cell(u, panel.units.len(), (bottom, top)));
        for step in (0..panel.steps).filter(|step| spikes.get(*step) == Some(&true)) {
            let x = [step, step + 1].map(|s| cell(s, panel.steps, (left, right)));
            // There is a little space between neighbours, if there is room for it.
            let dx = ((x[1] - x[0]) / 6).max((x[1] - x[0] - px(MARK)) / 2);
            let dy = ((y[1] - y[0]) / 6).min(px(2));
            let ends = ((x[1] - dx).max(x[0] + dx + 1), (y[1] - dy).max(y[0] + dy + 1));
            let corners = [(x[0] + dx, y[0] + dy), ends];
            area.draw(&Rectangle::new(corners, colour.filled()))?;
        }
    }
    for tick in Axis::of_counts(panel.steps).ticks {
        let x = [tick as usize - 1, tick as usize].map(|s| cell(s, panel.steps, (left, right)));
        let (x, style) = (x[0].midpoint(x[1]), text(16, INK, (HPos::Center, VPos::Center)));
        area.draw_text(&format!("{tick}"), &style, (x, bottom + px(16)))?;
    }
    write(area, "time step", (17, SOFT), HPos::Center, (left.midpoint(right), bottom + px(38)))
}
