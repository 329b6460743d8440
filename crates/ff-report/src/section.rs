//! This module holds one run of a page, with its figures.

use std::path::Path;

use crate::chapters::chapters;
use crate::error::Result;
use crate::figure::Chapter;
use crate::pictures::Pictures;
use crate::run::Run;

/// One run of a page, with its figures.
pub struct Section {
    pub(crate) run: Run,
    pub(crate) chapters: Vec<Chapter>,
}

impl Section {
    /// Makes a section from the numbers of a run and of its pictures.
    pub fn new(run: Run, pictures: Pictures) -> Self {
        let chapters = chapters(&run, pictures);
        Self { run, chapters }
    }

    /// Writes each plot to `folder` as PNG and as SVG.
    ///
    /// # Errors
    /// Fails if a plot cannot be drawn or written.
    pub fn save_plots(&self, folder: &Path) -> Result<()> {
        for figure in self.chapters.iter().flat_map(|chapter| &chapter.figures) {
            for end in ["png", "svg"] {
                figure.plot.save(&folder.join(format!("{}.{end}", figure.name)))?;
            }
        }
        Ok(())
    }
}
