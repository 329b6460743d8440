//! This module has what a run knows beside the training itself. Every checkpoint holds it. `metrics.jsonl` has the numbers of the
//! epochs.

use ff_net::Stored;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::metrics::Metrics;

/// The notes that a run needs to be resumed.
#[derive(Serialize, Deserialize)]
pub struct Notes {
    /// The text of `config.toml`.
    pub settings: String,
    /// The checksum of the data set.
    pub data: String,
    /// The numbers of the epochs that have ended.
    pub metrics: Vec<Metrics>,
    /// The seconds that the unfinished epoch has taken so far.
    pub seconds: f64,
}

impl Notes {
    /// Makes the notes at the beginning of a run.
    pub fn new(settings: String, data: String) -> Self {
        Self { settings, data, metrics: Vec::new(), seconds: 0.0 }
    }

    /// Reads the notes of a checkpoint.
    pub fn of(checkpoint: &Stored) -> Outcome<Self> {
        let refuse = |reason: String| Failure::new(format!("the checkpoint's notes make no sense: {reason}"));
        let notes = Notes::deserialize(checkpoint.notes()).map_err(|e| refuse(e.to_string()))?;
        let (known, done) = (notes.metrics.len(), checkpoint.epochs_done());
        if known == done {
            Ok(notes)
        } else {
            Err(refuse(format!("metrics of {known} epochs, not of {done}")))
        }
    }

    /// Returns the notes as JSON for a checkpoint.
    pub fn to_json(&self) -> Outcome<Value> {
        serde_json::to_value(self)
            .map_err(|e| Failure::new(format!("the run's numbers cannot be saved: {e}")))
    }

    /// Returns the text of `metrics.jsonl`.
    pub fn lines(&self) -> Outcome<String> {
        let notes = self.to_json()?;
        let metrics = notes["metrics"].as_array().into_iter().flatten();
        Ok(metrics.map(|metrics| format!("{metrics}\n")).collect())
    }

    /// Returns the seconds that the training took, without the measurements of the error in between.
    pub fn train_seconds(&self) -> f64 {
        self.metrics.iter().map(|m| m.seconds).sum()
    }
}
