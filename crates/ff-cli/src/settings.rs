//! This module resolves `--preset`, `--config`, `--set` and `--seed` to one set of settings.

use std::path::{Path, PathBuf};

use ff_net::{Config, Model};
use ff_tensor::Augmentation;
use toml::{Table, Value};

mod changes;
mod keys;
mod reason;
#[cfg(test)]
mod tests;
mod text;

pub use changes::Change;
pub use keys::{flat, meant};

use crate::failure::{Failure, Outcome};

/// The name of each preset, and the text of its file.
pub const PRESETS: [(&str, &str); 9] = [
    ("quick", include_str!("../presets/quick.toml")),
    ("standard", include_str!("../presets/standard.toml")),
    ("best", include_str!("../presets/best.toml")),
    ("best-augmented", include_str!("../presets/best-augmented.toml")),
    ("quick-relu", include_str!("../presets/quick-relu.toml")),
    ("standard-relu", include_str!("../presets/standard-relu.toml")),
    ("best-relu", include_str!("../presets/best-relu.toml")),
    ("best-augmented-relu", include_str!("../presets/best-augmented-relu.toml")),
    ("tutorial", include_str!("../presets/tutorial.toml")),
];

/// The settings that were asked for. Without a preset or a file, they start from the preset `quick`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The preset to start from.
    pub preset: Option<&'a str>,
    /// A file to start from instead.
    pub config: Option<&'a Path>,
    /// Changes, each `key=value`.
    pub set: &'a [String],
    /// The seed.
    pub seed: Option<u64>,
    /// The data directory.
    pub data: Option<&'a Path>,
}

/// The settings of a network, its training and its data.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The preset that the settings started from.
    pub preset: String,
    /// The data directory that was asked for.
    pub data: Option<PathBuf>,
    /// The changes to the training images before each epoch.
    pub augment: Vec<Augmentation>,
    /// The settings of the network and the training.
    pub config: Config,
}

impl Settings {
    /// Resolves the settings that were asked for.
    pub fn resolve(asked: Asked) -> Outcome<Self> {
        let (table, source) = match asked.config {
            Some(path) => (text::read(path)?, path.display().to_string()),
            None => {
                let name = asked.preset.unwrap_or(PRESETS[0].0);
                let mut table = preset(name)?;
                table.insert("preset".into(), name.into());
                (table, format!("preset {name}"))
            }
        };
        let mut settings = Self::from_table(table, &source)?.changed(&changes(asked.set)?)?;
        if let Some(seed) = asked.seed {
            // A run keeps its settings in TOML, which has no larger numbers.
            i64::try_from(seed).map_err(|_| Failure::new(format!("--seed {seed} is above 2^63 - 1")))?;
            settings.config.seed = seed;
        }
        settings.data = asked.data.map(Path::to_path_buf).or(settings.data);
        Ok(settings)
    }

    /// Reads the settings in `text`. Errors call the text `name`.
    pub fn of_text(text: &str, name: &str) -> Outcome<Self> {
        let table = text::parse(text).map_err(|e| Failure::new(format!("{name}: {e}")))?;
        Self::from_table(table, name)
    }

    /// Returns the settings of a model.
    pub fn of_model(model: &Model) -> Self {
        let (origin, config) = (&model.origin, model.config.clone());
        let preset = origin.preset.clone().unwrap_or_else(|| "custom".into());
        Self { preset, data: None, augment: origin.augment.clone(), config }
    }

    /// Reads the settings in a table that comes from `source`. The table may have short keys or typed parts.
    fn from_table(mut table: Table, source: &str) -> Outcome<Self> {
        keys::check(&table, source)?;
        let text = |value: Option<Value>| value.and_then(|v| v.as_str().map(str::to_string));
        let preset = text(table.remove("preset")).unwrap_or_else(|| "custom".into());
        let data = text(table.remove("data")).map(PathBuf::from);
        let refuse = |reason: String| Failure::new(format!("{source}: {}", reason.trim().replace('\n', " ")));
        let augment = table.remove("augment").map(Value::try_into).transpose();
        let augment: Vec<Augmentation> =
            augment.map_err(|e: toml::de::Error| refuse(format!("`augment`: {e}")))?.unwrap_or_default();
        for augmentation in &augment {
            augmentation.validate().map_err(|e| refuse(format!("`augment`: {e}")))?;
        }
        let config: Config = table.try_into().map_err(|e| refuse(reason::of(&e)))?;
        Ok(Self { preset, data, augment, config })
    }

    /// Returns the settings with these changes, which are made one after the other.
    pub fn changed(mut self, changes: &[Change]) -> Outcome<Self> {
        // The kinds come first, because a value may be typed before its kind.
        for change in changes {
            let mut table = self.table()?;
            change.choose(&mut table);
            self = Self::from_table(table, &change.source())?;
        }
        for change in changes {
            let mut table = self.table()?;
            change.write(&mut table)?;
            self = Self::from_table(table, &change.source())?;
        }
        Ok(self)
    }

    /// Returns whether a change fits the kinds of these settings.
    pub fn take(&self, change: &Change) -> Outcome<bool> {
        Ok(change.fits(&self.table()?))
    }

    /// Returns all settings by their keys, with typed parts.
    pub fn table(&self) -> Outcome<Table> {
        let refuse = |e: toml::ser::Error| Failure::new(format!("the settings cannot be written: {e}"));
        let mut table = Table::try_from(&self.config).map_err(refuse)?;
        table.insert("augment".into(), Value::try_from(&self.augment).map_err(refuse)?);
        table.iter_mut().for_each(|(_, value)| shorten(value));
        table.insert("preset".into(), self.preset.as_str().into());
        if let Some(data) = &self.data {
            table.insert("data".into(), data.to_string_lossy().into_owned().into());
        }
        Ok(table)
    }

    /// Returns the resolved settings as a file that `--config` reads. The file works from any directory.
    pub fn to_toml(&self) -> Outcome<String> {
        let data = self.data.as_ref().and_then(|dir| std::path::absolute(dir).ok());
        let table = Self { data, ..self.clone() }.table()?;
        toml::to_string(&table).map_err(|e| Failure::new(format!("the settings cannot be written: {e}")))
    }
}

/// Reads what was typed after each `--set`. Refuses changes that contradict each other.
pub fn changes(set: &[String]) -> Outcome<Vec<Change<'_>>> {
    changes::settle(set.iter().map(|set| Change::parse(set)).collect::<Outcome<_>>()?)
}

/// Gives each number, which is an f32, the shortest decimal that reads back to the same f32.
fn shorten(value: &mut Value) {
    match value {
        Value::Float(x) => *x = (*x as f32).to_string().parse().unwrap_or(*x),
        Value::Array(values) => values.iter_mut().for_each(shorten),
        Value::Table(values) => values.iter_mut().for_each(|(_, value)| shorten(value)),
        _ => {}
    }
}

fn preset(name: &str) -> Outcome<Table> {
    let names: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
    let Some((_, text)) = PRESETS.iter().find(|(preset, _)| *preset == name) else {
        let advice = match keys::closest(name, names.iter().copied()) {
            Some(near) => format!("`--preset {near}`"),
            None => format!("one of {}", names.join(", ")),
        };
        return Err(Failure::new(format!("there is no preset `{name}`")).advise(advice));
    };
    text::parse(text).map_err(|e| Failure::new(format!("preset {name}: {e}")))
}
