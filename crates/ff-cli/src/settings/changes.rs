//! This module reads `--set KEY=VALUE` and turns what was typed into a change of a table of settings.
//!
//! The table has its parts in typed form: `neuron = { lif = { ... } }`. There are five forms of a key:
//!
//! | key | what it changes |
//! |---|---|
//! | `epochs` | a plain setting |
//! | `neuron` | a whole part. Another kind starts with its defaults. The name of the kind that is there changes nothing |
//! | `neuron.lif` | all values of a kind. The values that are not named get their defaults |
//! | `neuron.lif.beta` | a value of a kind. If the part has another kind, it becomes this kind with its defaults |
//! | `beta` | a value of the kind that is there |

use toml::{Table, Value};

use super::keys::{self, Key, Part};
use super::text;
use crate::failure::{Failure, Outcome};

/// The change of one `--set`.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// The text that was typed.
    typed: &'a str,
    key: Key<'a>,
    value: Value,
}

impl<'a> Change<'a> {
    /// Reads `key=value`. The value is as in TOML, and a bare word is a string. Refuses a key that does not exist.
    pub fn parse(typed: &'a str) -> Outcome<Self> {
        let source = format!("--set {typed}");
        let Some((key, value)) = typed.split_once('=') else {
            return Err(Failure::new(format!("{source}: there is no `=`")).advise("`--set epochs=4`"));
        };
        let path: Vec<&str> = key.split('.').map(str::trim).collect();
        Ok(Self { typed, key: Key::of(&path, &source)?, value: read(value.trim()) })
    }

    /// Returns the name of the change for an error.
    pub fn source(&self) -> String {
        format!("--set {}", self.typed)
    }

    /// Returns the part that it changes.
    fn part(&self) -> Option<&'static Part> {
        match self.key {
            Key::Plain(_) => None,
            Key::Whole(part) | Key::Kind(part, _) | Key::Value(part, ..) | Key::Short(part, _) => Some(part),
        }
    }

    /// Returns whether it is for a whole part.
    pub fn is_whole(&self) -> bool {
        matches!(self.key, Key::Whole(_))
    }

    /// Returns the kind that it asks for. A short key asks for none.
    fn kind(&self) -> Option<&str> {
        match self.key {
            Key::Kind(_, kind) | Key::Value(_, kind, _) => Some(kind.name),
            Key::Whole(_) => keys::kind_of(&self.value),
            Key::Plain(_) | Key::Short(..) => None,
        }
    }

    /// Returns whether the table has a place for it without another kind of a part.
    pub fn fits(&self, table: &Table) -> bool {
        match self.key {
            Key::Plain(_) | Key::Whole(_) => true,
            Key::Kind(part, kind) | Key::Value(part, kind, _) => kind.name == kind_in(table, part),
            Key::Short(part, value) => part.kinds_with(value).contains(&kind_in(table, part)),
        }
    }

    /// Gives the part the kind that was asked for.
    pub fn choose(&self, table: &mut Table) {
        let Some((part, kind)) = self.part().zip(self.kind()) else { return };
        let is_there = kind_in(table, part) == kind;
        match self.key {
            Key::Whole(_) if !is_there || !self.value.is_str() => {
                table.insert(part.name.into(), self.value.clone());
            }
            Key::Kind(..) | Key::Value(..) if !is_there => {
                table.insert(part.name.into(), kind_with(kind, Value::Table(Table::new())));
            }
            _ => {}
        }
    }

    /// Writes the value. [`choose`](Self::choose) has already set the kinds.
    pub fn write(&self, table: &mut Table) -> Outcome<()> {
        let value = self.value.clone();
        match self.key {
            Key::Plain(key) => drop(table.insert(key.into(), value)),
            // A value that names no kind is written too. The code that reads it then says what is wrong.
            Key::Whole(part) if self.kind().is_none() => drop(table.insert(part.name.into(), value)),
            Key::Whole(_) => {}
            Key::Kind(part, kind) => drop(table.insert(part.name.into(), kind_with(kind.name, value))),
            Key::Value(part, kind, name) => write_value(table, part.name, kind.name, name, value),
            Key::Short(part, name) => {
                let there = kind_in(table, part).to_string();
                if !self.fits(table) {
                    return Err(self.misfit(part, name, &there));
                }
                write_value(table, part.name, &there, name, value);
            }
        }
        Ok(())
    }

    /// Returns the error for a short key of another kind than the one that is there.
    fn misfit(&self, part: &Part, name: &str, there: &str) -> Failure {
        let kinds = part.kinds_with(name);
        let value = self.typed.split_once('=').map_or("VALUE", |(_, value)| value.trim());
        let long = |kind: &&str| format!("`--set {}.{kind}.{name}={value}`", part.name);
        let long = kinds.iter().map(long).collect::<Vec<_>>().join(" or ");
        let (source, kinds) = (self.source(), kinds.join("` and `"));
        Failure::new(format!("{source}: `{name}` is a value of `{kinds}`, but `{}` is `{there}`", part.name))
            .advise(format!("{long}, which changes the kind too, or no `{name}`"))
    }

    /// Returns the error for a change that fits none of several settings. `whose` says what the settings belong to.
    pub fn unused(&self, whose: &str) -> Failure {
        let part = self.part().map_or("", |part| part.name);
        let kinds = match self.key {
            Key::Short(part, name) => part.kinds_with(name),
            _ => self.kind().into_iter().collect(),
        };
        let (source, all) = (self.source(), kinds.join("` or `"));
        Failure::new(format!("{source}: there is no {whose} whose `{part}` is `{all}`"))
            .advise(format!("`--set {part}={}` beside it", kinds.first().unwrap_or(&"KIND")))
    }
}

/// Leaves out a change of a whole part that a later one replaces. Then it refuses changes that still ask for different kinds of
/// the same part.
pub fn settle(changes: Vec<Change<'_>>) -> Outcome<Vec<Change<'_>>> {
    let replaced = |i: usize| {
        let part = |change: &Change| change.part().filter(|_| change.is_whole()).map(|part| part.name);
        changes[i].is_whole() && changes[i + 1..].iter().any(|later| part(later) == part(&changes[i]))
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

fn write_value(table: &mut Table, part: &str, kind: &str, key: &str, value: Value) {
    let values = table.get_mut(part).and_then(|part| part.get_mut(kind)).and_then(Value::as_table_mut);
    if let Some(values) = values {
        values.insert(key.into(), value);
    }
}

fn read(value: &str) -> Value {
    let parsed = text::parse(&format!("value = {value}")).ok().and_then(|mut table| table.remove("value"));
    // TOML has no `.5` and no `5.`.
    let number = || value.parse::<f64>().ok().map(Value::Float);
    parsed.or_else(number).unwrap_or_else(|| value.into())
}
