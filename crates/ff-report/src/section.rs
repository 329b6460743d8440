//! One run of a page: what there is to say about it, and its figures.

use std::path::Path;

use crate::chapters::chapters;
use crate::error::Result;
use crate::figure::Chapter;
use crate::pictures::Pictures;
use crate::run::Run;

/// One run of a page.
pub struct Section {
    pub(crate) run: Run,
    pub(crate) chapters: Vec<Chapter>,
}

impl Section {
    /// From the numbers of a run and of its pictures.
    pub fn new(run: Run, pictures: Pictures) -> Self {
        let chapters = chapters(&run, pictures);
        Self { run, chapters }
    }

    /// Writes each plot to `folder` as PNG and as SVG.
    ///
    /// # Errors
    /// A plot that cannot be drawn or written.
    pub fn save_plots(&self, folder: &Path) -> Result<()> {
        for figure in self.chapters.iter().flat_map(|chapter| &chapter.figures) {
            for end in ["png", "svg"] {
                figure.plot.save(&folder.join(format!("{}.{end}", figure.name)))?;
            }
        }
        Ok(())
    }
}
