//! How long a step takes on several ranks that share out units: a model of it, beside what was measured, and drawn out to 64
//! ranks in `docs/cluster.svg`.
//!
//! ```text
//! t = B (W weight / P + N unit) / cores  +  sum over exchanges of  wait + latency + (P - 1) message + bytes / link
//! ```
//! B is the batch, W the number of weights, N the number of units, and P the number of ranks. A layer of n units has two
//! exchanges: n bytes for each image for its head, and 2 n for its positive and negative. Each rank gets nearly all of them,
//! whatever the number of ranks.
//!
//! `cargo bench --bench cluster`; it measures nothing and takes no time.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

#[path = "panels/mod.rs"]
mod panels;
use panels::{Panel, draw};

/// Images in a batch.
const BATCH: f64 = 100.0;
const PIXELS: f64 = 784.0;
const CLASSES: f64 = 10.0;
/// Seconds that one core takes for a weight and an image: the slope of the measured times of one rank.
const WEIGHT: f64 = 66e-12;
/// Seconds that a rank takes for a unit and an image, however many ranks there are: it normalises what comes in, and it turns
/// bytes into numbers.
const UNIT: f64 = 3e-9;
/// Seconds that ranks wait for each other in an exchange, because none takes exactly as long as another one. It was fitted to the
/// measured times.
const WAIT: f64 = 150e-6;
/// Bytes of a weight: itself, its gradient and two moments.
const BYTES: f64 = 16.0;

/// A way between ranks.
struct Link {
    /// Seconds until the first byte arrives.
    latency: f64,
    /// Seconds that a rank is busy with each message.
    message: f64,
    /// Bytes in a second.
    speed: f64,
}

/// Shared memory, and two links that clusters have.
const MEMORY: Link = Link { latency: 25e-6, message: 5e-6, speed: 5e9 };
const TEN: Link = Link { latency: 20e-6, message: 3e-6, speed: 1.18e9 };
const HUNDRED: Link = Link { latency: 5e-6, message: 1e-6, speed: 11.8e9 };

/// The widths of all layers, and the weights between them.
fn weights(layers: &[f64]) -> f64 {
    let below = std::iter::once(&PIXELS).chain(layers);
    below.zip(layers).map(|(inputs, units)| inputs * units).sum()
}

/// The seconds of a step whose units are shared out among `ranks` ranks.
fn units(layers: &[f64], ranks: f64, cores: f64, link: &Link) -> f64 {
    let compute = BATCH * (weights(layers) * WEIGHT / ranks + layers.iter().sum::<f64>() * UNIT) / cores;
    if ranks < 2.0 {
        return compute;
    }
    let exchange = |bytes: f64| {
        WAIT + link.latency + (ranks - 1.0) * link.message + bytes * (ranks - 1.0) / ranks / link.speed
    };
    let of_layer = |units: &f64| exchange(BATCH * units) + exchange(2.0 * BATCH * units);
    let scores = exchange(4.0 * BATCH * CLASSES * ranks);
    compute + layers.iter().map(of_layer).sum::<f64>() + scores
}

/// What was measured: layers, and how many times faster two ranks of one core are than one, in one machine. The figures are
/// those of `docs/cluster.md`.
const MEASURED: [(&str, &[f64], f64); 3] = [
    ("784-500-500", &[500.0; 2], 1.39),
    ("784-500x4", &[500.0; 4], 1.48),
    ("784-2000-2000", &[2_000.0; 2], 1.51),
];

fn main() {
    println!("| units on two ranks | measured | model |");
    println!("|---|---:|---:|");
    for (name, layers, measured) in MEASURED {
        let model = units(layers, 1.0, 1.0, &MEMORY) / units(layers, 2.0, 1.0, &MEMORY);
        println!("| {name} | {measured:.2} | {model:.2} |");
    }
    let nets = [("10⁸ weights", 9_600.0), ("10⁹ weights", 31_200.0), ("10¹⁰ weights", 99_600.0)];
    let ranks = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
    let faster = |title: &str, y_desc, link: &Link| Panel {
        title: title.into(),
        y_desc,
        y: 0.8..80.0,
        y_points: vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0],
        lines: nets
            .iter()
            .map(|(name, width)| {
                let (layers, cores) = (&[*width; 2], 16.0);
                let alone = units(layers, 1.0, cores, link);
                (*name, ranks.map(|ranks| (ranks, alone / units(layers, ranks, cores, link))).to_vec())
            })
            .collect(),
    };
    let memory = Panel {
        title: "GB for the weights of a rank".into(),
        y_desc: "",
        y: 0.01..400.0,
        y_points: vec![0.1, 1.0, 10.0, 100.0],
        lines: nets
            .iter()
            .map(|(_, width)| {
                let all = BYTES * weights(&[*width; 2]) / 1e9;
                ("", ranks.map(|ranks| (ranks, all / ranks)).to_vec())
            })
            .collect(),
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cluster.svg");
    let panels = [
        faster("ranks of 16 cores, 10 Gbit/s", "times faster than one rank", &TEN),
        faster("ranks of 16 cores, 100 Gbit/s", "", &HUNDRED),
        memory,
    ];
    draw(&path, &panels);
    println!("\ndrawn to {}", path.display());
}
