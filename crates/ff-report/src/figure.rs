//! A plot with its words, and how it stands on the page.

use maud::{Markup, PreEscaped, html};

use crate::error::{Error, Result};
use crate::plot::{Plot, WIDE};

/// A plot with its words.
pub struct Figure {
    /// Of the element on the page, and of the files in `plots/`.
    pub name: &'static str,
    /// What to draw.
    pub plot: Box<dyn Plot>,
    /// What one sees.
    pub caption: String,
}

/// Figures that answer one question.
pub struct Chapter {
    /// The question.
    pub heading: &'static str,
    /// What to say first, or instead of figures.
    pub words: Option<String>,
    /// Whether a large screen shows two figures in a row.
    pub in_pairs: bool,
    /// The answers.
    pub figures: Vec<Figure>,
}

impl Figure {
    /// A plot, its name and its words.
    pub fn new(name: &'static str, plot: impl Plot + 'static, caption: impl Into<String>) -> Self {
        Self { name, plot: Box::new(plot), caption: caption.into() }
    }

    /// As it stands on the page, drawn in each of `widths`. Drawn wide and narrow, it shows itself on a large screen or on a
    /// phone; drawn once, on both. `number` tells the figures of several runs apart.
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

/// The name of an element of the page; that of one of several runs has the run's number.
pub fn id(name: &str, number: Option<usize>) -> String {
    number.map_or_else(|| name.to_string(), |k| format!("{name}-{k}"))
}
