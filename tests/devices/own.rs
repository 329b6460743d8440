//! Formulas that a user brings along: a neuron with two numbers in its state through all ops, a goodness and an objective,
//! two optimisers. The references are plain loops in f64.
//!
//! A spike has no useful numeric derivative. So the base point's spikes are frozen, and a spike moves only by its surrogate's
//! primitive S, both in what is passed on and in the adaptation: `spk = spk_base + S(u) - S(u_base)`.

use ff_cpu::Cpu;
use ff_tensor::constants::MOST_KEPT;
use ff_tensor::{
    Device, Dropout, LabelCurrent, LabelGoodness, LocalGrad, Readout, RowGoodness, Tensor, UnitsBackward,
    UnitsForward, Update, random,
};

use crate::bits;
use crate::formulas::{Adaptive, Descent, Margin, MeanSignal, Momentum};
use crate::ops::{AMPLITUDE, Answer, CLASSES, CLOCK, Sizes, clock, tensor};
use crate::shim::{Schedule, Shim};

const MARGIN: Margin = Margin { margin: 0.3, alpha: 2.5 };

pub fn adaptive(steps: usize, readout: Readout) -> Adaptive {
    Adaptive { beta: 0.8, threshold: 0.5, rho: 0.9, strength: 0.3, steps, readout }
}

/// A unit's time steps: what was passed on, and how far the state was above its threshold.
struct Run {
    passed: Vec<f64>,
    above: Vec<f64>,
    membrane: f64,
}

fn primitive(u: f64) -> f64 {
    (std::f64::consts::PI * u).atan() / std::f64::consts::PI
}

/// Steps with these currents; `base` given: moved softly away from it.
fn run(p: &Adaptive, currents: &[f64], base: Option<&Run>) -> Run {
    let [beta, threshold, rho, strength] = [p.beta, p.threshold, p.rho, p.strength].map(f64::from);
    let (mut mem, mut a, mut now) = (0.0, 0.0, Run { passed: Vec::new(), above: Vec::new(), membrane: 0.0 });
    for (t, current) in currents.iter().enumerate() {
        let (fired, passed) = match (t.checked_sub(1), base) {
            (None, _) => (0.0, 0.0),
            (Some(last), None) => (now.passed[last], now.passed[last]),
            (Some(last), Some(base)) => (base.passed[last], now.passed[last]),
        };
        mem = beta * mem + current - threshold * fired;
        a = rho * a + strength * passed;
        let above = mem - threshold - a;
        let hard = if above > 0.0 { 1.0 } else { 0.0 };
        now.passed.push(match base {
            Some(base) => base.passed[t] + primitive(above) - primitive(base.above[t]),
            None => hard,
        });
        now.above.push(above);
    }
    Run { membrane: mem, ..now }
}

fn signal(p: &Adaptive, run: &Run) -> f64 {
    match p.readout {
        Readout::Rate => run.passed.iter().sum::<f64>() / p.steps as f64,
        Readout::Membrane => run.membrane,
    }
}

/// The derivative in each current, or in all of them at once, of what `value` makes of a run.
fn slopes(p: &Adaptive, currents: &[f64], in_time: bool, value: impl Fn(&Run) -> f64) -> Vec<f64> {
    let base = run(p, currents, None);
    let moved = |step: usize, by: f64| {
        let here = |(t, current): (usize, &f64)| if !in_time || t == step { current + by } else { *current };
        value(&run(p, &currents.iter().enumerate().map(here).collect::<Vec<_>>(), Some(&base)))
    };
    let steps = if in_time { currents.len() } else { 1 };
    (0..steps).map(|t| (moved(t, 1e-6) - moved(t, -1e-6)) / 2e-6).collect()
}

/// The currents of a unit: its row's in each step, and its bias.
struct Currents<D: Device> {
    tensor: Tensor<D>,
    bias: Option<Tensor<D>>,
    values: Vec<f64>,
    bias_values: Vec<f64>,
    steps: usize,
    in_time: bool,
    n: usize,
}

impl<D: Device> Currents<D> {
    fn new(dev: &D, rows: usize, n: usize, steps: usize, in_time: bool, with_bias: bool) -> Self {
        let of_row = if in_time { steps } else { 1 };
        let (tensor_of_currents, values) = tensor(dev, 71, [rows * of_row, n], -0.3, 1.2);
        let (bias, bias_values) = tensor(dev, 72, [1, n], -0.2, 0.2);
        let bias_values = if with_bias { bias_values } else { vec![0.0; n] };
        let bias = with_bias.then_some(bias);
        Self { tensor: tensor_of_currents, bias, values, bias_values, steps, in_time, n }
    }

    fn of(&self, r: usize, j: usize) -> Vec<f64> {
        let row = |t: usize| if self.in_time { r * self.steps + t } else { r };
        (0..self.steps).map(|t| self.values[row(t) * self.n + j] + self.bias_values[j]).collect()
    }

    /// Rows of the current.
    fn rows(&self) -> usize {
        self.tensor.rows()
    }

    /// Where step `t` of unit `j` of row `r` lies in a tensor with a row for each row of the current.
    fn at(&self, r: usize, t: usize, j: usize) -> usize {
        (if self.in_time { r * self.steps + t } else { r }) * self.n + j
    }
}

pub fn every_op<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let mut answers = Vec::new();
    for readout in [Readout::Rate, Readout::Membrane] {
        let p = adaptive(s.steps, readout);
        for (in_time, with_bias, trains) in
            [(false, false, false), (false, true, true), (true, false, true), (true, true, false)]
        {
            answers.extend(units_forward(dev, s, &p, in_time, with_bias, trains));
            answers.extend(local_grad(dev, s, &p, in_time, with_bias, trains));
        }
    }
    let p = adaptive(s.steps, Readout::Rate);
    for (in_time, passed_in_time) in [(false, false), (false, true), (true, false), (true, true)] {
        answers.push(units_backward(dev, s, &p, in_time, passed_in_time));
    }
    answers.extend(label_goodness(dev, s, &p));
    answers.extend(updates(dev, s));
    answers
}

fn units_forward<D: Device>(
    dev: &D,
    s: Sizes,
    p: &Adaptive,
    in_time: bool,
    with_bias: bool,
    trains: bool,
) -> Vec<Answer> {
    let (n, currents) = (s.units, Currents::new(dev, s.batch, s.units, p.steps, in_time, with_bias));
    let (mut signals, mut spikes) =
        (dev.zeros(s.batch, n).unwrap(), dev.zeros(s.batch * p.steps, n).unwrap());
    UnitsForward {
        signal: &mut signals,
        spikes: trains.then_some(&mut spikes),
        current: &currents.tensor,
        bias: currents.bias.as_ref(),
        units: p,
    }
    .on(dev)
    .unwrap();
    let (mut want, mut want_spikes) = (Vec::new(), vec![0.0; s.batch * p.steps * n]);
    for (r, j) in (0..s.batch * n).map(|e| (e / n, e % n)) {
        let run = run(p, &currents.of(r, j), None);
        want.push(signal(p, &run));
        for (t, passed) in run.passed.iter().enumerate().filter(|_| trains) {
            want_spikes[(r * p.steps + t) * n + j] = *passed;
        }
    }
    let name = |part| format!("units_forward adaptive {part} {:?} in_time {in_time}", p.readout);
    vec![
        Answer::new(name("signal"), dev.download(&signals).unwrap(), want),
        Answer::new(name("spikes"), dev.download(&spikes).unwrap(), want_spikes),
    ]
}

fn units_backward<D: Device>(dev: &D, s: Sizes, p: &Adaptive, in_time: bool, passed_in_time: bool) -> Answer {
    let (n, currents) = (s.units, Currents::new(dev, s.batch, s.units, p.steps, in_time, false));
    let passed_rows = s.batch * if passed_in_time { p.steps } else { 1 };
    let (dpassed, values) = tensor(dev, 73, [passed_rows, n], -1.0, 1.0);
    let mut dcurrent = dev.upload(currents.rows(), n, &vec![f32::NAN; currents.rows() * n]).unwrap();
    UnitsBackward {
        dcurrent: &mut dcurrent,
        dpassed: &dpassed,
        current: &currents.tensor,
        rows: s.batch,
        units: p,
    }
    .on(dev)
    .unwrap();
    let mut want = vec![0.0; currents.rows() * n];
    for (r, j) in (0..s.batch * n).map(|e| (e / n, e % n)) {
        let weight = |t: usize| match passed_in_time {
            true => values[(r * p.steps + t) * n + j],
            false => values[r * n + j] / p.steps as f64,
        };
        let value = |run: &Run| run.passed.iter().enumerate().map(|(t, passed)| weight(t) * passed).sum();
        for (t, slope) in slopes(p, &currents.of(r, j), in_time, value).into_iter().enumerate() {
            want[currents.at(r, t, j)] = slope;
        }
    }
    let name = format!("units_backward adaptive in_time {in_time} passed in time {passed_in_time}");
    Answer::new(name, dev.download(&dcurrent).unwrap(), want)
}

/// A layer of these units, with the other goodness and the other objective.
fn local_grad<D: Device>(
    dev: &D,
    s: Sizes,
    p: &Adaptive,
    in_time: bool,
    with_bias: bool,
    trains: bool,
) -> Vec<Answer> {
    let (rows, n) = (2 * s.batch, s.units);
    let currents = Currents::new(dev, rows, n, p.steps, in_time, with_bias);
    let dropout = if with_bias { Dropout { rate: 0.3, seed: 7 } } else { Dropout::NONE };
    let mut dcurrent = dev.upload(currents.rows(), n, &vec![f32::NAN; currents.rows() * n]).unwrap();
    let (mut signals, mut goodness) = (dev.zeros(rows, n).unwrap(), dev.zeros(rows, 1).unwrap());
    let (mut spikes, mut losses) =
        (dev.zeros(rows * p.steps, n).unwrap(), dev.zeros(3 * s.batch, 1).unwrap());
    LocalGrad {
        dcurrent: &mut dcurrent,
        losses: &mut losses,
        signal: &mut signals,
        spikes: trains.then_some(&mut spikes),
        goodness: &mut goodness,
        current: &currents.tensor,
        bias: currents.bias.as_ref(),
        clock: &clock(dev),
        units: p,
        dropout,
        formula: &MeanSignal,
        objective: &MARGIN,
    }
    .on(dev)
    .unwrap();

    let silent = |r: usize, j: usize| {
        let counter = (u64::from(CLOCK[0]) << 32) | (r % s.batch * n + j) as u64;
        random::uniform(7, counter) < dropout.rate
    };
    let mut want = vec![0.0; rows * n];
    for (r, j) in (0..rows * n).map(|e| (e / n, e % n)).filter(|&(r, j)| !silent(r, j)) {
        want[r * n + j] = signal(p, &run(p, &currents.of(r, j), None));
    }
    let want_goodness: Vec<f64> = want.chunks(n).map(|row| row.iter().sum::<f64>() / n as f64).collect();
    let (mut want_losses, mut dgoodness) = (vec![0.0; 3 * s.batch], vec![0.0; rows]);
    for b in 0..s.batch {
        let [margin, alpha] = [MARGIN.margin, MARGIN.alpha].map(f64::from);
        let u = alpha * (margin - (want_goodness[b] - want_goodness[s.batch + b]));
        want_losses[s.batch + b] = (1.0 + u.exp()).ln() / alpha;
        dgoodness[s.batch + b] = 1.0 / (1.0 + (-u).exp()) / s.batch as f64;
        dgoodness[b] = -dgoodness[s.batch + b];
    }
    let mut want_dcurrent = vec![0.0; currents.rows() * n];
    for (r, j) in (0..rows * n).map(|e| (e / n, e % n)).filter(|&(r, j)| !silent(r, j)) {
        let of_steps = slopes(p, &currents.of(r, j), in_time, |run| signal(p, run));
        for (t, slope) in of_steps.into_iter().enumerate() {
            want_dcurrent[currents.at(r, t, j)] = dgoodness[r] / n as f64 * slope;
        }
    }
    let name = |part| format!("local_grad {part} adaptive {:?} in_time {in_time}", p.readout);
    vec![
        Answer::new(name("signal"), dev.download(&signals).unwrap(), want),
        Answer::new(name("goodness"), dev.download(&goodness).unwrap(), want_goodness),
        Answer::new(name("losses"), dev.download(&losses).unwrap(), want_losses),
        Answer::new(name("dcurrent"), dev.download(&dcurrent).unwrap(), want_dcurrent),
    ]
}

/// All labels at once, beside the single ops.
fn label_goodness<D: Device>(dev: &D, s: Sizes, p: &Adaptive) -> Vec<Answer> {
    let (rows, n) = (s.batch * CLASSES, s.units);
    let (shares, share_values) = tensor(dev, 74, [s.batch + CLASSES + 1, n], -0.3, 0.9);
    let (scale, scale_values) = tensor(dev, 75, [s.batch, 1], 0.1, 0.5);
    let mut scores = dev.zeros(s.batch, CLASSES).unwrap();
    let (shares, scale, amplitude) = (&shares, &scale, AMPLITUDE);
    LabelGoodness {
        scores: &mut scores,
        shares,
        scale,
        bias: None,
        amplitude,
        units: p,
        goodness: &MeanSignal,
    }
    .on(dev)
    .unwrap();
    let mut want = Vec::new();
    for (b, label) in (0..rows).map(|e| (e / CLASSES, e % CLASSES)) {
        let current = |j: usize| {
            let of_label = share_values[(s.batch + label) * n + j];
            share_values[b * n + j] + f64::from(amplitude) * scale_values[b] * of_label
        };
        let of_unit = |j| signal(p, &run(p, &vec![current(j); p.steps], None));
        want.push((0..n).map(of_unit).sum::<f64>() / n as f64);
    }
    let candidates: Vec<u32> = (0..rows as u32).map(|r| r / s.batch as u32).collect();
    let labels = dev.upload(rows, 1, &candidates).unwrap();
    let (mut current, mut signal) = (dev.zeros(rows, n).unwrap(), dev.zeros(rows, n).unwrap());
    let mut one_by_one = dev.zeros(rows, 1).unwrap();
    LabelCurrent { current: &mut current, shares, scale, labels: &labels, factor: None, amplitude }
        .on(dev)
        .unwrap();
    UnitsForward { signal: &mut signal, spikes: None, current: &current, bias: None, units: p }
        .on(dev)
        .unwrap();
    RowGoodness { goodness: &mut one_by_one, signal: &signal, formula: &MeanSignal }.on(dev).unwrap();
    let by_label = |e: usize| want[e % s.batch * CLASSES + e / s.batch];
    let want_by_label = (0..rows).map(by_label).collect();
    vec![
        Answer::new("row_goodness mean signal", dev.download(&one_by_one).unwrap(), want_by_label),
        Answer::new("label_goodness adaptive", dev.download(&scores).unwrap(), want),
    ]
}

fn updates<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let shape = [s.inputs, s.units];
    let (mut weight, weight_values) = tensor(dev, 76, shape, -1.0, 1.0);
    let (velocity, velocity_values) = tensor(dev, 77, shape, -0.5, 0.5);
    let (gradient, gradient_values) = tensor(dev, 78, shape, -1.0, 1.0);
    let (mut moments, clock) = ([velocity], &clock(dev));
    let momentum = Momentum { rate: 0.1, momentum: 0.9, decay: 0.2 };
    let optimiser = &momentum;
    Update { weight: &mut weight, moments: &mut moments, gradient: &gradient, clock, optimiser }
        .on(dev)
        .unwrap();
    // The clock stands at step 5.
    let want_velocity: Vec<f64> =
        velocity_values.iter().zip(&gradient_values).map(|(v, g)| 0.9 * v + g).collect();
    let want =
        weight_values.iter().zip(&want_velocity).map(|(w, v)| w - 0.1 / (1.0 + 0.2 * 5.0) * v).collect();

    let (mut plain, _) = tensor(dev, 76, shape, -1.0, 1.0);
    let optimiser = &Descent { rate: 0.1 };
    Update { weight: &mut plain, moments: &mut [], gradient: &gradient, clock, optimiser }.on(dev).unwrap();
    let want_plain = weight_values.iter().zip(&gradient_values).map(|(w, g)| w - 0.1 * g).collect();
    vec![
        Answer::new("update momentum weight", dev.download(&weight).unwrap(), want),
        Answer::new("update momentum velocity", dev.download(&moments[0]).unwrap(), want_velocity),
        Answer::new("update descent weight", dev.download(&plain).unwrap(), want_plain),
    ]
}

/// A GPU's thread keeps the second number of a state for so many steps; for more of them it computes states anew.
#[test]
fn shim_computes_states_anew_where_it_has_no_room_to_keep_them() {
    let (shim, cpu) = (Shim::device(Schedule::Forward), Cpu::new(1).unwrap());
    for steps in [MOST_KEPT, MOST_KEPT + 1, MOST_KEPT + 9] {
        let sizes = Sizes { batch: 2, inputs: 2, units: 3, steps };
        for (ours, its) in every_op(&shim, sizes).into_iter().zip(every_op(&cpu, sizes)) {
            assert_eq!(bits(&ours.got), bits(&its.got), "{} with {steps} steps", ours.op);
            ours.check(sizes);
        }
    }
}
