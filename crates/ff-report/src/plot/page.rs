//! This module makes a page, as PNG or SVG. A page is a header and what a plot draws below it. It is written whole or not at all.
//!
//! The drawing library smooths only thin lines and puts letters on whole pixels. So a PNG is drawn at twice its size, and the
//! mean of 2 x 2 pixels smooths everything.

use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, RgbImage, imageops};
use plotters::prelude::*;

use super::canvas::{Area, Drawn, Entry, Header, PAPER};
use super::lengths::{SCALE, px};
use super::sheet::Sheet;
use crate::error::Error;

/// The width of a page on its own, or on a large screen.
pub const WIDE: i32 = 1200;
/// The width of a page on a phone. It has the same letters and fewer things side by side.
pub const NARROW: i32 = 460;

/// A plot can be drawn on a page of any width. Lengths are in the page's pixels.
pub trait Plot {
    /// Returns the title above the plot, in few words.
    fn title(&self) -> String;

    /// Returns the entries beside the title.
    fn legend(&self, _page: i32) -> Vec<Entry> {
        Vec::new()
    }

    /// Returns the height of the part below the header.
    fn height(&self, page: i32) -> i32;

    /// Draws the part below the header.
    ///
    /// # Errors
    /// Fails if the drawing library fails, or if an image has another size than the plot says.
    fn draw(&self, body: &Area<'_>) -> Drawn;

    /// Writes a page of width `WIDE` to `path`, as SVG if the path ends in `.svg`, else as PNG.
    ///
    /// # Errors
    /// Fails if the drawing fails or the path cannot be written. Neither leaves a file.
    fn save(&self, path: &Path) -> Result<(), Error> {
        let bytes = match path.extension().is_some_and(|end| end == "svg") {
            true => self.svg(WIDE).map(String::into_bytes),
            false => self.png(),
        };
        let bytes =
            bytes.map_err(|error| Error::Draw { path: path.to_owned(), reason: error.to_string() })?;
        ff_file::write(path, &bytes).map_err(|source| Error::Write { path: path.to_owned(), source })
    }

    /// Returns a page of width `WIDE` as PNG.
    ///
    /// # Errors
    /// Fails if the drawing fails.
    fn png(&self) -> Drawn<Vec<u8>> {
        let (title, legend) = (self.title(), self.legend(WIDE));
        let header = Header::new(&title, &legend, WIDE)?;
        let height = (header.height() + self.height(WIDE)) as u32;
        let mut large = RgbImage::new((WIDE * SCALE) as u32, height * SCALE as u32);
        let size = large.dimensions();
        let sheet = Sheet::Pixels(BitMapBackend::with_buffer(&mut large, size));
        self.fill(&sheet.into_drawing_area(), &header)?;
        let mut png = Cursor::new(Vec::new());
        imageops::thumbnail(&large, WIDE as u32, height).write_to(&mut png, ImageFormat::Png)?;
        Ok(png.into_inner())
    }

    /// Returns a page of width `page` as SVG.
    ///
    /// # Errors
    /// Fails if the drawing fails.
    fn svg(&self, page: i32) -> Drawn<String> {
        let (title, legend) = (self.title(), self.legend(page));
        let header = Header::new(&title, &legend, page)?;
        let height = header.height() + self.height(page);
        let (mut svg, mut pictures) = (String::new(), String::new());
        let size = (px(page) as u32, px(height) as u32);
        let sheet = Sheet::Words { svg: SVGBackend::with_string(&mut svg, size), pictures: &mut pictures };
        self.fill(&sheet.into_drawing_area(), &header)?;
        let end = svg.rfind("</svg>").unwrap_or(svg.len());
        svg.insert_str(end, &pictures);
        let drawn = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
        Ok(svg.replacen(&drawn, &format!("width=\"{page}\" height=\"{height}\""), 1))
    }

    /// Draws the background, the header and the part below it.
    ///
    /// # Errors
    /// Fails if the drawing fails.
    fn fill(&self, page: &Area<'_>, header: &Header<'_>) -> Drawn {
        page.fill(&PAPER)?;
        header.draw(page)?;
        self.draw(&page.margin(px(header.height()), 0, 0, 0))?;
        Ok(page.present()?)
    }
}
