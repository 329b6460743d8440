//! `ff-cli` trains, evaluates and shows spiking Forward-Forward networks.
//!
//! This file is the table of contents. `args` reads the command line. Each command has a file of its own. The modules that
//! several commands need are listed after the commands. The numbers come from `ff-net`, the plots and the page from `ff-report`.
//! `ff-net` runs on any device, and this crate chooses the device.

#![forbid(unsafe_code)]

use std::process::ExitCode;

// This module reads the command line.
mod args;
// These modules are the commands.
mod compare;
mod data;
mod eval;
mod import;
mod info;
mod predict;
mod report;
mod train;
mod tutorial;
// These modules turn arguments into settings and a device.
mod balance;
mod device;
mod ranks;
mod settings;
mod stand;
mod training;
mod way;
// These modules write and read the files of a run.
mod checkpoints;
mod metrics;
mod provenance;
mod run_dir;
// These modules measure and describe a network.
mod figures;
mod operations;
mod verdict;
// These modules print messages and errors, and handle Ctrl-C.
mod failure;
mod interrupt;
mod screen;

use args::Command;
use failure::{Failure, Outcome};

fn main() -> ExitCode {
    let command = match args::command() {
        Ok(command) => command,
        Err(said) => return say(&said),
    };
    match run(command) {
        Ok(()) => {
            ranks::leave();
            ExitCode::SUCCESS
        }
        Err(failure) => ranks::fail(failure),
    }
}

/// Prints what clap says. It names the setting if a user took one for an option: `--epochs 3`.
fn say(said: &clap::Error) -> ExitCode {
    let option = args::unknown_option(said);
    match option.as_deref().and_then(|option| Some((option, settings::meant(option)?))) {
        Some((option, key)) => {
            let failure = Failure::new(format!("there is no option `--{option}`"));
            eprintln!("{}", failure.advise(format!("`--set {key}=VALUE`")));
        }
        // Nobody can be told if even this cannot be printed.
        None => said.print().unwrap_or_default(),
    }
    ExitCode::from(said.exit_code() as u8)
}

fn run(command: Command) -> Outcome<()> {
    match command {
        Command::Train(args) => train::train(&args),
        Command::Eval(args) => eval::eval(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Report(args) => report::report(&args),
        Command::Predict(args) => predict::predict(&args),
        Command::Tutorial(args) => tutorial::tutorial(&args),
        Command::Import(args) => import::import(&args),
        Command::Data(command) => data::command(&command),
        Command::Info(args) => info::info(&args),
    }
}
