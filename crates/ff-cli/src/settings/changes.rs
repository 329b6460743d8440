//! `--set KEY=VALUE`: from what was typed to a change of a table of settings.
//!
//! The table has its parts in typed form: `neuron = { lif = { ... } }`. There are four forms of a key:
//!
//! | key | what it changes |
//! |---|---|
//! | `epochs` | a plain setting |
//! | `neuron` | a whole part: another kind with its defaults. The kind that is there already keeps its values |
//! | `neuron.lif.beta` | a value of a kind. If the part is of another kind, it becomes this one, with its defaults |
//! | `beta` | a value of the kind that is there |

use toml::{Table, Value};

use super::keys::{self, Part};
use super::text;
use crate::failure::{Failure, Outcome};

/// One `--set`.
#[derive(Debug, Clone)]
pub struct Change {
    /// As it was typed.
    typed: String,
    /// The words of the key.
    path: Vec<String>,
    value: Value,
}

impl Change {
    /// Reads `key=value`, the value as in TOML; a bare word is a string. Refuses a key that is not there.
    pub fn parse(typed: &str) -> Outcome<Self> {
        let Some((key, value)) = typed.split_once('=') else {
            return Err(Failure::new(format!("--set {typed}: there is no `=`")).advise("`--set epochs=4`"));
        };
        let path: Vec<String> = key.split('.').map(|word| word.trim().into()).collect();
        let change = Self { typed: typed.into(), path, value: read(value.trim()) };
        keys::check_path(&change.words(), &change.source())?;
        Ok(change)
    }

    /// For an error.
    pub fn source(&self) -> String {
        format!("--set {}", self.typed)
    }

    fn words(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// The part that it changes, by its own key or by a value's.
    fn part(&self) -> Option<&'static Part> {
        Part::named(&self.path[0]).or_else(|| Part::with_value(&self.path[0]))
    }

    /// Whether it is for a whole part.
    pub fn is_whole(&self) -> bool {
        self.path.len() == 1 && Part::named(&self.path[0]).is_some()
    }

    /// The kind that it asks for. A short key asks for none.
    fn kind(&self) -> Option<&str> {
        match &self.path[..] {
            [_, kind, ..] => Some(kind),
            _ if self.is_whole() => keys::kind_of(&self.value),
            _ => None,
        }
    }

    /// Whether the table has a place for it as it is, without another kind of a part.
    pub fn fits(&self, table: &Table) -> bool {
        let Some(part) = self.part().filter(|_| !self.is_whole()) else { return true };
        let there = kind_in(table, part);
        match self.kind() {
            Some(kind) => kind == there,
            None => part.kinds_with(&self.path[0]).any(|kind| kind.name == there),
        }
    }

    /// Makes the part the kind that was asked for.
    pub fn choose(&self, table: &mut Table) {
        let Some((part, kind)) = self.part().zip(self.kind()) else { return };
        if !self.is_whole() {
            if kind_in(table, part) != kind {
                table.insert(part.name.into(), kind_with(kind, Value::Table(Table::new())));
            }
        } else if kind_in(table, part) != kind || !self.value.is_str() {
            table.insert(part.name.into(), self.value.clone());
        }
    }

    /// Writes the value. The kinds have been chosen.
    pub fn write(&self, table: &mut Table) -> Outcome<()> {
        match (&self.path[..], self.part()) {
            ([key], Some(part)) if !self.is_whole() => {
                if !self.fits(table) {
                    return Err(self.misfit(part, kind_in(table, part)));
                }
                let kind = kind_in(table, part).to_string();
                write_value(table, part.name, &kind, key, &self.value);
            }
            ([_], Some(part)) if self.kind().is_none() => {
                table.insert(part.name.into(), self.value.clone());
            }
            ([_, kind], Some(part)) => {
                table.insert(part.name.into(), kind_with(kind, self.value.clone()));
            }
            ([_, kind, value], Some(part)) => write_value(table, part.name, kind, value, &self.value),
            ([key], None) => drop(table.insert(key.clone(), self.value.clone())),
            _ => {}
        }
        Ok(())
    }

    /// A short key of another kind than the one that is there.
    fn misfit(&self, part: &Part, there: &str) -> Failure {
        let (key, value) = self.typed.split_once('=').unwrap_or_default();
        let (key, value) = (key.trim(), value.trim());
        let kinds: Vec<&str> = part.kinds_with(key).map(|kind| kind.name).collect();
        let long = |kind: &&str| format!("`--set {}.{kind}.{key}={value}`", part.name);
        let message = format!(
            "{}: `{key}` is a value of `{}`, but `{}` is `{there}`",
            self.source(),
            kinds.join("` and `"),
            part.name
        );
        let advice = kinds.iter().map(long).collect::<Vec<_>>().join(" or ");
        Failure::new(message).advise(format!("{advice}, which changes the kind too, or no `{key}`"))
    }

    /// What nobody can use.
    pub fn unused(&self, by: &str) -> Failure {
        let part = self.part().map_or("", |part| part.name);
        let kinds: Vec<&str> = match (self.part(), self.kind()) {
            (_, Some(kind)) => vec![kind],
            (Some(part), None) => part.kinds_with(&self.path[0]).map(|kind| kind.name).collect(),
            (None, None) => Vec::new(),
        };
        Failure::new(format!(
            "{}: there is no {by} whose `{part}` is `{}`",
            self.source(),
            kinds.join("` or `")
        ))
        .advise(format!("`--set {part}={}` beside it", kinds.first().unwrap_or(&"KIND")))
    }
}

/// Leaves out a change of a whole part that a later one replaces, and refuses changes that then still ask for different
/// kinds of the same part.
pub fn settle(changes: Vec<Change>) -> Outcome<Vec<Change>> {
    let replaced = |i: usize| {
        let same = |other: &Change| other.is_whole() && other.path == changes[i].path;
        changes[i].is_whole() && changes[i + 1..].iter().any(same)
    };
    let last: Vec<Change> =
        (0..changes.len()).filter(|&i| !replaced(i)).map(|i| changes[i].clone()).collect();
    agree(&last)?;
    Ok(last)
}

fn agree(changes: &[Change]) -> Outcome<()> {
    for part in &keys::PARTS {
        let of_part = changes.iter().filter(|change| change.part().is_some_and(|own| own.name == part.name));
        let asked: Vec<(&Change, &str)> =
            of_part.filter_map(|change| Some((change, change.kind()?))).collect();
        let Some(((first, kind), others)) = asked.split_first() else { continue };
        if let Some((other, another)) = others.iter().find(|(_, another)| another != kind) {
            let (first, other) = (first.source(), other.source());
            return Err(Failure::new(format!(
                "{first} asks for `{kind}` as `{}`, but {other} asks for `{another}`",
                part.name
            ))
            .advise("only one of them"));
        }
    }
    Ok(())
}

fn kind_in<'a>(table: &'a Table, part: &Part) -> &'a str {
    table.get(part.name).and_then(keys::kind_of).unwrap_or_default()
}

fn kind_with(kind: &str, values: Value) -> Value {
    Value::Table(Table::from_iter([(kind.to_string(), values)]))
}

fn write_value(table: &mut Table, part: &str, kind: &str, key: &str, value: &Value) {
    let values = table.get_mut(part).and_then(|part| part.get_mut(kind)).and_then(Value::as_table_mut);
    if let Some(values) = values {
        values.insert(key.into(), value.clone());
    }
}

fn read(value: &str) -> Value {
    let parsed = text::parse(&format!("value = {value}")).ok().and_then(|mut table| table.remove("value"));
    // TOML has no `.5` and no `5.`.
    let number = || value.parse::<f64>().ok().map(Value::Float);
    parsed.or_else(number).unwrap_or_else(|| value.into())
}
