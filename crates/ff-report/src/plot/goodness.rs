//! This module draws how far each layer has driven the goodness of positive and negative samples apart.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::axis::{Axis, number, usable};
use super::canvas::{Area, COLOURS, Drawn, Entry, INK, Mark, dashes, page_width, placeholder, write};
use super::lengths::{is_narrow, margin, px};
use super::lines::{Chart, frame};
use super::page::Plot;

/// The goodness of one layer, one number per sample.
pub struct LayerGoodness {
    /// The name above the layer's histograms.
    pub name: String,
    /// The goodness of samples with their true label.
    pub positive: Vec<f32>,
    /// The goodness of samples with a wrong label.
    pub negative: Vec<f32>,
    /// The goodness that separates the two in the loss, if the loss has such a threshold.
    pub threshold: Option<f32>,
}

/// A plot with a panel for each of `layers`. The positives count as 100 %, and so do the negatives, so that the two can be
/// compared when their numbers differ.
pub struct Goodness {
    /// The layers in order, row by row.
    pub layers: Vec<LayerGoodness>,
    /// The number of panels side by side, on a page that is not narrow.
    pub columns: usize,
}

const BINS: usize = 40;
const POSITIVE: RGBColor = COLOURS[0];
const NEGATIVE: RGBColor = COLOURS[1];

impl Goodness {
    /// Returns the number of columns and of rows.
    fn grid(&self, page: i32) -> (usize, usize) {
        let most = if is_narrow(page) { 1 } else { self.columns };
        let columns = self.layers.len().clamp(1, most.max(1));
        (columns, self.layers.len().div_ceil(columns).max(1))
    }
}

impl Plot for Goodness {
    fn title(&self) -> String {
        "Goodness of each layer".into()
    }

    fn legend(&self, _: i32) -> Vec<Entry> {
        let mut entries =
            vec![Entry::new("positive", Mark::Area(POSITIVE)), Entry::new("negative", Mark::Area(NEGATIVE))];
        if self.layers.iter().any(|layer| layer.threshold.is_some()) {
            entries.push(Entry::new("threshold", Mark::Dashes(INK)));
        }
        entries
    }

    fn height(&self, page: i32) -> i32 {
        let rows = self.grid(page).1 as i32;
        let panel = if is_narrow(page) {
            300
        } else if rows == 1 {
            480
        } else {
            390
        };
        margin(page) / 2 + rows * panel
    }

    fn draw(&self, body: &Area<'_>) -> Drawn {
        if self.layers.is_empty() {
            return placeholder(body, "no layer");
        }
        let margin = margin(page_width(body));
        // Half of the last tick's number is beyond the axis.
        let (left, right) = (px(margin * 5 / 6), px(margin * 5 / 6 + 12));
        let (columns, rows) = self.grid(page_width(body));
        let panels = body.margin(0, px(margin / 2), left, right).split_evenly((rows, columns));
        self.layers.iter().zip(panels).try_for_each(|(layer, area)| draw_panel(&area, layer))
    }
}

fn draw_panel(area: &Area<'_>, layer: &LayerGoodness) -> Drawn {
    let area = area.margin(px(6), px(6), px(6), px(6));
    write(&area, &caption(layer), (21, INK), HPos::Left, (px(30), px(12)))?;
    let area = area.margin(px(36), 0, 0, px(10));
    let samples = || layer.positive.iter().chain(&layer.negative).map(|g| f64::from(*g));
    let threshold = layer.threshold.map(f64::from).filter(|t| usable(*t));
    if !samples().any(usable) {
        return placeholder(&area, "no finite value");
    }
    let Some(x) = Axis::of_values(samples().chain(threshold)) else { return Ok(()) };
    let shares = [shares(&layer.positive, x.range), shares(&layer.negative, x.range)];
    let tallest = shares.iter().flatten().copied().fold(0.0, f64::max);
    let Some(y) = Axis::of_curves([0.0, tallest].into_iter()) else { return Ok(()) };
    let mut chart = frame(&area, &x, &y, "goodness", "samples (%)")?;
    for (shares, colour) in shares.iter().zip([POSITIVE, NEGATIVE]) {
        draw_histogram(&mut chart, shares, x.range, colour)?;
    }
    if let Some(t) = threshold {
        chart.draw_series([dashes([(t, 0.0), (t, y.range.1)], INK)])?;
    }
    Ok(())
}

fn caption(layer: &LayerGoodness) -> String {
    let mut words = layer.name.clone();
    if let Some(threshold) = layer.threshold {
        words += &format!(", threshold {}", number(threshold.into(), 3));
    }
    let unseen = layer.positive.iter().chain(&layer.negative).filter(|g| !g.is_finite()).count();
    if unseen > 0 {
        words += &format!(", {unseen} not finite");
    }
    words
}

/// Returns the percentage of the usable `values` in each bin of the range, which holds them all.
fn shares(values: &[f32], (lo, hi): (f64, f64)) -> [f64; BINS] {
    let mut counts = [0usize; BINS];
    for value in values.iter().map(|v| f64::from(*v)).filter(|v| usable(*v)) {
        let bin = (value - lo) / (hi - lo) * BINS as f64;
        counts[(bin as usize).min(BINS - 1)] += 1;
    }
    let total = counts.iter().sum::<usize>().max(1);
    counts.map(|count| 100.0 * count as f64 / total as f64)
}

fn draw_histogram(
    chart: &mut Chart<'_, '_>,
    shares: &[f64],
    (lo, hi): (f64, f64),
    colour: RGBColor,
) -> Drawn {
    let edge = |bin: usize| lo + (hi - lo) * bin as f64 / BINS as f64;
    let mut outline = vec![(lo, 0.0)];
    outline.extend(shares.iter().enumerate().flat_map(|(b, s)| [(edge(b), *s), (edge(b + 1), *s)]));
    outline.push((hi, 0.0));
    chart.draw_series([Polygon::new(outline.clone(), colour.mix(0.35).filled())])?;
    chart.draw_series([PathElement::new(outline, colour.stroke_width(3))])?;
    Ok(())
}
