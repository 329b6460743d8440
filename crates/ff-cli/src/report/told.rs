//! This module turns what a run left, and what was measured on its network, into plain numbers and words. The page gets nothing
//! else.

use ff_data::Dataset;
use ff_net::formulas::Reset;
use ff_net::{Model, Scores};
use ff_report::pictures::{self, Pictures};
use ff_report::plot;
use ff_report::run::{self, Run};
use ff_tensor::Readout;

use super::findings::Findings;
use super::recorded::Recorded;
use crate::figures;
use crate::operations::Operations;
use crate::verdict::Way;

/// The largest number of classes of which an image is shown.
const CLASSES: usize = 10;
/// The largest number of mistakes that are shown.
const MISTAKES: usize = 30;

/// Returns the numbers and words for titles and tables.
pub fn run(recorded: &Recorded, set: &Dataset, found: &Findings) -> Run {
    let way = |way: &Way, count: &dyn Fn(Option<&[f64]>) -> Operations| {
        let spikes = way.scores.layer_spikes.as_deref();
        run::Way {
            error: way.error,
            layer_error: way.layer_error.clone(),
            cost: cost(way.scores.spikes_per_inference(), count(spikes)),
            cost_of_numbers: spikes.map(|_| cost(None, count(None))),
        }
    };
    Run {
        name: recorded.name.clone(),
        network: run::Network {
            pixels: found.pixels,
            layers: found.layers.clone(),
            classes: found.before.classes,
            units: units(&recorded.model),
            schedule: recorded.schedule(),
        },
        record: recorded.record(),
        settings: recorded.named_settings(),
        watched: recorded.watched(),
        errors: recorded.metrics.iter().map(|m| m.error).collect(),
        tested: run::Tested { dataset: set.name.clone(), images: set.test.len() },
        goodness: way(&found.test.goodness, &|spikes| found.operations(spikes)),
        heads: found.test.head.as_ref().map(|head| way(head, &|spikes| found.operations_in_one_pass(spikes))),
        layer_spikes: found.test.goodness.scores.layer_spikes.clone(),
    }
}

fn cost(spikes: Option<f64>, operations: Operations) -> run::Cost {
    let Operations { additions, multiply_adds } = operations;
    run::Cost { spikes, additions, multiply_adds }
}

fn units(model: &Model) -> run::Units {
    let (neuron, units) = (&model.config.neuron, model.config.units());
    let name = match neuron.name() {
        "lif" => "leaky integrate-and-fire units".into(),
        "relu" => "rectifiers".into(),
        other => format!("{other} units"),
    };
    if !units.spikes() {
        return run::Units::Still { name };
    }
    let reset = match neuron.lif().map(|lif| lif.reset) {
        Some(Reset::Subtract) => run::Reset::Subtract,
        Some(Reset::Zero) => run::Reset::Zero,
        Some(Reset::None) | None => run::Reset::None,
    };
    run::Units::Spiking { name, steps: units.steps(), reset, rate: units.readout() == Readout::Rate }
}

/// Returns the numbers for the plots.
pub fn pictures(recorded: &Recorded, set: &Dataset, found: &Findings) -> Pictures {
    let (metrics, model) = (&recorded.metrics, &recorded.model);
    Pictures {
        loss: figures::loss(metrics, model.weights.len()),
        error: figures::error(metrics, &recorded.settings.config, recorded.watched()),
        samples: figures::samples(set, &found.truth, &found.wrong),
        before: layers(model, found, &found.before),
        after: layers(model, found, &found.test.goodness.scores),
        labels: labels(set, found),
        weights: figures::weights(set, model.weights[0].weight.view(), model.weights[0].weight.ncols()),
        closely: closely(model, found),
        confusion: plot::Confusion { counts: found.confusion() },
        mistakes: mistakes(set, found),
    }
}

fn layers(model: &Model, found: &Findings, scores: &Scores) -> Vec<pictures::Layer> {
    let goodness = figures::goodness(scores, &model.config, &found.truth, &found.wrong);
    let layers = goodness.into_iter().zip(found.parted(scores));
    layers.map(|(goodness, parted)| pictures::Layer { goodness, parted }).collect()
}

/// Returns the first test image of each class, with the goodness of each label.
fn labels(set: &Dataset, found: &Findings) -> plot::Labels {
    let first = |class: usize| found.truth.iter().position(|truth| *truth == class);
    let images = (0..set.classes).filter_map(first).take(CLASSES).map(|i| plot::Labelled {
        image: pixels(set, i),
        words: format!("image {i}"),
        truth: found.truth[i],
        predicted: found.predicted[i],
        goodness: found.test.goodness.scores.of_image(i),
    });
    plot::Labels { shape: figures::shape(set), images: images.collect() }
}

fn closely(model: &Model, found: &Findings) -> pictures::Closely {
    let trace = |trace: &ff_net::Trace| pictures::Trace {
        spikes: trace
            .spikes
            .columns()
            .into_iter()
            .map(|unit| unit.iter().map(|s| *s > 0.0).collect())
            .collect(),
        membranes: trace.membranes.columns().into_iter().map(|unit| unit.to_vec()).collect(),
    };
    let found = &found.closely;
    let traces = found.traces.as_ref();
    pictures::Closely {
        image: found.image,
        labels: found.labels,
        threshold: model.config.neuron.lif().map(|lif| lif.threshold),
        traces: traces.map(|traces| traces.each_ref().map(|layers| layers.iter().map(trace).collect())),
    }
}

fn mistakes(set: &Dataset, found: &Findings) -> plot::Mistakes {
    let all = found.mistakes();
    let mistake = |i: &usize| plot::Mistake {
        image: pixels(set, *i),
        truth: found.truth[*i],
        predicted: found.predicted[*i],
    };
    let worst = all.iter().take(MISTAKES).map(mistake).collect();
    plot::Mistakes { shape: figures::shape(set), worst, all: all.len() }
}

fn pixels(set: &Dataset, i: usize) -> Vec<f32> {
    figures::with_label(set.test.images.row(i).iter().copied(), None, set.classes)
}
