//! Every closed-form gradient against central differences of the f64 oracle: all units, resets, surrogates,
//! norms, objectives, with and without bias, for images, for a constant current and for spike trains.
#![allow(clippy::unwrap_used, missing_docs)]

mod oracle;

use ff_cpu::Cpu;
use ff_net::Head;
use ff_net::head::{HeadActivity, HeadLearning};
use ff_net::layer::{Activity, Images, Input, Labels, Layer, Learning, Rule, Sizes};
use ff_tensor as ff;
use ff_tensor::{Device, random};
use oracle::{Matrix, Objective, Problem, Reset, Surrogate, Unit};

const CLASSES: usize = 3;
const BATCH: usize = 3;
const INPUTS: usize = 11;
const UNITS: usize = 5;
const BETA: f32 = 0.8;
const EPS: f32 = 1e-4;
const AMPLITUDE: f32 = 2.0;

/// A number in `from..to` for each counter.
fn draw(seed: u64, i: usize, from: f32, to: f32) -> f32 {
    from + (to - from) * random::uniform(seed, i as u64)
}

#[derive(Debug, Clone, Copy)]
struct Case {
    unit: Unit,
    steps: usize,
    reset: Reset,
    surrogate: Surrogate,
    rms: bool,
    mean: bool,
    objective: Objective,
    bias: bool,
}

impl Case {
    fn all() -> Vec<Case> {
        let mut cases = Vec::new();
        let units =
            [(Unit::Relu, 1), (Unit::Membrane, 1), (Unit::Membrane, 4), (Unit::Rate, 1), (Unit::Rate, 6)];
        for (unit, steps) in units {
            for reset in [Reset::Subtract, Reset::Zero, Reset::None] {
                for surrogate in [
                    Surrogate::Atan,
                    Surrogate::FastSigmoid,
                    Surrogate::Triangle,
                    Surrogate::Boxcar,
                    Surrogate::Secant,
                ] {
                    if surrogate == Surrogate::Secant && (unit != Unit::Rate || steps == 1) {
                        continue;
                    }
                    for flags in 0..16 {
                        let [rms, mean, pair, bias] = [1, 2, 4, 8].map(|bit| flags & bit != 0);
                        let objective = if pair {
                            Objective::Pair { alpha: 2.5 }
                        } else {
                            Objective::Softplus { theta: 0.7 }
                        };
                        cases.push(Case { unit, steps, reset, surrogate, rms, mean, objective, bias });
                    }
                }
            }
        }
        cases
    }

    fn neuron(&self) -> ff::Neuron {
        ff::Neuron {
            kind: if self.unit == Unit::Relu { ff::NeuronKind::Relu } else { ff::NeuronKind::Lif },
            beta: BETA,
            threshold: 1.0,
            reset: match self.reset {
                Reset::Subtract => ff::Reset::Subtract,
                Reset::Zero => ff::Reset::Zero,
                Reset::None => ff::Reset::None,
            },
            steps: self.steps,
            output: if self.unit == Unit::Rate { ff::Output::Rate } else { ff::Output::Membrane },
            surrogate: match self.surrogate {
                Surrogate::Atan => ff::Surrogate::Atan,
                Surrogate::FastSigmoid => ff::Surrogate::FastSigmoid,
                Surrogate::Triangle => ff::Surrogate::Triangle,
                Surrogate::Boxcar => ff::Surrogate::Boxcar,
                Surrogate::Secant => ff::Surrogate::Secant,
            },
        }
    }

    fn layer(&self, dev: &Cpu, seed: u64) -> Layer<Cpu> {
        let weight: Vec<f32> = (0..INPUTS * UNITS).map(|i| draw(seed, i, -0.5, 0.8)).collect();
        let bias: Vec<f32> = (0..UNITS).map(|i| draw(seed + 1, i, -0.1, 0.3)).collect();
        Layer {
            weight: dev.upload(INPUTS, UNITS, &weight).unwrap(),
            bias: self.bias.then(|| dev.upload(1, UNITS, &bias).unwrap()),
            neuron: self.neuron(),
            norm: ff::Norm { kind: if self.rms { ff::NormKind::Rms } else { ff::NormKind::L2 }, eps: EPS },
            goodness: if self.mean { ff::Goodness::Mean } else { ff::Goodness::Sum },
        }
    }

    fn rule<'a>(&self, clock: &'a ff::Clock<Cpu>) -> Rule<'a, Cpu> {
        let objective = match self.objective {
            Objective::Softplus { theta } => ff::Objective::Softplus { theta: theta as f32 },
            Objective::Pair { alpha } => ff::Objective::Pair { alpha: alpha as f32 },
        };
        Rule { clock, dropout: ff::Dropout::NONE, objective, adam: ff::Adam::constant(0.01) }
    }

    /// The oracle's answer for these inputs and the layer's weights before its update.
    fn expect(&self, inputs: Vec<Matrix>, layer: &Layer<Cpu>) -> Expected {
        let neuron = oracle::Neuron {
            unit: self.unit,
            beta: f64::from(BETA),
            threshold: 1.0,
            reset: self.reset,
            steps: self.steps,
            surrogate: self.surrogate,
        };
        let (mean_goodness, objective) = (self.mean, self.objective);
        let problem = Problem { inputs, neuron, mean_goodness, objective };
        let weight: Matrix =
            layer.weight.data.chunks(UNITS).map(|row| row.iter().map(|&w| f64::from(w)).collect()).collect();
        let bias: Vec<f64> = match &layer.bias {
            Some(bias) => bias.data.iter().map(|&b| f64::from(b)).collect(),
            None => vec![0.0; UNITS],
        };
        let goodness = problem.goodness(&weight, &bias, &weight, &bias);
        let (dweight, dbias) = problem.numeric_gradient(&weight, &bias);
        Expected { loss: problem.loss(&goodness), goodness, dweight: dweight.concat(), dbias }
    }
}

struct Expected {
    loss: f64,
    goodness: Vec<f64>,
    dweight: Vec<f64>,
    dbias: Vec<f64>,
}

impl Expected {
    /// f32 sums of some ten terms each, and steep objectives and surrogates that magnify their rounding: within
    /// `tolerance` of the tensor's largest number.
    fn compare(
        &self,
        what: &dyn std::fmt::Debug,
        losses: &ff::Tensor<Cpu>,
        activity: &Activity<Cpu>,
        learning: &Learning<Cpu>,
        tolerance: f64,
    ) {
        close(what, "loss", &[mean(losses)], &[self.loss], tolerance);
        close(what, "goodness", &activity.goodness.data, &self.goodness, tolerance);
        close(what, "dweight", &learning.dweight().data, &self.dweight, tolerance);
        if let Some(dbias) = learning.dbias() {
            close(what, "dbias", &dbias.data, &self.dbias, tolerance);
        }
    }
}

/// Of a batch's losses.
fn mean(losses: &ff::Tensor<Cpu>) -> f32 {
    losses.data.iter().sum::<f32>() / losses.data.len() as f32
}

fn close(what: &dyn std::fmt::Debug, name: &str, got: &[f32], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    // A loss is a difference of larger numbers, and gradients of a loss that is all but flat are as small.
    let floor = if name == "loss" { 0.1 } else { 1e-3 };
    let size = want.iter().fold(floor, |size: f64, w| size.max(w.abs()));
    for (i, (&got, want)) in got.iter().zip(want).enumerate() {
        let off = (f64::from(got) - want).abs() / size;
        assert!(off < tolerance, "{what:?}: {name}[{i}] is {got}, the oracle has {want}");
    }
}

fn sizes(input: Input, spikes_in: bool) -> Sizes {
    Sizes { batch: BATCH, copies: 2, classes: CLASSES, input, spikes_in, spikes_out: false, rows: false }
}

fn labels<'a>(pair: &'a ff::Tensor<Cpu, u32>, images: &'a Images<Cpu>) -> Labels<'a, Cpu> {
    Labels { labels: pair, scale: &images.scale, row: ff::LabelRow { amplitude: AMPLITUDE } }
}

/// A batch of all these images.
fn gathered(dev: &Cpu, pixels: &[u8], norm: ff::Norm) -> Images<Cpu> {
    let mut images = Images::new(dev, BATCH, INPUTS, CLASSES).unwrap();
    let set = dev.upload(BATCH, INPUTS, pixels).unwrap();
    let targets = dev.upload(BATCH, 1, &[0u32, 1, 2]).unwrap();
    let order = dev.upload(BATCH, 1, &[0u32, 1, 2]).unwrap();
    let gather = ff::Gather { classes: CLASSES, amplitude: AMPLITUDE, norm, dropout: ff::Dropout::NONE };
    let Images { xhat, scale, labels } = &mut images;
    dev.gather(xhat, scale, labels, &set, &targets, &order, &dev.zeros(1, 2).unwrap(), &gather).unwrap();
    images
}

#[test]
fn layer_1_on_images() {
    let dev = Cpu::new(1).unwrap();
    let mut largest = 0.0f64;
    for (seed, case) in Case::all().into_iter().enumerate() {
        let seed = 1_000 * seed as u64;
        let mut layer = case.layer(&dev, seed);
        let pixels: Vec<u8> = (0..BATCH * INPUTS)
            .map(|i| {
                if random::bits(seed + 2, i as u64).is_multiple_of(3) {
                    0
                } else {
                    random::bits(seed + 3, i as u64) as u8
                }
            })
            .collect();
        let (positive, negative) = ([0usize, 1, 2], [2usize, 0, 1]);
        let inputs = positive.iter().chain(&negative).enumerate().map(|(r, &label)| {
            let pixels = &pixels[(r % BATCH) * INPUTS..][..INPUTS];
            vec![oracle::image_row(pixels, CLASSES, label, f64::from(AMPLITUDE), case.rms, f64::from(EPS))]
        });
        let expected = case.expect(inputs.collect(), &layer);
        largest = expected.dweight.iter().fold(largest, |a, b| a.max(b.abs()));

        let mut activity = Activity::new(&dev, &layer, sizes(Input::Images, false)).unwrap();
        let mut learning = Learning::new(&dev, &layer, &activity).unwrap();
        let mut losses = dev.zeros(BATCH, 1).unwrap();
        let clock = dev.zeros(1, 2).unwrap();
        let images = gathered(&dev, &pixels, layer.norm);
        let pair = dev.upload(2 * BATCH, 1, &[0u32, 1, 2, 2, 0, 1]).unwrap();
        let labels = labels(&pair, &images);
        layer.image_current(&dev, &mut activity, &images).unwrap();
        let rule = case.rule(&clock);
        layer.learn_images(&dev, &mut learning, &mut losses, &mut activity, &images, &labels, &rule).unwrap();
        expected.compare(&case, &losses, &activity, &learning, 1e-4);
    }
    assert!(largest > 1e-2, "the gradients were all next to nothing");
}

/// A layer above the first, fed with signals or with spike trains.
fn upper_layer(spikes_in: bool) {
    let dev = Cpu::new(1).unwrap();
    for (seed, case) in Case::all().into_iter().enumerate() {
        if spikes_in && (case.unit == Unit::Relu || case.surrogate == Surrogate::Secant) {
            continue;
        }
        let seed = 500_000 + 1_000 * seed as u64;
        let mut layer = case.layer(&dev, seed);
        let (rows, steps) = (2 * BATCH, if spikes_in { case.steps } else { 1 });
        let values: Vec<f32> = (0..rows * steps * INPUTS)
            .map(|i| {
                if spikes_in {
                    (random::bits(seed, i as u64) % 2) as f32
                } else {
                    draw(seed + 4, i, -1.0, 1.5)
                }
            })
            .collect();
        let inputs = values.chunks(steps * INPUTS).map(|rows| {
            let rows: Matrix =
                rows.chunks(INPUTS).map(|r| r.iter().map(|&x| f64::from(x)).collect()).collect();
            let mean: Vec<f64> =
                (0..INPUTS).map(|i| rows.iter().map(|r| r[i]).sum::<f64>() / steps as f64).collect();
            let s = oracle::norm_factor(&mean, case.rms, f64::from(EPS));
            rows.iter().map(|r| r.iter().map(|x| s * x).collect()).collect()
        });
        let expected = case.expect(inputs.collect(), &layer);

        let mut activity = Activity::new(&dev, &layer, sizes(Input::Rows, spikes_in)).unwrap();
        let mut learning = Learning::new(&dev, &layer, &activity).unwrap();
        let mut losses = dev.zeros(BATCH, 1).unwrap();
        let clock = dev.zeros(1, 2).unwrap();
        let none = || dev.zeros(0, INPUTS).unwrap();
        let below = Activity {
            shares: none(),
            factor: None,
            xhat: none(),
            current: none(),
            signal: if spikes_in { none() } else { dev.upload(rows, INPUTS, &values).unwrap() },
            spikes: spikes_in.then(|| dev.upload(rows * steps, INPUTS, &values).unwrap()),
            goodness: dev.zeros(rows, 1).unwrap(),
        };
        // Each row stands for itself here, whatever its label.
        let (pair, images) =
            (dev.zeros(rows, 1).unwrap(), Images::new(&dev, BATCH, INPUTS, CLASSES).unwrap());
        let labels = labels(&pair, &images);
        let rule = case.rule(&clock);
        layer.learn(&dev, &mut learning, &mut losses, &mut activity, &below, &labels, &rule).unwrap();
        expected.compare(&case, &losses, &activity, &learning, 1e-4);
    }
}

/// Two layers of linear units pass their output on in shares; the third learns from its rows.
#[test]
fn upper_layers_in_shares() {
    let dev = Cpu::new(1).unwrap();
    let mut largest = 0.0f64;
    for (seed, case) in Case::all().into_iter().enumerate() {
        let seed = 1_500_000 + 1_000 * seed as u64;
        let linear = Case { unit: Unit::Membrane, steps: 1, bias: false, ..case };
        let pixels: Vec<u8> = (0..BATCH * INPUTS).map(|i| random::bits(seed, i as u64) as u8).collect();
        let images = gathered(&dev, &pixels, linear.layer(&dev, seed).norm);
        let pair = dev.upload(2 * BATCH, 1, &[0u32, 1, 2, 2, 0, 1]).unwrap();
        let labels = labels(&pair, &images);
        let weight = |seed, from, to| {
            let values: Vec<f32> = (0..from * to).map(|i| draw(seed, i, -0.5, 0.8)).collect();
            dev.upload(from, to, &values).unwrap()
        };
        let hidden = UNITS + 2;
        let first = Layer { weight: weight(seed + 1, INPUTS, hidden), ..linear.layer(&dev, seed) };
        let second = Layer { weight: weight(seed + 2, hidden, INPUTS), ..linear.layer(&dev, seed) };
        let mut below = Activity::new(&dev, &first, sizes(Input::Images, false)).unwrap();
        first.image_current(&dev, &mut below, &images).unwrap();
        first.answer_images(&dev, &mut below, &labels).unwrap();
        let mut middle = Activity::new(&dev, &second, sizes(Input::Shares, false)).unwrap();
        second.answer(&dev, &mut middle, &below, &labels).unwrap();

        let mut layer = case.layer(&dev, seed);
        let mut signal = dev.zeros(2 * BATCH, INPUTS).unwrap();
        let Labels { labels: of_rows, scale, row } = &labels;
        dev.label_current(&mut signal, &middle.shares, scale, of_rows, middle.factor.as_ref(), row).unwrap();
        let inputs = signal.data.chunks(INPUTS).map(|row| {
            let row: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
            let s = oracle::norm_factor(&row, case.rms, f64::from(EPS));
            vec![row.iter().map(|x| s * x).collect()]
        });
        let expected = case.expect(inputs.collect(), &layer);
        largest = expected.dweight.iter().fold(largest, |a, b| a.max(b.abs()));
        let mut activity = Activity::new(&dev, &layer, sizes(Input::Shares, false)).unwrap();
        let mut learning = Learning::new(&dev, &layer, &activity).unwrap();
        let (mut losses, clock) = (dev.zeros(BATCH, 1).unwrap(), dev.zeros(1, 2).unwrap());
        let rule = case.rule(&clock);
        layer.learn(&dev, &mut learning, &mut losses, &mut activity, &middle, &labels, &rule).unwrap();
        // The oracle starts from rows that have been rounded, the layer from shares.
        expected.compare(&case, &losses, &activity, &learning, 1e-3);
    }
    assert!(largest > 1e-2, "the gradients were all next to nothing");
}

#[test]
fn upper_layers_on_signals() {
    upper_layer(false);
}

#[test]
fn upper_layers_on_spike_trains() {
    upper_layer(true);
}

/// The head's weights, by its own cross-entropy.
#[test]
fn a_head() {
    let dev = Cpu::new(1).unwrap();
    for (seed, rms) in [(1, false), (2, true)] {
        let norm = ff::Norm { kind: if rms { ff::NormKind::Rms } else { ff::NormKind::L2 }, eps: EPS };
        let signal: Vec<f32> = (0..BATCH * UNITS).map(|i| draw(seed, i, -0.5, 1.0)).collect();
        let weight: Vec<f32> = (0..UNITS * CLASSES).map(|i| draw(seed + 9, i, -1.0, 1.0)).collect();
        let truth = [0usize, 2, 1];
        let loss = |weight: &[f64]| {
            let of_row = |(row, &label): (&[f32], &usize)| {
                let row: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
                let s = oracle::norm_factor(&row, rms, f64::from(EPS));
                let score =
                    |c| row.iter().enumerate().map(|(j, x)| s * x * weight[j * CLASSES + c]).sum::<f64>();
                let scores: Vec<f64> = (0..CLASSES).map(score).collect();
                scores.iter().map(|x| x.exp()).sum::<f64>().ln() - scores[label]
            };
            signal.chunks(UNITS).zip(&truth).map(of_row).sum::<f64>() / BATCH as f64
        };
        let base: Vec<f64> = weight.iter().map(|&w| f64::from(w)).collect();
        let moved = |i: usize, by: f64| {
            let mut weight = base.clone();
            weight[i] += by;
            loss(&weight)
        };
        let want: Vec<f64> = (0..base.len()).map(|i| (moved(i, 1e-6) - moved(i, -1e-6)) / 2e-6).collect();

        let mut head = Head { weight: dev.upload(UNITS, CLASSES, &weight).unwrap() };
        let mut own = HeadActivity::new(&dev, &head, BATCH).unwrap();
        let mut learning = HeadLearning::new(&dev, &head, BATCH).unwrap();
        let layer = Case { rms, ..Case::all()[0] }.layer(&dev, seed);
        let mut activity = Activity::new(&dev, &layer, sizes(Input::Rows, false)).unwrap();
        activity.signal = dev.upload(BATCH, UNITS, &signal).unwrap();
        let (mut losses, clock) = (dev.zeros(BATCH, 1).unwrap(), dev.zeros(1, 2).unwrap());
        let labels = dev.upload(BATCH, 1, &truth.map(|label| label as u32)).unwrap();
        head.answer(&dev, &mut own, &activity, &norm).unwrap();
        let adam = ff::Adam::constant(0.01);
        head.learn(&dev, &mut learning, &mut losses, &own, &labels, &clock, &adam).unwrap();
        close(&"head", "loss", &[mean(&losses)], &[loss(&base)], 1e-5);
        close(&"head", "dweight", &learning.dweight().data, &want, 1e-4);
        assert_ne!(head.weight.data, weight, "nothing was learned");
    }
}
