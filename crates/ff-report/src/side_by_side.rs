//! This module shows several runs side by side: their results, and the settings that differ.

use maud::{Markup, html};

use crate::error::Result;
use crate::figure::Figure;
use crate::plot::{self, NARROW, WIDE};
use crate::run::Run;
use crate::words::{duration, number, percent, thousands};

/// A setting, and its value in each run.
struct Difference {
    key: String,
    values: Vec<String>,
}

impl Difference {
    fn is_one(&self) -> bool {
        let of_a_kind = self.key.contains('.');
        let mut values = self.values.iter().filter(|value| !of_a_kind || *value != MISSING);
        let first = values.next();
        values.any(|value| Some(value) != first)
    }
}

/// This stands for a setting that a run does not have.
const MISSING: &str = "–";

/// Returns the results, the differences and the error curves.
pub fn side_by_side(runs: &[&Run]) -> Result<Markup> {
    let settings: Vec<&[(String, String)]> = runs.iter().map(|run| run.settings.as_slice()).collect();
    let differences = differences(&settings);
    Ok(html! {
        h2 id="results" { "Results side by side" }
        (results(runs))
        h2 id="differences" { "What differs" }
        @if differences.is_empty() {
            p { "The settings of these runs are the same." }
        } @else {
            div.scroll { table {
                thead { tr { th { "setting" } @for run in runs { th { (run.name) } } } }
                tbody { @for difference in &differences {
                    tr { th { code { (difference.key) } } @for value in &difference.values { td.short[value.len() < 24] { (value) } } }
                } }
            } }
            p.soft { "All other settings are the same." }
        }
        (errors(runs).markup(None, &[WIDE, NARROW])?)
    })
}

/// Returns the error curves of all runs.
fn errors(runs: &[&Run]) -> Figure {
    let curves = runs.iter().map(|run| (run.name.clone(), run.errors.clone())).collect();
    let caption = "The error after each epoch, when every label is tried. Runs that hold images out are measured on those, others on \
                   images that they learned from, which look better than they are.";
    Figure::new("errors", plot::errors(curves), caption)
}

fn results(runs: &[&Run]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th { "run" } th.number { "test error" } th.number { "one pass" } th.number { "each layer" }
                th.number { "training" } th.number { "spikes" } th.number { "additions" } th.number { "multiply-adds" }
            } }
            tbody { @for (k, run) in runs.iter().enumerate() {
                @let cost = &run.goodness.cost;
                @let alone: Vec<String> = run.goodness.layer_error.iter().map(|e| format!("{e:.2}")).collect();
                tr {
                    th { a href={ "#run-" (k + 1) } { (run.name) } }
                    td.number { (percent(run.goodness.error)) }
                    td.number { (run.heads.as_ref().map_or("–".into(), |heads| percent(heads.error))) }
                    td.number { (alone.join(", ")) }
                    td.number { (run.record.train_seconds.map_or("–".into(), duration)) }
                    td.number { (number(cost.spikes)) }
                    td.number { (thousands(cost.additions)) }
                    td.number { (thousands(cost.multiply_adds)) }
                }
            } }
        } }
        p.soft {
            "Errors are those on " (tested_on(runs)) ". Spikes, additions and multiply-adds are those of one prediction that tries every label."
        }
    }
}

fn tested_on(runs: &[&Run]) -> String {
    let mut sets: Vec<String> = runs.iter().map(|run| run.tested.words()).collect();
    sets.dedup();
    sets.join(" and ")
}

/// Returns the settings that differ, sorted by name. A run that lacks a setting has a dash for it. A setting of one kind, such as
/// `neuron.lif.beta`, is only shown if two runs of this kind differ. `neuron` shows that a run is of another kind.
fn differences(runs: &[&[(String, String)]]) -> Vec<Difference> {
    let mut keys: Vec<&String> = runs.iter().flat_map(|run| run.iter().map(|(key, _)| key)).collect();
    keys.sort();
    keys.dedup();
    let value = |run: &&[(String, String)], key: &String| {
        run.iter().find(|(own, _)| own == key).map_or(MISSING.into(), |(_, value)| value.clone())
    };
    let all = keys
        .into_iter()
        .map(|key| Difference { key: key.clone(), values: runs.iter().map(|run| value(run, key)).collect() });
    all.filter(Difference::is_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let runs = [
            vec![("a", "1"), ("b", "[1, 2]"), ("c", "x"), ("k.one.v", "7"), ("k.one.w", "7")],
            vec![("a", "1"), ("b", "[1, 3]")],
            vec![("a", "1"), ("b", "[1, 2]"), ("c", "x"), ("k.one.v", "7"), ("k.one.w", "8")],
        ];
        let owned = |run: Vec<(&str, &str)>| -> Vec<(String, String)> {
            run.into_iter().map(|(key, value)| (key.into(), value.into())).collect()
        };
        let runs = runs.map(owned);
        let found = differences(&runs.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let found: Vec<_> = found.iter().map(|d| (d.key.as_str(), d.values.join(" "))).collect();
        let expected = [("b", "[1, 2] [1, 3] [1, 2]"), ("c", "x – x"), ("k.one.w", "7 – 8")];
        assert_eq!(found, expected.map(|(key, values)| (key, values.to_string())));
    }
}
