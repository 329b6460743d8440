//! What a run knows beside the training itself: it stands in every checkpoint, and an epoch's numbers in `metrics.jsonl`.

use ff_net::Checkpoint;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::metrics::Metrics;

/// What a run has to find again to go on.
#[derive(Serialize, Deserialize)]
pub struct Notes {
    /// `config.toml`.
    pub settings: String,
    /// The data set's checksum.
    pub data: String,
    /// Of the epochs that have ended.
    pub metrics: Vec<Metrics>,
    /// That the epoch has taken so far that has not ended.
    pub seconds: f64,
}

impl Notes {
    /// At the beginning.
    pub fn new(settings: String, data: String) -> Self {
        Self { settings, data, metrics: Vec::new(), seconds: 0.0 }
    }

    /// Those of a checkpoint.
    pub fn of(checkpoint: &Checkpoint) -> Outcome<Self> {
        let refuse = |reason: String| Failure::new(format!("the checkpoint's notes make no sense: {reason}"));
        let notes = Notes::deserialize(&checkpoint.notes).map_err(|e| refuse(e.to_string()))?;
        let (known, done) = (notes.metrics.len(), checkpoint.epochs_done);
        if known == done {
            Ok(notes)
        } else {
            Err(refuse(format!("metrics of {known} epochs, not of {done}")))
        }
    }

    /// For a checkpoint.
    pub fn to_json(&self) -> Outcome<Value> {
        serde_json::to_value(self)
            .map_err(|e| Failure::new(format!("the run's numbers cannot be saved: {e}")))
    }

    /// `metrics.jsonl`.
    pub fn lines(&self) -> Outcome<String> {
        let notes = self.to_json()?;
        let metrics = notes["metrics"].as_array().into_iter().flatten();
        Ok(metrics.map(|metrics| format!("{metrics}\n")).collect())
    }

    /// That training took, without the looks at the error in between.
    pub fn train_seconds(&self) -> f64 {
        self.metrics.iter().map(|m| m.seconds).sum()
    }
}
