//! This module draws lines over epochs or steps. Each is named at its right end, beside its last value, so no legend can cover
//! the data.

use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Axis, usable};
use super::canvas::{
    Area, Drawn, Entry, GRID, HEADER, HEIGHT, INK, Mark, SOFT, page_width, placeholder, text, width_of, write,
};
use super::lengths::{is_narrow, margin, px, sink};
use super::page::Plot;
use super::sheet::Sheet;

/// One line. The value at index k belongs to epoch or step k + 1.
pub struct Line {
    /// The name beside the line's end.
    pub name: String,
    /// The values. A value that is not finite leaves a gap.
    pub values: Vec<f64>,
    /// The colour of the line and its dots.
    pub colour: RGBColor,
    /// The width on the page, in half pixels.
    pub width: u32,
}

/// Lines and the words around them.
pub struct Lines {
    /// The title above the chart.
    pub title: &'static str,
    /// The words for what is counted from 1.
    pub x: &'static str,
    /// The words for what the values are.
    pub y: &'static str,
    /// Writes a line's last value beside its name.
    pub last: fn(f64) -> String,
    /// The lines, from the back to the front.
    pub lines: Vec<Line>,
}

/// A chart on which values are drawn.
pub type Chart<'a, 'b> = ChartContext<'a, Sheet<'b>, Cartesian2d<Axis, Axis>>;

/// The size of names and descriptions.
const WORDS: i32 = 20;
/// The size of the numbers at ticks.
const NUMBERS: i32 = 18;
/// The height of a name at a line's end.
const NAME: i32 = 24;
/// The distance from the chart to the names.
const LEADER: i32 = 26;
/// A line of at most this many values shows each as a dot.
const DOTTED: usize = 60;

impl Plot for Lines {
    fn title(&self) -> String {
        self.title.into()
    }

    /// Returns a note if the scale is logarithmic, and on a narrow page also the names.
    fn legend(&self, page: i32) -> Vec<Entry> {
        let names = self.lines.iter().filter(|_| is_narrow(page));
        let mut entries: Vec<Entry> =
            names.map(|line| Entry::new(end_label(line, self.last), Mark::Line(line.colour))).collect();
        if self.y_axis().is_some_and(|y| y.log) {
            entries.push(Entry::new("logarithmic scale", Mark::Note));
        }
        entries
    }

    fn height(&self, page: i32) -> i32 {
        if is_narrow(page) { 340 } else { HEIGHT - HEADER }
    }

    fn draw(&self, body: &Area<'_>) -> Drawn {
        let Some(y) = self.y_axis() else { return placeholder(body, "no finite value yet") };
        let (lines, page) = (&self.lines, page_width(body));
        let x = Axis::of_counts(lines.iter().map(|line| line.values.len()).max().unwrap_or(0));
        let side = px(margin(page) * 5 / 6);
        if is_narrow(page) {
            let inner = body.margin(0, side, side, px(2 * margin(page)));
            let mut chart = frame(&inner, &x, &y, self.x, self.y)?;
            return lines.iter().try_for_each(|line| draw_line(&mut chart, line));
        }
        let names: Vec<String> = lines.iter().map(|line| end_label(line, self.last)).collect();
        let mut widest = 0;
        for name in &names {
            widest = widest.max(width_of(name, WORDS)?);
        }
        let room = (widest + px(LEADER + margin(page))).min(px(page) / 2);
        let inner = body.margin(0, side, side, room);
        let mut chart = frame(&inner, &x, &y, self.x, self.y)?;
        for line in lines {
            draw_line(&mut chart, line)?;
        }
        name_ends(body, &chart, lines, &names)
    }
}

impl Lines {
    fn y_axis(&self) -> Option<Axis> {
        Axis::of_curves(self.lines.iter().flat_map(|line| &line.values).copied())
    }
}

/// Draws axes, ticks and a grid on `area`, with a grid line at each tick.
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

fn draw_line(chart: &mut Chart<'_, '_>, line: &Line) -> Drawn {
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

/// Returns a line's name and its last value, finite or not.
fn end_label(line: &Line, words: fn(f64) -> String) -> String {
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

/// Writes each name level with its line's end, or as near as the other names allow, and draws a line between the two.
fn name_ends(body: &Area<'_>, chart: &Chart<'_, '_>, lines: &[Line], names: &[String]) -> Drawn {
    // The chart's coordinates begin at the page's corner.
    let (corner, (right, frame)) = (body.get_base_pixel(), chart.plotting_area().get_pixel_range());
    let (right, frame) = (right.end - corner.0, (frame.start - corner.1, frame.end - corner.1));
    let ends: Vec<Option<(i32, i32)>> = lines
        .iter()
        .map(|line| {
            let k = line.values.iter().rposition(|v| usable(*v))?;
            let (x, y) = chart.backend_coord(&((k + 1) as f64, line.values[k]));
            Some((x - corner.0, y - corner.1))
        })
        .collect();
    // A line without an end has its name at the bottom.
    let wanted: Vec<i32> = ends.iter().map(|end| end.map_or(frame.1, |(_, y)| y)).collect();
    let levels = spread(&wanted, px(NAME), frame);
    for (k, name) in names.iter().enumerate() {
        let (colour, left) = (lines[k].colour, right + px(LEADER));
        if let Some(end) = ends[k] {
            let path = [end, (right, end.1), (left - px(6), levels[k])];
            body.draw(&PathElement::new(path, colour.mix(0.6).stroke_width(2)))?;
        }
        write(body, name, (WORDS, INK), HPos::Left, (left, levels[k]))?;
    }
    Ok(())
}

/// Moves the `wanted` levels at least `gap` apart and keeps their order. They are inside `lo..hi` if all fit.
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
