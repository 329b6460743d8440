//! `ff-cli`: train, evaluate and look at spiking Forward-Forward networks.
//!
//! Arguments become settings, settings become a run; the numbers come from `ff-net`. This is the only crate that
//! names a concrete device.

#![forbid(unsafe_code)]

use std::process::ExitCode;

mod args;
mod checkpoints;
mod compare;
mod data;
mod device;
mod eval;
mod failure;
mod figures;
mod import;
mod info;
mod interrupt;
mod operations;
mod plot;
mod predict;
mod provenance;
mod report;
mod run_dir;
mod screen;
mod settings;
mod train;
mod tutorial;
mod verdict;

fn main() -> ExitCode {
    let args = args::parse();
    match args::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
