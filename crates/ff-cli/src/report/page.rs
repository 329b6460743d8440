//! The page: one file that asks the network for nothing. What it says is escaped by the template.

use ff_net::Schedule;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::charts::{Chapter, Figure};
use super::recorded::Recorded;
use super::side_by_side::shown;
use super::{Reported, side_by_side};
use crate::failure::{Failure, Outcome};
use crate::operations::Operations;
use crate::plot::{NARROW, WIDE};
use crate::provenance::quoted;
use crate::screen::{duration, thousands};

const STYLE: &str = include_str!("style.css");

/// All of it.
pub fn page(runs: &[Reported]) -> Outcome<String> {
    let title = match runs {
        [run] => format!("{}: {} test error", run.recorded.name, percent(run.found.test.goodness.error)),
        _ => format!("{} runs side by side", runs.len()),
    };
    let body = match runs {
        [run] => html! {
            h1 { (run.recorded.name) }
            p.soft { (subtitle(run)) }
            (of_run(run, None)?)
        },
        _ => html! {
            h1 { (title) }
            nav { @for (k, run) in runs.iter().enumerate() { a href={ "#run-" (k + 1) } { (run.recorded.name) } } }
            (side_by_side::side_by_side(runs, &side_by_side::errors(runs))?)
            @for (k, run) in runs.iter().enumerate() {
                section.run id={ "run-" (k + 1) } {
                    h1 { (run.recorded.name) }
                    p.soft { (subtitle(run)) }
                    (of_run(run, Some(k + 1))?)
                }
            }
        },
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main { (body) }
                footer { p.soft { "Made by ff-cli " (env!("CARGO_PKG_VERSION")) ". The plots are in each run's plots/, as PNG and SVG." } }
            }
        }
    };
    Ok(page.into_string())
}

/// What kind of run it is, in a line.
fn subtitle(run: &Reported) -> String {
    let config = &run.recorded.settings.config;
    let units: Vec<String> = config.layers.iter().map(usize::to_string).collect();
    let kind = match config.neuron {
        ff_tensor::NeuronKind::Lif => format!("leaky integrate-and-fire units, {} time steps", config.steps),
        ff_tensor::NeuronKind::Relu => "rectifiers".into(),
    };
    format!("A network of {}-{} {kind}, trained Forward-Forward.", run.found.pixels, units.join("-"))
}

/// Result, what was run, and every chapter; `number` tells its elements from those of other runs.
fn of_run(run: &Reported, number: Option<usize>) -> Outcome<Markup> {
    Ok(html! {
        (tiles(run))
        @for note in run.notes() { p.note { (note) } }
        h2 id=(id("facts", number)) { "What was run" }
        (facts(run))
        (settings(&run.recorded))
        @for chapter in &run.chapters { (of_chapter(chapter, number)?) }
        h2 id=(id("operations", number)) { "What a prediction costs" }
        (operations(run))
    })
}

fn of_chapter(chapter: &Chapter, number: Option<usize>) -> Outcome<Markup> {
    Ok(html! {
        h2 { (chapter.heading) }
        @if let Some(words) = &chapter.words { p { (words) } }
        @if chapter.in_pairs {
            div.pairs { @for one in &chapter.figures { (figure(one, number, &[NARROW])?) } }
        } @else {
            @for one in &chapter.figures { (figure(one, number, &[WIDE, NARROW])?) }
        }
    })
}

/// A plot and its words. Drawn wide and narrow, it shows itself on a large screen or on a phone; drawn once, on both.
pub fn figure(figure: &Figure, number: Option<usize>, widths: &[i32]) -> Outcome<Markup> {
    let svg = |width| {
        let refuse = |e: Box<dyn std::error::Error>| Failure::new(format!("the plot {}: {e}", figure.name));
        figure.plot.svg(width).map_err(refuse)
    };
    Ok(html! {
        figure.chart id=(id(figure.name, number)) {
            @for width in widths {
                @let class = match (*width, widths.len()) { (WIDE, 2) => "wide", (_, 2) => "narrow", _ => "always" };
                div.(class) role="img" aria-label=(figure.plot.title()) { (PreEscaped(svg(*width)?)) }
            }
            figcaption { (figure.caption) }
        }
    })
}

fn id(name: &str, number: Option<usize>) -> String {
    number.map_or_else(|| name.to_string(), |k| format!("{name}-{k}"))
}

fn tiles(run: &Reported) -> Markup {
    let (test, recorded) = (&run.found.test, &run.recorded);
    let spikes = test.goodness.scores.spikes_per_inference();
    let training = recorded.number("train_seconds");
    html! {
        dl.tiles {
            div.first { dt { "test error" } dd { (percent(test.goodness.error)) } }
            @if let Some(head) = &test.head { div { dt { "in one pass" } dd { (percent(head.error)) } } }
            @if let Some(error) = recorded.number("train_error") { div { dt { "on training images" } dd { (percent(error)) } } }
            @if spikes.is_some() { div { dt { "spikes a prediction" } dd { (number(spikes)) } } }
            @if let Some(training) = training { div { dt { "training" } dd { (duration(training)) } } }
        }
    }
}

fn facts(run: &Reported) -> Markup {
    let recorded = &run.recorded;
    let text = |key: &str| recorded.text(key).unwrap_or("not recorded").to_string();
    let config = &recorded.settings.config;
    let each = if config.schedule == Schedule::Greedy { " for each layer" } else { "" };
    let images =
        recorded.number("train_samples").map_or("the images".into(), |n| format!("{} images", thousands(n)));
    let config_file = recorded.dir.join("config.toml").display().to_string();
    let again = format!("ff-cli train --config {} --out DIR", quoted(&config_file));
    let machine: Vec<&str> = ["machine.device", "machine.cpu", "machine.simd"]
        .into_iter()
        .filter_map(|key| recorded.text(key))
        .collect();
    let machine = if machine.is_empty() { text("device") } else { machine.join("; ") };
    let layers: Vec<String> = run.found.test.goodness.layer_error.iter().map(|e| percent(*e)).collect();
    html! {
        div.scroll { table.facts { tbody {
            tr { th { "command" } td {
                @match recorded.text("command") { Some(words) => (command(words)), None => "not recorded" }
            } }
            tr { th { "again" } td { (command(&again)) } }
            tr { th { "preset" } td { (recorded.settings.preset) } }
            tr { th { "seed" } td { (config.seed) } }
            tr { th { "learned from" } td { (images) " of " (text("dataset")) ", " (config.epochs) " epochs" (each) ", " (config.batch) " images a step" } }
            tr { th { "tested on" } td { (run.tested_on()) } }
            tr { th { "each layer" } td { "alone " (layers.join(", ")) } }
            tr { th { "machine" } td { (machine) } }
            tr { th { "commit" } td { code { (text("commit")) } } }
            tr { th { "finished" } td { (text("finished")) } }
            tr { th { "program" } td { "ff-cli " (text("version")) } }
        } } }
    }
}

/// It breaks between words, not after the hyphens of an option.
fn command(text: &str) -> Markup {
    html! { code { @for word in text.split(' ') { span.word { (word) } " " } } }
}

fn settings(recorded: &Recorded) -> Markup {
    html! {
        details {
            summary { "All " (recorded.config.len()) " settings" }
            dl.settings { @for (key, value) in &recorded.config {
                div { dt { code { (key) } } dd { (shown(value)) } }
            } }
        }
    }
}

fn operations(run: &Reported) -> Markup {
    let (found, test) = (&run.found, &run.found.test);
    let spiking = test.goodness.scores.layer_spikes.is_some();
    let row = |words: &str, spikes: Option<f64>, operations: Operations| {
        html! { tr {
            th { (words) } td.number { (number(spikes)) } td.number { (thousands(operations.additions)) }
            td.number { (thousands(operations.multiply_adds)) }
        } }
    };
    let every = format!("all {} labels tried", found.before.classes);
    html! {
        div.scroll { table {
            thead { tr { th { "one prediction" } th.number { "spikes" } th.number { "additions" } th.number { "multiply-adds" } } }
            tbody {
                (row(&every, test.goodness.scores.spikes_per_inference(), found.operations(&test.goodness, true)))
                @if spiking { (row("if units passed on numbers", None, found.operations(&test.goodness, false))) }
                @if let Some(head) = &test.head {
                    (row("one pass with the heads", head.scores.spikes_per_inference(), found.operations_in_one_pass(head, true)))
                    @if spiking { (row("if units passed on numbers", None, found.operations_in_one_pass(head, false))) }
                }
            }
        } }
        @if let Some(spikes) = &test.goodness.scores.layer_spikes {
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

/// `1.23 %`, in one piece.
pub fn percent(error: f64) -> String {
    format!("{error:.2}\u{a0}%")
}

/// A whole number, or a dash.
pub fn number(n: Option<f64>) -> String {
    n.map_or("–".into(), thousands)
}
