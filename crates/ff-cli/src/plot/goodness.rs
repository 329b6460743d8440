//! How far each layer has driven the goodness of positive and negative samples apart.

use std::path::Path;

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::PlotError;
use super::axis::{Axis, number, usable};
use super::canvas::{
    Area, COLOURS, Drawn, HEADER, INK, MARGIN, header, placeholder, px, save, width_of, write,
};
use super::lines::{Chart, frame};

/// Goodness of one layer, one number per sample.
pub struct LayerGoodness<'a> {
    /// Above the layer's histograms.
    pub name: &'a str,
    /// Of samples with their true label.
    pub positive: &'a [f32],
    /// Of samples with a wrong label.
    pub negative: &'a [f32],
    /// The goodness that parts the two in the loss, where the loss has one.
    pub threshold: Option<f32>,
}

const BINS: usize = 40;
const COLUMNS: usize = 3;
const POSITIVE: RGBColor = COLOURS[0];
const NEGATIVE: RGBColor = COLOURS[1];

/// Draws a panel per layer, up to three side by side, to a PNG 1200 wide at `path`. Each class of samples
/// counts as 100 %, so that the two can be compared when their numbers differ.
///
/// # Errors
/// If the plot cannot be drawn or written.
pub fn goodness(path: &Path, layers: &[LayerGoodness<'_>]) -> Result<(), PlotError> {
    let (columns, rows) = (layers.len().clamp(1, COLUMNS), layers.len().div_ceil(COLUMNS).max(1));
    let panel = if rows == 1 { 480 } else { 390 };
    let height = (HEADER + MARGIN / 2) as u32 + rows as u32 * panel;
    save(path, height, |page| {
        header(page, "Goodness of each layer", "")?;
        if layers.is_empty() {
            return placeholder(page, "no layer");
        }
        legend(page, layers.iter().any(|layer| layer.threshold.is_some()))?;
        let inner = page.margin(px(HEADER), px(MARGIN / 2), px(MARGIN / 2), px(MARGIN / 2));
        for (layer, area) in layers.iter().zip(inner.split_evenly((rows, columns))) {
            draw_panel(&area, layer)?;
        }
        Ok(())
    })
}

/// Swatches in the header, clear of the data.
fn legend(page: &Area<'_>, threshold: bool) -> Drawn {
    let middle = px(HEADER / 2);
    let mut right = page.dim_in_pixel().0 as i32 - px(MARGIN);
    let entries = [("threshold", INK), ("negative", NEGATIVE), ("positive", POSITIVE)];
    for (name, colour) in entries.into_iter().skip(usize::from(!threshold)) {
        write(page, name, (20, INK), HPos::Right, (right, middle))?;
        right -= width_of(page, name, 20)? + px(10);
        if name == "threshold" {
            let mark = [(right - px(4), middle - px(12)), (right - px(4), middle + px(12))];
            page.draw(&dashes(mark, colour))?;
        } else {
            let corners = [(right - px(18), middle - px(8)), (right, middle + px(8))];
            page.draw(&Rectangle::new(corners, colour.mix(0.45).filled()))?;
            page.draw(&Rectangle::new(corners, colour.stroke_width(3)))?;
        }
        right -= px(18 + 26);
    }
    Ok(())
}

fn draw_panel(area: &Area<'_>, layer: &LayerGoodness<'_>) -> Drawn {
    let area = area.margin(px(6), px(6), px(6), px(6));
    write(&area, &caption(layer), (21, INK), HPos::Left, (px(30), px(12)))?;
    let area = area.margin(px(36), 0, 0, px(10));
    let samples = || layer.positive.iter().chain(layer.negative).map(|g| f64::from(*g));
    let threshold = layer.threshold.map(f64::from).filter(|t| usable(*t));
    if !samples().any(usable) {
        return placeholder(&area, "no finite value");
    }
    let Some(x) = Axis::of_values(samples().chain(threshold)) else { return Ok(()) };
    let shares = [shares(layer.positive, x.range), shares(layer.negative, x.range)];
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

fn caption(layer: &LayerGoodness<'_>) -> String {
    let mut words = layer.name.to_owned();
    if let Some(threshold) = layer.threshold {
        words += &format!(", threshold {}", number(threshold.into(), 3));
    }
    let unseen = layer.positive.iter().chain(layer.negative).filter(|g| !g.is_finite()).count();
    if unseen > 0 {
        words += &format!(", {unseen} not finite");
    }
    words
}

/// Percent of the finite `values` in each bin of `range`, which holds them all.
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

fn dashes<C: Clone>(ends: [C; 2], colour: RGBColor) -> DashedPathElement<std::array::IntoIter<C, 2>, i32> {
    DashedPathElement::new(ends, px(5), px(4), colour.stroke_width(3))
}
