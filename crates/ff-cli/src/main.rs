//! `ff-cli`: train, evaluate and look at spiking Forward-Forward networks.
//!
//! This file is the table of contents. `args` reads the command line; each command has a file of its own, and what several
//! of them need stands below. The numbers come from `ff-net`, the pictures and the page from `ff-report`. This is the only
//! crate that names a concrete device.

#![forbid(unsafe_code)]

use std::process::ExitCode;

// The command line.
mod args;
// The commands.
mod compare;
mod data;
mod eval;
mod import;
mod info;
mod predict;
mod report;
mod train;
mod tutorial;
// From arguments to what is computed, and where.
mod device;
mod settings;
// What a run leaves.
mod checkpoints;
mod metrics;
mod provenance;
mod run_dir;
// What is found out about a network.
mod figures;
mod operations;
mod verdict;
// What the user sees and does meanwhile.
mod failure;
mod interrupt;
mod screen;

use args::Command;
use failure::Outcome;

fn main() -> ExitCode {
    match run(args::command()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
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
