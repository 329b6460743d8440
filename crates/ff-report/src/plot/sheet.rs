//! This module holds what a plot is drawn on: pixels, or the words of an SVG. Both have one type, so that no plot needs to know
//! which.

use std::io::Cursor;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::{ImageFormat, RgbImage};
use plotters::element::{Drawable, PointCollection};
use plotters::prelude::{BitMapBackend, SVGBackend};
use plotters::style::RGBColor;
use plotters_backend::text_anchor::VPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use super::lengths::sink_of;

/// One page to draw on.
pub enum Sheet<'a> {
    /// The page becomes a PNG.
    Pixels(BitMapBackend<'a>),
    /// The page becomes an SVG. The library cannot scale a picture, so pictures are kept apart until the end.
    Words { svg: SVGBackend<'a>, pictures: &'a mut String },
}

/// The error of a drawing library, in its words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SheetError(String);

type Done = Result<(), DrawingErrorKind<SheetError>>;

fn told<E: std::error::Error + Send + Sync>(e: DrawingErrorKind<E>) -> DrawingErrorKind<SheetError> {
    DrawingErrorKind::DrawingError(SheetError(e.to_string()))
}

/// Does the same for either kind of page.
macro_rules! either {
    ($sheet:expr, $own:ident => $body:expr) => {
        match $sheet {
            Sheet::Pixels($own) => $body.map_err(told),
            Sheet::Words { svg: $own, .. } => $body.map_err(told),
        }
    };
}

impl DrawingBackend for Sheet<'_> {
    type ErrorType = SheetError;

    fn get_size(&self) -> (u32, u32) {
        match self {
            Sheet::Pixels(own) => own.get_size(),
            Sheet::Words { svg, .. } => svg.get_size(),
        }
    }

    fn ensure_prepared(&mut self) -> Done {
        either!(self, own => own.ensure_prepared())
    }

    fn present(&mut self) -> Done {
        either!(self, own => own.present())
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Done {
        either!(self, own => own.draw_pixel(at, colour))
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Done {
        either!(self, own => own.draw_line(from, to, style))
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        a: BackendCoord,
        b: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Done {
        either!(self, own => own.draw_rect(a, b, style, fill))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Done {
        either!(self, own => own.draw_path(path, style))
    }

    fn draw_circle<S: BackendStyle>(&mut self, at: BackendCoord, r: u32, style: &S, fill: bool) -> Done {
        either!(self, own => own.draw_circle(at, r, style, fill))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Done {
        either!(self, own => own.fill_polygon(path, style))
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Done {
        match self {
            Sheet::Pixels(own) => own.draw_text(text, style, (x, y)).map_err(told),
            Sheet::Words { svg, .. } => {
                // An SVG places the middle of the letters, so the move down is undone.
                let moved = matches!(style.anchor().v_pos, VPos::Center);
                let y = if moved { y - sink_of(style.size() as i32) } else { y };
                svg.draw_text(text, style, (x, y)).map_err(told)
            }
        }
    }
}

/// An image of few pixels. Each pixel is a sharp rectangle.
pub struct Picture {
    /// The upper left corner, on the area that it is drawn on.
    pub corner: BackendCoord,
    /// The width and height in the drawing's pixels.
    pub size: (i32, i32),
    /// The number of pixels per row.
    pub columns: usize,
    /// The colours of the pixels, row-major.
    pub pixels: Vec<RGBColor>,
}

impl<'a> PointCollection<'a, BackendCoord> for &'a Picture {
    type Point = &'a BackendCoord;
    type IntoIter = std::iter::Once<&'a BackendCoord>;

    fn point_iter(self) -> Self::IntoIter {
        std::iter::once(&self.corner)
    }
}

impl Drawable<Sheet<'_>> for Picture {
    fn draw<I: Iterator<Item = BackendCoord>>(&self, at: I, sheet: &mut Sheet<'_>, _: (u32, u32)) -> Done {
        let rows = self.pixels.len() / self.columns.max(1);
        for (left, top) in at.filter(|_| rows > 0) {
            match sheet {
                Sheet::Pixels(own) => self.fill(own, (left, top), rows)?,
                Sheet::Words { pictures, .. } => pictures.push_str(&self.tag((left, top), rows)?),
            }
        }
        Ok(())
    }
}

impl Picture {
    fn fill(&self, own: &mut BitMapBackend<'_>, (left, top): BackendCoord, rows: usize) -> Done {
        let edge = |k: usize, count: usize, length: i32| (k as i64 * i64::from(length) / count as i64) as i32;
        for (k, colour) in self.pixels.iter().enumerate() {
            let (row, column) = (k / self.columns, k % self.columns);
            let x = [column, column + 1].map(|c| left + edge(c, self.columns, self.size.0));
            let y = [row, row + 1].map(|r| top + edge(r, rows, self.size.1));
            own.draw_rect((x[0], y[0]), (x[1], y[1]), colour, true).map_err(told)?;
        }
        Ok(())
    }

    fn tag(&self, (left, top): BackendCoord, rows: usize) -> Result<String, DrawingErrorKind<SheetError>> {
        let refuse = |reason: String| DrawingErrorKind::DrawingError(SheetError(reason));
        let bytes = self.pixels.iter().flat_map(|c| [c.0, c.1, c.2]).collect();
        let image = RgbImage::from_raw(self.columns as u32, rows as u32, bytes)
            .ok_or_else(|| refuse("a picture's last row is not full".into()))?;
        let mut png = Cursor::new(Vec::new());
        image.write_to(&mut png, ImageFormat::Png).map_err(|e| refuse(e.to_string()))?;
        let ((width, height), data) = (self.size, BASE64_STANDARD.encode(png.into_inner()));
        Ok(format!(
            "<image x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{data}\"/>\n"
        ))
    }
}
