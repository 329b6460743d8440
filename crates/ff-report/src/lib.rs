//! This crate makes plots and an HTML page of training runs. It draws from plain numbers, without a network and without a device.
//!
//! These are its parts, in the order in which data flows:
//!
//! - [`Run`] holds the numbers and words of a run, and [`Pictures`] holds the numbers for its figures. The code that has the
//!   network gathers both.
//! - `chapters` and `closely` say which plot answers which question, and write the captions. They make the `figure`s.
//! - [`Section`] is one run with its figures. It writes its plots as files.
//! - [`page()`] puts sections together: one run alone, or several `side_by_side`. `tables` makes the tables of a run.
//! - [`plot`] draws. Each kind of plot is one file.

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
