//! `report` shows one run, or several side by side, on one page. It also writes each run's plots as files.
//!
//! The data flows in this order: `recorded` reads what a run left, `findings` measures its network, `told` turns both into plain
//! numbers, and the crate `ff-report` draws them.

use std::path::{Path, PathBuf};

use ff_data::Dataset;
use ff_report::Section;
use ff_report::run::Tested;
use serde_json::{Value, json};

use crate::args::ReportArgs;
use crate::device::on_device;
use crate::failure::{Failure, Outcome};
use crate::operations::Operations;
use crate::run_dir::PLOTS;
use crate::screen::Screen;
use crate::{data, device};

mod findings;
mod recorded;
mod told;

use findings::Findings;
use recorded::Recorded;

/// The name of the page if none was given.
const PAGE: &str = "report.html";

/// Everything that is known about one run.
struct Reported {
    recorded: Recorded,
    found: Findings,
    /// The images that it was tested on.
    tested: Tested,
}

/// Reads the runs, measures their networks, draws the plots and writes the page.
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
    let (mut runs, mut sections) = (Vec::new(), Vec::new());
    // This is the data set that was opened last. Neighbouring runs often have the same one.
    let mut opened: Option<(Option<PathBuf>, Dataset)> = None;
    for run in recorded {
        let dir = args.data.clone().or_else(|| run.settings.data.clone());
        let set = match opened.take() {
            Some((same, set)) if same == dir => data::fits(&run.model, set)?,
            _ => data::open_for(&run.model, dir.as_deref(), &screen)?,
        };
        let bar = screen.bar(findings::work(&set), "images");
        let found = on_device!(&dev, dev => findings::look(dev, &run.model, &set, &bar))?;
        bar.finish_and_clear();
        let told = told::run(&run, &set, &found);
        let tested = told.tested.clone();
        let section = Section::new(told, told::pictures(&run, &set, &found));
        section.save_plots(&plots_of(&run.dir)?)?;
        sections.push(section);
        runs.push(Reported { recorded: run, found, tested });
        opened = Some((dir, set));
    }
    let page = ff_report::page(&sections, concat!("ff-cli ", env!("CARGO_PKG_VERSION")))?;
    ff_file::write(&out, page.as_bytes()).map_err(|e| unwritable(&out, e))?;
    for run in &runs {
        let error = run.found.test.goodness.error;
        screen.line(format!("{}: test error {error:.2} % on {}", run.recorded.name, run.tested.words()))?;
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
        self.recorded.dir.join(PLOTS)
    }

    fn document(&self) -> Value {
        let (found, goodness) = (&self.found, &self.found.test.goodness);
        let operations = found.operations(goodness.scores.layer_spikes.as_deref());
        let head = found.test.head.as_ref();
        let one_pass = head.map(|head| found.operations_in_one_pass(head.scores.layer_spikes.as_deref()));
        let mut document = json!({
            "directory": self.recorded.dir, "plots": self.plots(), "dataset": self.tested.dataset,
            "test_samples": self.tested.images,
            "confusion": found.confusion(), "worst_mistakes": found.mistakes().iter().take(30).collect::<Vec<_>>(),
            "positive_above_negative": { "before": found.parted(&found.before), "after": found.parted(&goodness.scores) },
            "operations": operations.document(), "operations_in_one_pass": one_pass.map(Operations::document),
        });
        found.test.write(&mut document);
        document
    }
}

/// Returns the folder of a run's plots. It makes the folder if it is not there.
fn plots_of(dir: &Path) -> Outcome<PathBuf> {
    let dir = dir.join(PLOTS);
    std::fs::create_dir_all(&dir).map_err(|e| {
        Failure::new(format!("{}: cannot be made: {e}", dir.display()))
            .advise("a copy of the run in a directory that can be written")
    })?;
    Ok(dir)
}

/// Checks whether the page can be written, before any work is done.
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

/// Returns the error that no run was named. It lists the runs that there are.
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
