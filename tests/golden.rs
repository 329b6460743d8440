//! The CPU device against numbers that PyTorch and snnTorch computed (`golden/make_golden.py`).
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

use ff_cpu::Cpu;
use ff_net::layer::{Activity, Images, Input, Labels, Layer, Learning, Rule, Sizes};
use ff_tensor::{
    Adam, Device, Dropout, Gather, Goodness, LabelRow, LocalLoss, Neuron, NeuronKind, Norm, Objective,
    Output, Reset, Surrogate, Tensor,
};
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
    let [rows, units] = shape;
    let (mut spikes_seen, mut slopes_seen) = (0, 0);
    for case in golden["cases"].as_array().unwrap() {
        let (steps, in_time): (usize, bool) = (of(&case["steps"]), of(&case["in_time"]));
        let current_steps = if in_time { steps } else { 1 };
        let arrange = |values: Vec<f32>| by_row(&values, current_steps, shape);
        let current = dev.upload(rows * current_steps, units, &arrange(of(&case["current"]))).unwrap();
        let weights: Vec<f32> = of(&case["weights"]);
        for (name, surrogate) in [
            ("atan", Surrogate::Atan),
            ("fast_sigmoid", Surrogate::FastSigmoid),
            ("triangle", Surrogate::Triangle),
            ("boxcar", Surrogate::Boxcar),
        ] {
            for output in [Output::Membrane, Output::Rate] {
                let reset: Reset = of(&case["reset"]);
                let p = Neuron {
                    kind: NeuronKind::Lif,
                    beta: of(&case["beta"]),
                    threshold: 1.0,
                    reset,
                    steps,
                    output,
                    surrogate,
                };
                let what = format!("{} {name} {output:?} {reset:?} T {steps} in_time {in_time}", p.beta);
                let mut signal = dev.zeros(rows, units).unwrap();
                let mut spikes = dev.zeros(rows * steps, units).unwrap();
                dev.lif(&mut signal, Some(&mut spikes), &current, None, &p).unwrap();

                let want: Vec<u8> = by_row(&of::<Vec<u8>>(&case["spikes"]), steps, shape);
                let got: Vec<u8> = spikes.data.iter().map(|&s| s as u8).collect();
                assert_eq!(got, want, "{what}");
                spikes_seen += got.iter().map(|&s| usize::from(s)).sum::<usize>();

                let (want_signal, gradient) = match output {
                    Output::Membrane => (of::<Vec<f32>>(&case["mem"]), &case["d_membrane"]),
                    Output::Rate => {
                        let count = |r: usize, j: usize| {
                            (0..steps).map(|t| want[(r * steps + t) * units + j]).sum::<u8>()
                        };
                        let rate = |i: usize| f32::from(count(i / units, i % units)) / steps as f32;
                        ((0..rows * units).map(rate).collect(), &case[name])
                    }
                };
                close(&what, &signal.data, &want_signal, 1e-6);
                // The slope of a unit without a signal is nowhere to be seen, and of no account.
                let slope = slope(&dev, &current, rows, &p);
                let mut want_gradient = arrange(of(gradient));
                let got: Vec<f32> = slope
                    .iter()
                    .enumerate()
                    .map(|(i, s)| s.map(|s| s * weights[i / (current_steps * units) * units + i % units]))
                    .zip(&mut want_gradient)
                    .map(|(got, want)| got.unwrap_or(*want))
                    .collect();
                close(&what, &got, &want_gradient, 2e-6);
                slopes_seen += slope.iter().flatten().filter(|&&s| s != 0.0).count();
            }
        }
    }
    assert!(spikes_seen > 1_000, "only {spikes_seen} spikes in all cases");
    assert!(slopes_seen > 1_000, "only {slopes_seen} slopes in all cases");
}

/// `d signal / d current`, from the current's gradient in `local_grad`, where each row is a positive and a negative:
/// `dI = dg 2 signal slope`. `None` where the signal is 0.
fn slope(dev: &Cpu, current: &Tensor<Cpu>, rows: usize, p: &Neuron) -> Vec<Option<f32>> {
    let (units, steps) = (current.cols(), current.rows() / rows);
    let twice = [current.data.as_slice(), &current.data].concat();
    let current = dev.upload(2 * rows * steps, units, &twice).unwrap();
    let objective = Objective::Softplus { theta: 1.0 };
    let local = LocalLoss { neuron: *p, dropout: Dropout::NONE, goodness: Goodness::Sum, objective };
    let (mut dcurrent, mut signal) =
        (dev.zeros(2 * rows * steps, units).unwrap(), dev.zeros(2 * rows, units).unwrap());
    let (mut losses, mut goodness) = (dev.zeros(rows, 1).unwrap(), dev.zeros(2 * rows, 1).unwrap());
    let (mut dgoodness, clock) = (dev.zeros(2 * rows, 1).unwrap(), dev.zeros(1, 2).unwrap());
    let (dc, log, g) = (&mut dcurrent, &mut losses, &mut goodness);
    dev.local_grad(dc, log, &mut signal, None, g, &current, None, &clock, &local).unwrap();
    dev.objective(&mut losses, &mut dgoodness, &goodness, &clock, &objective).unwrap();
    // Of a row's two copies, the one whose goodness has the steeper loss.
    let at = |i: usize| {
        let (r, j) = (i / units / steps, i % units);
        let copy = if dgoodness.data[r].abs() > dgoodness.data[rows + r].abs() { 0 } else { rows };
        let signal = signal.data[(copy + r) * units + j];
        let by = 2.0 * dgoodness.data[copy + r] * signal;
        (signal != 0.0).then(|| dcurrent.data[copy * steps * units + i] / by)
    };
    (0..rows * steps * units).map(at).collect()
}

#[test]
fn ten_steps_of_adam_are_torchs() {
    let dev = Cpu::new(1).unwrap();
    let golden = golden("adam.json");
    let start: Vec<f32> = of(&golden["start"]);
    let n = start.len();
    let mut weight = dev.upload(1, n, &start).unwrap();
    let (mut mean, mut square) = (dev.zeros(1, n).unwrap(), dev.zeros(1, n).unwrap());
    let mut clock = dev.zeros(1, 2).unwrap();
    let steps: Vec<(Vec<f32>, Vec<f32>)> = {
        let gradients: Vec<Vec<f32>> = of(&golden["gradients"]);
        gradients.into_iter().zip(of::<Vec<Vec<f32>>>(&golden["values"])).collect()
    };
    assert_eq!(steps.len(), 10);
    for (gradient, want) in steps {
        let gradient = dev.upload(1, n, &gradient).unwrap();
        dev.adam(&mut weight, &mut mean, &mut square, &gradient, &clock, &Adam::constant(0.03)).unwrap();
        dev.advance(&mut clock).unwrap();
        close("weight", &weight.data, &want, 2e-6);
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
        let neuron = Neuron {
            kind: if case["neuron"] == "relu" { NeuronKind::Relu } else { NeuronKind::Lif },
            steps: of(&case["steps"]),
            output: if case["neuron"] == "rate" { Output::Rate } else { Output::Membrane },
            ..Neuron::default()
        };
        let norm = Norm { kind: of(&case["norm"]), eps: 1e-4 };
        let mut layer = Layer {
            weight: dev.upload(inputs, units, &transposed(of(&golden["weight"]))).unwrap(),
            bias: None,
            neuron,
            norm,
            goodness: Goodness::Mean,
        };
        let amplitude = of(&case["amplitude"]);
        let mut images = Images::new(&dev, batch, inputs, 3).unwrap();
        let Images { xhat, scale, labels } = &mut images;
        let gather = Gather { classes: 3, amplitude, norm, dropout: Dropout::NONE };
        dev.gather(xhat, scale, labels, &set, &targets, &order, &clock, &gather).unwrap();
        let sizes = Sizes {
            batch,
            copies: 2,
            classes: 3,
            input: Input::Images,
            spikes_in: false,
            spikes_out: false,
            rows: false,
        };
        let mut activity = Activity::new(&dev, &layer, sizes).unwrap();
        let mut learning = Learning::new(&dev, &layer, &activity).unwrap();
        let mut losses = dev.zeros(batch, 1).unwrap();
        let labels = Labels { labels: &pair, scale: &images.scale, row: LabelRow { amplitude } };
        layer.image_current(&dev, &mut activity, &images).unwrap();
        let objective = match case["objective"].as_str().unwrap() {
            "pair" => Objective::Pair { alpha: 6.0 },
            _ => Objective::Softplus { theta: 5.0 },
        };
        let rule = Rule { clock: &clock, dropout: Dropout::NONE, objective, adam: Adam::constant(0.03) };
        layer.learn_images(&dev, &mut learning, &mut losses, &mut activity, &images, &labels, &rule).unwrap();
        let loss = losses.data.iter().sum::<f32>() / batch as f32;
        close(&what, &[loss], &[of(&case["loss"])], 2e-6);
        close(&what, &activity.goodness.data, &of::<Vec<f32>>(&case["goodness"]), 2e-6);
        // Goodnesses of some 10 and a steep objective: a few more roundings than above.
        close(&what, &learning.dweight().data, &transposed(of(&case["dweight"])), 1e-5);
    }
}
