//! Each op of the CPU device at the sizes of a 784-500-500 network in batches of 512.
//!
//! `cargo bench --bench ops`, or with a name: `cargo bench --bench ops -- lif`.
#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ff_cpu::Cpu;
use ff_data::synthetic;
use ff_net::formulas::{Adam, Lif, Output, Pair, Reset, Squares, Triangle};
use ff_tensor::{
    Augment, Augmentation, CurrentGrad, Device, DrawLabels, Dropout, Gather, LabelCurrent, LabelGoodness,
    LocalGrad, MatMul, Norm, NormKind, Normalise, Pack, Packing, PairLosses, RowGoodness, ShareGoodness,
    ShareGrad, SliceGrad, SliceSignals, SumRows, Tensor, UnitsForward, Unpack, Update, random,
};

#[path = "../crates/forward-forward/examples/03-new-neuron.rs"]
mod new_neuron;
use new_neuron::Adaptive;

const BATCH: usize = 512;
const INPUTS: usize = 784;
const UNITS: usize = 500;
const CLASSES: usize = 10;
const AMPLITUDE: f32 = 3.0;

fn ops(c: &mut Criterion) {
    let dev = Cpu::new(0).unwrap();
    let rows = 2 * BATCH;
    let zeros = |rows, cols| -> Tensor<Cpu> { dev.zeros(rows, cols).unwrap() };
    let draws = |rows: usize, cols: usize, from: f32, to: f32| {
        let values: Vec<f32> =
            (0..(rows * cols) as u64).map(|i| from + (to - from) * random::uniform(1, i)).collect();
        dev.upload(rows, cols, &values).unwrap()
    };
    let labels = |rows: usize| -> Tensor<Cpu, u32> {
        dev.upload(rows, 1, &(0..rows as u32).map(|i| i * 7 % CLASSES as u32).collect::<Vec<_>>()).unwrap()
    };
    let digits = synthetic(BATCH, 0, 1).train.images;
    let images = dev.upload(BATCH, INPUTS, digits.as_slice().unwrap()).unwrap();
    let mut changed = dev.zeros(BATCH, INPUTS).unwrap();
    let list = [
        Augmentation::Elastic { strength: 1.0, smoothness: 4.5 },
        Augmentation::Affine { rotate: 8.0, scale: 0.08, shear: 5.0, shift: 1.0 },
    ];
    c.bench_function("augment", |b| {
        b.iter(|| {
            let (out, images) = (&mut changed, &images);
            Augment { out, images, list: &list, width: 28, height: 28, seed: 1, epoch: 0 }.on(&dev).unwrap()
        });
    });
    let order = dev.upload(BATCH, 1, &(0..BATCH as u32).collect::<Vec<_>>()).unwrap();
    let clock = dev.zeros(1, 2).unwrap();
    let norm = Norm { kind: NormKind::Rms, eps: 1e-4 };
    let lif = Lif::<Triangle>::new(0.8, 1.0, Reset::Subtract, 8, Output::Rate);
    // The same equations, as a user of the crates writes them.
    let own = Adaptive { beta: 0.8, theta_0: 1.0, rho: 0.0, decay: 0.0, steps: 8 };

    let (targets, pair) = (labels(BATCH), labels(rows));
    let (mut xhat, mut scale, mut truth) =
        (zeros(BATCH + CLASSES + 1, INPUTS), zeros(BATCH, 1), labels(BATCH));
    c.bench_function("gather", |b| {
        b.iter(|| {
            Gather {
                xhat: &mut xhat,
                scale: &mut scale,
                labels: &mut truth,
                images: &images,
                targets: &targets,
                order: &order,
                clock: &clock,
                classes: CLASSES,
                amplitude: AMPLITUDE,
                norm,
                dropout: Dropout::NONE,
            }
            .on(&dev)
            .unwrap()
        });
    });
    let (scores, mut drawn) = (draws(BATCH, CLASSES, 0.0, 1.0), labels(rows));
    c.bench_function("draw_labels", |b| {
        b.iter(|| {
            let (pair, labels, scores) = (&mut drawn, &truth, Some(&scores));
            DrawLabels { pair, labels, scores, clock: &clock, classes: CLASSES, seed: 1, sharpness: 60.0 }
                .on(&dev)
                .unwrap()
        });
    });
    let mut weight = draws(INPUTS, UNITS, -0.1, 0.1);
    let (mut shares, mut dshares) = (zeros(BATCH + CLASSES + 1, UNITS), zeros(BATCH + CLASSES + 1, UNITS));
    c.bench_function("matmul image", |b| b.iter(|| product(&dev, &mut shares, &xhat, false, &weight)));
    let mut dweight = zeros(INPUTS, UNITS);
    c.bench_function("matmul image gradient", |b| {
        b.iter(|| product(&dev, &mut dweight, &xhat, true, &shares))
    });
    let (upper, upper_in, mut upper_out) =
        (draws(UNITS, UNITS, -0.1, 0.1), draws(rows, UNITS, 0.0, 1.0), zeros(rows, UNITS));
    c.bench_function("matmul upper layer", |b| {
        b.iter(|| product(&dev, &mut upper_out, &upper_in, false, &upper));
    });
    let mut upper_xhat = zeros(rows, UNITS);
    c.bench_function("normalise", |b| {
        b.iter(|| Normalise { xhat: &mut upper_xhat, x: &upper_in, steps: 1, norm }.on(&dev).unwrap());
    });
    let mut current = zeros(rows, UNITS);
    c.bench_function("label_current", |b| {
        b.iter(|| {
            let (current, shares, scale, labels) = (&mut current, &shares, &scale, &pair);
            LabelCurrent { current, shares, scale, labels, factor: None, amplitude: AMPLITUDE }
                .on(&dev)
                .unwrap()
        });
    });
    let mut signal = zeros(rows, UNITS);
    c.bench_function("units_forward 8 steps", |b| {
        b.iter(|| {
            let (signal, current) = (&mut signal, &current);
            UnitsForward { signal, spikes: None, current, bias: None, units: &lif }.on(&dev).unwrap()
        });
    });
    let (mut goodness, mean) = (zeros(rows, 1), Squares::Mean);
    c.bench_function("row_goodness", |b| {
        b.iter(|| RowGoodness { goodness: &mut goodness, signal: &signal, formula: &mean }.on(&dev).unwrap());
    });
    let mut all = zeros(BATCH, CLASSES);
    c.bench_function("label_goodness 8 steps", |b| {
        b.iter(|| {
            LabelGoodness {
                scores: &mut all,
                shares: &shares,
                scale: &scale,
                bias: None,
                amplitude: AMPLITUDE,
                units: &lif,
                goodness: &mean,
            }
            .on(&dev)
            .unwrap()
        });
    });
    let (mut losses, mut dgoodness) = (zeros(BATCH, 1), zeros(rows, 1));
    let objective = Pair { alpha: 12.0 };
    c.bench_function("pair_losses", |b| {
        b.iter(|| {
            let (losses, dgoodness, goodness) = (&mut losses, &mut dgoodness, &goodness);
            PairLosses { losses, dgoodness, goodness, clock: &clock, objective: &objective }.on(&dev).unwrap()
        });
    });
    let mut dcurrent = zeros(rows, UNITS);
    let units: [(&str, &dyn ff_tensor::Units); 2] = [("lif", &lif), ("the adaptive neuron", &own)];
    for (name, units) in units {
        c.bench_function(&format!("local_grad 8 steps, {name}"), |b| {
            b.iter(|| {
                LocalGrad {
                    dcurrent: &mut dcurrent,
                    losses: &mut losses,
                    signal: &mut signal,
                    spikes: None,
                    goodness: &mut goodness,
                    current: &current,
                    bias: None,
                    clock: &clock,
                    units,
                    dropout: Dropout::NONE,
                    formula: &mean,
                    objective: &objective,
                }
                .on(&dev)
                .unwrap()
            });
        });
    }
    // All units as one slice, and half of them: the two halves of what stands above.
    for m in [UNITS, UNITS / 2] {
        let current = draws(rows, m, 0.0, 1.0);
        let (mut of_slice, mut slope) = (zeros(rows, m), zeros(rows, m));
        c.bench_function(&format!("slice_signals 8 steps, {m} of {UNITS} units"), |b| {
            b.iter(|| {
                SliceSignals {
                    signal: &mut of_slice,
                    slope: &mut slope,
                    spikes: None,
                    current: &current,
                    bias: None,
                    clock: &clock,
                    first: UNITS - m,
                    all: UNITS,
                    units: &lif,
                    dropout: Dropout::NONE,
                    formula: &mean,
                }
                .on(&dev)
                .unwrap()
            });
        });
        c.bench_function(&format!("slice_grad, {m} of {UNITS} units"), |b| {
            b.iter(|| {
                SliceGrad {
                    dcurrent: &mut slope,
                    losses: &mut losses,
                    goodness: &mut goodness,
                    signal: &signal,
                    clock: &clock,
                    first: UNITS - m,
                    formula: &mean,
                    objective: &objective,
                }
                .on(&dev)
                .unwrap()
            });
        });
    }
    let amplitude = AMPLITUDE;
    let counts: Vec<f32> = draws(rows, UNITS, 0.0, 9.0).get().iter().map(|x| x.floor() / 8.0).collect();
    let (counts, packing) = (dev.upload(rows, UNITS, &counts).unwrap(), Packing::Rate(8));
    let mut bytes = dev.zeros(1, rows * UNITS).unwrap();
    c.bench_function("pack", |b| {
        b.iter(|| Pack { bytes: &mut bytes, numbers: &counts, packing }.on(&dev).unwrap());
    });
    for slices in [1, 2, 8] {
        c.bench_function(&format!("unpack, {slices} slices"), |b| {
            b.iter(|| Unpack { numbers: &mut signal, bytes: &bytes, slices, packing }.on(&dev).unwrap());
        });
    }
    c.bench_function("share_grad", |b| {
        b.iter(|| {
            let (dshares, labels, scale) = (&mut dshares, &pair, &scale);
            let dcurrent = CurrentGrad::Stored(&dcurrent);
            ShareGrad { dshares, dcurrent, labels, scale, factor: None, amplitude }.on(&dev).unwrap()
        });
    });
    c.bench_function("share_goodness", |b| {
        b.iter(|| {
            let (goodness, shares, scale, labels) = (&mut goodness, &shares, &scale, &pair);
            let goodness_factor = 1.0 / UNITS as f32;
            ShareGoodness { goodness, shares, scale, labels, factor: None, amplitude, goodness_factor }
                .on(&dev)
                .unwrap()
        });
    });
    c.bench_function("share_grad linear", |b| {
        b.iter(|| {
            let (labels, scale, goodness_factor) = (&pair, &scale, 1.0 / UNITS as f32);
            let linear = CurrentGrad::Linear { shares: &shares, dgoodness: &dgoodness, goodness_factor };
            ShareGrad { dshares: &mut dshares, dcurrent: linear, labels, scale, factor: None, amplitude }
                .on(&dev)
                .unwrap()
        });
    });
    let mut dbias = zeros(1, UNITS);
    c.bench_function("sum_rows", |b| {
        b.iter(|| SumRows { sum: &mut dbias, rows: &dcurrent, factor: 1.0 }.on(&dev).unwrap());
    });
    let (mut moments, adam) = ([zeros(INPUTS, UNITS), zeros(INPUTS, UNITS)], Adam::constant(1e-3));
    c.bench_function("update, adam", |b| {
        b.iter(|| {
            let (weight, gradient) = (&mut weight, &dweight);
            Update { weight, moments: &mut moments, gradient, clock: &clock, optimiser: &adam }
                .on(&dev)
                .unwrap()
        });
    });
}

fn product(dev: &Cpu, c: &mut Tensor<Cpu>, a: &Tensor<Cpu>, transpose_a: bool, b: &Tensor<Cpu>) {
    MatMul { c, a, transpose_a, b, transpose_b: false }.on(dev).unwrap();
}

/// Products of many shapes; the throughput is in operations, all counted, whether with a zero or not.
fn products(c: &mut Criterion) {
    let dev = Cpu::new(0).unwrap();
    let draws = |rows: usize, cols: usize, share: f32| -> Tensor<Cpu> {
        let set = |i| random::uniform(2, i) < share;
        let number = |i| if set(i) { random::uniform(1, i) + 0.01 } else { 0.0 };
        dev.upload(rows, cols, &(0..(rows * cols) as u64).map(number).collect::<Vec<_>>()).unwrap()
    };
    let mut group = c.benchmark_group("product");
    for ([m, k, n], share) in [
        ([512, 784, 500], 0.19),
        ([200, 500, 500], 0.3),
        ([1_280, 500, 500], 0.27),
        ([512, 500, 500], 1.0),
        ([200, 500, 500], 1.0),
        ([200, 1_000, 1_000], 1.0),
        ([2_048, 2_048, 2_048], 1.0),
        ([100, 500, 10], 1.0),
        ([300, 1_000, 10], 1.0),
        ([10, 500, 500], 1.0),
    ] {
        let (a, b, d) = (draws(m, k, share), draws(k, n, 1.0), draws(m, n, 1.0));
        let (mut c, mut e) = (dev.zeros(m, n).unwrap(), dev.zeros(k, n).unwrap());
        group.throughput(Throughput::Elements((2 * m * k * n) as u64));
        let name = format!("{m} x {k} x {n}, {share} not zero");
        group.bench_function(&name, |bench| bench.iter(|| product(&dev, &mut c, &a, false, &b)));
        let name = format!("{k} x {m} x {n}, {share} not zero, transposed");
        group.bench_function(&name, |bench| bench.iter(|| product(&dev, &mut e, &a, true, &d)));
    }
}

criterion_group!(benches, ops, products);
criterion_main!(benches);
