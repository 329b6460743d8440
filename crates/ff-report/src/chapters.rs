//! This module makes the figures of one run. It says which plot answers which question, and it writes the captions.

use crate::closely;
use crate::figure::{Chapter, Figure};
use crate::pictures::{Layer, Pictures};
use crate::plot;
use crate::run::{Run, Schedule, Units};
use crate::words::thousands;

/// The number of layers in the histograms. Layers above these are left out.
const LAYERS: usize = 6;

/// Returns all chapters, in order.
pub fn chapters(run: &Run, pictures: Pictures) -> Vec<Chapter> {
    let Pictures { loss: losses, error: errors, samples: rows, before, after, .. } = pictures;
    let chapter = |heading, figures| Chapter { heading, words: None, in_pairs: false, figures };
    vec![
        Chapter { in_pairs: true, ..chapter("How it learned", vec![loss(run, losses), error(run, errors)]) },
        chapter(
            "How it tells labels apart",
            vec![
                samples(run, rows),
                goodness(run, before, after),
                labels(pictures.labels),
                weights(run, pictures.weights),
            ],
        ),
        closely::chapter(run, &pictures.closely),
        chapter("What it gets wrong", vec![confusion(pictures.confusion), mistakes(pictures.mistakes)]),
    ]
}

fn loss(run: &Run, losses: plot::Lines) -> Figure {
    let when = match run.network.schedule {
        Schedule::Joint => "All layers learn at the same time, each from what the one below gives it",
        Schedule::Greedy => "The layers learn one after the other, each for all epochs",
    };
    let caption = format!("{when}. Each has a loss of its own, and no gradient crosses between them.");
    Figure::new("loss", losses, caption)
}

fn error(run: &Run, errors: plot::Lines) -> Figure {
    let joint = run.network.schedule == Schedule::Joint;
    let more = if joint { " The thin lines ask one layer alone." } else { "" };
    let caption = format!(
        "The share of {} that got a wrong label after each epoch, when every label is tried and the one with the \
         largest goodness is predicted.{more}",
        run.watched
    );
    Figure::new("error", errors, caption)
}

fn samples(run: &Run, rows: plot::Samples) -> Figure {
    let caption = format!(
        "What the network sees: the first {} pixels hold the label. A positive carries the true one, a negative a wrong \
         one; the layers learn to tell the two apart, and that is all they learn.",
        run.network.classes
    );
    Figure::new("samples", rows, caption)
}

fn goodness(run: &Run, before: Vec<Layer>, after: Vec<Layer>) -> Figure {
    let named = |layer: plot::LayerGoodness, when| plot::LayerGoodness {
        name: format!("{}, {when} training", layer.name),
        ..layer
    };
    let (mut layers, mut parted) = (Vec::new(), Vec::new());
    for (l, (a, b)) in before.into_iter().zip(after).enumerate().take(LAYERS) {
        parted.push(format!("layer {}: {:.1} % before, {:.1} % after", l + 1, a.parted, b.parted));
        layers.extend([named(a.goodness, "before"), named(b.goodness, "after")]);
    }
    let caption = format!(
        "All {} test images, once with the true label and once with a wrong one drawn at random. Before training the two \
         are much alike; learning is what drives them apart. How often the true label has the larger goodness, a tie counting half: {}.",
        thousands(run.tested.images as f64),
        parted.join("; ")
    );
    Figure::new("goodness", plot::Goodness { layers, columns: 2 }, caption)
}

fn labels(labels: plot::Labels) -> Figure {
    let caption = "The first test image of each class. Every label is tried on it, and the one with the largest goodness, \
                   summed over the layers, is predicted. The number is that of the largest.";
    Figure::new("labels", labels, caption)
}

fn weights(run: &Run, weights: plot::Weights) -> Figure {
    let rate = matches!(run.network.units, Units::Spiking { rate: true, .. });
    let pale =
        if rate { " Pale units have hardly learned: one that never spikes has no gradient." } else { "" };
    let caption = format!(
        "What units of the first layer look for: a red pixel drives the unit, a blue one holds it back. The first pixels, \
         at the top left, are the weights of the labels.{pale}"
    );
    Figure::new("weights", weights, caption)
}

fn confusion(counts: plot::Confusion) -> Figure {
    let caption = "Test images by their true label, which is the row, and the predicted one, the column. The stronger an orange \
                   cell, the more often that mistake was made.";
    Figure::new("confusion", counts, caption)
}

fn mistakes(mistakes: plot::Mistakes) -> Figure {
    let caption = "First those where the true label's goodness was the smallest share of the winner's. Some of them puzzle \
                   people too.";
    let caption = if mistakes.all == 0 { "Every test image got its true label." } else { caption };
    Figure::new("mistakes", mistakes, caption)
}
