//! This module reads what a run left in its directory: settings, epochs, summary and model. It puts them into the form that the
//! page needs.

use std::path::{Path, PathBuf};

use ff_net::{Model, Schedule};
use ff_report::run;
use serde_json::Value;
use toml::Table;

use crate::checkpoints::has_ended;
use crate::failure::{Failure, Outcome};
use crate::metrics::Metrics;
use crate::provenance::quoted;
use crate::settings::{Settings, flat};

/// A run as it was recorded.
pub struct Recorded {
    /// The directory of the run.
    pub dir: PathBuf,
    /// The directory's own name, or its path if another run has the same name.
    pub name: String,
    /// The settings as the program uses them.
    pub settings: Settings,
    /// All settings by their keys, including those that an old file does not have.
    pub config: Table,
    /// The numbers of each epoch.
    pub metrics: Vec<Metrics>,
    /// The summary. Older programs recorded less in it.
    pub summary: Value,
    /// The trained model.
    pub model: Model,
}

impl Recorded {
    /// Reads a run's directory.
    pub fn read(dir: &Path) -> Outcome<Self> {
        let config = file(dir, "config.toml")?;
        let text = content(dir, &config)?;
        let settings =
            Settings::of_text(&text, &config.display().to_string()).map_err(|e| e.or_advise(repeat(dir)))?;
        let summary = file(dir, "summary.json")?;
        let summary = serde_json::from_str(&content(dir, &summary)?)
            .map_err(|e| damaged(dir, &summary.display().to_string(), &e.to_string()))?;
        let lines = file(dir, "metrics.jsonl")?;
        let metrics = metrics(dir, &lines, &content(dir, &lines)?)?;
        let model = Model::load(&file(dir, "model.safetensors")?)?;
        let config = settings.table()?;
        Ok(Self { dir: dir.into(), name: own_name(dir), settings, config, metrics, summary, model })
    }

    /// Returns what the errors of epochs were measured on.
    pub fn watched(&self) -> &'static str {
        if self.settings.config.validation_samples > 0 { "held-out images" } else { "training images" }
    }

    /// Returns which layers learned when.
    pub fn schedule(&self) -> run::Schedule {
        match self.settings.config.schedule {
            Schedule::Joint => run::Schedule::Joint,
            Schedule::Greedy => run::Schedule::Greedy,
        }
    }

    /// Returns all settings by their keys, with the values of kinds, as in a config file. Strings have no quotes.
    pub fn named_settings(&self) -> Vec<(String, String)> {
        let shown = |value: &toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        flat(&self.config).into_iter().map(|(key, value)| (key, shown(&value))).collect()
    }

    /// Returns what the run recorded.
    pub fn record(&self) -> run::Record {
        let text = |key: &str| self.text(key).map(str::to_string);
        let config_file = self.dir.join("config.toml").display().to_string();
        let parts = ["machine.device", "machine.cpu", "machine.simd"];
        let machine: Vec<&str> = parts.into_iter().filter_map(|key| self.text(key)).collect();
        run::Record {
            command: text("command"),
            again: format!("ff-cli train --config {} --out DIR", quoted(&config_file)),
            preset: self.settings.preset.clone(),
            seed: self.settings.config.seed,
            dataset: text("dataset"),
            train_samples: self.number("train_samples"),
            epochs: self.settings.config.epochs,
            batch: self.settings.config.batch,
            train_seconds: self.number("train_seconds"),
            train_error: self.number("train_error"),
            test_error: self.number("test_error"),
            machine: if machine.is_empty() { text("device") } else { Some(machine.join("; ")) },
            commit: text("commit"),
            finished: text("finished"),
            program: format!("ff-cli {}", self.text("version").unwrap_or("not recorded")),
        }
    }

    /// Returns a text of the summary, such as `command`. A key such as `machine.cpu` reads a part of the summary.
    fn text(&self, key: &str) -> Option<&str> {
        self.at(key).as_str()
    }

    /// Returns a number of the summary.
    fn number(&self, key: &str) -> Option<f64> {
        self.at(key).as_f64()
    }

    fn at(&self, key: &str) -> &Value {
        key.split('.').fold(&self.summary, |value, key| &value[key])
    }
}

/// Gives each run its path as its name, if the directory of another run has the same name.
pub fn tell_apart(runs: &mut [Recorded]) {
    let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
    for run in runs {
        if names.iter().filter(|name| **name == run.name).count() > 1 {
            run.name = run.dir.display().to_string();
        }
    }
}

fn own_name(dir: &Path) -> String {
    let path = dir.canonicalize().unwrap_or_else(|_| dir.into());
    path.file_name().map_or_else(|| dir.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn file(dir: &Path, name: &str) -> Outcome<PathBuf> {
    let path = dir.join(name);
    if path.is_file() {
        return Ok(path);
    }
    if dir.join("checkpoints").is_dir() && !has_ended(dir) {
        return Err(Failure::new(format!("{}: this run has not ended", dir.display()))
            .advise(format!("`ff-cli train --resume {}`", dir.display())));
    }
    let there = ["config.toml", "metrics.jsonl", "model.safetensors"].iter().any(|f| dir.join(f).is_file());
    if there {
        let message = format!("{}: this run has no {name}", dir.display());
        return Err(Failure::new(message).advise(repeat(dir)));
    }
    let what = if dir.exists() { "is not a run's directory: it has no config.toml" } else { "is not there" };
    let advice = "`ff-cli report RUN_DIR` with a directory that `ff-cli train` left, such as runs/quick-1";
    Err(Failure::new(format!("{}: {what}", dir.display())).advise(advice))
}

fn content(dir: &Path, path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path)
        .map_err(|e| Failure::new(format!("{}: cannot be read: {e}", path.display())).advise(repeat(dir)))
}

fn metrics(dir: &Path, path: &Path, text: &str) -> Outcome<Vec<Metrics>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let epoch = |(k, line)| {
        serde_json::from_str(line)
            .map_err(|e| damaged(dir, &format!("{}, line {}", path.display(), k + 1), &e.to_string()))
    };
    lines.map(epoch).collect()
}

/// Makes the error for a damaged file. It leaves out the library's own line number, which would only confuse.
fn damaged(dir: &Path, place: &str, reason: &str) -> Failure {
    let reason = reason.split(" at line ").next().unwrap_or(reason);
    Failure::new(format!("{place}: is damaged ({reason})")).advise(repeat(dir))
}

fn repeat(dir: &Path) -> String {
    format!("`ff-cli train --config {} --out DIR`, which repeats a run", dir.join("config.toml").display())
}
