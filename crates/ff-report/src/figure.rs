//! This module holds a figure, which is a plot with its words, and makes its HTML.

use maud::{Markup, PreEscaped, html};

use crate::error::{Error, Result};
use crate::plot::{Plot, WIDE};

/// A plot with its words.
pub struct Figure {
    /// The name of the element on the page, and of the files in `plots/`.
    pub name: &'static str,
    /// The plot.
    pub plot: Box<dyn Plot>,
    /// The text below the plot, which says what one sees.
    pub caption: String,
}

/// Figures that answer one question.
pub struct Chapter {
    /// The question.
    pub heading: &'static str,
    /// The text before the figures, or instead of figures.
    pub words: Option<String>,
    /// Says whether a large screen shows two figures in a row.
    pub in_pairs: bool,
    /// The figures that answer it.
    pub figures: Vec<Figure>,
}

impl Figure {
    /// Makes a figure from a plot, its name and its caption.
    pub fn new(name: &'static str, plot: impl Plot + 'static, caption: impl Into<String>) -> Self {
        Self { name, plot: Box::new(plot), caption: caption.into() }
    }

    /// Returns the figure's HTML, drawn in each of `widths`. If there are two widths, a large screen shows the wide drawing and a
    /// phone shows the narrow one. If there is one, both show it. `number` tells the figures of several runs apart.
    pub(crate) fn markup(&self, number: Option<usize>, widths: &[i32]) -> Result<Markup> {
        Ok(html! {
            figure.chart id=(id(self.name, number)) {
                @for width in widths {
                    @let class = match (*width, widths.len()) { (WIDE, 2) => "wide", (_, 2) => "narrow", _ => "always" };
                    div.(class) role="img" aria-label=(self.plot.title()) { (PreEscaped(self.svg(*width)?)) }
                }
                figcaption { (self.caption) }
            }
        })
    }

    fn svg(&self, width: i32) -> Result<String> {
        self.plot.svg(width).map_err(|e| Error::Figure { name: self.name, reason: e.to_string() })
    }
}

/// Returns the name of an element of the page. If there are several runs, it ends with the run's number.
pub fn id(name: &str, number: Option<usize>) -> String {
    number.map_or_else(|| name.to_string(), |k| format!("{name}-{k}"))
}
