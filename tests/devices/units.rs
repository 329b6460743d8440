//! The engine's units, with a constant current and with one per step: what they pass on, and what a layer learns from.

use ff_net::formulas::{
    Atan, Boxcar, FastSigmoid, Lif, Output, Pair, Relu, Reset, Secant, Squares, Surrogate, Triangle,
};
use ff_tensor::{
    Device, Dropout, LabelCurrent, LabelGoodness, LocalGrad, Objective, RowGoodness, Tensor, Units,
    UnitsForward, random,
};

use crate::ops::{AMPLITUDE, Answer, CLASSES, CLOCK, OBJECTIVES, Sizes, clock, losses_and_gradient, tensor};
use crate::oracle;

/// Units, and the oracle's word for them.
pub struct Case {
    pub name: String,
    pub units: Box<dyn Units>,
    pub oracle: oracle::Neuron,
}

pub const RELU: oracle::Neuron = oracle::Neuron {
    unit: oracle::Unit::Relu,
    beta: 0.0,
    threshold: 1.0,
    reset: oracle::Reset::None,
    steps: 1,
    surrogate: oracle::Surrogate::Boxcar,
};

const BETA: f32 = 0.8;

pub fn relu() -> Case {
    Case { name: "relu".into(), units: Box::new(Relu), oracle: RELU }
}

fn lif<S: Surrogate>(surrogate: oracle::Surrogate, reset: Reset, output: Output, steps: usize) -> Case {
    let oracle = oracle::Neuron {
        unit: if output == Output::Rate { oracle::Unit::Rate } else { oracle::Unit::Membrane },
        beta: f64::from(BETA),
        threshold: 1.0,
        reset: match reset {
            Reset::Subtract => oracle::Reset::Subtract,
            Reset::Zero => oracle::Reset::Zero,
            Reset::None => oracle::Reset::None,
        },
        steps,
        surrogate,
    };
    let units = Box::new(Lif::<S>::new(BETA, 1.0, reset, steps, output));
    Case { name: format!("lif {reset:?} {output:?} {steps} {surrogate:?}"), units, oracle }
}

/// A unit with the oracle's surrogate.
pub fn lif_of(surrogate: oracle::Surrogate, reset: Reset, output: Output, steps: usize) -> Case {
    match surrogate {
        oracle::Surrogate::Atan => lif::<Atan>(surrogate, reset, output, steps),
        oracle::Surrogate::FastSigmoid => lif::<FastSigmoid>(surrogate, reset, output, steps),
        oracle::Surrogate::Triangle => lif::<Triangle>(surrogate, reset, output, steps),
        oracle::Surrogate::Boxcar => lif::<Boxcar>(surrogate, reset, output, steps),
        oracle::Surrogate::Secant => lif::<Secant>(surrogate, reset, output, steps),
    }
}

/// Each kind of unit.
pub fn cases(steps: usize) -> Vec<Case> {
    use oracle::Surrogate::{Atan, Boxcar, FastSigmoid, Secant, Triangle};
    let mut all = vec![relu()];
    for (i, reset) in [Reset::Subtract, Reset::Zero, Reset::None].into_iter().enumerate() {
        for output in [Output::Membrane, Output::Rate] {
            let surrogate = [Atan, FastSigmoid, Triangle, Boxcar][i + usize::from(output == Output::Rate)];
            all.push(lif_of(surrogate, reset, output, steps));
        }
        if steps > 1 {
            all.push(lif_of(Secant, reset, Output::Rate, steps));
        }
    }
    all
}

impl Case {
    fn is_relu(&self) -> bool {
        self.oracle.unit == oracle::Unit::Relu
    }

    fn is_secant(&self) -> bool {
        self.oracle.surrogate == oracle::Surrogate::Secant
    }
}

pub fn every_op<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (i, case) in cases(s.steps).iter().enumerate() {
        for (in_time, with_bias) in [(false, false), (false, true), (true, false), (true, true)] {
            // A rectifier has one step, and a secant is for a constant current.
            if in_time && (case.is_relu() || case.is_secant()) {
                continue;
            }
            answers.extend(units_forward(dev, s, case, in_time, with_bias));
            answers.extend(local_grad_of_case(dev, s, case, i, in_time, with_bias));
        }
    }
    answers
}

fn units_forward<D: Device>(dev: &D, s: Sizes, case: &Case, in_time: bool, with_bias: bool) -> Vec<Answer> {
    let rows = UnitRows::new(dev, s, case, s.batch, in_time, with_bias);
    let mut signal = dev.zeros(s.batch, s.units).unwrap();
    let mut spikes = dev.zeros(s.batch * case.oracle.steps, s.units).unwrap();
    UnitsForward {
        signal: &mut signal,
        spikes: rows.trains.then_some(&mut spikes),
        current: &rows.current,
        bias: rows.bias.as_ref(),
        units: &*case.units,
    }
    .on(dev)
    .unwrap();
    let name = |part| format!("units_forward {part} {} in_time {in_time} bias {with_bias}", case.name);
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
    fn new(dev: &D, s: Sizes, case: &Case, rows: usize, in_time: bool, with_bias: bool) -> Self {
        let p = &case.oracle;
        let (n, current_steps) = (s.units, if in_time { p.steps } else { 1 });
        let (current, values) = tensor(dev, 12, [rows * current_steps, n], -0.5, 1.5);
        let (bias, bias_values) = tensor(dev, 13, [1, n], -0.2, 0.2);
        let trains = !case.is_secant();
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
                    oracle::signal(&(0..p.steps).map(here).collect::<Vec<_>>(), &base, p)
                };
                signal.push(moved(0.0, 0));
                for t in 0..current_steps {
                    slope[(r * current_steps + t) * n + j] = (moved(1e-6, t) - moved(-1e-6, t)) / 2e-6;
                }
                if trains {
                    let passed = |(t, &spk): (usize, &bool)| match case.is_relu() {
                        true => base[t].max(0.0),
                        false => f64::from(u8::from(spk)),
                    };
                    let (_, fired) = oracle::scan(&base, p, None);
                    for (t, passed) in fired.iter().enumerate().map(passed).enumerate() {
                        spikes[(r * p.steps + t) * n + j] = passed;
                    }
                }
            }
        }
        Self { current, bias: with_bias.then_some(bias), trains, signal, slope, spikes }
    }
}

fn local_grad_of_case<D: Device>(
    dev: &D,
    s: Sizes,
    case: &Case,
    number: usize,
    in_time: bool,
    with_bias: bool,
) -> Vec<Answer> {
    // A sum grows with the units, and what a steep objective makes of its roundings too.
    let pair = Pair { alpha: 4.0 / s.units as f32 };
    let (objective, of_oracle): (&dyn Objective, _) = match in_time {
        true => (&pair, oracle::Objective::Pair { alpha: f64::from(pair.alpha) }),
        false => OBJECTIVES[number % 2],
    };
    let dropout = if with_bias { Dropout { rate: 0.3, seed: 7 } } else { Dropout::NONE };
    let squares = if in_time { Squares::Sum } else { Squares::Mean };
    local_grad(dev, s, case, Loss { dropout, squares, objective, of_oracle }, in_time, with_bias)
}

struct Loss<'a> {
    dropout: Dropout,
    squares: Squares,
    objective: &'a dyn Objective,
    of_oracle: oracle::Objective,
}

/// Which units are silenced has to be the same everywhere, and for both copies of an image.
fn local_grad<D: Device>(
    dev: &D,
    s: Sizes,
    case: &Case,
    loss: Loss,
    in_time: bool,
    with_bias: bool,
) -> Vec<Answer> {
    let (rows, n, steps) = (2 * s.batch, s.units, case.oracle.steps);
    let mut want = UnitRows::new(dev, s, case, rows, in_time, with_bias);
    let mut dcurrent = dev.upload(want.slope.len() / n, n, &vec![f32::NAN; want.slope.len()]).unwrap();
    let (mut signal, mut goodness) = (dev.zeros(rows, n).unwrap(), dev.zeros(rows, 1).unwrap());
    let mut spikes = dev.zeros(rows * steps, n).unwrap();
    let mut losses = dev.zeros(3 * s.batch, 1).unwrap();
    LocalGrad {
        dcurrent: &mut dcurrent,
        losses: &mut losses,
        signal: &mut signal,
        spikes: want.trains.then_some(&mut spikes),
        goodness: &mut goodness,
        current: &want.current,
        bias: want.bias.as_ref(),
        clock: &clock(dev),
        units: &*case.units,
        dropout: loss.dropout,
        formula: &loss.squares,
        objective: loss.objective,
    }
    .on(dev)
    .unwrap();

    let silent = |r: usize, j: usize| {
        let counter = (u64::from(CLOCK[0]) << 32) | (r % s.batch * n + j) as u64;
        random::uniform(7, counter) < loss.dropout.rate
    };
    let factor = if loss.squares == Squares::Mean { 1.0 / n as f64 } else { 1.0 };
    for (e, signal) in want.signal.iter_mut().enumerate() {
        *signal = if silent(e / n, e % n) { 0.0 } else { *signal };
    }
    for (e, spike) in want.spikes.iter_mut().enumerate() {
        *spike = if silent(e / n / steps, e % n) { 0.0 } else { *spike };
    }
    let want_goodness: Vec<f64> =
        want.signal.chunks(n).map(|row| factor * row.iter().map(|x| x * x).sum::<f64>()).collect();
    let (want_losses, dgoodness) = losses_and_gradient(&want_goodness, loss.of_oracle);
    let of_current = want.slope.len() / want.signal.len();
    let chain = |(e, slope): (usize, &f64)| {
        let (r, j) = (e / n / of_current, e % n);
        2.0 * factor * dgoodness[r] * want.signal[r * n + j] * slope
    };
    let want_dcurrent = want.slope.iter().enumerate().map(chain).collect();
    let name = |part| format!("local_grad {part} {} in_time {in_time} bias {with_bias}", case.name);
    vec![
        Answer::new(name("signal"), dev.download(&signal).unwrap(), want.signal),
        Answer::new(name("spikes"), dev.download(&spikes).unwrap(), want.spikes),
        Answer::new(name("goodness"), dev.download(&goodness).unwrap(), want_goodness),
        Answer::new(name("losses"), dev.download(&losses).unwrap(), want_losses),
        Answer::new(name("dcurrent"), dev.download(&dcurrent).unwrap(), want_dcurrent),
    ]
}

/// Layer 1's goodness of all labels at once, and the same by the single ops, which have to give the same bits: `(at
/// once, one by one)`, for each kind of unit.
pub fn label_goodness<D: Device>(dev: &D, batch: usize, n: usize) -> Vec<(String, Vec<f32>, Vec<f32>)> {
    let (shares, _) = tensor(dev, 30, [batch + CLASSES + 1, n], -0.5, 1.5);
    let (scale, _) = tensor(dev, 31, [batch, 1], 0.1, 1.0);
    let (bias, _) = tensor(dev, 33, [1, n], -0.2, 0.2);
    let candidates: Vec<u32> = (0..CLASSES as u32).flat_map(|c| vec![c; batch]).collect();
    let labels = dev.upload(batch * CLASSES, 1, &candidates).unwrap();
    let (shares, scale, amplitude, rows) = (&shares, &scale, AMPLITUDE, batch * CLASSES);
    let mut answers = Vec::new();
    for case in cases(4) {
        for (bias, goodness) in [(None, Squares::Mean), (Some(&bias), Squares::Sum)] {
            let units = &*case.units;
            let mut scores = dev.zeros(batch, CLASSES).unwrap();
            LabelGoodness { scores: &mut scores, shares, scale, bias, amplitude, units, goodness: &goodness }
                .on(dev)
                .unwrap();

            let (mut current, mut signal) = (dev.zeros(rows, n).unwrap(), dev.zeros(rows, n).unwrap());
            let mut of_rows = dev.zeros(rows, 1).unwrap();
            LabelCurrent { current: &mut current, shares, scale, labels: &labels, factor: None, amplitude }
                .on(dev)
                .unwrap();
            UnitsForward { signal: &mut signal, spikes: None, current: &current, bias, units }
                .on(dev)
                .unwrap();
            RowGoodness { goodness: &mut of_rows, signal: &signal, formula: &goodness }.on(dev).unwrap();
            let of_rows = dev.download(&of_rows).unwrap();
            let by_image = (0..rows).map(|i| of_rows[i % CLASSES * batch + i / CLASSES]).collect();
            let name = format!("label_goodness {} {goodness:?}", case.name);
            answers.push((name, dev.download(&scores).unwrap(), by_image));
        }
    }
    answers
}
