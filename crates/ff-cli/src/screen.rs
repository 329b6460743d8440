//! This module prints what people see while they wait: a bar with the rate and the time left on a terminal, and only plain lines
//! elsewhere.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use ff_net::{Config, Progress};
pub use ff_report::words::{duration, thousands};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::failure::{Failure, Outcome};

/// The output of a command: lines for people on stdout, and bars on stderr. With `--json`, only the document goes to stdout.
pub struct Screen {
    json: bool,
    silent: bool,
}

impl Screen {
    /// Makes the screen of a command. `json` says whether JSON was asked for.
    pub fn new(json: bool) -> Self {
        Self { json, silent: false }
    }

    /// Makes a screen that shows nothing, for a process beside the one that prints.
    pub fn silent() -> Self {
        Self { json: false, silent: true }
    }

    /// Prints a line of the result, unless JSON was asked for.
    pub fn line(&self, text: impl AsRef<str>) -> Outcome<()> {
        if self.json || self.silent { Ok(()) } else { print_line(text.as_ref()) }
    }

    /// Prints a note beside the result to stderr.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.silent {
            eprintln!("note: {}", text.as_ref());
        }
    }

    /// Prints the JSON document, if JSON was asked for.
    pub fn document(&self, value: &serde_json::Value) -> Outcome<()> {
        if self.json { print_line(&format!("{value:#}")) } else { Ok(()) }
    }

    /// Makes a bar over `length` steps of `unit`. It shows nothing if stderr is not a terminal.
    pub fn bar(&self, length: u64, unit: &str) -> ProgressBar {
        let target = match self.silent {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr_with_hz(10),
        };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let template = format!(
            "{{msg}} {{wide_bar:.cyan/blue}} {{human_pos}}/{{human_len}} {unit}  {{rate}} {unit}/s  {{eta}} left"
        );
        if let Ok(style) = ProgressStyle::with_template(&template) {
            let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
                let _ = out.write_str(&thousands(state.per_sec()));
            };
            bar.set_style(style.with_key("rate", rate).progress_chars("━━╌"));
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

/// Returns a control that moves a bar from `start` on, by `each` for each step or image that is done. It never stops anything.
pub fn follow(bar: &ProgressBar, start: u64, each: u64) -> impl FnMut(Progress) -> ControlFlow<()> {
    move |at| {
        bar.set_position(start + at.done as u64 * each);
        ControlFlow::Continue(())
    }
}

/// Prints a line. A reader that has gone away (`| head`) is not an error, and the work continues. A full disk is an error.
fn print_line(text: &str) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("the result cannot be printed: {e}")))
        }
        _ => Ok(()),
    }
}

/// Converts settings to JSON by way of text, in which 0.8 stays 0.8. A direct conversion would turn an f32 into an f64 with all
/// its digits.
pub fn value(of: &impl serde::Serialize) -> Outcome<serde_json::Value> {
    let value = serde_json::to_string(of).and_then(|text| serde_json::from_str(&text));
    value.map_err(|e| Failure::new(format!("the settings cannot be printed: {e}")))
}

/// Says in a word or two what units a network has.
pub fn unit(config: &Config) -> String {
    match (config.neuron.name(), config.units().spikes(), config.steps()) {
        (name, false, _) => name.into(),
        (name, true, 1) => format!("{name}, 1 step"),
        (name, true, steps) => format!("{name}, {steps} steps"),
    }
}
