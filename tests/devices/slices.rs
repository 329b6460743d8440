//! A layer's units in slices. The two halves of `local_grad` on each slice, side by side, beside `local_grad` on the whole
//! layer: they have to give the same bits.

use ff_cpu::Cpu;
use ff_net::formulas::{Lif, Output, Pair, Reset, Softplus, Squares};
use ff_tensor::{
    Device, Dropout, Goodness, LocalGrad, Objective, Readout, Result, SliceGrad, SliceSignals, Tensor, Units,
};

use crate::bits;
use crate::formulas::{Margin, MeanSignal};
use crate::ops::{Answer, CLOCK, Sizes, clock, draws, wide};
use crate::own::adaptive;
use crate::shim::{Schedule, Shim};
use crate::units::cases;

const MARGIN: Margin = Margin { margin: 0.3, alpha: 2.5 };
const DROPOUT: Dropout = Dropout { rate: 0.3, seed: 7 };

/// How a layer learns.
struct Lesson<'a> {
    units: &'a dyn Units,
    formula: &'a dyn Goodness,
    objective: &'a dyn Objective,
    dropout: Dropout,
    in_time: bool,
    with_bias: bool,
    trains: bool,
}

/// What comes of it.
type Learnt = [Vec<f32>; 5];

/// The parts of it, by the op that computes them.
const PARTS: [&str; 5] = [
    "slice_signals signal",
    "slice_signals spikes",
    "slice_grad goodness",
    "slice_grad losses",
    "slice_grad dcurrent",
];

/// The numbers of a layer that both ways start from, and where they write the losses.
struct Layer {
    rows: usize,
    n: usize,
    /// Rows of a sample in the current, and in the spikes.
    steps: [usize; 2],
    current: Vec<f32>,
    bias: Vec<f32>,
    log: Vec<f32>,
}

impl Layer {
    fn new(s: Sizes, lesson: &Lesson) -> Self {
        let (rows, n, steps) = (2 * s.batch, s.units, lesson.units.steps());
        let of_current = if lesson.in_time { steps } else { 1 };
        // The log ends one loss before the clock's batch does.
        let logged = (CLOCK[1] as usize + 1) * s.batch - usize::from(s.batch > 1);
        Self {
            rows,
            n,
            steps: [of_current, steps],
            current: draws(90, rows * of_current * n, -0.5, 1.5),
            bias: draws(91, n, -0.2, 0.2),
            log: vec![7.0; logged],
        }
    }

    /// `local_grad` of the whole layer.
    fn whole<D: Device>(&self, dev: &D, lesson: &Lesson) -> Learnt {
        let [mut signal, mut dcurrent, mut spikes] =
            [1, self.steps[0], self.steps[1]].map(|steps| nan(dev, self.rows * steps, self.n));
        let (mut goodness, mut losses) = (nan(dev, self.rows, 1), upload(dev, 1, &self.log));
        LocalGrad {
            dcurrent: &mut dcurrent,
            losses: &mut losses,
            signal: &mut signal,
            spikes: lesson.trains.then_some(&mut spikes),
            goodness: &mut goodness,
            current: &upload(dev, self.n, &self.current),
            bias: lesson.with_bias.then(|| upload(dev, self.n, &self.bias)).as_ref(),
            clock: &clock(dev),
            units: lesson.units,
            dropout: lesson.dropout,
            formula: lesson.formula,
            objective: lesson.objective,
        }
        .on(dev)
        .unwrap();
        [signal, spikes, goodness, losses, dcurrent].map(|x| dev.download(&x).unwrap())
    }

    /// The two halves on slices of these widths, with all signals in between.
    fn in_slices<D: Device>(&self, dev: &D, lesson: &Lesson, widths: &[usize]) -> Learnt {
        let n = self.n;
        let mut signal = vec![f32::NAN; self.rows * n];
        let mut spikes = vec![f32::NAN; self.rows * self.steps[1] * n];
        let mut dcurrent = vec![f32::NAN; self.current.len()];
        let ends = widths.iter().scan(0, |end, m| {
            *end += m;
            Some(*end)
        });
        let slices: Vec<[usize; 2]> = ends.zip(widths).map(|(end, m)| [end - m, *m]).collect();
        let mut slopes = Vec::new();
        for &slice in &slices {
            let [of_slice, slope, spikes_of_slice] = self.signals(dev, lesson, slice);
            put_columns(&mut signal, n, slice, &dev.download(&of_slice).unwrap());
            put_columns(&mut spikes, n, slice, &dev.download(&spikes_of_slice).unwrap());
            slopes.push(slope);
        }
        let all = upload(dev, n, &signal);
        let of_slices = slices.iter().zip(slopes).map(|(&slice, slope)| {
            let [of_slice, goodness, losses] = self.gradient(dev, lesson, slice, slope, &all);
            put_columns(&mut dcurrent, n, slice, &of_slice);
            [goodness, losses]
        });
        // Each slice has the whole layer's goodness and losses.
        let same = |ours: [Vec<f32>; 2], its: [Vec<f32>; 2]| {
            assert_eq!(ours.each_ref().map(|x| bits(x)), its.each_ref().map(|x| bits(x)));
            ours
        };
        let [goodness, losses] = of_slices.reduce(same).unwrap();
        [signal, spikes, goodness, losses, dcurrent]
    }

    /// The first half: signal, slope and spikes of `m` units from number `first` on.
    fn signals<D: Device>(&self, dev: &D, lesson: &Lesson, [first, m]: [usize; 2]) -> [Tensor<D>; 3] {
        let [mut signal, mut slope, mut spikes] =
            [1, self.steps[0], self.steps[1]].map(|steps| nan(dev, self.rows * steps, m));
        let bias = lesson.with_bias.then(|| upload(dev, m, &self.bias[first..][..m]));
        SliceSignals {
            signal: &mut signal,
            slope: &mut slope,
            spikes: lesson.trains.then_some(&mut spikes),
            current: &upload(dev, m, &columns(&self.current, self.n, [first, m])),
            bias: bias.as_ref(),
            clock: &clock(dev),
            first,
            all: self.n,
            units: lesson.units,
            dropout: lesson.dropout,
            formula: lesson.formula,
        }
        .on(dev)
        .unwrap();
        [signal, slope, spikes]
    }

    /// The second half: gradient, goodness and losses.
    fn gradient<D: Device>(
        &self,
        dev: &D,
        lesson: &Lesson,
        [first, _]: [usize; 2],
        slope: Tensor<D>,
        signal: &Tensor<D>,
    ) -> [Vec<f32>; 3] {
        let (mut dcurrent, mut goodness) = (slope, nan(dev, self.rows, 1));
        let mut losses = upload(dev, 1, &self.log);
        SliceGrad {
            dcurrent: &mut dcurrent,
            losses: &mut losses,
            goodness: &mut goodness,
            signal,
            clock: &clock(dev),
            first,
            formula: lesson.formula,
            objective: lesson.objective,
        }
        .on(dev)
        .unwrap();
        [dcurrent, goodness, losses].map(|x| dev.download(&x).unwrap())
    }
}

fn upload<D: Device>(dev: &D, cols: usize, values: &[f32]) -> Tensor<D> {
    dev.upload(values.len() / cols, cols, values).unwrap()
}

/// What was there before must not matter.
fn nan<D: Device>(dev: &D, rows: usize, cols: usize) -> Tensor<D> {
    dev.upload(rows, cols, &vec![f32::NAN; rows * cols]).unwrap()
}

/// `m` columns of `n`, from number `first` on.
fn columns(values: &[f32], n: usize, [first, m]: [usize; 2]) -> Vec<f32> {
    values.chunks(n).flat_map(|row| row[first..][..m].to_vec()).collect()
}

fn put_columns(values: &mut [f32], n: usize, [first, m]: [usize; 2], part: &[f32]) {
    for (row, part) in values.chunks_mut(n).zip(part.chunks(m)) {
        row[first..][..m].copy_from_slice(part);
    }
}

/// Ways to cut a layer of `n` units: not at all, into single units if there are few, and into uneven pieces.
fn cuts(n: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![n]];
    if (2..=17).contains(&n) {
        all.push(vec![1; n]);
    }
    if n > 2 {
        all.extend([vec![n / 2, n - n / 2], vec![1, n - 1], vec![n - n / 3 - 1, 1, n / 3]]);
    }
    all.retain(|widths| !widths.contains(&0));
    all
}

/// The halves are the whole, on one device.
fn compare<D: Device>(dev: &D, s: Sizes, lesson: &Lesson, widths: &[usize], name: &str) -> [Learnt; 2] {
    let layer = Layer::new(s, lesson);
    let (whole, halves) = (layer.whole(dev, lesson), layer.in_slices(dev, lesson, widths));
    for ((ours, its), part) in halves.iter().zip(&whole).zip(PARTS) {
        assert_eq!(bits(ours), bits(its), "{part}, {name}, {widths:?} at {s:?}");
    }
    [whole, halves]
}

/// All units that can have so many steps: the engine's, and a user's own.
fn all_units(steps: usize) -> Vec<Box<dyn Units>> {
    let engines = cases(steps).into_iter().map(|case| case.units);
    let own = [Readout::Rate, Readout::Membrane]
        .map(|readout| Box::new(adaptive(steps, readout)) as Box<dyn Units>);
    engines.chain(own).filter(|units| units.validate().is_ok()).collect()
}

/// In time, with a bias, with spikes, with dropout: each alone and some together.
const WAYS: [[bool; 4]; 5] = [
    [false, false, false, false],
    [false, true, false, true],
    [true, false, true, false],
    [false, false, true, true],
    [true, true, false, true],
];

/// Both ops once, for each kind of units. What their equation gives is what `local_grad` gives, which stands beside its own
/// equation.
pub fn every_op<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let mut answers = Vec::new();
    let cuts = cuts(s.units);
    for (i, units) in all_units(s.steps).iter().enumerate() {
        let own = units.states() > 1;
        // Every second way: a test below has them all.
        for (k, [in_time, with_bias, trains, drops]) in WAYS.into_iter().enumerate().skip(i % 2).step_by(2) {
            let lesson = Lesson {
                units: &**units,
                formula: if own { &MeanSignal } else { &Squares::Mean },
                objective: if own { &MARGIN } else { &Pair { alpha: 4.0 } },
                dropout: if drops { DROPOUT } else { Dropout::NONE },
                // A rectifier has one step.
                in_time: in_time && units.steps() > 1,
                with_bias,
                trains,
            };
            let [whole, halves] = compare(dev, s, &lesson, &cuts[(i + k) % cuts.len()], "every op");
            // Spikes that nobody asked for are not written.
            for ((got, want), part) in halves.into_iter().zip(&whole).zip(PARTS) {
                if trains || part != "slice_signals spikes" {
                    answers.push(Answer::new(format!("{part} {units:?} way {k}"), got, wide(want)));
                }
            }
        }
    }
    answers
}

/// With each goodness and each objective, and with `every` one of the one together with every one of the other.
fn halves_are_the_whole<D: Device>(dev: &D, s: Sizes, every: bool) {
    let formulas: [&dyn Goodness; 3] = [&Squares::Mean, &Squares::Sum, &MeanSignal];
    let objectives: [&dyn Objective; 3] = [&Softplus { theta: 0.5 }, &Pair { alpha: 2.0 }, &MARGIN];
    for units in &all_units(s.steps) {
        for (i, k) in (0..9).map(|e| (e / 3, e % 3)).filter(|(i, k)| every || i == k) {
            let (formula, objective) = (formulas[i], objectives[k]);
            for [in_time, with_bias, trains, drops] in WAYS {
                let (units, dropout) = (&**units, if drops { DROPOUT } else { Dropout::NONE });
                let in_time = in_time && units.steps() > 1;
                let lesson = Lesson { units, formula, objective, dropout, in_time, with_bias, trains };
                for widths in cuts(s.units) {
                    compare(dev, s, &lesson, &widths, &format!("{units:?}, {formula:?}, {objective:?}"));
                }
            }
        }
    }
}

#[test]
fn halves_are_the_whole_on_the_cpu() {
    let dev = Cpu::new(1).unwrap();
    for [batch, units, steps] in [[1, 1, 4], [3, 17, 5], [5, 65, 2], [2, 150, 3]] {
        halves_are_the_whole(&dev, Sizes { batch, inputs: 1, units, steps }, true);
    }
}

#[test]
fn shim_halves_are_the_whole() {
    let sizes = Sizes { batch: 2, inputs: 1, units: 7, steps: 3 };
    halves_are_the_whole(&Shim::device(Schedule::Shuffled), sizes, false);
}

/// More columns than the threads of a block, and more steps than a thread keeps states of.
#[test]
fn shim_halves_are_the_whole_where_blocks_have_more_than_one_turn() {
    let dev = Shim::device(Schedule::Reverse);
    for [batch, units, steps] in [[2, 530, 2], [1, 3, 70]] {
        drop(every_op(&dev, Sizes { batch, inputs: 1, units, steps }));
    }
}

#[test]
fn any_number_of_threads_gives_the_bits_of_the_whole_on_one() {
    let one = Cpu::new(1).unwrap();
    let lif = Lif::<ff_net::formulas::Atan>::new(0.8, 1.0, Reset::Subtract, 3, Output::Rate);
    for threads in [1, 2, 3, 5] {
        let many = Cpu::new(threads).unwrap();
        for ([in_time, with_bias, trains, _], [batch, units]) in
            WAYS.into_iter().zip([[130, 33], [600, 7], [17, 257], [33, 100], [9, 12]])
        {
            let (formula, objective, dropout) = (&MeanSignal, &Pair { alpha: 2.0 }, DROPOUT);
            let lesson = Lesson { units: &lif, formula, objective, dropout, in_time, with_bias, trains };
            let s = Sizes { batch, inputs: 1, units, steps: 3 };
            let layer = Layer::new(s, &lesson);
            let whole = layer.whole(&one, &lesson);
            for widths in cuts(units) {
                let halves = layer.in_slices(&many, &lesson, &widths);
                for ((ours, its), part) in halves.iter().zip(&whole).zip(PARTS) {
                    assert_eq!(bits(ours), bits(its), "{part} with {threads} threads, {widths:?} at {s:?}");
                }
            }
        }
    }
}

/// The draws are those of the whole layer, and both rows of a pair lose the same units.
#[test]
fn a_slice_loses_the_units_that_the_layer_loses() {
    let (batch, n) = (5, 12);
    let lif = Lif::<ff_net::formulas::Atan>::new(0.8, 0.2, Reset::Subtract, 1, Output::Membrane);
    let lost = |dev: &Cpu, first: usize, m: usize| -> Vec<bool> {
        let current = dev.upload(2 * batch, m, &vec![1.0; 2 * batch * m]).unwrap();
        let (mut signal, mut slope) = (nan(dev, 2 * batch, m), nan(dev, 2 * batch, m));
        SliceSignals {
            signal: &mut signal,
            slope: &mut slope,
            spikes: None,
            current: &current,
            bias: None,
            clock: &clock(dev),
            first,
            all: n,
            units: &lif,
            dropout: DROPOUT,
            formula: &Squares::Mean,
        }
        .on(dev)
        .unwrap();
        dev.download(&signal).unwrap().iter().map(|&x| x == 0.0).collect()
    };
    let dev = Cpu::new(1).unwrap();
    let whole = lost(&dev, 0, n);
    let want: Vec<bool> =
        (0..2 * batch * n).map(|e| DROPOUT.silences(CLOCK[0], e / n % batch, n, e % n)).collect();
    assert_eq!(whole, want);
    assert!(want.contains(&true) && want.contains(&false));
    for first in 0..n {
        let of_unit: Vec<bool> = want.iter().skip(first).step_by(n).copied().collect();
        assert_eq!(lost(&dev, first, 1), of_unit, "unit {first}");
    }
}

/// Rows, columns and the like that do not fit.
fn refused_signals<D: Device>(dev: &D) -> Vec<Result<()>> {
    let lif = Lif::<ff_net::formulas::Atan>::new(0.8, 1.0, Reset::Subtract, 3, Output::Rate);
    let zeros = |[rows, cols]: [usize; 2]| -> Tensor<D> { dev.zeros(rows, cols).unwrap() };
    let signals = |signal: [usize; 2], slope, spikes, current, [first, all]: [usize; 2], clock| {
        SliceSignals {
            signal: &mut zeros(signal),
            slope: &mut zeros(slope),
            spikes: Some(&mut zeros(spikes)),
            current: &zeros(current),
            bias: Some(&zeros([1, 2])),
            clock: &dev.zeros(1, clock).unwrap(),
            first,
            all,
            units: &lif,
            dropout: Dropout::NONE,
            formula: &Squares::Mean,
        }
        .on(dev)
    };
    let (one, all) = ([4, 2], [12, 2]);
    signals(one, one, all, one, [3, 5], 2).unwrap();
    signals(one, all, all, all, [0, 2], 2).unwrap();
    vec![
        signals(one, one, all, one, [4, 5], 2),
        signals(one, one, all, one, [0, 1], 2),
        signals(one, one, all, one, [0, 0], 2),
        signals(one, one, all, one, [usize::MAX, 5], 2),
        signals([4, 0], [4, 0], [12, 0], [4, 0], [0, 0], 2),
        signals([3, 2], [3, 2], [9, 2], [3, 2], [0, 2], 2),
        signals(one, all, all, one, [0, 2], 2),
        signals(one, one, all, all, [0, 2], 2),
        signals(one, one, one, one, [0, 2], 2),
        signals(one, [5, 2], all, [5, 2], [0, 2], 2),
        signals([4, 3], [4, 3], [12, 3], [4, 3], [0, 3], 2),
        signals(one, one, all, one, [0, 2], 3),
    ]
}

fn refused_gradients<D: Device>(dev: &D) -> Vec<Result<()>> {
    let zeros = |[rows, cols]: [usize; 2]| -> Tensor<D> { dev.zeros(rows, cols).unwrap() };
    let grad = |dcurrent, signal, goodness, losses, first, clock| {
        SliceGrad {
            dcurrent: &mut zeros(dcurrent),
            losses: &mut zeros(losses),
            goodness: &mut zeros(goodness),
            signal: &zeros(signal),
            clock: &dev.zeros(1, clock).unwrap(),
            first,
            formula: &Squares::Mean,
            objective: &Pair { alpha: 1.0 },
        }
        .on(dev)
    };
    let (own, all, of_rows, log) = ([4, 2], [4, 5], [4, 1], [6, 1]);
    grad(own, all, of_rows, log, 3, 2).unwrap();
    grad([12, 2], all, of_rows, log, 0, 2).unwrap();
    vec![
        grad(own, all, of_rows, log, 4, 2),
        grad(own, all, of_rows, log, usize::MAX, 2),
        grad([4, 6], all, of_rows, log, 0, 2),
        grad(own, [4, 0], of_rows, log, 0, 2),
        grad([4, 0], all, of_rows, log, 0, 2),
        grad([0, 2], all, of_rows, log, 0, 2),
        grad([6, 2], all, of_rows, log, 0, 2),
        grad([4, 2], [0, 5], [0, 1], log, 0, 2),
        grad([3, 2], [3, 5], [3, 1], log, 0, 2),
        grad(own, all, [2, 1], log, 0, 2),
        grad(own, all, of_rows, [6, 2], 0, 2),
        grad(own, all, of_rows, log, 0, 1),
    ]
}

fn refusals<D: Device>(dev: &D) -> Vec<String> {
    let words = |(i, result): (usize, Result<()>)| match result {
        Ok(()) => panic!("refusal {i} was none"),
        Err(e) => e.to_string(),
    };
    refused_signals(dev).into_iter().chain(refused_gradients(dev)).enumerate().map(words).collect()
}

#[test]
fn shim_refuses_slices_that_do_not_fit_in_the_cpus_words() {
    let said = refusals(&Cpu::new(1).unwrap());
    assert_eq!(refusals(&Shim::device(Schedule::Forward)), said);
    for words in [
        "slice_signals: a slice of 2 units from unit 4 on, of a layer of 5 units",
        "slice_signals: `signal` has 3 rows: positives and as many negatives are needed",
        "slice_signals: `slope` is [12, 2] but [4, 2] is needed",
        "slice_grad: a slice of 6 units from unit 0 on, of a layer of 5 units",
        "slice_grad: `dcurrent` is [6, 2] but [4, 2] is needed",
    ] {
        assert!(said.iter().any(|said| said == words), "`{words}` is not in {said:#?}");
    }
}

/// A layer without rows, as other ops take them.
#[test]
fn shim_and_cpu_do_nothing_for_no_rows() {
    fn nothing<D: Device>(dev: &D) -> Vec<f32> {
        let units = &adaptive(2, Readout::Rate);
        let lesson = Lesson {
            units,
            formula: &MeanSignal,
            objective: &MARGIN,
            dropout: DROPOUT,
            in_time: false,
            with_bias: true,
            trains: true,
        };
        let layer = Layer::new(Sizes { batch: 0, inputs: 1, units: 5, steps: 2 }, &lesson);
        layer.in_slices(dev, &lesson, &[2, 3]).concat()
    }
    assert!(nothing(&Shim::device(Schedule::Forward)).is_empty());
    assert!(nothing(&Cpu::new(1).unwrap()).is_empty());
}
