//! This module makes the page, which is one file that loads nothing from the internet. The template escapes its words.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::error::Result;
use crate::figure::{Chapter, id};
use crate::plot::{NARROW, WIDE};
use crate::run::{Run, Units};
use crate::section::Section;
use crate::words::{duration, number, percent};
use crate::{side_by_side, tables};

const STYLE: &str = include_str!("style.css");

/// Returns one run as a page, or several side by side. `program` is the name and version of the program that makes it.
///
/// # Errors
/// Fails if a plot cannot be drawn.
pub fn page(sections: &[Section], program: &str) -> Result<String> {
    let title = match sections {
        [one] => format!("{}: {} test error", one.run.name, percent(one.run.goodness.error)),
        _ => format!("{} runs side by side", sections.len()),
    };
    let body = match sections {
        [one] => alone(one)?,
        _ => together(sections, &title)?,
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
                footer { p.soft { "Made by " (program) ". The plots are in each run's plots/, as PNG and SVG." } }
            }
        }
    };
    Ok(page.into_string())
}

fn alone(section: &Section) -> Result<Markup> {
    Ok(html! {
        h1 { (section.run.name) }
        p.soft { (subtitle(&section.run)) }
        (of_run(section, None)?)
    })
}

fn together(sections: &[Section], title: &str) -> Result<Markup> {
    let runs: Vec<&Run> = sections.iter().map(|section| &section.run).collect();
    Ok(html! {
        h1 { (title) }
        nav { @for (k, run) in runs.iter().enumerate() { a href={ "#run-" (k + 1) } { (run.name) } } }
        (side_by_side::side_by_side(&runs)?)
        @for (k, section) in sections.iter().enumerate() {
            section.run id={ "run-" (k + 1) } {
                h1 { (section.run.name) }
                p.soft { (subtitle(&section.run)) }
                (of_run(section, Some(k + 1))?)
            }
        }
    })
}

/// Says in one line what kind of run it is.
fn subtitle(run: &Run) -> String {
    let units: Vec<String> = run.network.layers.iter().map(usize::to_string).collect();
    let kind = match &run.network.units {
        Units::Spiking { name, steps, .. } => format!("{name}, {steps} time steps"),
        Units::Still { name } => name.clone(),
    };
    format!("A network of {}-{} {kind}, trained Forward-Forward.", run.network.pixels, units.join("-"))
}

/// Returns the result, what was run, and every chapter. `number` tells its elements from those of other runs.
fn of_run(section: &Section, number: Option<usize>) -> Result<Markup> {
    let Section { run, chapters } = section;
    Ok(html! {
        (tiles(run))
        @for note in notes(run) { p.note { (note) } }
        h2 id=(id("facts", number)) { "What was run" }
        (tables::facts(run))
        (tables::settings(&run.settings))
        @for chapter in chapters { (of_chapter(chapter, number)?) }
        h2 id=(id("operations", number)) { "What a prediction costs" }
        (tables::operations(run))
    })
}

fn of_chapter(chapter: &Chapter, number: Option<usize>) -> Result<Markup> {
    Ok(html! {
        h2 { (chapter.heading) }
        @if let Some(words) = &chapter.words { p { (words) } }
        @if chapter.in_pairs {
            div.pairs { @for figure in &chapter.figures { (figure.markup(number, &[NARROW])?) } }
        } @else {
            @for figure in &chapter.figures { (figure.markup(number, &[WIDE, NARROW])?) }
        }
    })
}

/// Returns the most important numbers.
fn tiles(run: &Run) -> Markup {
    let spikes = run.goodness.cost.spikes;
    html! {
        dl.tiles {
            div.first { dt { "test error" } dd { (percent(run.goodness.error)) } }
            @if let Some(heads) = &run.heads { div { dt { "in one pass" } dd { (percent(heads.error)) } } }
            @if let Some(error) = run.record.train_error { div { dt { "on training images" } dd { (percent(error)) } } }
            @if spikes.is_some() { div { dt { "spikes a prediction" } dd { (number(spikes)) } } }
            @if let Some(seconds) = run.record.train_seconds { div { dt { "training" } dd { (duration(seconds)) } } }
        }
    }
}

/// Returns what a reader has to know before they believe the numbers.
fn notes(run: &Run) -> Vec<String> {
    let mut notes = Vec::new();
    let set = &run.tested.dataset;
    if let Some(name) = run.record.dataset.as_ref().filter(|name| *name != set) {
        notes.push(format!("It was trained on {name}, but this page looks at images of {set}."));
    }
    let measured = run.goodness.error;
    if let Some(error) = run.record.test_error.filter(|error| (error - measured).abs() > 1e-6) {
        notes.push(format!(
            "Right after training its test error was {}; the model and images at hand give {}.",
            percent(error),
            percent(measured)
        ));
    }
    notes
}
