//! This module shows one image step by step. It selects the units whose spikes and membranes are shown, and it writes the
//! captions.

use std::cmp::Reverse;

use crate::figure::{Chapter, Figure};
use crate::pictures::{Closely, Trace};
use crate::plot;
use crate::run::{Reset, Run, Units};

/// The number of layers that are shown. Layers above these are left out.
const LAYERS: usize = 3;
/// The number of units in each layer whose membranes are shown.
const UNITS: usize = 3;

/// Returns the chapter on spikes. If the units are rectifiers, it says that they have none.
pub fn chapter(run: &Run, closely: &Closely) -> Chapter {
    let heading = "How it spikes";
    let Some(traces) = &closely.traces else {
        let words = "The units of this network are rectifiers: they have no membrane and do not spike, so there is neither a \
                     raster nor a membrane to show.";
        return Chapter { heading, words: Some(words.into()), in_pairs: false, figures: Vec::new() };
    };
    let figures = vec![raster(run, closely, traces), membranes(run, closely, traces)];
    Chapter { heading, words: None, in_pairs: false, figures }
}

fn raster(run: &Run, closely: &Closely, traces: &[Vec<Trace>; 2]) -> Figure {
    let (mut panels, mut active) = (Vec::new(), Vec::new());
    for (l, pair) in traces[0].iter().zip(&traces[1]).enumerate().take(LAYERS) {
        let units = active_units(pair);
        active.push(format!("{} of {} in layer {}", units.len(), pair.0.spikes.len(), l + 1));
        for (one, label) in [pair.0, pair.1].into_iter().zip(closely.labels) {
            let all: usize = (0..one.spikes.len()).map(|unit| one.count(unit)).sum();
            panels.push(plot::Spikes {
                name: format!("layer {}, label {label}: {all} spikes", l + 1),
                right: label == closely.labels[0],
                steps: one.spikes.first().map_or(0, Vec::len),
                units: units.iter().map(|unit| one.spikes[*unit].clone()).collect(),
            });
        }
    }
    let rate = matches!(run.network.units, Units::Spiking { rate: true, .. });
    let caption = format!(
        "Every spike for one image, on the left with its true label, on the right with the wrong label that came closest. \
         A row is a unit; those that prefer the true label are at the top. Units that spike with neither are left out: shown \
         are {}.{}",
        active.join(", "),
        if rate { " More spikes are more goodness." } else { "" }
    );
    let words = format!("test image {}, a {}", closely.image, closely.labels[0]);
    Figure::new("raster", plot::Raster { panels, words }, caption)
}

/// Returns the units that spike with at least one of two labels. Those that spike more often with the first label come last.
fn active_units((first, second): (&Trace, &Trace)) -> Vec<usize> {
    let counts = |unit: usize| [first.count(unit), second.count(unit)];
    let mut units: Vec<usize> = (0..first.spikes.len()).filter(|unit| counts(*unit) != [0; 2]).collect();
    units.sort_by_key(|unit| {
        let [first, second] = counts(*unit);
        first as i64 - second as i64
    });
    units
}

fn membranes(run: &Run, closely: &Closely, traces: &[Vec<Trace>; 2]) -> Figure {
    let mut units = Vec::new();
    for (l, pair) in traces[0].iter().zip(&traces[1]).enumerate().take(LAYERS) {
        units.extend(most_changed(pair).into_iter().take(UNITS).map(|unit| plot::Membrane {
            name: format!("layer {}, unit {unit}", l + 1),
            traces: [pair.0, pair.1].map(|one| one.membranes[unit].clone()),
            spikes: [pair.0, pair.1].map(|one| one.spikes[unit].clone()),
        }));
    }
    let reset = match &run.network.units {
        Units::Spiking { reset: Reset::Subtract, .. } => "; one step later the threshold is taken off it",
        Units::Spiking { reset: Reset::Zero, .. } => "; one step later it starts again from zero",
        Units::Spiking { reset: Reset::None, .. } | Units::Still { .. } => "",
    };
    let rule = match closely.threshold {
        Some(_) => format!("A unit spikes, a dot, where its membrane is above the threshold{reset}."),
        None => "A dot is a spike.".into(),
    };
    let caption = format!(
        "The same image with the same two labels: in each layer the three units whose spikes the label changes most. {rule}"
    );
    let plot = plot::Membranes { units, threshold: closely.threshold, labels: closely.labels };
    Figure::new("membrane", plot, caption)
}

/// Returns all units. Those whose number of spikes differs most between two labels come first. Among equals, those whose
/// membranes are furthest apart come first.
fn most_changed((first, second): (&Trace, &Trace)) -> Vec<usize> {
    let spikes = |unit: usize| first.count(unit).abs_diff(second.count(unit));
    let apart = |unit: usize| -> f32 {
        first.membranes[unit].iter().zip(&second.membranes[unit]).map(|(a, b)| (a - b) * (a - b)).sum()
    };
    let mut units: Vec<(Reverse<usize>, f32, usize)> =
        (0..first.membranes.len()).map(|unit| (Reverse(spikes(unit)), apart(unit), unit)).collect();
    units.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    units.into_iter().map(|(_, _, unit)| unit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(spikes: &[[u8; 3]], membranes: &[f32]) -> Trace {
        Trace {
            spikes: spikes.iter().map(|unit| unit.iter().map(|spike| *spike == 1).collect()).collect(),
            membranes: membranes.iter().map(|membrane| vec![*membrane; 3]).collect(),
        }
    }

    #[test]
    fn units_are_in_the_order_of_what_the_label_changes() {
        let first = trace(&[[1, 1, 1], [0, 0, 0], [0, 1, 0], [0, 0, 0]], &[0.1, 0.2, 0.3, 0.4]);
        let second = trace(&[[1, 0, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0]], &[0.1, 0.0, 0.3, 0.9]);
        // Unit 2 prefers the second label, unit 0 the first; units 1 and 3 do not spike.
        assert_eq!(active_units((&first, &second)), [2, 0]);
        assert_eq!(most_changed((&first, &second)), [0, 2, 3, 1]);
    }
}
