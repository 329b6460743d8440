//! From `--preset`, `--config`, `--set` and `--seed` to one resolved set of settings.

use std::path::{Path, PathBuf};

use ff_net::Config;
use ff_tensor::Augmentation;
use toml::{Table, Value};

use crate::failure::{Failure, Outcome};

/// The presets, by name.
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

/// A config file larger than this is something else.
const LARGEST_CONFIG: usize = 1 << 16;
/// Tables within a line. The parser takes a kilobyte of its stack for each that is opened and not closed, without end.
const MOST_BRACES: usize = 200;

/// Settings as they are asked for. What is not asked for is as in the preset `quick`.
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

/// What to train, on what.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The preset that the settings started from.
    pub preset: String,
    /// The data directory that was asked for.
    pub data: Option<PathBuf>,
    /// How training images are changed before each epoch.
    pub augment: Vec<Augmentation>,
    /// Network and training.
    pub config: Config,
}

impl Settings {
    /// Resolves what was asked for.
    pub fn resolve(asked: Asked) -> Outcome<Self> {
        let (mut table, source) = match asked.config {
            Some(path) => (read(path)?, path.display().to_string()),
            None => {
                let name = asked.preset.unwrap_or(PRESETS[0].0);
                let mut table = preset(name)?;
                table.insert("preset".into(), name.into());
                (table, format!("preset {name}"))
            }
        };
        assign(&mut table, asked.set)?;
        if let Some(seed) = asked.seed {
            let seed =
                i64::try_from(seed).map_err(|_| Failure::new(format!("--seed {seed} is above 2^63 - 1")))?;
            table.insert("seed".into(), seed.into());
        }
        Self::from_table(table, asked.data.map(Path::to_path_buf), &source)
    }

    /// The settings in `text`, which is called `name`, with those in `set` changed.
    pub fn of_text(text: &str, name: &str, set: &[String]) -> Outcome<Self> {
        let mut table = parse(text).map_err(|e| Failure::new(format!("{name}: {e}")))?;
        assign(&mut table, set)?;
        Self::from_table(table, None, name)
    }

    fn from_table(mut table: Table, data: Option<PathBuf>, source: &str) -> Outcome<Self> {
        let text = |value: Option<Value>| value.and_then(|v| v.as_str().map(str::to_string));
        let preset = text(table.remove("preset")).unwrap_or_else(|| "custom".into());
        let own_data = text(table.remove("data")).map(PathBuf::from);
        let refuse = |reason: String| Failure::new(format!("{source}: {}", reason.trim().replace('\n', " ")));
        let augment = table.remove("augment").map(Value::try_into).transpose();
        let augment: Vec<Augmentation> =
            augment.map_err(|e: toml::de::Error| refuse(format!("`augment`: {e}")))?.unwrap_or_default();
        for augmentation in &augment {
            augmentation.validate().map_err(|e| refuse(format!("`augment`: {e}")))?;
        }
        known_keys_only(&table, source)?;
        let config: Config = table.try_into().map_err(|e: toml::de::Error| refuse(e.to_string()))?;
        Ok(Self { preset, data: data.or(own_data), augment, config })
    }

    /// The resolved settings as a file that `--config` reads.
    pub fn to_toml(&self) -> Outcome<String> {
        let refuse = |e: toml::ser::Error| Failure::new(format!("the settings cannot be written: {e}"));
        let mut table = Table::try_from(&self.config).map_err(refuse)?;
        table.insert("augment".into(), Value::try_from(&self.augment).map_err(refuse)?);
        table.iter_mut().for_each(|(_, value)| shorten(value));
        table.insert("preset".into(), self.preset.as_str().into());
        if let Some(data) = self.data.as_ref().and_then(|dir| std::path::absolute(dir).ok()) {
            table.insert("data".into(), data.to_string_lossy().into_owned().into());
        }
        toml::to_string(&table).map_err(refuse)
    }
}

/// Numbers are f32: the shortest decimal that reads back to the same one.
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
        let advice = match closest(name, names.iter().copied()) {
            Some(near) => format!("`--preset {near}`"),
            None => format!("one of {}", names.join(", ")),
        };
        return Err(Failure::new(format!("there is no preset `{name}`")).advise(advice));
    };
    parse(text).map_err(|e| Failure::new(format!("preset {name}: {e}")))
}

/// The one place that TOML from outside goes through.
fn parse(text: &str) -> Result<Table, String> {
    let braces = text.bytes().filter(|&byte| byte == b'{').count();
    if text.len() > LARGEST_CONFIG || braces > MOST_BRACES {
        return Err(format!("has {} bytes and {braces} braces, too many for settings", text.len()));
    }
    text.parse().map_err(|e: toml::de::Error| e.message().replace('\n', " "))
}

fn read(path: &Path) -> Outcome<Table> {
    let refuse = |reason: String| {
        Failure::new(format!("{}: {reason}", path.display()))
            .advise("`--config FILE` with the config.toml of a run, or `--preset NAME`")
    };
    let size = std::fs::metadata(path).map_err(|e| refuse(format!("cannot be read: {e}")))?.len();
    if size > LARGEST_CONFIG as u64 {
        return Err(refuse(format!("is {size} bytes, too long for a config file")));
    }
    let text = std::fs::read_to_string(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
    parse(&text).map_err(refuse)
}

fn assign(table: &mut Table, set: &[String]) -> Outcome<()> {
    for set in set {
        let (key, value) = assignment(set)?;
        table.insert(key, value);
    }
    Ok(())
}

/// `key=value`, the value as in TOML; a bare word is a string.
fn assignment(set: &str) -> Outcome<(String, Value)> {
    let Some((key, value)) = set.split_once('=') else {
        return Err(Failure::new(format!("--set {set}: there is no `=`")).advise("`--set epochs=4`"));
    };
    let (key, value) = (key.trim(), value.trim());
    let parsed = parse(&format!("value = {value}")).ok().and_then(|mut table| table.remove("value"));
    // TOML has no `.5` and no `5.`.
    let number = || value.parse::<f64>().ok().map(Value::Float);
    Ok((key.into(), parsed.or_else(number).unwrap_or_else(|| value.into())))
}

fn known_keys_only(table: &Table, source: &str) -> Outcome<()> {
    let known = Table::try_from(Config::default()).unwrap_or_default();
    let Some(key) = table.keys().find(|key| !known.contains_key(*key)) else { return Ok(()) };
    let keys = known.keys().map(String::as_str).chain(["augment"]);
    let advice = match closest(key, keys) {
        Some(near) => format!("`{near}`"),
        None => format!("one of {}", known.keys().cloned().collect::<Vec<_>>().join(", ")),
    };
    Err(Failure::new(format!("{source}: there is no setting `{key}`")).advise(advice))
}

fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = candidates.map(|c| (strsim::jaro_winkler(word, c), c)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (near.0 > 0.75).then_some(near.1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_preset_resolves_and_survives_a_round_trip() {
        for (name, _) in PRESETS {
            let settings = Settings::resolve(Asked { preset: Some(name), ..Asked::default() }).unwrap();
            settings.config.validate(784, 10).unwrap();
            let table: Table = settings.to_toml().unwrap().parse().unwrap();
            let again = Settings::from_table(table, None, "file").unwrap();
            assert_eq!((again.config, again.augment), (settings.config, settings.augment));
            assert_eq!(again.preset, settings.preset);
        }
    }

    #[test]
    fn the_librarys_quick_config_is_the_preset() {
        let settings = Settings::resolve(Asked::default()).unwrap();
        assert_eq!((settings.preset.as_str(), settings.config), ("quick", Config::quick()));
    }

    #[test]
    fn set_takes_numbers_lists_and_bare_words() {
        let set = ["epochs=3", "layers=[20, 10]", "neuron=relu", "alpha=2"].map(String::from);
        let config = Settings::resolve(Asked { set: &set, ..Asked::default() }).unwrap().config;
        assert_eq!((config.epochs, config.layers, config.alpha), (3, vec![20, 10], 2.0));
        assert_eq!(config.neuron, ff_tensor::NeuronKind::Relu);
    }

    #[test]
    fn a_slip_is_named_with_what_was_meant() {
        for (set, expected) in
            [("epoch=3", "epochs"), ("learningrate=1", "learning_rate"), ("layers", "no `=`")]
        {
            let asked = Asked { set: &[set.into()], ..Asked::default() };
            let message = Settings::resolve(asked).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        let asked = Asked { preset: Some("quik"), ..Asked::default() };
        assert!(Settings::resolve(asked).unwrap_err().to_string().contains("--preset quick"));
    }

    /// What a config file is made of, and what it is not.
    const PARTS: [&str; 40] = [
        "layers",
        "epochs",
        "neuron",
        "augment",
        "preset",
        "data",
        "beta",
        "a",
        " = ",
        "=",
        ",",
        "\n",
        "\n\n",
        "[",
        "]",
        "{",
        "}",
        "[[",
        "]]",
        "[a]\n",
        "[augment]\n",
        "[[augment]]\n",
        "s = {x = 1\n",
        "[500, 500]",
        "-1",
        "1e999",
        "nan",
        "9223372036854775808",
        "0x7f",
        "\"",
        "'''",
        "\"\"\"",
        "\"lif\"",
        "{ shift = { pixels = 1 } }",
        "true",
        "2026-11-24T00:00:00Z",
        ".",
        "#",
        "\u{0}",
        "\u{1F600}",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_settings_or_a_sentence(
            parts in prop::collection::vec(prop::sample::select(&PARTS[..]), 0..60), times in 1usize..3_000,
            preset in 0..PRESETS.len(), cut in any::<prop::sample::Index>(),
        ) {
            // Within a preset, and on its own as often as it takes to be long.
            let (parts, preset) = (parts.concat(), PRESETS[preset].1);
            let (before, after) = preset.split_at(cut.index(preset.len() + 1));
            for text in [format!("{before}{parts}{after}"), parts.repeat(times)] {
                let set = [format!("layers={parts}"), text.clone()];
                for settings in [Settings::of_text(&text, "file", &[]), Settings::of_text(preset, "file", &set)] {
                    match settings {
                        Ok(settings) => drop(settings.config.validate(784, 10)),
                        Err(e) => prop_assert!(e.to_string().starts_with("error: ")),
                    }
                }
            }
        }
    }
}
