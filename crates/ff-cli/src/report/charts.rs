//! The figures of one run: which numbers go into which plot, and what one sees there.

use ff_data::Dataset;
use ff_net::{Schedule, Trace};
use ff_tensor::{NeuronKind, Output, Reset};

use super::findings::Findings;
use super::recorded::Recorded;
use crate::figures;
use crate::plot::{self, Plot};
use crate::screen::thousands;

/// A plot with its words.
pub struct Figure {
    /// Of the element on the page, and of the files in `plots/`.
    pub name: &'static str,
    /// What to draw.
    pub plot: Box<dyn Plot>,
    /// What one sees.
    pub caption: String,
}

impl Figure {
    fn new(name: &'static str, plot: impl Plot + 'static, caption: impl Into<String>) -> Self {
        Self { name, plot: Box::new(plot), caption: caption.into() }
    }
}

/// Figures that answer one question.
pub struct Chapter {
    /// The question.
    pub heading: &'static str,
    /// What to say first, or instead.
    pub words: Option<String>,
    /// Whether a large screen shows two figures in a row.
    pub in_pairs: bool,
    /// The answers.
    pub figures: Vec<Figure>,
}

/// Layers above these are left out of histograms.
const LAYERS: usize = 6;
/// Layers above these are left out of rasters and membranes.
const CLOSELY: usize = 3;
/// Units of which each layer's membranes are shown.
const UNITS: usize = 3;
/// Classes of which an image is shown.
const CLASSES: usize = 10;
/// Mistakes that are shown.
const MISTAKES: usize = 30;

/// All of them, in order.
pub fn chapters(run: &Recorded, set: &Dataset, found: &Findings) -> Vec<Chapter> {
    let chapter = |heading, figures| Chapter { heading, words: None, in_pairs: false, figures };
    vec![
        Chapter { in_pairs: true, ..chapter("How it learned", vec![loss(run), error(run)]) },
        chapter(
            "How it tells labels apart",
            vec![samples(set, found), goodness(run, found), labels(set, found), weights(run, set)],
        ),
        spikes(run, found),
        chapter("What it gets wrong", vec![confusion(found), mistakes(set, found)]),
    ]
}

fn loss(run: &Recorded) -> Figure {
    let when = match run.settings.config.schedule {
        Schedule::Joint => "All layers learn at the same time, each from what the one below gives it",
        Schedule::Greedy => "The layers learn one after the other, each for all epochs",
    };
    let caption = format!("{when}. Each has a loss of its own, and no gradient crosses between them.");
    Figure::new("loss", figures::loss(&run.metrics, run.model.weights.len()), caption)
}

fn error(run: &Recorded) -> Figure {
    let joint = run.settings.config.schedule == Schedule::Joint;
    let more = if joint { " The thin lines ask one layer alone." } else { "" };
    let caption = format!(
        "The share of {} that got a wrong label after each epoch, when every label is tried and the one with the \
         largest goodness is predicted.{more}",
        run.watched()
    );
    Figure::new("error", figures::error(&run.metrics, &run.settings.config, run.watched()), caption)
}

fn samples(set: &Dataset, found: &Findings) -> Figure {
    let caption = format!(
        "What the network sees: the first {} pixels hold the label. A positive carries the true one, a negative a wrong \
         one; the layers learn to tell the two apart, and that is all they learn.",
        set.classes
    );
    Figure::new("samples", figures::samples(set, &found.truth, &found.wrong), caption)
}

fn goodness(run: &Recorded, found: &Findings) -> Figure {
    let (config, scores) = (&run.model.config, [&found.before, &found.test.goodness.scores]);
    let [before, after] = scores.map(|scores| figures::goodness(scores, config, &found.truth, &found.wrong));
    let named = |layer: plot::LayerGoodness, when| plot::LayerGoodness {
        name: format!("{}, {when} training", layer.name),
        ..layer
    };
    let layers = before.into_iter().zip(after).take(LAYERS);
    let layers = layers.flat_map(|(a, b)| [named(a, "before"), named(b, "after")]).collect();
    let [before, after] = scores.map(|scores| found.parted(scores));
    let parted = before.iter().zip(&after).enumerate().take(LAYERS);
    let parted: Vec<String> =
        parted.map(|(l, (a, b))| format!("layer {}: {a:.1} % before, {b:.1} % after", l + 1)).collect();
    let caption = format!(
        "All {} test images, once with the true label and once with a wrong one drawn at random. Before training the two \
         are much alike; learning is what drives them apart. How often the true label has the larger goodness, a tie counting half: {}.",
        thousands(found.truth.len() as f64),
        parted.join("; ")
    );
    Figure::new("goodness", plot::Goodness { layers, columns: 2 }, caption)
}

fn labels(set: &Dataset, found: &Findings) -> Figure {
    let first = |class: usize| found.truth.iter().position(|truth| *truth == class);
    let images = (0..set.classes).filter_map(first).take(CLASSES).map(|i| plot::Labelled {
        image: pixels(set, i),
        words: format!("image {i}"),
        truth: found.truth[i],
        predicted: found.predicted[i],
        goodness: found.test.goodness.scores.of_image(i),
    });
    let caption = "The first test image of each class. Every label is tried on it, and the one with the largest goodness, \
                   summed over the layers, is predicted. The number is that of the largest.";
    Figure::new("labels", plot::Labels { shape: figures::shape(set), images: images.collect() }, caption)
}

fn weights(run: &Recorded, set: &Dataset) -> Figure {
    let config = &run.model.config;
    let rate = config.neuron == NeuronKind::Lif && config.output == Output::Rate;
    let pale =
        if rate { " Pale units have hardly learned: one that never spikes has no gradient." } else { "" };
    let caption = format!(
        "What units of the first layer look for: a red pixel drives the unit, a blue one holds it back. The first pixels, \
         at the top left, are the weights of the labels.{pale}"
    );
    Figure::new("weights", figures::weights(set, &run.model.weights[0].weight), caption)
}

fn spikes(run: &Recorded, found: &Findings) -> Chapter {
    let heading = "How it spikes";
    let Some(traces) = &found.closely.traces else {
        let words = "The units of this network are rectifiers: they have no membrane and do not spike, so there is neither a \
                     raster nor a membrane to show.";
        return Chapter { heading, words: Some(words.into()), in_pairs: false, figures: Vec::new() };
    };
    let figures = vec![raster(run, found, traces), membranes(run, found, traces)];
    Chapter { heading, words: None, in_pairs: false, figures }
}

fn raster(run: &Recorded, found: &Findings, traces: &[Vec<Trace>; 2]) -> Figure {
    let [right, wrong] = found.closely.labels;
    let (mut panels, mut active) = (Vec::new(), Vec::new());
    for (l, pair) in traces[0].iter().zip(&traces[1]).enumerate().take(CLOSELY) {
        let pair = [pair.0, pair.1];
        let counts = |unit: usize| pair.map(|one| one.spikes.column(unit).sum());
        let all = pair[0].spikes.ncols();
        let mut units: Vec<usize> = (0..all).filter(|unit| counts(*unit) != [0.0; 2]).collect();
        let preference = |unit: usize| counts(unit)[0] - counts(unit)[1];
        units.sort_by(|a, b| preference(*a).total_cmp(&preference(*b)));
        active.push(format!("{} of {all} in layer {}", units.len(), l + 1));
        for (one, label) in pair.into_iter().zip([right, wrong]) {
            let train = |unit: &usize| one.spikes.column(*unit).iter().map(|spike| *spike > 0.0).collect();
            panels.push(plot::Spikes {
                name: format!("layer {}, label {label}: {} spikes", l + 1, one.spikes.sum()),
                right: label == right,
                steps: one.spikes.nrows(),
                units: units.iter().map(train).collect(),
            });
        }
    }
    let caption = format!(
        "Every spike for one image, on the left with its true label, on the right with the wrong label that came closest. \
         A row is a unit; those that prefer the true label are at the top. Units that spike with neither are left out: shown \
         are {}.{}",
        active.join(", "),
        if run.model.config.output == Output::Rate { " More spikes are more goodness." } else { "" }
    );
    let words = format!("test image {}, a {right}", found.closely.image);
    Figure::new("raster", plot::Raster { panels, words }, caption)
}

fn membranes(run: &Recorded, found: &Findings, traces: &[Vec<Trace>; 2]) -> Figure {
    let mut units = Vec::new();
    for (l, (right, wrong)) in traces[0].iter().zip(&traces[1]).enumerate().take(CLOSELY) {
        let steps = ndarray::Axis(0);
        let spikes = (&right.spikes - &wrong.spikes).sum_axis(steps).mapv(f32::abs);
        let apart = (&right.membranes - &wrong.membranes).mapv(|d| d * d).sum_axis(steps);
        let mut order: Vec<usize> = (0..apart.len()).collect();
        order.sort_by(|a, b| spikes[*b].total_cmp(&spikes[*a]).then(apart[*b].total_cmp(&apart[*a])));
        units.extend(order.into_iter().take(UNITS).map(|unit| plot::Membrane {
            name: format!("layer {}, unit {unit}", l + 1),
            traces: [right, wrong].map(|one| one.membranes.column(unit).to_vec()),
        }));
    }
    let config = &run.model.config;
    let reset = match config.reset {
        Reset::Subtract => "; one step later the threshold is taken off it",
        Reset::Zero => "; one step later it starts again from zero",
        Reset::None => "",
    };
    let caption = format!(
        "The same image with the same two labels: in each layer the three units whose spikes the label changes most. A unit \
         spikes, a dot, where its membrane is above the threshold{reset}."
    );
    let threshold = config.threshold;
    Figure::new("membrane", plot::Membranes { units, threshold, labels: found.closely.labels }, caption)
}

fn confusion(found: &Findings) -> Figure {
    let caption = "Test images by their true label, which is the row, and the predicted one, the column. The stronger an orange \
                   cell, the more often that mistake was made.";
    Figure::new("confusion", plot::Confusion { counts: found.confusion() }, caption)
}

fn mistakes(set: &Dataset, found: &Findings) -> Figure {
    let all = found.mistakes();
    let mistake = |i: &usize| plot::Mistake {
        image: pixels(set, *i),
        truth: found.truth[*i],
        predicted: found.predicted[*i],
    };
    let worst = all.iter().take(MISTAKES).map(mistake).collect();
    let caption = "First those where the true label's goodness was the smallest share of the winner's. Some of them puzzle \
                   people too.";
    let caption = if all.is_empty() { "Every test image got its true label." } else { caption };
    Figure::new("mistakes", plot::Mistakes { shape: figures::shape(set), worst, all: all.len() }, caption)
}

fn pixels(set: &Dataset, i: usize) -> Vec<f32> {
    figures::with_label(set.test.images.row(i).iter().copied(), None, set.classes)
}
