//! Each op of the CPU device at the sizes of a 784-500-500 network in batches of 512.
//!
//! `cargo bench --bench ops`, or with a name: `cargo bench --bench ops -- lif`.
#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ff_cpu::Cpu;
use ff_data::synthetic;
use ff_tensor::{
    Adam, Augment, Augmentation, CurrentGrad, Device, Dropout, Gather, Goodness, LabelDraw, LabelRow,
    LocalLoss, Neuron, Norm, NormKind, Objective, Output, Tensor, random,
};

const BATCH: usize = 512;
const INPUTS: usize = 784;
const UNITS: usize = 500;
const CLASSES: usize = 10;
const LABEL: LabelRow = LabelRow { amplitude: 3.0 };

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
        let p = Augment { list: &list, width: 28, height: 28, seed: 1, epoch: 0 };
        b.iter(|| dev.augment(&mut changed, &images, &p).unwrap());
    });
    let order = dev.upload(BATCH, 1, &(0..BATCH as u32).collect::<Vec<_>>()).unwrap();
    let clock = dev.zeros(1, 2).unwrap();
    let norm = Norm { kind: NormKind::Rms, eps: 1e-4 };
    let lif = Neuron { steps: 8, output: Output::Rate, ..Neuron::default() };

    let (targets, pair) = (labels(BATCH), labels(rows));
    let (mut xhat, mut scale, mut truth) =
        (zeros(BATCH + CLASSES + 1, INPUTS), zeros(BATCH, 1), labels(BATCH));
    let gather = Gather { classes: CLASSES, amplitude: LABEL.amplitude, norm, dropout: Dropout::NONE };
    c.bench_function("gather", |b| {
        b.iter(|| {
            dev.gather(&mut xhat, &mut scale, &mut truth, &images, &targets, &order, &clock, &gather).unwrap()
        });
    });
    let (scores, mut drawn) = (draws(BATCH, CLASSES, 0.0, 1.0), labels(rows));
    let hard = LabelDraw { classes: CLASSES, seed: 1, sharpness: 60.0 };
    c.bench_function("draw_labels", |b| {
        b.iter(|| dev.draw_labels(&mut drawn, &truth, &scores, &clock, &hard).unwrap());
    });
    let mut weight = draws(INPUTS, UNITS, -0.1, 0.1);
    let (mut shares, mut dshares) = (zeros(BATCH + CLASSES + 1, UNITS), zeros(BATCH + CLASSES + 1, UNITS));
    c.bench_function("matmul image", |b| {
        b.iter(|| dev.matmul(&mut shares, &xhat, false, &weight, false).unwrap());
    });
    let mut dweight = zeros(INPUTS, UNITS);
    c.bench_function("matmul image gradient", |b| {
        b.iter(|| dev.matmul(&mut dweight, &xhat, true, &shares, false).unwrap());
    });
    let (upper, upper_in, mut upper_out) =
        (draws(UNITS, UNITS, -0.1, 0.1), draws(rows, UNITS, 0.0, 1.0), zeros(rows, UNITS));
    c.bench_function("matmul upper layer", |b| {
        b.iter(|| dev.matmul(&mut upper_out, &upper_in, false, &upper, false).unwrap());
    });
    let mut upper_xhat = zeros(rows, UNITS);
    c.bench_function("normalise", |b| {
        b.iter(|| dev.normalise(&mut upper_xhat, &upper_in, 1, &norm).unwrap());
    });
    let mut current = zeros(rows, UNITS);
    c.bench_function("label_current", |b| {
        b.iter(|| dev.label_current(&mut current, &shares, &scale, &pair, None, &LABEL).unwrap());
    });
    let mut signal = zeros(rows, UNITS);
    c.bench_function("lif 8 steps", |b| {
        b.iter(|| dev.lif(&mut signal, None, &current, None, &lif).unwrap());
    });
    let mut goodness = zeros(rows, 1);
    c.bench_function("goodness", |b| {
        b.iter(|| dev.goodness(&mut goodness, &signal, Goodness::Mean).unwrap());
    });
    let mut all = zeros(BATCH, CLASSES);
    c.bench_function("label_goodness 8 steps", |b| {
        b.iter(|| dev.label_goodness(&mut all, &shares, &scale, None, &LABEL, &lif, Goodness::Mean).unwrap());
    });
    let (mut losses, mut dgoodness) = (zeros(BATCH, 1), zeros(rows, 1));
    let objective = Objective::Pair { alpha: 12.0 };
    c.bench_function("objective", |b| {
        b.iter(|| dev.objective(&mut losses, &mut dgoodness, &goodness, &clock, &objective).unwrap());
    });
    let mut dcurrent = zeros(rows, UNITS);
    let local = LocalLoss { neuron: lif, dropout: Dropout::NONE, goodness: Goodness::Mean, objective };
    c.bench_function("local_grad 8 steps", |b| {
        b.iter(|| {
            let (dcurrent, losses, goodness) = (&mut dcurrent, &mut losses, &mut goodness);
            dev.local_grad(dcurrent, losses, &mut signal, None, goodness, &current, None, &clock, &local)
                .unwrap()
        });
    });
    c.bench_function("share_grad", |b| {
        b.iter(|| {
            let stored = CurrentGrad::Stored(&dcurrent);
            dev.share_grad(&mut dshares, stored, &pair, &scale, None, &LABEL).unwrap()
        });
    });
    c.bench_function("share_goodness", |b| {
        b.iter(|| {
            let g = Goodness::Mean;
            dev.share_goodness(&mut goodness, &shares, &scale, &pair, None, &LABEL, g).unwrap()
        });
    });
    c.bench_function("share_grad linear", |b| {
        b.iter(|| {
            let goodness = Goodness::Mean;
            let linear = CurrentGrad::Linear { shares: &shares, dgoodness: &dgoodness, goodness };
            dev.share_grad(&mut dshares, linear, &pair, &scale, None, &LABEL).unwrap()
        });
    });
    let mut dbias = zeros(1, UNITS);
    c.bench_function("sum_rows", |b| b.iter(|| dev.sum_rows(&mut dbias, &dcurrent).unwrap()));
    let (mut mean, mut square) = (zeros(INPUTS, UNITS), zeros(INPUTS, UNITS));
    let adam = Adam::constant(1e-3);
    c.bench_function("adam", |b| {
        b.iter(|| dev.adam(&mut weight, &mut mean, &mut square, &dweight, &clock, &adam).unwrap());
    });
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
        group.bench_function(&name, |bench| bench.iter(|| dev.matmul(&mut c, &a, false, &b, false).unwrap()));
        let name = format!("{k} x {m} x {n}, {share} not zero, transposed");
        group.bench_function(&name, |bench| bench.iter(|| dev.matmul(&mut e, &a, true, &d, false).unwrap()));
    }
}

criterion_group!(benches, ops, products);
criterion_main!(benches);
