//! Lines over epochs or steps, each named at its right end beside its last value: no legend can cover the
//! data.

use std::path::Path;

use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::PlotError;
use super::axis::{Axis, usable};
use super::canvas::{
    Area, Drawn, GRID, HEADER, HEIGHT, INK, MARGIN, SOFT, header, placeholder, px, save, sink, text,
    width_of, write,
};

/// One line: its k-th value belongs to epoch or step k + 1.
pub struct Line<'a> {
    /// Stands beside its end.
    pub name: String,
    /// Gaps where not finite.
    pub values: &'a [f64],
    /// Of the line and its dots.
    pub colour: RGBColor,
    /// On the page, in half pixels.
    pub width: u32,
}

/// The words around the lines.
pub struct Words<'a> {
    /// Above the chart.
    pub title: &'a str,
    /// What is counted from 1.
    pub x: &'a str,
    /// What the values are.
    pub y: &'a str,
    /// Writes a line's last value beside its name.
    pub last: fn(f64) -> String,
}

/// A chart on which values are drawn.
pub type Chart<'a, 'b> = ChartContext<'a, BitMapBackend<'b>, Cartesian2d<Axis, Axis>>;

/// Size of names and descriptions.
const WORDS: i32 = 20;
/// Size of the numbers at ticks.
const NUMBERS: i32 = 18;
/// Height of a name at a line's end.
const NAME: i32 = 24;
/// From the chart to the names.
const LEADER: i32 = 26;
/// A line of at most so many values shows each as a dot.
const DOTTED: usize = 60;

/// Draws `lines` on one page at `path`.
///
/// # Errors
/// If the plot cannot be drawn or written.
pub fn save_lines(path: &Path, words: &Words<'_>, lines: &[Line<'_>]) -> Result<(), PlotError> {
    save(path, HEIGHT, |page| {
        let Some(y) = Axis::of_curves(lines.iter().flat_map(|line| line.values).copied()) else {
            header(page, words.title, "")?;
            return placeholder(page, "no finite value yet");
        };
        header(page, words.title, if y.log { "logarithmic scale" } else { "" })?;
        let x = Axis::of_counts(lines.iter().map(|line| line.values.len()).max().unwrap_or(0));
        let names: Vec<String> = lines.iter().map(|line| end_label(line, words.last)).collect();
        let mut widest = 0;
        for name in &names {
            widest = widest.max(width_of(page, name, WORDS)?);
        }
        let room = (widest + px(LEADER + MARGIN)).min(page.dim_in_pixel().0 as i32 / 2);
        let inner = page.margin(px(HEADER), px(MARGIN / 2), px(MARGIN / 2), room);
        let mut chart = frame(&inner, &x, &y, words.x, words.y)?;
        for line in lines {
            draw_line(&mut chart, line)?;
        }
        name_ends(page, &chart, lines, &names)
    })
}

/// Axes, ticks and grid on `area`, with a grid line at each tick.
pub fn frame<'a, 'b>(
    area: &'a Area<'b>,
    x: &Axis,
    y: &Axis,
    x_words: &str,
    y_words: &str,
) -> Drawn<Chart<'a, 'b>> {
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(px(58))
        .y_label_area_size(px(84))
        .build_cartesian_2d(x.clone(), y.clone())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(2))
        .axis_style(SOFT.stroke_width(2))
        .label_style(text(NUMBERS, INK, (HPos::Left, VPos::Top)))
        .axis_desc_style(text(WORDS, INK, (HPos::Left, VPos::Top)))
        .set_all_tick_mark_size(px(6))
        .y_label_offset(sink(NUMBERS))
        .x_label_formatter(&|value| x.format_ext(value))
        .y_label_formatter(&|value| y.format_ext(value))
        .x_desc(x_words)
        .y_desc(y_words)
        .draw()?;
    Ok(chart)
}

fn draw_line(chart: &mut Chart<'_, '_>, line: &Line<'_>) -> Drawn {
    let points: Vec<(f64, f64)> = (1..).map(f64::from).zip(line.values.iter().copied()).collect();
    for run in points.split(|(_, value)| !usable(*value)) {
        // A value between two gaps would be invisible as a line.
        if line.values.len() <= DOTTED || run.len() == 1 {
            let radius = px(2) + line.width as i32 / 2;
            chart.draw_series(run.iter().map(|at| Circle::new(*at, radius, line.colour.filled())))?;
        }
        chart.draw_series([PathElement::new(run, line.colour.stroke_width(line.width))])?;
    }
    Ok(())
}

/// A line's name and the last value that it was given, finite or not.
fn end_label(line: &Line<'_>, words: fn(f64) -> String) -> String {
    let name = if line.name.chars().count() > 30 {
        format!("{}…", line.name.chars().take(29).collect::<String>())
    } else {
        line.name.clone()
    };
    match line.values.last() {
        Some(last) => format!("{name}  {}", words(*last)),
        None => format!("{name}  no value"),
    }
}

/// Writes each name level with its line's end, or as near as the other names allow, and joins the two.
fn name_ends(page: &Area<'_>, chart: &Chart<'_, '_>, lines: &[Line<'_>], names: &[String]) -> Drawn {
    let (right, frame) = chart.plotting_area().get_pixel_range();
    let ends: Vec<Option<(i32, i32)>> = lines
        .iter()
        .map(|line| {
            let k = line.values.iter().rposition(|v| usable(*v))?;
            Some(chart.backend_coord(&((k + 1) as f64, line.values[k])))
        })
        .collect();
    // A line without any end is named at the bottom.
    let wanted: Vec<i32> = ends.iter().map(|end| end.map_or(frame.end, |(_, y)| y)).collect();
    let levels = spread(&wanted, px(NAME), (frame.start, frame.end));
    for (k, name) in names.iter().enumerate() {
        let (colour, left) = (lines[k].colour, right.end + px(LEADER));
        if let Some(end) = ends[k] {
            let path = [end, (right.end, end.1), (left - px(6), levels[k])];
            page.draw(&PathElement::new(path, colour.mix(0.6).stroke_width(2)))?;
        }
        write(page, name, (WORDS, INK), HPos::Left, (left, levels[k]))?;
    }
    Ok(())
}

/// Moves `wanted` levels apart to at least `gap`, keeping their order, inside `lo..hi` where all fit.
fn spread(wanted: &[i32], gap: i32, (lo, hi): (i32, i32)) -> Vec<i32> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|k| wanted[*k]);
    let mut levels = wanted.to_vec();
    let mut next = lo;
    for k in &order {
        levels[*k] = levels[*k].max(next);
        next = levels[*k] + gap;
    }
    let mut next = hi;
    for k in order.iter().rev() {
        levels[*k] = levels[*k].min(next);
        next = levels[*k] - gap;
    }
    levels
}
