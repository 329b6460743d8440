//! A page: drawn at twice its size, averaged down, and written whole or not at all.
//!
//! The drawing library smooths thin lines only and puts letters on whole pixels. Averaging 2 x 2 pixels
//! smooths all.

use std::error::Error;
use std::io::Cursor;
use std::path::Path;
use std::sync::Once;

use image::{ImageFormat, RgbImage, imageops};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use super::PlotError;
use crate::run_dir::write_whole;

/// What is drawn on; its coordinates are `px` of the page's.
pub type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// The result of drawing; `save` adds the file's name to the error.
pub type Drawn<T = ()> = Result<T, Box<dyn Error>>;

/// Width of every page.
pub const WIDTH: u32 = 1200;
/// Height of a page with one chart.
pub const HEIGHT: u32 = 750;
/// Empty border around a page's contents.
pub const MARGIN: i32 = 36;
/// Height of the strip that holds a page's title.
pub const HEADER: i32 = 76;

/// Text and axes.
pub const INK: RGBColor = RGBColor(38, 42, 48);
/// Words of less weight.
pub const SOFT: RGBColor = RGBColor(104, 110, 118);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(224, 227, 231);
/// Behind everything.
pub const PAPER: RGBColor = RGBColor(252, 252, 251);
/// Blue, vermillion, bluish green, reddish purple, orange, sky blue: told apart by colour-blind readers too
/// (Okabe and Ito, "Color Universal Design", 2008).
pub const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

const SCALE: u32 = 2;
const FONT: &str = "plot";

/// A length on the page, in the drawing's pixels.
pub const fn px(length: i32) -> i32 {
    length * SCALE as i32
}

/// A length of the drawing, in the page's pixels, rounded up.
pub const fn on_page(length: i32) -> i32 {
    (length + SCALE as i32 - 1) / SCALE as i32
}

/// Text of `size` on the page; `pos` says which of its points is placed.
pub fn text(size: i32, colour: RGBColor, (h, v): (HPos, VPos)) -> TextStyle<'static> {
    let mut style = TextStyle::from((FONT, px(size)).into_font()).pos(Pos::new(h, v));
    style.color = colour.to_backend_color();
    style
}

/// What to move text of `size` down by, in the drawing's pixels, to centre it for the eye: the library
/// centres a box that reaches further below the baseline than letters do.
pub const fn sink(size: i32) -> i32 {
    px(size) / 7
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

/// The width of `words`, in the drawing's pixels.
pub fn width_of(area: &Area<'_>, words: &str, size: i32) -> Drawn<i32> {
    Ok(area.estimate_text_size(words, &text(size, INK, (HPos::Left, VPos::Top)))?.0 as i32)
}

/// The page's title, and in smaller words what a reader must know beside it.
pub fn header(area: &Area<'_>, title: &str, note: &str) -> Drawn {
    let right = area.dim_in_pixel().0 as i32 - px(MARGIN);
    write(area, title, (27, INK), HPos::Left, (px(MARGIN), px(HEADER / 2)))?;
    write(area, note, (19, SOFT), HPos::Right, (right, px(HEADER / 2)))
}

/// Says, in the middle of `area`, why it is empty.
pub fn placeholder(area: &Area<'_>, words: &str) -> Drawn {
    let (width, height) = area.dim_in_pixel();
    let middle = (width as i32 / 2, height as i32 / 2);
    write(area, words, (22, SOFT), HPos::Center, middle)
}

/// Draws a page of `WIDTH` x `height` and writes it as a PNG to `path`.
///
/// # Errors
/// A drawing that fails, or a place that cannot be written; neither leaves a file.
pub fn save(path: &Path, height: u32, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<(), PlotError> {
    let png = render(height, draw)
        .map_err(|error| PlotError::Draw { path: path.to_owned(), reason: error.to_string() })?;
    write_whole(path, &png).map_err(|source| PlotError::Write { path: path.to_owned(), source })
}

fn render(height: u32, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Drawn<Vec<u8>> {
    // A font that cannot be registered shows itself as an error of the first text drawn.
    static FONT_ONCE: Once = Once::new();
    FONT_ONCE.call_once(|| drop(register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)));

    let mut large = RgbImage::new(WIDTH * SCALE, height * SCALE);
    {
        let size = large.dimensions();
        let area = BitMapBackend::with_buffer(&mut large, size).into_drawing_area();
        area.fill(&PAPER)?;
        draw(&area)?;
        area.present()?;
    }
    let mut png = Cursor::new(Vec::new());
    imageops::thumbnail(&large, WIDTH, height).write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}
