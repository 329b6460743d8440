//! This module makes the tables of one run: what was run, its settings, and what a prediction costs.

use maud::{Markup, html};

use crate::run::{Cost, Run, Schedule, Way};
use crate::words::{number, percent, thousands};

/// Returns a table that says what was run, by which command, and on which images and machine.
pub fn facts(run: &Run) -> Markup {
    let record = &run.record;
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "not recorded".into());
    let each = if run.network.schedule == Schedule::Greedy { " for each layer" } else { "" };
    let images = record.train_samples.map_or("the images".into(), |n| format!("{} images", thousands(n)));
    let layers: Vec<String> = run.goodness.layer_error.iter().map(|e| percent(*e)).collect();
    html! {
        div.scroll { table.facts { tbody {
            tr { th { "command" } td {
                @match &record.command { Some(words) => (command(words)), None => "not recorded" }
            } }
            tr { th { "again" } td { (command(&record.again)) } }
            tr { th { "preset" } td { (record.preset) } }
            tr { th { "seed" } td { (record.seed) } }
            tr { th { "learned from" } td { (images) " of " (known(&record.dataset)) ", " (record.epochs) " epochs" (each) ", " (record.batch) " images a step" } }
            tr { th { "tested on" } td { (run.tested.words()) } }
            tr { th { "each layer" } td { "alone " (layers.join(", ")) } }
            tr { th { "machine" } td { (known(&record.machine)) } }
            tr { th { "commit" } td { code { (known(&record.commit)) } } }
            tr { th { "finished" } td { (known(&record.finished)) } }
            tr { th { "program" } td { (record.program) } }
        } } }
    }
}

/// Returns a command whose lines break between words, not after the hyphens of an option.
fn command(text: &str) -> Markup {
    html! { code { @for word in text.split(' ') { span.word { (word) } " " } } }
}

/// Returns all settings, folded up.
pub fn settings(settings: &[(String, String)]) -> Markup {
    html! {
        details {
            summary { "All " (settings.len()) " settings" }
            dl.settings { @for (key, value) in settings {
                div { dt { code { (key) } } dd { (value) } }
            } }
        }
    }
}

/// Returns the operations of one prediction, in each way of predicting.
pub fn operations(run: &Run) -> Markup {
    let every = format!("all {} labels tried", run.network.classes);
    html! {
        div.scroll { table {
            thead { tr { th { "one prediction" } th.number { "spikes" } th.number { "additions" } th.number { "multiply-adds" } } }
            tbody {
                (rows(&every, &run.goodness))
                @if let Some(heads) = &run.heads { (rows("one pass with the heads", heads)) }
            }
        } }
        @if let Some(spikes) = &run.layer_spikes {
            @let layers: Vec<String> =
                spikes.iter().enumerate().map(|(l, n)| format!("{} in layer {}", thousands(*n), l + 1)).collect();
            p { "Spikes with all labels tried: " (layers.join(", ")) ", mean of the test images." }
        }
        p.soft {
            "Synaptic operations, whatever the machine. A spike costs one addition for each unit that it reaches; the image, and units \
             that do not spike, cost a multiply-add for each weight, pixels that are zero included. The image meets its weights once, \
             whatever the number of labels."
        }
    }
}

/// Returns the cost of one way of predicting, as it is and as it would be without spikes.
fn rows(words: &str, way: &Way) -> Markup {
    let row = |words: &str, cost: &Cost| {
        html! { tr {
            th { (words) } td.number { (number(cost.spikes)) } td.number { (thousands(cost.additions)) }
            td.number { (thousands(cost.multiply_adds)) }
        } }
    };
    html! {
        (row(words, &way.cost))
        @if let Some(cost) = &way.cost_of_numbers { (row("if units passed on numbers", cost)) }
    }
}
