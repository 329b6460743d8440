//! Every op of a device once, beside what its equation gives in plain loops and f64: the table of cases. Those of the units
//! stand in `units.rs`.

use ff_net::formulas::{Adam, Pair, Softplus, Squares};
use ff_tensor::{
    Advance, Augment, Augmentation, Clock, CurrentGrad, Device, DrawLabels, Dropout, Gather, LabelCurrent,
    MatMul, Norm, NormKind, Normalise, Objective, PairLosses, RowFactor, RowGoodness, Select, ShareGoodness,
    ShareGrad, SoftmaxLoss, SumRows, Tensor, Update, random,
};

use crate::{backprop, oracle, own, slices, units};

pub const CLASSES: usize = 3;
pub const AMPLITUDE: f32 = 2.0;
pub const EPS: f32 = 1e-4;
/// The epoch's second batch, the optimiser's sixth step.
pub const CLOCK: [u32; 2] = [5, 1];

#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub batch: usize,
    pub inputs: usize,
    pub units: usize,
    pub steps: usize,
}

/// What an op gave and what its equation gives.
pub struct Answer {
    pub op: String,
    pub got: Vec<f32>,
    pub want: Vec<f64>,
}

impl Answer {
    pub fn new(op: impl Into<String>, got: Vec<f32>, want: Vec<f64>) -> Self {
        Self { op: op.into(), got, want }
    }

    /// Sums of some hundred f32 terms: 1e-5 of the largest number.
    pub fn check(&self, sizes: Sizes) {
        assert_eq!(self.got.len(), self.want.len(), "{} at {sizes:?}", self.op);
        let largest = self.want.iter().fold(1.0f64, |m, w| m.max(w.abs()));
        for (i, (&got, want)) in self.got.iter().zip(&self.want).enumerate() {
            let off = (f64::from(got) - want).abs();
            assert!(off <= 1e-5 * largest, "{}[{i}] at {sizes:?}: {got}, not {want}", self.op);
        }
    }
}

/// `n` numbers in `from..to`.
pub fn draws(seed: u64, n: usize, from: f32, to: f32) -> Vec<f32> {
    (0..n as u64).map(|i| from + (to - from) * random::uniform(seed, i)).collect()
}

pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

/// A tensor of draws in `from..to`, on the device and as the loops want it.
pub fn tensor<D: Device>(
    dev: &D,
    seed: u64,
    [rows, cols]: [usize; 2],
    from: f32,
    to: f32,
) -> (Tensor<D>, Vec<f64>) {
    let values = draws(seed, rows * cols, from, to);
    (dev.upload(rows, cols, &values).unwrap(), wide(&values))
}

pub fn labels<D: Device>(dev: &D, seed: u64, rows: usize) -> (Tensor<D, u32>, Vec<usize>) {
    let values: Vec<u32> = (0..rows as u64).map(|i| random::bits(seed, i) % CLASSES as u32).collect();
    (dev.upload(rows, 1, &values).unwrap(), values.iter().map(|&l| l as usize).collect())
}

pub fn clock<D: Device>(dev: &D) -> Clock<D> {
    dev.upload(1, 2, &CLOCK).unwrap()
}

/// Every op once.
pub fn every_op<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let mut answers = augment(dev, s);
    answers.extend(gather(dev, s));
    answers.extend(draw_labels(dev, s));
    answers.extend(select(dev, s));
    answers.extend(normalise(dev, s));
    answers.extend(matmul(dev, s));
    answers.extend(row_factor(dev, s));
    answers.extend(label_current(dev, s));
    answers.extend(row_goodness(dev, s));
    answers.extend(pair_losses(dev, s));
    answers.extend(softmax_loss(dev, s));
    answers.extend(gradients(dev, s));
    answers.extend(adam(dev, s));
    answers.extend(units::every_op(dev, s));
    answers.extend(backprop::gather_alone(dev, s));
    answers.extend(backprop::units_backward(dev, s));
    answers.extend(own::every_op(dev, s));
    answers.extend(slices::every_op(dev, s));
    answers
}

/// A shift, by hand but for how far it goes; of the others, that they are the same everywhere.
fn augment<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let (n, width, height) = (s.batch.min(3), s.inputs, s.units.min(9));
    let pixels: Vec<u8> =
        (0..n * width * height).map(|i| 1 + (random::bits(47, i as u64) % 255) as u8).collect();
    let images = dev.upload(n, width * height, &pixels).unwrap();
    let shift = Augmentation::Shift { pixels: 2 };
    let affine = Augmentation::Affine { rotate: 40.0, scale: 0.2, shear: 10.0, shift: 1.5 };
    let elastic = |smoothness| Augmentation::Elastic { strength: 1.5, smoothness };
    let mut answers = Vec::new();
    for list in [&[shift][..], &[elastic(3.0), affine, shift], &[affine, elastic(1.0), elastic(9.0)]] {
        let mut out = dev.upload(n, width * height, &vec![77; n * width * height]).unwrap();
        Augment { out: &mut out, images: &images, list, width, height, seed: 48, epoch: 1 }.on(dev).unwrap();
        let got: Vec<f32> = dev.download(&out).unwrap().into_iter().map(f32::from).collect();
        let want = wide(&got);
        if list.len() == 1 {
            let moved = |image: &[u8], x: usize, y: usize| {
                let at = |i: usize| (i / width + y).checked_sub(2).zip((i % width + x).checked_sub(2));
                let inside = |&(row, column): &(usize, usize)| row < height && column < width;
                let from = |i| at(i).filter(inside).map_or(0, |(row, column)| image[row * width + column]);
                (0..width * height).map(|i| f64::from(from(i))).collect::<Vec<f64>>()
            };
            for (image, want) in pixels.chunks(width * height).zip(want.chunks(width * height)) {
                let mut places = (0..25).map(|place| moved(image, place % 5, place / 5));
                assert!(places.any(|moved| moved == want), "no shift by at most 2 gives {want:?}");
            }
        }
        answers.push(Answer::new(format!("augment {list:?}"), got, want));
    }
    answers
}

fn gather<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let n = 3 * s.batch;
    let pixel = |i: usize| if i.is_multiple_of(5) { 0 } else { random::bits(1, i as u64) as u8 };
    // The last image is empty.
    let pixels: Vec<u8> =
        (0..n * s.inputs).map(|i| if i / s.inputs == n - 1 { 0 } else { pixel(i) }).collect();
    let images = dev.upload(n, s.inputs, &pixels).unwrap();
    let (targets, target_values) = labels(dev, 2, n);
    let order: Vec<u32> = (0..n as u32).rev().collect();
    let order_tensor = dev.upload(n, 1, &order).unwrap();
    let mut answers = Vec::new();
    for (kind, rate) in [(NormKind::L2, 0.0), (NormKind::Rms, 0.0), (NormKind::L2, 0.4)] {
        let mut xhat = dev
            .upload(s.batch + CLASSES + 1, s.inputs, &vec![f32::NAN; (s.batch + CLASSES + 1) * s.inputs])
            .unwrap();
        let (mut scale, mut labels) = (dev.zeros(s.batch, 1).unwrap(), dev.zeros(s.batch, 1).unwrap());
        let (norm, dropout) = (Norm { kind, eps: EPS }, Dropout { rate, seed: 8 });
        for batch in [1, 0] {
            let clock = dev.upload(1, 2, &[CLOCK[0], batch]).unwrap();
            Gather {
                xhat: &mut xhat,
                scale: &mut scale,
                labels: &mut labels,
                images: &images,
                targets: &targets,
                order: &order_tensor,
                clock: &clock,
                classes: CLASSES,
                amplitude: AMPLITUDE,
                norm,
                dropout,
            }
            .on(dev)
            .unwrap();
            let ids = &order[batch as usize * s.batch..][..s.batch];
            let (mut want_xhat, mut want_scale, mut want_labels) = (Vec::new(), Vec::new(), Vec::new());
            for (b, &id) in ids.iter().enumerate() {
                let mut image = pixels[id as usize * s.inputs..][..s.inputs].to_vec();
                for (i, pixel) in image.iter_mut().enumerate() {
                    let counter = (u64::from(CLOCK[0]) << 32) | (b * s.inputs + i) as u64;
                    *pixel = if random::uniform(8, counter) < rate { 0 } else { *pixel };
                }
                let rms = kind == NormKind::Rms;
                let mut row =
                    oracle::image_row(&image, CLASSES, 0, f64::from(AMPLITUDE), rms, f64::from(EPS));
                want_scale.push(row[0] / f64::from(AMPLITUDE));
                row[0] = 0.0;
                want_xhat.extend(row);
                want_labels.push(target_values[id as usize] as f64);
            }
            for label in 0..CLASSES {
                want_xhat.extend((0..s.inputs).map(|i| f64::from(u8::from(i == label))));
            }
            let neutral = |i| if i < CLASSES { 1.0 / CLASSES as f64 } else { 0.0 };
            want_xhat.extend((0..s.inputs).map(neutral));
            let name = |part| format!("gather {part} {kind:?} dropout {rate} batch {batch}");
            answers.push(Answer::new(name("xhat"), dev.download(&xhat).unwrap(), want_xhat));
            answers.push(Answer::new(name("scale"), dev.download(&scale).unwrap(), want_scale));
            let got = dev.download(&labels).unwrap().into_iter().map(|l| l as f32).collect();
            answers.push(Answer::new(name("labels"), got, want_labels));
        }
    }
    answers
}

/// Which wrong label it is has to be the same everywhere; how often each comes up is tested beside the op.
fn draw_labels<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let (truth, truth_values) = labels(dev, 3, s.batch);
    let (scores, _) = tensor(dev, 4, [s.batch, CLASSES], 0.0, 1.0);
    let draw = |scores: Option<&Tensor<D>>, sharpness| {
        let mut pair = dev.zeros(2 * s.batch, 1).unwrap();
        let (labels, clock, seed) = (&truth, &clock(dev), 9);
        DrawLabels { pair: &mut pair, labels, scores, clock, classes: CLASSES, seed, sharpness }
            .on(dev)
            .unwrap();
        let pair = dev.download(&pair).unwrap();
        let (positive, negative) = pair.split_at(s.batch);
        for ((&p, &n), &truth) in positive.iter().zip(negative).zip(&truth_values) {
            assert_eq!(p as usize, truth);
            assert!(n != p && (n as usize) < CLASSES, "negative {n} of {p}");
        }
        let pair: Vec<f32> = pair.into_iter().map(|l| l as f32).collect();
        Answer::new(format!("draw_labels {sharpness}"), pair.clone(), wide(&pair))
    };
    let uniform = draw(None, 7.0);
    let [flat, hard] = [draw(Some(&scores), 0.0), draw(Some(&scores), 7.0)];
    assert_eq!(uniform.got, flat.got, "without scores, or with none that counts");
    vec![uniform, flat, hard]
}

/// The second batch of three, of a table with more rows than are asked for.
fn select<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let n = 3 * s.batch + 2;
    let (table, values) = tensor(dev, 64, [n, s.inputs], -1.0, 1.0);
    let order: Vec<u32> = (0..3 * s.batch as u32).map(|i| (7 * i + 1) % n as u32).collect();
    let order_tensor = dev.upload(order.len(), 1, &order).unwrap();
    let mut rows = dev.zeros(s.batch, s.inputs).unwrap();
    Select { rows: &mut rows, table: &table, order: &order_tensor, clock: &clock(dev) }.on(dev).unwrap();
    let ids = &order[s.batch..2 * s.batch];
    let want = ids.iter().flat_map(|&id| values[id as usize * s.inputs..][..s.inputs].to_vec()).collect();
    vec![Answer::new("select", dev.download(&rows).unwrap(), want)]
}

fn normalise<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (kind, steps) in [(NormKind::L2, 1), (NormKind::Rms, 1), (NormKind::L2, s.steps), (NormKind::Rms, 3)]
    {
        let mut values = draws(5, s.batch * steps * s.inputs, -1.0, 2.0);
        values[..steps * s.inputs].fill(0.0); // a row of zeros
        let x = dev.upload(s.batch * steps, s.inputs, &values).unwrap();
        let mut xhat = dev.zeros(s.batch * steps, s.inputs).unwrap();
        Normalise { xhat: &mut xhat, x: &x, steps, norm: Norm { kind, eps: EPS } }.on(dev).unwrap();
        let mut want = Vec::new();
        for train in wide(&values).chunks(steps * s.inputs) {
            let mean: Vec<f64> = (0..s.inputs)
                .map(|i| train.iter().skip(i).step_by(s.inputs).sum::<f64>() / steps as f64)
                .collect();
            let factor = oracle::norm_factor(&mean, kind == NormKind::Rms, f64::from(EPS));
            want.extend(train.iter().map(|x| factor * x));
        }
        answers.push(Answer::new(format!("normalise {kind:?} {steps}"), dev.download(&xhat).unwrap(), want));
    }
    answers
}

fn matmul<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let [m, k, n] = [s.batch, s.inputs, s.units];
    let mut answers = Vec::new();
    for (case, (transpose_a, transpose_b)) in
        [(false, false), (true, false), (false, true), (true, true)].repeat(2).into_iter().enumerate()
    {
        let mut values = draws(6, m * k, -1.0, 1.0);
        // The second time with as many zeros as an image has.
        if case >= 4 {
            values.iter_mut().enumerate().filter(|(i, _)| i * 7 % 31 > 5).for_each(|(_, x)| *x = 0.0);
        }
        let [rows, cols] = if transpose_a { [k, m] } else { [m, k] };
        let (a, a_values) = (dev.upload(rows, cols, &values).unwrap(), wide(&values));
        let (b, b_values) = tensor(dev, 7, if transpose_b { [n, k] } else { [k, n] }, -1.0, 1.0);
        let mut c = dev.upload(m, n, &vec![f32::NAN; m * n]).unwrap(); // what was there before must not matter
        MatMul { c: &mut c, a: &a, transpose_a, b: &b, transpose_b }.on(dev).unwrap();
        let at = |i: usize, l: usize| if transpose_a { a_values[l * m + i] } else { a_values[i * k + l] };
        let bt = |l: usize, j: usize| if transpose_b { b_values[j * k + l] } else { b_values[l * n + j] };
        let want = (0..m * n).map(|e| (0..k).map(|l| at(e / n, l) * bt(l, e % n)).sum()).collect();
        let op = format!("matmul {transpose_a} {transpose_b}");
        answers.push(Answer::new(op, dev.download(&c).unwrap(), want));
    }
    answers
}

fn row_factor<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let rows = 2 * s.batch;
    let (goodness, goodness_values) = tensor(dev, 44, [rows, 1], 0.0, 2.0);
    let (below, below_values) = tensor(dev, 45, [rows, 1], 0.5, 2.0);
    let mut answers = Vec::new();
    for (kind, mean, below) in [
        (NormKind::L2, true, Some(&below)),
        (NormKind::Rms, false, None),
        (NormKind::Rms, true, Some(&below)),
    ] {
        let mut factor = dev.zeros(rows, 1).unwrap();
        RowFactor {
            factor: &mut factor,
            goodness: &goodness,
            below,
            units: s.units,
            goodness_factor: if mean { 1.0 / s.units as f32 } else { 1.0 },
            norm: Norm { kind, eps: EPS },
        }
        .on(dev)
        .unwrap();
        let n = s.units as f64;
        let want = goodness_values.iter().zip(&below_values).map(|(goodness, u)| {
            let energy = if mean { goodness * n } else { *goodness };
            let norm = if kind == NormKind::Rms { (energy / n).sqrt() } else { energy.sqrt() };
            (if below.is_some() { *u } else { 1.0 }) / (norm + f64::from(EPS))
        });
        let got = dev.download(&factor).unwrap();
        answers.push(Answer::new(format!("row_factor {kind:?} mean {mean}"), got, want.collect()));
    }
    answers
}

fn label_current<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let rows = 2 * s.batch;
    let (shares, share_values) = tensor(dev, 8, [s.batch + CLASSES + 1, s.units], -1.0, 1.0);
    let (scale, scale_values) = tensor(dev, 9, [s.batch, 1], 0.1, 1.0);
    let (factor, factor_values) = tensor(dev, 10, [rows, 1], -1.0, 1.0);
    let (labels, label_values) = labels(dev, 11, rows);
    let mut answers = Vec::new();
    for factor in [None, Some(&factor)] {
        let mut current = dev.zeros(rows, s.units).unwrap();
        LabelCurrent {
            current: &mut current,
            shares: &shares,
            scale: &scale,
            labels: &labels,
            factor,
            amplitude: AMPLITUDE,
        }
        .on(dev)
        .unwrap();
        let want = (0..rows * s.units).map(|e| {
            let (r, j) = (e / s.units, e % s.units);
            let b = r % s.batch;
            let of_label = share_values[(s.batch + label_values[r]) * s.units + j];
            let sum = share_values[b * s.units + j] + f64::from(AMPLITUDE) * scale_values[b] * of_label;
            if factor.is_some() { factor_values[r] * sum } else { sum }
        });
        answers.push(Answer::new("label_current", dev.download(&current).unwrap(), want.collect()));
    }
    answers
}

fn row_goodness<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let (signal, values) = tensor(dev, 14, [s.batch, s.units], -1.0, 2.0);
    let mut answers = Vec::new();
    for squares in [Squares::Mean, Squares::Sum] {
        let mut goodness = dev.zeros(s.batch, 1).unwrap();
        RowGoodness { goodness: &mut goodness, signal: &signal, formula: &squares }.on(dev).unwrap();
        let factor = if squares == Squares::Mean { 1.0 / s.units as f64 } else { 1.0 };
        let want = values.chunks(s.units).map(|row| factor * row.iter().map(|x| x * x).sum::<f64>());
        let got = dev.download(&goodness).unwrap();
        answers.push(Answer::new(format!("row_goodness {squares:?}"), got, want.collect()));
    }
    answers
}

/// The engine's objectives, and the oracle's.
pub const OBJECTIVES: [(&dyn Objective, oracle::Objective); 2] = [
    (&Softplus { theta: 1.5 }, oracle::Objective::Softplus { theta: 1.5 }),
    (&Pair { alpha: 4.0 }, oracle::Objective::Pair { alpha: 4.0 }),
];

/// Each pair's loss, where three batches are logged and the clock stands at the second; and the gradient of their mean.
pub fn losses_and_gradient(goodness: &[f64], objective: oracle::Objective) -> (Vec<f64>, Vec<f64>) {
    let neuron = units::RELU;
    let problem = oracle::Problem { inputs: Vec::new(), neuron, mean_goodness: true, objective };
    let batch = goodness.len() / 2;
    let mut losses = vec![0.0; 3 * batch];
    for b in 0..batch {
        losses[batch + b] = problem.loss(&[goodness[b], goodness[batch + b]]);
    }
    let moved = |r: usize, by: f64| {
        let mut values = goodness.to_vec();
        values[r] += by;
        problem.loss(&values)
    };
    (losses, (0..goodness.len()).map(|r| (moved(r, 1e-6) - moved(r, -1e-6)) / 2e-6).collect())
}

fn pair_losses<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let (goodness, values) = tensor(dev, 15, [2 * s.batch, 1], 0.0, 3.0);
    let mut answers = Vec::new();
    for (objective, of_oracle) in OBJECTIVES {
        let (mut losses, mut dgoodness) =
            (dev.zeros(3 * s.batch, 1).unwrap(), dev.zeros(2 * s.batch, 1).unwrap());
        let clock = &clock(dev);
        PairLosses { losses: &mut losses, dgoodness: &mut dgoodness, goodness: &goodness, clock, objective }
            .on(dev)
            .unwrap();
        let (want_losses, want) = losses_and_gradient(&values, of_oracle);
        let (losses, dgoodness) = (dev.download(&losses).unwrap(), dev.download(&dgoodness).unwrap());
        answers.push(Answer::new(format!("pair_losses losses {objective:?}"), losses, want_losses));
        answers.push(Answer::new(format!("pair_losses dgoodness {objective:?}"), dgoodness, want));
    }
    answers
}

fn softmax_loss<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let (scores, values) = tensor(dev, 52, [s.batch, CLASSES], -3.0, 3.0);
    let (labels, label_values) = labels(dev, 53, s.batch);
    let (mut losses, mut dscores) =
        (dev.zeros(3 * s.batch, 1).unwrap(), dev.zeros(s.batch, CLASSES).unwrap());
    SoftmaxLoss {
        losses: &mut losses,
        dscores: &mut dscores,
        scores: &scores,
        labels: &labels,
        clock: &clock(dev),
        sharpness: 2.5,
    }
    .on(dev)
    .unwrap();
    let of_row = |(row, &label): (&[f64], &usize)| {
        row.iter().map(|x| (2.5 * x).exp()).sum::<f64>().ln() - 2.5 * row[label]
    };
    let loss =
        |values: &[f64]| values.chunks(CLASSES).zip(&label_values).map(of_row).sum::<f64>() / s.batch as f64;
    let moved = |i: usize, by: f64| {
        let mut values = values.clone();
        values[i] += by;
        loss(&values)
    };
    let want = (0..values.len()).map(|i| (moved(i, 1e-6) - moved(i, -1e-6)) / 2e-6).collect();
    // The clock stands at batch 1 of three: its losses alone are written.
    let mut want_losses = vec![0.0; 3 * s.batch];
    for (want, row) in want_losses[s.batch..].iter_mut().zip(values.chunks(CLASSES).zip(&label_values)) {
        *want = of_row(row);
    }
    vec![
        Answer::new("softmax_loss losses", dev.download(&losses).unwrap(), want_losses),
        Answer::new("softmax_loss dscores", dev.download(&dscores).unwrap(), want),
    ]
}

fn gradients<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let (rows, n) = (2 * s.batch, s.units);
    let mut answers = Vec::new();
    let (dgoodness, dgoodness_values) = tensor(dev, 17, [rows, 1], -1.0, 1.0);
    let (dcurrent, dcurrent_values) = tensor(dev, 19, [rows, n], -1.0, 1.0);
    let mut dbias = dev.upload(1, n, &vec![f32::NAN; n]).unwrap();
    for factor in [1.0, -2.5] {
        SumRows { sum: &mut dbias, rows: &dcurrent, factor }.on(dev).unwrap();
        let of_column = |j| (0..rows).map(|r| dcurrent_values[r * n + j]).sum::<f64>();
        let want = (0..n).map(|j| f64::from(factor) * of_column(j)).collect();
        answers.push(Answer::new("sum_rows", dev.download(&dbias).unwrap(), want));
    }

    let (labels, label_values) = labels(dev, 21, rows);
    let (scale, scale_values) = tensor(dev, 22, [s.batch, 1], 0.1, 1.0);
    let (factor, factor_values) = tensor(dev, 20, [rows, 1], -1.0, 1.0);
    let size = (s.batch + CLASSES + 1) * n;
    let (shares, share_values) = tensor(dev, 46, [s.batch + CLASSES + 1, n], -1.0, 1.0);
    for (linear, factor) in [(false, None), (true, Some(&factor))] {
        let mut dshares = dev.upload(s.batch + CLASSES + 1, n, &vec![f32::NAN; size]).unwrap();
        let mean = if linear { 1.0 } else { 1.0 / n as f32 };
        let of_current = match linear {
            true => CurrentGrad::Linear { shares: &shares, dgoodness: &dgoodness, goodness_factor: mean },
            false => CurrentGrad::Stored(&dcurrent),
        };
        ShareGrad {
            dshares: &mut dshares,
            dcurrent: of_current,
            labels: &labels,
            scale: &scale,
            factor,
            amplitude: AMPLITUDE,
        }
        .on(dev)
        .unwrap();
        let mut goodness = dev.zeros(rows, 1).unwrap();
        ShareGoodness {
            goodness: &mut goodness,
            shares: &shares,
            scale: &scale,
            labels: &labels,
            factor,
            amplitude: AMPLITUDE,
            goodness_factor: mean,
        }
        .on(dev)
        .unwrap();
        let mean = if linear { 1.0 } else { 1.0 / n as f64 };
        let (mut want, mut want_goodness) = (vec![0.0; size], vec![0.0; rows]);
        for r in 0..rows {
            let (b, t) = (r % s.batch, if factor.is_some() { factor_values[r] } else { 1.0 });
            let label = s.batch + label_values[r];
            let a = f64::from(AMPLITUDE) * scale_values[b];
            for j in 0..n {
                let current = t * (share_values[b * n + j] + a * share_values[label * n + j]);
                want_goodness[r] += mean * current * current;
                let e = r * n + j;
                let d = if linear { 2.0 * mean * dgoodness_values[r] * current } else { dcurrent_values[e] };
                want[b * n + j] += t * d;
                want[label * n + j] += a * t * d;
            }
        }
        answers.push(Answer::new("share_goodness", dev.download(&goodness).unwrap(), want_goodness));
        answers.push(Answer::new("share_grad", dev.download(&dshares).unwrap(), want));
    }
    answers
}

fn adam<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let shape = [s.inputs, s.units];
    // The clock stands at step 5 of 10: half of the cooling from step 2 is left, so 5/8 of the rate.
    let p = Adam { cool_from: 2, last_step: 10, decay: 0.2, ..Adam::constant(0.01) };
    let (mut weight, weight_values) = tensor(dev, 23, shape, -1.0, 1.0);
    let (mean, mean_values) = tensor(dev, 24, shape, -0.1, 0.1);
    let (square, square_values) = tensor(dev, 25, shape, 0.0, 0.1);
    let (dweight, dweight_values) = tensor(dev, 26, shape, -1.0, 1.0);
    let mut clock = clock(dev);
    let mut moments = [mean, square];
    Update { weight: &mut weight, moments: &mut moments, gradient: &dweight, clock: &clock, optimiser: &p }
        .on(dev)
        .unwrap();
    let mut want = [Vec::new(), Vec::new(), Vec::new()];
    for (i, g) in dweight_values.iter().enumerate() {
        let m = 0.9 * mean_values[i] + 0.1 * g;
        let v = 0.999 * square_values[i] + 0.001 * g * g;
        let (m_hat, v_hat) = (m / (1.0 - 0.9f64.powi(6)), v / (1.0 - 0.999f64.powi(6)));
        let kept = 1.0 - 0.01 * 5.0 / 8.0 * 0.2;
        want[0].push(kept * weight_values[i] - 0.01 * 5.0 / 8.0 * m_hat / (v_hat.sqrt() + 1e-8));
        want[1].push(m);
        want[2].push(v);
    }
    let [want_weight, want_mean, want_square] = want;
    Advance { clock: &mut clock }.on(dev).unwrap();
    assert_eq!(dev.download(&clock).unwrap(), CLOCK.map(|c| c + 1));
    vec![
        Answer::new("adam weight", dev.download(&weight).unwrap(), want_weight),
        Answer::new("adam mean", dev.download(&moments[0]).unwrap(), want_mean),
        Answer::new("adam square", dev.download(&moments[1]).unwrap(), want_square),
    ]
}
