//! This module holds the colours, the text and the header of a page.

use std::error::Error;
use std::sync::Once;

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use super::lengths::{margin, on_page, px, sink};
use super::sheet::Sheet;

/// The area that is drawn on. Its coordinates are those of the page, converted with `px`.
pub type Area<'a> = DrawingArea<Sheet<'a>, Shift>;

/// The result of drawing. `save` adds the file's name to the error.
pub type Drawn<T = ()> = Result<T, Box<dyn Error>>;

/// The height of a page with one chart.
pub const HEIGHT: i32 = 750;
/// The height of the strip that holds a page's title.
pub const HEADER: i32 = 76;
/// The height of each further row of a header. A legend takes these rows if it has no room beside the title.
const ROW: i32 = 30;

/// The colour of text.
pub const INK: RGBColor = RGBColor(38, 42, 48);
/// The colour of axes and of less important words.
pub const SOFT: RGBColor = RGBColor(104, 110, 118);
/// The colour of grid lines.
pub const GRID: RGBColor = RGBColor(224, 227, 231);
/// The colour of the background.
pub const PAPER: RGBColor = RGBColor(252, 252, 251);
/// Blue, vermillion, bluish green, reddish purple, orange and sky blue. Colour-blind readers can tell them apart too (Okabe and
/// Ito, "Color Universal Design", 2008).
pub const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// The name under which an SVG asks for the font.
const FONT: &str = "sans-serif";

/// Returns the width of the page that `area` spans, in the page's pixels.
pub fn page_width(area: &Area<'_>) -> i32 {
    on_page(area.dim_in_pixel().0 as i32)
}

/// Returns the style of text of `size` on the page. `(h, v)` says which point of the text is placed.
pub fn text(size: i32, colour: RGBColor, (h, v): (HPos, VPos)) -> TextStyle<'static> {
    // If the font cannot be registered, the first text that is drawn gives an error.
    static FONT_ONCE: Once = Once::new();
    FONT_ONCE.call_once(|| drop(register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)));
    let mut style = TextStyle::from((FONT, px(size)).into_font()).pos(Pos::new(h, v));
    style.color = colour.to_backend_color();
    style
}

/// Writes `words` with their left end, middle or right end at `x` and their middle at `y`.
pub fn write(
    area: &Area<'_>,
    words: &str,
    (size, colour): (i32, RGBColor),
    h: HPos,
    (x, y): (i32, i32),
) -> Drawn {
    area.draw_text(words, &text(size, colour, (h, VPos::Center)), (x, y + sink(size)))?;
    Ok(())
}

/// Returns the room for `words`, in the drawing's pixels. It is an eighth more than they take here, because an SVG may be shown
/// with other letters.
pub fn width_of(words: &str, size: i32) -> Drawn<i32> {
    let width = text(size, INK, (HPos::Left, VPos::Top)).font.box_size(words)?.0 as i32;
    Ok(width + width / 8)
}

/// Says in the middle of `area` why it is empty.
pub fn placeholder(area: &Area<'_>, words: &str) -> Drawn {
    let (width, height) = area.dim_in_pixel();
    let middle = (width as i32 / 2, height as i32 / 2);
    write(area, words, (22, SOFT), HPos::Center, middle)
}

/// An entry of the legend in the header.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The words of the entry.
    pub words: String,
    /// The mark that shows what the words are about.
    pub mark: Mark,
}

/// A mark shows how a thing looks in the chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mark {
    /// There is no mark. The words are what a reader must know.
    Note,
    /// A line.
    Line(RGBColor),
    /// A filled outline.
    Area(RGBColor),
    /// A dashed line.
    Dashes(RGBColor),
}

impl Entry {
    /// Makes an entry.
    pub fn new(words: impl Into<String>, mark: Mark) -> Self {
        Self { words: words.into(), mark }
    }

    /// Returns the width with the mark, in the drawing's pixels.
    fn width(&self) -> Drawn<i32> {
        let mark = if self.mark == Mark::Note { 0 } else { px(28) };
        Ok(width_of(&self.words, LEGEND)? + mark)
    }

    fn draw(&self, page: &Area<'_>, (left, middle): (i32, i32)) -> Drawn {
        let (x, half) = ((left, left + px(18)), px(8));
        let (colour, words) = match self.mark {
            Mark::Note => (SOFT, left),
            _ => (INK, left + px(28)),
        };
        match self.mark {
            Mark::Note => {}
            Mark::Line(colour) => {
                page.draw(&PathElement::new([(x.0, middle), (x.1, middle)], colour.stroke_width(7)))?
            }
            Mark::Area(colour) => {
                let corners = [(x.0, middle - half), (x.1, middle + half)];
                page.draw(&Rectangle::new(corners, colour.mix(0.45).filled()))?;
                page.draw(&Rectangle::new(corners, colour.stroke_width(3)))?;
            }
            Mark::Dashes(colour) => page.draw(&dashes([(x.0, middle), (x.1, middle)], colour))?,
        }
        write(page, &self.words, (LEGEND, colour), HPos::Left, (words, middle))
    }
}

const TITLE: i32 = 27;
const LEGEND: i32 = 20;
/// The gap between entries.
const GAP: i32 = 26;

/// A page's title and its legend. The legend is beside the title, or below it if there is no room.
pub struct Header<'a> {
    title: &'a str,
    /// The entries of each row, with their widths.
    rows: Vec<Vec<(&'a Entry, i32)>>,
    page: i32,
    beside: bool,
}

impl<'a> Header<'a> {
    /// Lays out the header.
    pub fn new(title: &'a str, legend: &'a [Entry], page: i32) -> Drawn<Self> {
        let room = px(page - 2 * margin(page));
        let mut rows: Vec<Vec<(&Entry, i32)>> = Vec::new();
        let mut taken = room;
        for entry in legend {
            let width = entry.width()?;
            taken += px(GAP) + width;
            if taken > room {
                rows.push(Vec::new());
                taken = width;
            }
            if let Some(row) = rows.last_mut() {
                row.push((entry, width));
            }
        }
        let beside = rows.len() == 1 && width_of(title, TITLE)? + px(GAP) + taken <= room;
        Ok(Self { title, rows, page, beside })
    }

    /// Returns the height in the page's pixels.
    pub fn height(&self) -> i32 {
        HEADER + if self.beside { 0 } else { ROW * self.rows.len() as i32 }
    }

    /// Draws the header.
    pub fn draw(&self, page: &Area<'_>) -> Drawn {
        let left = px(margin(self.page));
        write(page, self.title, (TITLE, INK), HPos::Left, (left, px(HEADER / 2)))?;
        for (k, row) in self.rows.iter().enumerate() {
            let width: i32 = row.iter().map(|(_, width)| width + px(GAP)).sum::<i32>() - px(GAP);
            let (mut x, y) = match self.beside {
                true => (px(self.page) - left - width, px(HEADER / 2)),
                false => (left, px(HEADER - 8 + ROW * k as i32)),
            };
            for (entry, width) in row {
                entry.draw(page, (x, y))?;
                x += width + px(GAP);
            }
        }
        Ok(())
    }
}

/// Returns a dashed line.
pub fn dashes<C: Clone>(
    ends: [C; 2],
    colour: RGBColor,
) -> DashedPathElement<std::array::IntoIter<C, 2>, i32> {
    DashedPathElement::new(ends, px(5), px(4), colour.stroke_width(3))
}
