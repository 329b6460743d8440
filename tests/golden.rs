//! The CPU device against numbers that PyTorch and snnTorch computed (`golden/make_golden.py`).
#![allow(clippy::unwrap_used, missing_docs)]

mod formulas;

use std::path::Path;
use std::sync::Arc;

use ff_cpu::Cpu;
use ff_net::formulas::{Adam, Output, Reset, Softplus, Squares};
use ff_net::input::Images;
use ff_net::layer::{Activity, Layer, Learning, Lesson};
use ff_net::{Config, Dense, LifConfig, NeuronConfig, ObjectiveConfig, SurrogateKind};
use ff_tensor::{
    Advance, Device, Dropout, Gather, LocalGrad, Norm, PairLosses, Tensor, Units, UnitsForward, Update,
};
use formulas::MeanSignal;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn golden(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn of<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn close(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!(
            (got - want).abs() <= tolerance * want.abs().max(1.0),
            "{what}[{i}]: {got}, torch has {want}"
        );
    }
}

fn units(lif: LifConfig) -> Arc<dyn Units> {
    Config { neuron: NeuronConfig::Lif(lif), ..Config::default() }.units()
}

/// snnTorch's rows run [step][row][unit], ours [row][step][unit].
fn by_row<T: Copy>(by_step: &[T], steps: usize, [rows, units]: [usize; 2]) -> Vec<T> {
    let at = |r: usize, t: usize, j: usize| by_step[(t * rows + r) * units + j];
    (0..rows).flat_map(|r| (0..steps).flat_map(move |t| (0..units).map(move |j| at(r, t, j)))).collect()
}

#[test]
fn spikes_membranes_and_slopes_are_snntorchs() {
    let dev = Cpu::new(1).unwrap();
    let golden = golden("lif.json");
    let shape: [usize; 2] = of(&golden["shape"]);
    let [rows, n] = shape;
    let (mut spikes_seen, mut slopes_seen) = (0, 0);
    for case in golden["cases"].as_array().unwrap() {
        let (steps, in_time): (usize, bool) = (of(&case["steps"]), of(&case["in_time"]));
        let current_steps = if in_time { steps } else { 1 };
        let arrange = |values: Vec<f32>| by_row(&values, current_steps, shape);
        let current = dev.upload(rows * current_steps, n, &arrange(of(&case["current"]))).unwrap();
        let weights: Vec<f32> = of(&case["weights"]);
        for (name, surrogate) in [
            ("atan", SurrogateKind::Atan),
            ("fast_sigmoid", SurrogateKind::FastSigmoid),
            ("triangle", SurrogateKind::Triangle),
            ("boxcar", SurrogateKind::Boxcar),
        ] {
            for output in [Output::Membrane, Output::Rate] {
                let reset: Reset = of(&case["reset"]);
                let beta = of(&case["beta"]);
                let p = LifConfig { beta, threshold: 1.0, reset, steps, output, surrogate };
                let units = units(p);
                let what = format!("{} {name} {output:?} {reset:?} T {steps} in_time {in_time}", p.beta);
                let (signal, spikes) = forward(&dev, &current, rows, &*units);
                let want: Vec<u8> = by_row(&of::<Vec<u8>>(&case["spikes"]), steps, shape);
                let got: Vec<u8> = spikes.get().iter().map(|&s| s as u8).collect();
                assert_eq!(got, want, "{what}");
                spikes_seen += got.iter().map(|&s| usize::from(s)).sum::<usize>();

                let (want_signal, gradient) = match output {
                    Output::Membrane => (of::<Vec<f32>>(&case["mem"]), &case["d_membrane"]),
                    Output::Rate => {
                        let count = |r: usize, j: usize| {
                            (0..steps).map(|t| want[(r * steps + t) * n + j]).sum::<u8>()
                        };
                        let rate = |i: usize| f32::from(count(i / n, i % n)) / steps as f32;
                        ((0..rows * n).map(rate).collect(), &case[name])
                    }
                };
                close(&what, signal.get(), &want_signal, 1e-6);
                let slope = slope(&dev, &current, rows, &*units);
                let of_unit = |i: usize| weights[i / (current_steps * n) * n + i % n];
                let got: Vec<f32> = slope.iter().enumerate().map(|(i, slope)| slope * of_unit(i)).collect();
                close(&what, &got, &arrange(of(gradient)), 2e-6);
                slopes_seen += slope.iter().filter(|&&s| s != 0.0).count();
            }
        }
    }
    assert!(spikes_seen > 1_000, "only {spikes_seen} spikes in all cases");
    assert!(slopes_seen > 1_000, "only {slopes_seen} slopes in all cases");
}

/// What the units answer: signals, and spikes step by step.
fn forward(dev: &Cpu, current: &Tensor<Cpu>, rows: usize, units: &dyn Units) -> (Tensor<Cpu>, Tensor<Cpu>) {
    let (n, steps) = (current.cols(), units.steps());
    let (mut signal, mut spikes) = (dev.zeros(rows, n).unwrap(), dev.zeros(rows * steps, n).unwrap());
    UnitsForward { signal: &mut signal, spikes: Some(&mut spikes), current, bias: None, units }
        .on(dev)
        .unwrap();
    (signal, spikes)
}

/// `d signal / d current`, from the current's gradient in `local_grad`, where each row is a positive and a negative. With a
/// goodness that is the mean of the signals, `dI = dg/n slope`.
fn slope(dev: &Cpu, current: &Tensor<Cpu>, rows: usize, units: &dyn Units) -> Vec<f32> {
    let (n, steps) = (current.cols(), current.rows() / rows);
    let current = dev.upload(2 * rows * steps, n, &current.get().repeat(2)).unwrap();
    let zeros = |rows, cols| -> Tensor<Cpu> { dev.zeros(rows, cols).unwrap() };
    let (mut dcurrent, mut signal) = (zeros(2 * rows * steps, n), zeros(2 * rows, n));
    let (mut losses, mut goodness, mut dgoodness) = (zeros(rows, 1), zeros(2 * rows, 1), zeros(2 * rows, 1));
    let (clock, objective) = (&dev.zeros(1, 2).unwrap(), &Softplus { theta: 1.0 });
    LocalGrad {
        dcurrent: &mut dcurrent,
        losses: &mut losses,
        signal: &mut signal,
        spikes: None,
        goodness: &mut goodness,
        current: &current,
        bias: None,
        clock,
        units,
        dropout: Dropout::NONE,
        formula: &MeanSignal,
        objective,
    }
    .on(dev)
    .unwrap();
    let (losses, goodness) = (&mut losses, &goodness);
    PairLosses { losses, dgoodness: &mut dgoodness, goodness, clock, objective }.on(dev).unwrap();
    // Of a row's two copies, the one whose goodness has the steeper loss.
    let (dcurrent, dgoodness) = (dcurrent.get(), dgoodness.get());
    let at = |i: usize| {
        let r = i / n / steps;
        let copy = if dgoodness[r].abs() > dgoodness[rows + r].abs() { 0 } else { rows };
        dcurrent[copy * steps * n + i] * n as f32 / dgoodness[copy + r]
    };
    (0..rows * steps * n).map(at).collect()
}

#[test]
fn ten_steps_of_adam_are_torchs() {
    let dev = Cpu::new(1).unwrap();
    let golden = golden("adam.json");
    let start: Vec<f32> = of(&golden["start"]);
    let n = start.len();
    let mut weight = dev.upload(1, n, &start).unwrap();
    let mut moments = [dev.zeros(1, n).unwrap(), dev.zeros(1, n).unwrap()];
    let mut clock = dev.zeros(1, 2).unwrap();
    let steps: Vec<(Vec<f32>, Vec<f32>)> = {
        let gradients: Vec<Vec<f32>> = of(&golden["gradients"]);
        gradients.into_iter().zip(of::<Vec<Vec<f32>>>(&golden["values"])).collect()
    };
    assert_eq!(steps.len(), 10);
    for (gradient, want) in steps {
        let gradient = dev.upload(1, n, &gradient).unwrap();
        let (moments, optimiser) = (&mut moments, &Adam::constant(0.03));
        Update { weight: &mut weight, moments, gradient: &gradient, clock: &clock, optimiser }
            .on(&dev)
            .unwrap();
        Advance { clock: &mut clock }.on(&dev).unwrap();
        close("weight", weight.get(), &want, 2e-6);
    }
}

#[test]
fn a_layers_loss_and_weight_gradient_are_autograds() {
    let dev = Cpu::new(1).unwrap();
    let golden = golden("layer.json");
    let pixels: Vec<u8> = of(&golden["pixels"]);
    let (positive, negative): (Vec<u32>, Vec<u32>) = (of(&golden["positive"]), of(&golden["negative"]));
    let (batch, inputs, units) = (4, 17, 7);
    let transposed = |w: Vec<f32>| -> Vec<f32> {
        (0..inputs).flat_map(|i| (0..units).map(move |j| (i, j))).map(|(i, j)| w[j * inputs + i]).collect()
    };
    let set = dev.upload(batch, inputs, &pixels).unwrap();
    let targets = dev.upload(batch, 1, &positive).unwrap();
    let order = dev.upload(batch, 1, &[0u32, 1, 2, 3]).unwrap();
    let pair = dev.upload(2 * batch, 1, &[positive, negative].concat()).unwrap();
    let clock = dev.zeros(1, 2).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let what = format!("{} {} {} {}", case["neuron"], case["norm"], case["objective"], case["amplitude"]);
        let lif = LifConfig {
            steps: of(&case["steps"]),
            output: if case["neuron"] == "rate" { Output::Rate } else { Output::Membrane },
            ..LifConfig::default()
        };
        let neuron = if case["neuron"] == "relu" { NeuronConfig::RELU } else { NeuronConfig::Lif(lif) };
        let objective = match case["objective"].as_str().unwrap() {
            "pair" => ObjectiveConfig::Pair { alpha: 6.0 },
            _ => ObjectiveConfig::Softplus { theta: 5.0 },
        };
        // `alpha` is in squares of the threshold, which is 1.
        let config = Config { neuron, objective, norm: of(&case["norm"]), ..Config::default() };
        let (norm, amplitude): (Norm, f32) = (config.norm(), of(&case["amplitude"]));
        let mut layer = Layer {
            connection: Box::new(Dense {
                weight: dev.upload(inputs, units, &transposed(of(&golden["weight"]))).unwrap(),
            }),
            bias: None,
            units: config.units(),
            norm,
            goodness: Arc::new(Squares::Mean),
        };
        let mut images = Images::new(&dev, batch, inputs, 3, units).unwrap();
        let Images { xhat, scale, labels, shares } = &mut images;
        let (images_of, targets, order, clock) = (&set, &targets, &order, &clock);
        let dropout = Dropout::NONE;
        Gather {
            xhat,
            scale,
            labels,
            images: images_of,
            targets,
            order,
            clock,
            classes: 3,
            amplitude,
            norm,
            dropout,
        }
        .on(&dev)
        .unwrap();
        layer.connection.current(&dev, shares, xhat).unwrap();
        let optimiser = &Adam::constant(0.03);
        let mut activity = Activity::new(&dev, &layer, 2 * batch, false, false).unwrap();
        let mut learning = Learning::new(&dev, &layer, 2 * batch, batch + 4, optimiser).unwrap();
        let mut losses = dev.zeros(batch, 1).unwrap();
        let mut lesson = Lesson {
            clock,
            dropout,
            objective: &*config.objective(),
            optimiser,
            losses: &mut losses,
            reduce: &mut |_, _| Ok(()),
        };
        let input = images.overlay(&pair, amplitude);
        layer.learn(&dev, &mut learning, &mut activity, input, &mut lesson).unwrap();
        let loss = losses.get().iter().sum::<f32>() / batch as f32;
        close(&what, &[loss], &[of(&case["loss"])], 2e-6);
        close(&what, activity.goodness.get(), &of::<Vec<f32>>(&case["goodness"]), 2e-6);
        // Goodnesses of some 10 and a steep objective: a few more roundings than above.
        close(&what, learning.gradients()[0].get(), &transposed(of(&case["dweight"])), 1e-5);
    }
}
