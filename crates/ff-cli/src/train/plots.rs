//! The pictures of a run.

use ff_net::{Model, Scores};
use ff_tensor::Device;

use super::Run;
use crate::failure::Outcome;
use crate::figures;
use crate::plot::{self, Plot};

impl<D: Device> Run<'_, D> {
    /// Draws all plots of the run into its directory.
    pub(super) fn plot(&self, model: &Model, test: &Scores) -> Outcome<()> {
        let dir = self.dir.subdirectory("plots")?;
        let (set, config, metrics) = (&self.set, &self.settings.config, &self.notes.metrics);
        figures::loss(metrics, model.weights.len()).save(&dir.join("loss.png"))?;
        figures::error(metrics, config, self.watched_name).save(&dir.join("error.png"))?;

        let truth = figures::truth(&set.test);
        let wrong = figures::wrong_labels(&truth, set.classes, config.seed);
        figures::samples(set, &truth, &wrong).save(&dir.join("samples.png"))?;
        let layers = figures::goodness(test, config, &truth, &wrong);
        plot::Goodness { layers, columns: 3 }.save(&dir.join("goodness.png"))?;
        Ok(figures::weights(set, &model.weights[0].weight).save(&dir.join("weights.png"))?)
    }
}
