//! Every op of a device once, beside what its equation gives in plain loops and f64: the table of cases.

use ff_tensor::{
    Adam, Augment, Augmentation, Clock, CurrentGrad, Device, Dropout, Gather, Goodness, LabelDraw, LabelRow,
    LocalLoss, Neuron, NeuronKind, Norm, NormKind, Objective, Output, Reset, Softmax, Surrogate, Tensor,
    random,
};

use crate::{backprop, oracle};

pub const CLASSES: usize = 3;
pub const AMPLITUDE: f32 = 2.0;
pub const EPS: f32 = 1e-4;
pub const LABEL: LabelRow = LabelRow { amplitude: AMPLITUDE };
/// The epoch's second batch, the optimiser's sixth step.
const CLOCK: [u32; 2] = [5, 1];

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
    answers.extend(normalise(dev, s));
    answers.extend(matmul(dev, s));
    answers.extend(row_factor(dev, s));
    answers.extend(label_current(dev, s));
    answers.extend(lif(dev, s));
    answers.extend(goodness(dev, s));
    answers.extend(local_grad(dev, s));
    answers.extend(objective(dev, s));
    answers.extend(softmax_loss(dev, s));
    answers.extend(gradients(dev, s));
    answers.extend(adam(dev, s));
    answers.extend(backprop::gather_alone(dev, s));
    answers.extend(backprop::lif_grad(dev, s));
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
        dev.augment(&mut out, &images, &Augment { list, width, height, seed: 48, epoch: 1 }).unwrap();
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
        let p = Gather {
            classes: CLASSES,
            amplitude: AMPLITUDE,
            norm: Norm { kind, eps: EPS },
            dropout: Dropout { rate, seed: 8 },
        };
        for batch in [1, 0] {
            let clock = dev.upload(1, 2, &[CLOCK[0], batch]).unwrap();
            dev.gather(&mut xhat, &mut scale, &mut labels, &images, &targets, &order_tensor, &clock, &p)
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
    let draw = |sharpness| {
        let mut pair = dev.zeros(2 * s.batch, 1).unwrap();
        let p = LabelDraw { classes: CLASSES, seed: 9, sharpness };
        dev.draw_labels(&mut pair, &truth, &scores, &clock(dev), &p).unwrap();
        let pair = dev.download(&pair).unwrap();
        let (positive, negative) = pair.split_at(s.batch);
        for ((&p, &n), &truth) in positive.iter().zip(negative).zip(&truth_values) {
            assert_eq!(p as usize, truth);
            assert!(n != p && (n as usize) < CLASSES, "negative {n} of {p}");
        }
        let pair: Vec<f32> = pair.into_iter().map(|l| l as f32).collect();
        Answer::new(format!("draw_labels {sharpness}"), pair.clone(), wide(&pair))
    };
    vec![draw(0.0), draw(7.0)]
}

fn normalise<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (kind, steps) in [(NormKind::L2, 1), (NormKind::Rms, 1), (NormKind::L2, s.steps), (NormKind::Rms, 3)]
    {
        let mut values = draws(5, s.batch * steps * s.inputs, -1.0, 2.0);
        values[..steps * s.inputs].fill(0.0); // a row of zeros
        let x = dev.upload(s.batch * steps, s.inputs, &values).unwrap();
        let mut xhat = dev.zeros(s.batch * steps, s.inputs).unwrap();
        dev.normalise(&mut xhat, &x, steps, &Norm { kind, eps: EPS }).unwrap();
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
        dev.matmul(&mut c, &a, transpose_a, &b, transpose_b).unwrap();
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
    for (kind, g, below) in [
        (NormKind::L2, Goodness::Mean, Some(&below)),
        (NormKind::Rms, Goodness::Sum, None),
        (NormKind::Rms, Goodness::Mean, Some(&below)),
    ] {
        let mut factor = dev.zeros(rows, 1).unwrap();
        dev.row_factor(&mut factor, &goodness, below, s.units, &Norm { kind, eps: EPS }, g).unwrap();
        let n = s.units as f64;
        let want = goodness_values.iter().zip(&below_values).map(|(goodness, u)| {
            let energy = if g == Goodness::Mean { goodness * n } else { *goodness };
            let norm = if kind == NormKind::Rms { (energy / n).sqrt() } else { energy.sqrt() };
            (if below.is_some() { *u } else { 1.0 }) / (norm + f64::from(EPS))
        });
        let got = dev.download(&factor).unwrap();
        answers.push(Answer::new(format!("row_factor {kind:?} {g:?}"), got, want.collect()));
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
        dev.label_current(&mut current, &shares, &scale, &labels, factor, &LABEL).unwrap();
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

/// Each kind of unit, with a constant current and with one per step.
pub fn neurons(steps: usize) -> Vec<Neuron> {
    let mut all = vec![Neuron { kind: NeuronKind::Relu, ..Neuron::default() }];
    for (i, reset) in [Reset::Subtract, Reset::Zero, Reset::None].into_iter().enumerate() {
        for output in [Output::Membrane, Output::Rate] {
            let surrogates =
                [Surrogate::Atan, Surrogate::FastSigmoid, Surrogate::Triangle, Surrogate::Boxcar];
            let surrogate = surrogates[i + usize::from(output == Output::Rate)];
            all.push(Neuron { reset, output, surrogate, steps, ..Neuron::default() });
        }
        if steps > 1 {
            let surrogate = Surrogate::Secant;
            all.push(Neuron { reset, output: Output::Rate, surrogate, steps, ..Neuron::default() });
        }
    }
    all
}

pub fn in_oracle(p: &Neuron) -> oracle::Neuron {
    oracle::Neuron {
        unit: match (p.kind, p.output) {
            (NeuronKind::Relu, _) => oracle::Unit::Relu,
            (_, Output::Membrane) => oracle::Unit::Membrane,
            (_, Output::Rate) => oracle::Unit::Rate,
        },
        beta: f64::from(p.beta),
        threshold: f64::from(p.threshold),
        reset: match p.reset {
            Reset::Subtract => oracle::Reset::Subtract,
            Reset::Zero => oracle::Reset::Zero,
            Reset::None => oracle::Reset::None,
        },
        steps: p.steps,
        surrogate: match p.surrogate {
            Surrogate::Atan => oracle::Surrogate::Atan,
            Surrogate::FastSigmoid => oracle::Surrogate::FastSigmoid,
            Surrogate::Triangle => oracle::Surrogate::Triangle,
            Surrogate::Boxcar => oracle::Surrogate::Boxcar,
            Surrogate::Secant => oracle::Surrogate::Secant,
        },
    }
}

fn lif<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let mut answers = Vec::new();
    for p in neurons(s.steps) {
        for (in_time, with_bias) in [(false, false), (false, true), (true, false), (true, true)] {
            if in_time && (p.kind == NeuronKind::Relu || p.surrogate == Surrogate::Secant) {
                continue;
            }
            answers.extend(lif_case(dev, s, &p, in_time, with_bias));
        }
    }
    answers
}

fn lif_case<D: Device>(dev: &D, s: Sizes, p: &Neuron, in_time: bool, with_bias: bool) -> Vec<Answer> {
    let rows = UnitRows::new(dev, s, p, s.batch, in_time, with_bias);
    let mut signal = dev.zeros(s.batch, s.units).unwrap();
    let mut spikes = dev.zeros(s.batch * p.steps, s.units).unwrap();
    let train = rows.trains.then_some(&mut spikes);
    dev.lif(&mut signal, train, &rows.current, rows.bias.as_ref(), p).unwrap();
    let name = |part| format!("lif {part} {p:?} in_time {in_time} bias {with_bias}");
    vec![
        Answer::new(name("signal"), dev.download(&signal).unwrap(), rows.signal),
        Answer::new(name("spikes"), dev.download(&spikes).unwrap(), rows.spikes),
    ]
}

/// Rows of units, and what the oracle says of them.
struct UnitRows<D: Device> {
    current: Tensor<D>,
    bias: Option<Tensor<D>>,
    /// Whether spikes are asked for.
    trains: bool,
    signal: Vec<f64>,
    slope: Vec<f64>,
    spikes: Vec<f64>,
}

impl<D: Device> UnitRows<D> {
    fn new(dev: &D, s: Sizes, p: &Neuron, rows: usize, in_time: bool, with_bias: bool) -> Self {
        let (n, current_steps) = (s.units, if in_time { p.steps } else { 1 });
        let (current, values) = tensor(dev, 12, [rows * current_steps, n], -0.5, 1.5);
        let (bias, bias_values) = tensor(dev, 13, [1, n], -0.2, 0.2);
        let trains = p.kind == NeuronKind::Lif && p.surrogate != Surrogate::Secant;
        let oracle_p = in_oracle(p);
        let mut signal = Vec::new();
        let (mut slope, mut spikes) = (vec![0.0; rows * current_steps * n], vec![0.0; rows * p.steps * n]);
        for r in 0..rows {
            for j in 0..n {
                let at = |t: usize| {
                    let row = r * current_steps + if in_time { t } else { 0 };
                    values[row * n + j] + if with_bias { bias_values[j] } else { 0.0 }
                };
                let base: Vec<f64> = (0..p.steps).map(at).collect();
                let moved = |by: f64, step: usize| {
                    let here = |t: usize| if !in_time || t == step { base[t] + by } else { base[t] };
                    oracle::signal(&(0..p.steps).map(here).collect::<Vec<_>>(), &base, &oracle_p)
                };
                signal.push(moved(0.0, 0));
                for t in 0..current_steps {
                    slope[(r * current_steps + t) * n + j] = (moved(1e-6, t) - moved(-1e-6, t)) / 2e-6;
                }
                if trains {
                    let (_, fired) = oracle::scan(&base, &oracle_p, None);
                    for (t, &spk) in fired.iter().enumerate() {
                        spikes[(r * p.steps + t) * n + j] = f64::from(u8::from(spk));
                    }
                }
            }
        }
        Self { current, bias: with_bias.then_some(bias), trains, signal, slope, spikes }
    }
}

fn goodness<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let (signal, values) = tensor(dev, 14, [s.batch, s.units], -1.0, 2.0);
    let mut answers = Vec::new();
    for p in [Goodness::Mean, Goodness::Sum] {
        let mut goodness = dev.zeros(s.batch, 1).unwrap();
        dev.goodness(&mut goodness, &signal, p).unwrap();
        let factor = if p == Goodness::Mean { 1.0 / s.units as f64 } else { 1.0 };
        let want = values.chunks(s.units).map(|row| factor * row.iter().map(|x| x * x).sum::<f64>());
        answers.push(Answer::new(
            format!("goodness {p:?}"),
            dev.download(&goodness).unwrap(),
            want.collect(),
        ));
    }
    answers
}

/// The op's objectives, and the oracle's.
const OBJECTIVES: [(Objective, oracle::Objective); 2] = [
    (Objective::Softplus { theta: 1.5 }, oracle::Objective::Softplus { theta: 1.5 }),
    (Objective::Pair { alpha: 4.0 }, oracle::Objective::Pair { alpha: 4.0 }),
];

/// Each pair's loss, where three batches are logged and the clock stands at the second; and the gradient of their mean.
fn losses_and_gradient(goodness: &[f64], objective: oracle::Objective) -> (Vec<f64>, Vec<f64>) {
    let neuron = in_oracle(&Neuron::default());
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

fn local_grad<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (i, neuron) in neurons(s.steps).into_iter().enumerate() {
        for (in_time, with_bias) in [(false, false), (false, true), (true, false), (true, true)] {
            if in_time && (neuron.kind == NeuronKind::Relu || neuron.surrogate == Surrogate::Secant) {
                continue;
            }
            // A sum grows with the units, and what a steep objective makes of its roundings too.
            let alpha = 4.0 / s.units as f32;
            let (objective, of_oracle) = match in_time {
                true => (Objective::Pair { alpha }, oracle::Objective::Pair { alpha: f64::from(alpha) }),
                false => OBJECTIVES[i % 2],
            };
            let dropout = if with_bias { Dropout { rate: 0.3, seed: 7 } } else { Dropout::NONE };
            let goodness = if in_time { Goodness::Sum } else { Goodness::Mean };
            let p = LocalLoss { neuron, dropout, goodness, objective };
            answers.extend(local_grad_case(dev, s, &p, of_oracle, in_time, with_bias));
        }
    }
    answers
}

/// Which units are silenced has to be the same everywhere, and for both copies of an image.
fn local_grad_case<D: Device>(
    dev: &D,
    s: Sizes,
    p: &LocalLoss,
    objective: oracle::Objective,
    in_time: bool,
    with_bias: bool,
) -> Vec<Answer> {
    let (rows, n) = (2 * s.batch, s.units);
    let mut want = UnitRows::new(dev, s, &p.neuron, rows, in_time, with_bias);
    let mut dcurrent = dev.upload(want.slope.len() / n, n, &vec![f32::NAN; want.slope.len()]).unwrap();
    let (mut signal, mut goodness) = (dev.zeros(rows, n).unwrap(), dev.zeros(rows, 1).unwrap());
    let mut spikes = dev.zeros(rows * p.neuron.steps, n).unwrap();
    let mut losses = dev.zeros(3 * s.batch, 1).unwrap();
    let train = want.trains.then_some(&mut spikes);
    let (current, bias, clock) = (&want.current, want.bias.as_ref(), clock(dev));
    dev.local_grad(&mut dcurrent, &mut losses, &mut signal, train, &mut goodness, current, bias, &clock, p)
        .unwrap();

    let silent = |r: usize, j: usize| {
        let counter = (u64::from(CLOCK[0]) << 32) | ((r % s.batch) * n + j) as u64;
        p.dropout.rate > 0.0 && random::uniform(7, counter) < 0.3
    };
    let factor = if p.goodness == Goodness::Mean { 1.0 / n as f64 } else { 1.0 };
    for (e, signal) in want.signal.iter_mut().enumerate() {
        *signal = if silent(e / n, e % n) { 0.0 } else { *signal };
    }
    for (e, spike) in want.spikes.iter_mut().enumerate() {
        *spike = if silent(e / n / p.neuron.steps, e % n) { 0.0 } else { *spike };
    }
    let want_goodness: Vec<f64> =
        want.signal.chunks(n).map(|row| factor * row.iter().map(|x| x * x).sum::<f64>()).collect();
    let (want_losses, dgoodness) = losses_and_gradient(&want_goodness, objective);
    let steps = want.slope.len() / want.signal.len();
    let chain = |(e, slope): (usize, &f64)| {
        let (r, j) = (e / n / steps, e % n);
        2.0 * factor * dgoodness[r] * want.signal[r * n + j] * slope
    };
    let want_dcurrent = want.slope.iter().enumerate().map(chain).collect();
    let name = |part| format!("local_grad {part} {p:?} in_time {in_time} bias {with_bias}");
    vec![
        Answer::new(name("signal"), dev.download(&signal).unwrap(), want.signal),
        Answer::new(name("spikes"), dev.download(&spikes).unwrap(), want.spikes),
        Answer::new(name("goodness"), dev.download(&goodness).unwrap(), want_goodness),
        Answer::new(name("losses"), dev.download(&losses).unwrap(), want_losses),
        Answer::new(name("dcurrent"), dev.download(&dcurrent).unwrap(), want_dcurrent),
    ]
}

fn objective<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let (goodness, values) = tensor(dev, 15, [2 * s.batch, 1], 0.0, 3.0);
    let mut answers = Vec::new();
    for (p, of_oracle) in OBJECTIVES {
        let (mut losses, mut dgoodness) =
            (dev.zeros(3 * s.batch, 1).unwrap(), dev.zeros(2 * s.batch, 1).unwrap());
        dev.objective(&mut losses, &mut dgoodness, &goodness, &clock(dev), &p).unwrap();
        let (want_losses, want) = losses_and_gradient(&values, of_oracle);
        let (losses, dgoodness) = (dev.download(&losses).unwrap(), dev.download(&dgoodness).unwrap());
        answers.push(Answer::new(format!("objective losses {p:?}"), losses, want_losses));
        answers.push(Answer::new(format!("objective dgoodness {p:?}"), dgoodness, want));
    }
    answers
}

fn softmax_loss<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let (scores, values) = tensor(dev, 52, [s.batch, CLASSES], -3.0, 3.0);
    let (labels, label_values) = labels(dev, 53, s.batch);
    let (mut losses, mut dscores) =
        (dev.zeros(3 * s.batch, 1).unwrap(), dev.zeros(s.batch, CLASSES).unwrap());
    dev.softmax_loss(&mut losses, &mut dscores, &scores, &labels, &clock(dev), &Softmax { sharpness: 2.5 })
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
    dev.sum_rows(&mut dbias, &dcurrent).unwrap();
    let want = (0..n).map(|j| (0..rows).map(|r| dcurrent_values[r * n + j]).sum()).collect();
    answers.push(Answer::new("sum_rows", dev.download(&dbias).unwrap(), want));

    let (labels, label_values) = labels(dev, 21, rows);
    let (scale, scale_values) = tensor(dev, 22, [s.batch, 1], 0.1, 1.0);
    let (factor, factor_values) = tensor(dev, 20, [rows, 1], -1.0, 1.0);
    let size = (s.batch + CLASSES + 1) * n;
    let (shares, share_values) = tensor(dev, 46, [s.batch + CLASSES + 1, n], -1.0, 1.0);
    for (linear, factor, g) in [(false, None, Goodness::Mean), (true, Some(&factor), Goodness::Sum)] {
        let mut dshares = dev.upload(s.batch + CLASSES + 1, n, &vec![f32::NAN; size]).unwrap();
        let of_current = match linear {
            true => CurrentGrad::Linear { shares: &shares, dgoodness: &dgoodness, goodness: g },
            false => CurrentGrad::Stored(&dcurrent),
        };
        dev.share_grad(&mut dshares, of_current, &labels, &scale, factor, &LABEL).unwrap();
        let mut goodness = dev.zeros(rows, 1).unwrap();
        dev.share_goodness(&mut goodness, &shares, &scale, &labels, factor, &LABEL, g).unwrap();
        let (mut want, mut want_goodness) = (vec![0.0; size], vec![0.0; rows]);
        for r in 0..rows {
            let (b, t) = (r % s.batch, if factor.is_some() { factor_values[r] } else { 1.0 });
            let label = s.batch + label_values[r];
            let a = f64::from(AMPLITUDE) * scale_values[b];
            let mean = if g == Goodness::Mean { 1.0 / n as f64 } else { 1.0 };
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
    let (mut mean, mean_values) = tensor(dev, 24, shape, -0.1, 0.1);
    let (mut square, square_values) = tensor(dev, 25, shape, 0.0, 0.1);
    let (dweight, dweight_values) = tensor(dev, 26, shape, -1.0, 1.0);
    let mut clock = clock(dev);
    dev.adam(&mut weight, &mut mean, &mut square, &dweight, &clock, &p).unwrap();
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
    dev.advance(&mut clock).unwrap();
    assert_eq!(dev.download(&clock).unwrap(), CLOCK.map(|c| c + 1));
    vec![
        Answer::new("adam weight", dev.download(&weight).unwrap(), want_weight),
        Answer::new("adam mean", dev.download(&mean).unwrap(), want_mean),
        Answer::new("adam square", dev.download(&square).unwrap(), want_square),
    ]
}

/// Layer 1's goodness of all labels at once, and the same by the single ops, which have to give the same bits: `(at
/// once, one by one)`, for each kind of unit.
pub fn label_goodness<D: Device>(dev: &D, batch: usize, units: usize) -> Vec<(String, Vec<f32>, Vec<f32>)> {
    let (shares, _) = tensor(dev, 30, [batch + CLASSES + 1, units], -0.5, 1.5);
    let (scale, _) = tensor(dev, 31, [batch, 1], 0.1, 1.0);
    let (bias, _) = tensor(dev, 33, [1, units], -0.2, 0.2);
    let candidates: Vec<u32> = (0..CLASSES as u32).flat_map(|c| vec![c; batch]).collect();
    let candidates = dev.upload(batch * CLASSES, 1, &candidates).unwrap();
    let mut answers = Vec::new();
    for p in neurons(4) {
        for (bias, g) in [(None, Goodness::Mean), (Some(&bias), Goodness::Sum)] {
            let mut scores = dev.zeros(batch, CLASSES).unwrap();
            dev.label_goodness(&mut scores, &shares, &scale, bias, &LABEL, &p, g).unwrap();

            let rows = batch * CLASSES;
            let (mut current, mut signal) =
                (dev.zeros(rows, units).unwrap(), dev.zeros(rows, units).unwrap());
            let mut goodness = dev.zeros(rows, 1).unwrap();
            dev.label_current(&mut current, &shares, &scale, &candidates, None, &LABEL).unwrap();
            dev.lif(&mut signal, None, &current, bias, &p).unwrap();
            dev.goodness(&mut goodness, &signal, g).unwrap();
            let goodness = dev.download(&goodness).unwrap();
            let by_image = (0..rows).map(|i| goodness[i % CLASSES * batch + i / CLASSES]).collect();
            answers.push((format!("label_goodness {p:?} {g:?}"), dev.download(&scores).unwrap(), by_image));
        }
    }
    answers
}
