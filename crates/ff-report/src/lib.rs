//! Plots and an HTML page of training runs: from plain numbers, without a network and without a device.
//!
//! In the order in which data flows:
//!
//! - [`Run`] says in numbers and words what a page is told about a run; [`Pictures`] holds the numbers for its figures. Who
//!   has the network gathers both.
//! - `chapters` and `closely` say which plot answers which question, and what one sees there: a list of `figure`s.
//! - [`Section`] is one run with its figures. It writes its plots as files.
//! - [`page()`] puts sections together: one run alone, or several `side_by_side`. `tables` has what is no figure.
//! - [`plot`] draws: each kind of plot is one file.

#![forbid(unsafe_code)]

pub mod pictures;
pub mod plot;
pub mod run;
pub mod words;

mod chapters;
mod closely;
mod error;
mod figure;
mod page;
mod section;
mod side_by_side;
mod tables;

pub use error::{Error, Result};
pub use page::page;
pub use pictures::Pictures;
pub use run::Run;
pub use section::Section;
