//! `report`: a run as one page, several side by side; and the run's plots as files.
//!
//! In the order in which data flows: `recorded` reads what a run left, `findings` asks its network, `charts` says what to
//! draw of both, `page` puts it together, `side_by_side` compares.

use std::path::{Path, PathBuf};

use ff_data::Dataset;
use serde_json::{Value, json};

use crate::args::ReportArgs;
use crate::device::on_device;
use crate::failure::{Failure, Outcome};
use crate::operations::Operations;
use crate::run_dir::write_whole;
use crate::screen::{Screen, thousands};
use crate::{data, device};

mod charts;
mod findings;
mod page;
mod recorded;
mod side_by_side;

use charts::Chapter;
use findings::Findings;
use recorded::Recorded;

/// The page's name where none is given.
const PAGE: &str = "report.html";

/// All there is to say about one run.
struct Reported {
    recorded: Recorded,
    found: Findings,
    chapters: Vec<Chapter>,
    /// Name and size of the set of test images.
    tested: (String, usize),
}

/// Reads, asks, draws, writes.
pub fn report(args: &ReportArgs) -> Outcome<()> {
    let screen = Screen::new(args.json.json);
    if args.runs.is_empty() {
        return Err(which_run());
    }
    let mut recorded = args.runs.iter().map(|dir| Recorded::read(dir)).collect::<Outcome<Vec<_>>>()?;
    recorded::tell_apart(&mut recorded);
    let out = match (&args.out, args.runs.as_slice()) {
        (Some(out), _) => out.clone(),
        (None, [run]) => run.join(PAGE),
        (None, _) => PAGE.into(),
    };
    check_writable(&out)?;
    let dev = device::open(&args.device)?;
    let mut runs = Vec::new();
    let mut opened: Option<(Option<PathBuf>, Dataset)> = None;
    for run in recorded {
        let dir = args.data.clone().or_else(|| run.settings.data.clone());
        let set = match opened.take() {
            Some((same, set)) if same == dir => data::fits(&run.model, set)?,
            _ => data::open_for(&run.model, dir.as_deref(), &screen)?,
        };
        let bar = screen.bar(findings::work(&set), "images");
        let mut on_images = |n| bar.inc(n as u64);
        let found = on_device!(&dev, dev => findings::look(dev, &run.model, &set, &mut on_images))?;
        bar.finish_and_clear();
        let chapters = charts::chapters(&run, &set, &found);
        save_plots(&run.dir, &chapters)?;
        let tested = (set.name.clone(), set.test.len());
        runs.push(Reported { recorded: run, found, chapters, tested });
        opened = Some((dir, set));
    }
    write_whole(&out, page::page(&runs)?.as_bytes()).map_err(|e| unwritable(&out, e))?;
    for run in &runs {
        let error = run.found.test.goodness.error;
        screen.line(format!("{}: test error {error:.2} % on {}", run.recorded.name, run.tested_on()))?;
    }
    let plots: Vec<String> = runs.iter().map(|run| run.plots().display().to_string()).collect();
    screen.line(format!("the report is {}; its plots are in {}", out.display(), plots.join(", ")))?;
    screen.document(&json!({
        "report": out, "runs": runs.iter().map(Reported::document).collect::<Vec<_>>(),
        "version": env!("CARGO_PKG_VERSION"),
    }))
}

impl Reported {
    fn plots(&self) -> PathBuf {
        self.recorded.dir.join("plots")
    }

    fn tested_on(&self) -> String {
        format!("{} images of {}", thousands(self.tested.1 as f64), self.tested.0)
    }

    /// What a reader has to know before they believe the numbers.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(name) = self.recorded.text("dataset").filter(|name| *name != self.tested.0) {
            notes.push(format!(
                "It was trained on {name}, but this page looks at images of {}.",
                self.tested.0
            ));
        }
        let measured = self.found.test.goodness.error;
        if let Some(error) = self.recorded.number("test_error").filter(|e| (e - measured).abs() > 1e-6) {
            notes.push(format!(
                "Right after training its test error was {}; the model and images at hand give {}.",
                page::percent(error),
                page::percent(measured)
            ));
        }
        notes
    }

    fn document(&self) -> Value {
        let (found, goodness) = (&self.found, &self.found.test.goodness);
        let operations = found.operations(goodness, true);
        let one_pass = found.test.head.as_ref().map(|head| found.operations_in_one_pass(head, true));
        let mut document = json!({
            "directory": self.recorded.dir, "plots": self.plots(), "dataset": self.tested.0, "test_samples": self.tested.1,
            "confusion": found.confusion(), "worst_mistakes": found.mistakes().iter().take(30).collect::<Vec<_>>(),
            "positive_above_negative": { "before": found.parted(&found.before), "after": found.parted(&goodness.scores) },
            "operations": operations.document(), "operations_in_one_pass": one_pass.map(Operations::document),
        });
        found.test.write(&mut document);
        document
    }
}

fn save_plots(dir: &Path, chapters: &[Chapter]) -> Outcome<()> {
    let dir = dir.join("plots");
    std::fs::create_dir_all(&dir).map_err(|e| {
        Failure::new(format!("{}: cannot be made: {e}", dir.display()))
            .advise("a copy of the run in a directory that can be written")
    })?;
    for figure in chapters.iter().flat_map(|chapter| &chapter.figures) {
        for end in ["png", "svg"] {
            figure.plot.save(&dir.join(format!("{}.{end}", figure.name)))?;
        }
    }
    Ok(())
}

/// Whether the page can be written, before any work is done.
fn check_writable(out: &Path) -> Outcome<()> {
    let dir = out.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if out.is_dir() {
        return Err(unwritable(out, "it is a directory"));
    }
    tempfile::tempfile_in(dir).map(drop).map_err(|e| unwritable(out, e))
}

fn unwritable(out: &Path, reason: impl std::fmt::Display) -> Failure {
    Failure::new(format!("{}: cannot be written: {reason}", out.display())).advise("`--out FILE` elsewhere")
}

/// No run was named: those that there are.
fn which_run() -> Failure {
    let entries = std::fs::read_dir("runs").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut runs: Vec<String> = entries
        .filter(|dir| dir.join("model.safetensors").is_file())
        .map(|dir| dir.display().to_string())
        .collect();
    runs.sort();
    let failure = Failure::new("no run was named");
    match runs.as_slice() {
        [] => failure.advise("`ff-cli train`, then `ff-cli report runs/quick-1`"),
        [.., last] => failure.advise(format!("`ff-cli report {last}`; there are {}", runs.join(", "))),
    }
}
