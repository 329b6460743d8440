//! Several runs beside each other: what came out, and which settings differ.

use maud::{Markup, html};
use toml::{Table, Value};

use super::Reported;
use super::charts::Figure;
use super::page::{figure, number, percent};
use crate::failure::Outcome;
use crate::plot;
use crate::plot::{NARROW, WIDE};
use crate::screen::{duration, thousands};

/// A setting that is not the same in all runs, and its value in each.
struct Difference {
    key: String,
    values: Vec<String>,
}

/// Results, differences, curves.
pub fn side_by_side(runs: &[Reported], errors: &Figure) -> Outcome<Markup> {
    let tables: Vec<&Table> = runs.iter().map(|run| &run.recorded.config).collect();
    let differences = differences(&tables);
    Ok(html! {
        h2 id="results" { "Results side by side" }
        (results(runs))
        h2 id="differences" { "What differs" }
        @if differences.is_empty() {
            p { "The settings of these runs are the same." }
        } @else {
            div.scroll { table {
                thead { tr { th { "setting" } @for run in runs { th { (run.recorded.name) } } } }
                tbody { @for difference in &differences {
                    tr { th { code { (difference.key) } } @for value in &difference.values { td.short[value.len() < 24] { (value) } } }
                } }
            } }
            p.soft { "All other settings are the same." }
        }
        (figure(errors, None, &[WIDE, NARROW])?)
    })
}

/// The curves of all.
pub fn errors(runs: &[Reported]) -> Figure {
    let errors = |run: &Reported| run.recorded.metrics.iter().map(|m| m.error).collect();
    let curves = runs.iter().map(|run| (run.recorded.name.clone(), errors(run))).collect();
    let caption = "The error after each epoch, when every label is tried. Runs that hold images out are measured on those, others on \
                   images that they learned from, which look better than they are.";
    Figure { name: "errors", plot: Box::new(plot::errors(curves)), caption: caption.into() }
}

fn results(runs: &[Reported]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th { "run" } th.number { "test error" } th.number { "one pass" } th.number { "each layer" }
                th.number { "training" } th.number { "spikes" } th.number { "additions" } th.number { "multiply-adds" }
            } }
            tbody { @for (k, run) in runs.iter().enumerate() {
                @let goodness = &run.found.test.goodness;
                @let operations = run.found.operations(goodness, true);
                @let alone: Vec<String> = goodness.layer_error.iter().map(|e| format!("{e:.2}")).collect();
                tr {
                    th { a href={ "#run-" (k + 1) } { (run.recorded.name) } }
                    td.number { (percent(goodness.error)) }
                    td.number { (run.found.test.head.as_ref().map_or("–".into(), |head| percent(head.error))) }
                    td.number { (alone.join(", ")) }
                    td.number { (run.recorded.number("train_seconds").map_or("–".into(), duration)) }
                    td.number { (number(goodness.scores.spikes_per_inference())) }
                    td.number { (thousands(operations.additions)) }
                    td.number { (thousands(operations.multiply_adds)) }
                }
            } }
        } }
        p.soft {
            "Errors are those on " (tested_on(runs)) ". Spikes, additions and multiply-adds are those of one prediction that tries every label."
        }
    }
}

fn tested_on(runs: &[Reported]) -> String {
    let mut sets: Vec<String> = runs.iter().map(Reported::tested_on).collect();
    sets.dedup();
    sets.join(" and ")
}

fn differences(tables: &[&Table]) -> Vec<Difference> {
    let mut keys: Vec<&String> = tables.iter().flat_map(|table| table.keys()).collect();
    keys.sort();
    keys.dedup();
    let values = |key: &String| tables.iter().map(|table| table.get(key).map_or("–".into(), shown)).collect();
    let all = keys.into_iter().map(|key| Difference { key: key.clone(), values: values(key) });
    all.filter(|difference| difference.values.iter().any(|value| *value != difference.values[0])).collect()
}

/// A word without its quotes, all else as in TOML.
pub fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let tables = ["a = 1\nb = [1, 2]\nc = 'x'", "a = 1\nb = [1, 3]", "a = 1\nb = [1, 2]\nc = 'x'"];
        let tables = tables.map(|text| text.parse::<Table>().unwrap());
        let found = differences(&tables.iter().collect::<Vec<_>>());
        let found: Vec<_> = found.iter().map(|d| (d.key.as_str(), d.values.join(" "))).collect();
        assert_eq!(found, [("b", "[1, 2] [1, 3] [1, 2]".to_string()), ("c", "x – x".into())]);
    }
}
