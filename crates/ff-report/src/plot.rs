//! This module holds the plots. Each turns plain numbers into one page, as PNG or SVG, and knows nothing of networks or devices.
//!
//! A value that is not finite leaves a gap, or the plot counts it in words. Neither such a value nor a lack of values stops a
//! plot. A file appears whole under its final name or not at all.

mod axis;
mod canvas;
mod confusion;
mod error_rate;
mod goodness;
mod grid;
mod labels;
mod lengths;
mod lines;
mod loss;
mod membrane;
mod mistakes;
mod page;
mod raster;
mod samples;
mod sheet;
#[cfg(test)]
mod tests;
mod weights;

pub use confusion::Confusion;
pub use error_rate::{error, errors};
pub use goodness::{Goodness, LayerGoodness};
pub use grid::Shape;
pub use labels::{Labelled, Labels};
pub use lines::Lines;
pub use loss::{LayerCurve, loss};
pub use membrane::{Membrane, Membranes};
pub use mistakes::{Mistake, Mistakes};
pub use page::{NARROW, Plot, WIDE};
pub use raster::{Raster, Spikes};
pub use samples::{SampleRow, Samples};
pub use weights::Weights;
