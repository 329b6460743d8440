//! Small plots side by side, with logarithmic axes.

use std::ops::Range;
use std::path::Path;

use plotters::prelude::*;

/// A plot of some lines.
pub struct Panel {
    pub title: String,
    pub y_desc: &'static str,
    pub y: Range<f64>,
    pub y_points: Vec<f64>,
    /// The name of each line, which may be empty, and its points. All lines have the same x.
    pub lines: Vec<(&'static str, Vec<(f64, f64)>)>,
}

const INK: RGBColor = RGBColor(40, 44, 52);
/// Colours that people who do not see red or green tell apart.
const COLOURS: [RGBColor; 4] =
    [RGBColor(31, 119, 180), RGBColor(230, 159, 0), RGBColor(0, 158, 115), RGBColor(160, 160, 160)];

/// Draws panels side by side into an SVG file.
pub fn draw(path: &Path, panels: &[Panel]) {
    let font = epaint_default_fonts::UBUNTU_LIGHT;
    plotters::style::register_font("sans-serif", FontStyle::Normal, font).map_err(|_| "no font").unwrap();
    let root = SVGBackend::new(path, (1_150, 260)).into_drawing_area();
    root.fill(&WHITE).unwrap();
    for (area, panel) in root.split_evenly((1, panels.len())).iter().zip(panels) {
        draw_panel(area, panel);
    }
    root.present().unwrap();
}

fn draw_panel(area: &DrawingArea<SVGBackend, plotters::coord::Shift>, panel: &Panel) {
    let text = |size: i32| ("sans-serif", size).into_font().color(&INK);
    let xs: Vec<f64> = panel.lines[0].1.iter().map(|point| point.0).collect();
    let (from, to) = (xs[0], xs[xs.len() - 1].max(xs[0] + 1.0));
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .caption(&panel.title, text(15))
        .x_label_area_size(28)
        .y_label_area_size(42)
        .build_cartesian_2d(
            (from / 1.2..to * 1.2).log_scale().with_key_points(xs),
            panel.y.clone().log_scale().with_key_points(panel.y_points.clone()),
        )
        .unwrap();
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.08))
        .axis_style(INK.mix(0.5))
        .label_style(text(12))
        .x_label_formatter(&|x| format!("{x}"))
        .y_label_formatter(&|y| format!("{y}"))
        .y_desc(panel.y_desc)
        .draw()
        .unwrap();
    for ((name, points), colour) in panel.lines.iter().zip(COLOURS) {
        let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2));
        let drawn = chart.draw_series(line).unwrap();
        if !name.is_empty() {
            drawn
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        }
        chart.draw_series(points.iter().map(|&at| Circle::new(at, 3, colour.filled()))).unwrap();
    }
    if panel.lines.iter().any(|(name, _)| !name.is_empty()) {
        let labels = &mut chart.configure_series_labels();
        labels.position(SeriesLabelPosition::UpperLeft).label_font(text(12)).draw().unwrap();
    }
}
