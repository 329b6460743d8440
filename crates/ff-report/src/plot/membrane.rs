//! This module draws the membrane potential of some units, step by step, with the true label and with a wrong one.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::axis::{Axis, usable};
use super::canvas::{Area, COLOURS, Drawn, Entry, INK, Mark, dashes, page_width, placeholder, write};
use super::lengths::{is_narrow, margin, px};
use super::lines::frame;
use super::page::Plot;

/// The membrane of one unit.
#[derive(Debug, Clone)]
pub struct Membrane {
    /// The unit's name.
    pub name: String,
    /// The membrane potential after each step, with the true label and with the wrong one.
    pub traces: [Vec<f32>; 2],
    /// Whether the unit spikes in each step, with the true label and with the wrong one.
    pub spikes: [Vec<bool>; 2],
}

/// A plot with a panel for each unit.
pub struct Membranes {
    /// The units in order, row by row.
    pub units: Vec<Membrane>,
    /// A unit spikes if its membrane is above this. It is `None` if units have no such number in common.
    pub threshold: Option<f32>,
    /// The true label and the wrong one.
    pub labels: [usize; 2],
}

const COLUMNS: usize = 3;
const RIGHT: RGBColor = COLOURS[0];
const WRONG: RGBColor = COLOURS[1];

impl Membranes {
    fn grid(&self, page: i32) -> (usize, usize) {
        let columns = if is_narrow(page) { 1 } else { COLUMNS };
        (columns, self.units.len().div_ceil(columns).max(1))
    }
}

impl Plot for Membranes {
    fn title(&self) -> String {
        "Membrane potential".into()
    }

    fn legend(&self, _: i32) -> Vec<Entry> {
        let [right, wrong] = self.labels;
        let mut legend = vec![
            Entry::new(format!("with {right}, true"), Mark::Line(RIGHT)),
            Entry::new(format!("with {wrong}, wrong"), Mark::Line(WRONG)),
        ];
        legend.extend(self.threshold.map(|_| Entry::new("threshold", Mark::Dashes(INK))));
        legend
    }

    fn height(&self, page: i32) -> i32 {
        let panel = if is_narrow(page) { 230 } else { 330 };
        margin(page) / 2 + self.grid(page).1 as i32 * panel
    }

    fn draw(&self, body: &Area<'_>) -> Drawn {
        if self.units.is_empty() {
            return placeholder(body, "no unit");
        }
        let (columns, rows) = self.grid(page_width(body));
        let margin = margin(page_width(body));
        // Half of the last tick's number is beyond the axis.
        let (left, right) = (px(margin * 5 / 6), px(margin * 5 / 6 + 12));
        let panels = body.margin(0, px(margin / 2), left, right).split_evenly((rows, columns));
        self.units.iter().zip(panels).try_for_each(|(unit, area)| self.draw_panel(&area, unit))
    }
}

impl Membranes {
    fn draw_panel(&self, area: &Area<'_>, unit: &Membrane) -> Drawn {
        let area = area.margin(px(4), px(4), px(4), px(8));
        write(&area, &unit.name, (19, INK), HPos::Left, (px(30), px(12)))?;
        let area = area.margin(px(32), 0, 0, px(8));
        let threshold = self.threshold.map(f64::from);
        let values = unit.traces.iter().flatten().map(|v| f64::from(*v));
        let Some(y) = Axis::of_membrane(values.chain([0.0]).chain(threshold)) else {
            return placeholder(&area, "no finite value");
        };
        let x = Axis::of_counts(unit.traces[0].len());
        let mut chart = frame(&area, &x, &y, "time step", "membrane")?;
        chart.draw_series(threshold.map(|at| dashes([(x.range.0, at), (x.range.1, at)], INK)))?;
        // The trace with the true label is drawn over the other one.
        for ((trace, spikes), colour) in unit.traces.iter().zip(&unit.spikes).zip([RIGHT, WRONG]).rev() {
            let points: Vec<(f64, f64)> =
                (1..).map(f64::from).zip(trace.iter().map(|v| f64::from(*v))).collect();
            for run in points.split(|(_, value)| !usable(*value)) {
                chart.draw_series([PathElement::new(run, colour.stroke_width(4))])?;
            }
            let spiked = points.iter().zip(spikes).filter(|((_, value), spike)| usable(*value) && **spike);
            chart.draw_series(spiked.map(|(at, _)| Circle::new(*at, px(5), colour.filled())))?;
        }
        Ok(())
    }
}
