//! How the cost of training grows with batch, width, time steps, layers and threads: a table, and a plot in
//! `docs/scaling.svg`.
//!
//! `cargo bench --bench scaling`; a few minutes on two cores.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::time::Instant;

use ff_cpu::Cpu;
use ff_data::{Dataset, synthetic};
use ff_net::{Config, Network, Trainer};

#[path = "panels/mod.rs"]
mod panels;
use panels::{Panel, draw};

const IMAGES: usize = 6_000;
/// Epochs that are timed, after one that is not; the median counts.
const EPOCHS: usize = 5;

/// One thing that is varied.
struct Sweep {
    name: &'static str,
    values: Vec<usize>,
    set: fn(&mut Config, usize),
}

/// The spiking net.
fn spiking() -> Config {
    toml::from_str(include_str!("spiking.toml")).unwrap()
}

/// Microseconds for an image, forwards and backwards, all layers.
fn cost(data: &Dataset, config: Config, threads: usize) -> f64 {
    let dev = Cpu::new(threads).unwrap();
    let network = Network::new(&dev, config, data.width * data.height, data.classes).unwrap();
    let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels).unwrap();
    let mut times: Vec<f64> = (0..=EPOCHS as u64)
        .map(|_| {
            let start = Instant::now();
            dev.install(|| trainer.epoch().map(|_| ())).unwrap();
            start.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    times.sort_by(f64::total_cmp);
    1e6 * times[times.len() / 2] / IMAGES as f64
}

fn main() {
    let data = synthetic(IMAGES, 1, 1);
    let cores = Cpu::new(0).unwrap().threads();
    let sweeps = [
        Sweep { name: "batch", values: vec![25, 50, 100, 200, 500, 1_000], set: |c, v| c.batch = v },
        Sweep {
            name: "units in each of two layers",
            values: vec![125, 250, 500, 1_000, 2_000],
            set: |c, v| c.layers = vec![v; 2],
        },
        Sweep { name: "time steps", values: vec![1, 2, 4, 8, 16, 32], set: |c, v| c.lif_mut().steps = v },
        Sweep { name: "layers of 500", values: vec![1, 2, 3, 4], set: |c, v| c.layers = vec![500; v] },
    ];
    let mut lines: Vec<(&str, Vec<(f64, f64)>)> = Vec::new();
    println!("784-500-500, 8 steps, batch 100, {cores} threads unless varied; microseconds an image\n");
    for Sweep { name, values, set } in sweeps {
        let costs = values.iter().map(|&value| {
            let mut config = spiking();
            set(&mut config, value);
            (value as f64, cost(&data, config, 0))
        });
        lines.push((name, costs.collect()));
    }
    let costs = (1..=cores).map(|threads| (threads as f64, cost(&data, spiking(), threads)));
    lines.push(("threads", costs.collect()));
    for (name, costs) in &lines {
        let row =
            |cell: &dyn Fn(&(f64, f64)) -> String| costs.iter().map(cell).collect::<Vec<_>>().join(" | ");
        println!("| {name} | {} |", row(&|c| format!("{}", c.0)));
        println!("|---|{}", "---:|".repeat(costs.len()));
        println!("| µs an image | {} |\n", row(&|c| format!("{:.1}", c.1)));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scaling.svg");
    let top = lines.iter().flat_map(|(_, costs)| costs).fold(0.0f64, |top, cost| top.max(cost.1));
    let first = lines[0].0;
    let panels = lines.into_iter().map(|(name, costs)| Panel {
        title: name.into(),
        y_desc: if name == first { "µs an image" } else { "" },
        y: 4.0..top * 1.2,
        y_points: vec![5.0, 10.0, 20.0, 50.0, 100.0, 200.0],
        lines: vec![("", costs)],
    });
    draw(&path, &panels.collect::<Vec<_>>());
    println!("drawn to {}", path.display());
}
