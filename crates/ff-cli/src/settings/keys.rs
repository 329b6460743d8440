//! This module lists the settings by the keys that a user types: `epochs`, `neuron.lif.beta`, and `beta` for short.

use ff_net::{Config, Kind, NegativesConfig, NeuronConfig, ObjectiveConfig};
use toml::{Table, Value};

use crate::failure::{Failure, Outcome};

/// A setting that has several kinds.
#[derive(Debug)]
pub struct Part {
    /// The key of the part.
    pub name: &'static str,
    /// The kinds that the part can have.
    pub kinds: &'static [Kind],
}

/// All parts. A test compares them with what `ff-net` reads and writes.
pub const PARTS: [Part; 3] = [
    Part { name: "neuron", kinds: NeuronConfig::KINDS },
    Part { name: "objective", kinds: ObjectiveConfig::KINDS },
    Part { name: "negatives", kinds: NegativesConfig::KINDS },
];

/// The keys that are not settings of the network.
const BESIDE: [&str; 3] = ["augment", "data", "preset"];

/// The meaning of a key.
#[derive(Debug, Clone, Copy)]
pub enum Key<'a> {
    /// A plain setting, such as `epochs`.
    Plain(&'a str),
    /// A whole part, such as `neuron`.
    Whole(&'static Part),
    /// A kind of a part, such as `neuron.lif`.
    Kind(&'static Part, &'static Kind),
    /// A value of a kind, such as `neuron.lif.beta`.
    Value(&'static Part, &'static Kind, &'static str),
    /// A value by its short key, such as `beta`.
    Short(&'static Part, &'static str),
}

impl Part {
    /// Returns the part with this key.
    pub fn named(key: &str) -> Option<&'static Part> {
        PARTS.iter().find(|part| part.name == key)
    }

    /// Returns the kind with this name.
    pub fn kind(&self, name: &str) -> Option<&'static Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    /// Returns the kinds that have a value with this short key.
    pub fn kinds_with(&self, short: &str) -> Vec<&'static str> {
        self.kinds.iter().filter(|kind| value_of(kind, short).is_some()).map(|kind| kind.name).collect()
    }
}

/// Returns the value of a kind with this short key.
fn value_of(kind: &Kind, short: &str) -> Option<&'static str> {
    kind.values.iter().find(|value| **value == short).copied()
}

impl<'a> Key<'a> {
    /// Finds the meaning of a key from its words, such as `neuron`, `lif`, `beta`. Refuses a key that does not exist, and says
    /// what may have been meant. `source` says where the key comes from.
    pub fn of(path: &[&'a str], source: &str) -> Outcome<Self> {
        let key = match (path, Part::named(path[0])) {
            ([key], None) => Self::short(key).or_else(|| Self::plain(key)),
            ([_], Some(part)) => Some(Self::Whole(part)),
            ([_, kind, value @ ..], Some(part)) => match (part.kind(kind), value) {
                (Some(kind), []) => Some(Self::Kind(part, kind)),
                (Some(kind), [value]) => value_of(kind, value).map(|value| Self::Value(part, kind, value)),
                // In `neuron.beta` the key is wrong, and in `neuron.lfi` the kind is wrong.
                (None, _) if Self::short(kind).is_none() => return Err(no_kind(part, kind, source)),
                _ => None,
            },
            _ => None,
        };
        key.ok_or_else(|| no_key(path, source))
    }

    fn short(key: &str) -> Option<Self> {
        let of_part = |part: &'static Part| part.kinds.iter().find_map(|kind| value_of(kind, key));
        PARTS.iter().find_map(|part| Some(Self::Short(part, of_part(part)?)))
    }

    fn plain(key: &'a str) -> Option<Self> {
        plain_keys().iter().any(|known| known == key).then_some(Self::Plain(key))
    }
}

/// Returns the kind that the value of a part names: `"lif"` or `{ lif = { ... } }`.
pub fn kind_of(value: &Value) -> Option<&str> {
    match value {
        Value::String(name) => Some(name),
        Value::Table(kinds) if kinds.len() == 1 => kinds.keys().next().map(String::as_str),
        _ => None,
    }
}

/// Returns every setting that is not a value of a kind.
pub fn plain_keys() -> Vec<String> {
    let config = Table::try_from(Config::default()).unwrap_or_default();
    config.keys().cloned().chain(BESIDE.map(String::from)).collect()
}

/// Returns every value of every kind, such as `neuron.lif.beta`.
pub fn dotted_keys() -> Vec<String> {
    let of_kind = |part: &'static Part, kind: &'static Kind| {
        kind.values.iter().map(move |value| format!("{}.{}.{value}", part.name, kind.name))
    };
    let of_part = |part: &'static Part| part.kinds.iter().flat_map(move |kind| of_kind(part, kind));
    PARTS.iter().flat_map(of_part).collect()
}

/// Returns every short key.
pub fn short_keys() -> Vec<String> {
    dotted_keys().iter().filter_map(|key| key.rsplit('.').next().map(String::from)).collect()
}

/// Refuses a table of settings with a key that does not exist. `source` says where the table comes from.
pub fn check(table: &Table, source: &str) -> Outcome<()> {
    paths(table).iter().try_for_each(|path| Key::of(path, source).map(drop))
}

/// Returns the keys of a table, down to the values of a kind.
fn paths(table: &Table) -> Vec<Vec<&str>> {
    let mut paths = Vec::new();
    for (key, value) in table {
        let kinds = value.as_table().filter(|kinds| !kinds.is_empty() && Part::named(key).is_some());
        let Some(kinds) = kinds else {
            paths.push(vec![key.as_str()]);
            continue;
        };
        for (kind, values) in kinds {
            match values.as_table().filter(|values| !values.is_empty()) {
                Some(values) => paths.extend(values.keys().map(|value| vec![key, kind, value.as_str()])),
                None => paths.push(vec![key, kind]),
            }
        }
    }
    paths
}

fn no_key(path: &[&str], source: &str) -> Failure {
    let key = path.join(".");
    let advice = match near(path) {
        Near::One(near) => format!("`{near}`"),
        Near::All(keys) => format!("one of {}", keys.join(", ")),
    };
    Failure::new(format!("{source}: there is no setting `{key}`")).advise(advice)
}

fn no_kind(part: &Part, kind: &str, source: &str) -> Failure {
    let names: Vec<&str> = part.kinds.iter().map(|kind| kind.name).collect();
    let failure =
        Failure::new(format!("{source}: `{}` is `{kind}`, but must be {}", part.name, one_of(&names)));
    match closest(kind, names.iter().copied()) {
        Some(near) => failure.advise(format!("`{}.{near}`", part.name)),
        None => failure,
    }
}

/// Formats names as `` `a` or `b` ``, or as `` one of `a`, `b`, `c` ``.
fn one_of(names: &[&str]) -> String {
    match names {
        [one, other] => format!("`{one}` or `{other}`"),
        _ => format!("one of `{}`", names.join("`, `")),
    }
}

/// The key or keys that may have been meant.
enum Near {
    One(String),
    All(Vec<String>),
}

fn near(path: &[&str]) -> Near {
    let key = path.join(".");
    let kind = path.get(1).and_then(|kind| Part::named(path[0])?.kind(kind));
    let all = match (path, kind) {
        // Inside a kind, only its own values can have been meant.
        ([part, name, value], Some(kind)) if !kind.values.is_empty() => {
            let own = |value: &&str| format!("{part}.{name}.{value}");
            return match closest(value, kind.values.iter().copied()) {
                Some(near) => Near::One(own(&near)),
                None => Near::All(kind.values.iter().map(own).collect()),
            };
        }
        ([_], _) => [plain_keys(), short_keys()].concat(),
        _ => dotted_keys(),
    };
    match closest(&key, all.iter().map(String::as_str)) {
        Some(near) => Near::One(near.into()),
        None => Near::All([plain_keys(), dotted_keys()].concat()),
    }
}

/// Returns the setting that a user means who types it as an option, such as `epochs` or `batch-size`.
pub fn meant(option: &str) -> Option<String> {
    let option = option.replace('-', "_");
    let all = [plain_keys(), short_keys()].concat();
    let begins = |key: &&String| option.starts_with(key.as_str()) || key.starts_with(&option);
    all.iter().filter(begins).max_by_key(|key| key.len()).cloned()
}

/// Returns the candidate that is most similar to the word, if one is similar enough.
pub fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = candidates.map(|c| (strsim::jaro_winkler(word, c), c)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (near.0 > 0.75).then_some(near.1)
}

/// Returns every setting by its key, with the values of kinds: `neuron` is `lif`, and `neuron.lif.beta` is 0.8.
pub fn flat(table: &Table) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (key, value) in table {
        let part = Part::named(key).and_then(|_| Some((kind_of(value)?, value.as_table()?)));
        let Some((kind, kinds)) = part else {
            flat.push((key.clone(), value.clone()));
            continue;
        };
        flat.push((key.clone(), kind.into()));
        let values = kinds[kind].as_table().into_iter().flatten();
        flat.extend(values.map(|(name, value)| (format!("{key}.{kind}.{name}"), value.clone())));
    }
    flat
}
