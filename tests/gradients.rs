//! Every closed-form gradient against central differences of the f64 oracle: all units, resets, surrogates,
//! norms, objectives, with and without bias, for images, for a constant current and for spike trains.
#![allow(clippy::unwrap_used, missing_docs)]

mod oracle;

use std::sync::Arc;

use ff_cpu::Cpu;
use ff_net::formulas::{self, Adam, Output, Pair, Softplus, Squares};
use ff_net::head::{HeadActivity, HeadLearning};
use ff_net::input::Images;
use ff_net::layer::{Activity, Layer, Learning, Lesson};
use ff_net::pass::{Purpose, Shape};
use ff_net::{Config, Dense, Head, Input, LifConfig, NeuronConfig, SurrogateKind, layers};
use ff_tensor::{Clock, Device, Dropout, Gather, Norm, NormKind, Tensor, Units, random};
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

    fn units(&self) -> Arc<dyn Units> {
        let lif = LifConfig {
            beta: BETA,
            threshold: 1.0,
            reset: match self.reset {
                Reset::Subtract => formulas::Reset::Subtract,
                Reset::Zero => formulas::Reset::Zero,
                Reset::None => formulas::Reset::None,
            },
            steps: self.steps,
            output: if self.unit == Unit::Rate { Output::Rate } else { Output::Membrane },
            surrogate: match self.surrogate {
                Surrogate::Atan => SurrogateKind::Atan,
                Surrogate::FastSigmoid => SurrogateKind::FastSigmoid,
                Surrogate::Triangle => SurrogateKind::Triangle,
                Surrogate::Boxcar => SurrogateKind::Boxcar,
                Surrogate::Secant => SurrogateKind::Secant,
            },
        };
        let neuron = if self.unit == Unit::Relu { NeuronConfig::RELU } else { NeuronConfig::Lif(lif) };
        Config { neuron, ..Config::default() }.units()
    }

    fn layer(&self, dev: &Cpu, seed: u64) -> Layer<Cpu> {
        self.layer_of(dev, seed, INPUTS, UNITS)
    }

    fn layer_of(&self, dev: &Cpu, seed: u64, inputs: usize, units: usize) -> Layer<Cpu> {
        let weight: Vec<f32> = (0..inputs * units).map(|i| draw(seed, i, -0.5, 0.8)).collect();
        let bias: Vec<f32> = (0..units).map(|i| draw(seed + 1, i, -0.1, 0.3)).collect();
        Layer {
            connection: Box::new(Dense { weight: dev.upload(inputs, units, &weight).unwrap() }),
            bias: self.bias.then(|| dev.upload(1, units, &bias).unwrap()),
            units: self.units(),
            norm: norm(self.rms),
            goodness: Arc::new(if self.mean { Squares::Mean } else { Squares::Sum }),
        }
    }

    fn objective(&self) -> Arc<dyn ff_tensor::Objective> {
        match self.objective {
            Objective::Softplus { theta } => Arc::new(Softplus { theta: theta as f32 }),
            Objective::Pair { alpha } => Arc::new(Pair { alpha: alpha as f32 }),
        }
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
        let weight: Matrix = layer
            .weight()
            .get()
            .chunks(UNITS)
            .map(|row| row.iter().map(|&w| f64::from(w)).collect())
            .collect();
        let bias: Vec<f64> = match &layer.bias {
            Some(bias) => bias.get().iter().map(|&b| f64::from(b)).collect(),
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
        losses: &Tensor<Cpu>,
        goodness: &Tensor<Cpu>,
        learning: &Learning<Cpu>,
        tolerance: f64,
    ) {
        close(what, "loss", &[mean(losses)], &[self.loss], tolerance);
        close(what, "goodness", goodness.get(), &self.goodness, tolerance);
        close(what, "dweight", learning.gradients()[0].get(), &self.dweight, tolerance);
        if let Some(dbias) = learning.gradients().get(1) {
            close(what, "dbias", dbias.get(), &self.dbias, tolerance);
        }
    }
}

fn norm(rms: bool) -> Norm {
    Norm { kind: if rms { NormKind::Rms } else { NormKind::L2 }, eps: EPS }
}

const ADAM: Adam = Adam {
    learning_rate: 0.01,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    decay: 0.0,
    cool_from: u32::MAX,
    last_step: u32::MAX,
};

/// Hands `learn` what a step of this case needs, and gives the losses of the pairs.
fn in_a_lesson(dev: &Cpu, case: &Case, learn: impl FnOnce(&mut Lesson<Cpu>)) -> Tensor<Cpu> {
    let (mut losses, clock): (Tensor<Cpu>, Clock<Cpu>) =
        (dev.zeros(BATCH, 1).unwrap(), dev.zeros(1, 2).unwrap());
    learn(&mut Lesson {
        clock: &clock,
        dropout: Dropout::NONE,
        objective: &*case.objective(),
        optimiser: &ADAM,
        losses: &mut losses,
        reduce: &mut |_, _| Ok(()),
    });
    losses
}

/// Of a batch's losses.
fn mean(losses: &Tensor<Cpu>) -> f32 {
    losses.get().iter().sum::<f32>() / losses.rows() as f32
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

/// A batch of all these images, and its product with the first layer.
fn gathered(dev: &Cpu, pixels: &[u8], layer: &Layer<Cpu>) -> Images<Cpu> {
    let mut images = Images::new(dev, BATCH, INPUTS, CLASSES, layer.shape()[1]).unwrap();
    let Images { xhat, scale, labels, shares } = &mut images;
    Gather {
        xhat,
        scale,
        labels,
        images: &dev.upload(BATCH, INPUTS, pixels).unwrap(),
        targets: &dev.upload(BATCH, 1, &[0u32, 1, 2]).unwrap(),
        order: &dev.upload(BATCH, 1, &[0u32, 1, 2]).unwrap(),
        clock: &dev.zeros(1, 2).unwrap(),
        classes: CLASSES,
        amplitude: AMPLITUDE,
        norm: layer.norm,
        dropout: Dropout::NONE,
    }
    .on(dev)
    .unwrap();
    layer.connection.current(dev, shares, xhat).unwrap();
    images
}

/// The labels of the positives, then of the negatives.
const PAIR: [u32; 2 * BATCH] = [0, 1, 2, 2, 0, 1];

/// The rows that come in with these images and labels.
fn image_rows(pixels: &[u8], rms: bool) -> Vec<Vec<f64>> {
    let row = |(r, &label): (usize, &u32)| {
        let pixels = &pixels[(r % BATCH) * INPUTS..][..INPUTS];
        oracle::image_row(pixels, CLASSES, label as usize, f64::from(AMPLITUDE), rms, f64::from(EPS))
    };
    PAIR.iter().enumerate().map(row).collect()
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
        let inputs = image_rows(&pixels, case.rms).into_iter().map(|row| vec![row]).collect();
        let expected = case.expect(inputs, &layer);
        largest = expected.dweight.iter().fold(largest, |a, b| a.max(b.abs()));

        let mut activity = Activity::new(&dev, &layer, 2 * BATCH, false, false).unwrap();
        let mut learning = Learning::new(&dev, &layer, 2 * BATCH, BATCH + CLASSES + 1, &ADAM).unwrap();
        let images = gathered(&dev, &pixels, &layer);
        let pair = dev.upload(2 * BATCH, 1, &PAIR).unwrap();
        let losses = in_a_lesson(&dev, &case, |lesson| {
            let input = images.overlay(&pair, AMPLITUDE);
            layer.learn(&dev, &mut learning, &mut activity, input, lesson).unwrap();
        });
        expected.compare(&case, &losses, &activity.goodness, &learning, 1e-4);
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

        let mut activity = Activity::new(&dev, &layer, rows, spikes_in, false).unwrap();
        let mut learning = Learning::new(&dev, &layer, activity.current.rows(), 0, &ADAM).unwrap();
        let none = || dev.zeros(0, INPUTS).unwrap();
        let below = Activity {
            current: none(),
            signal: if spikes_in { none() } else { dev.upload(rows, INPUTS, &values).unwrap() },
            spikes: spikes_in.then(|| dev.upload(rows * steps, INPUTS, &values).unwrap()),
            goodness: dev.zeros(rows, 1).unwrap(),
        };
        let mut xhat = dev.zeros(rows * steps, INPUTS).unwrap();
        let input = layer.receive(&dev, &mut xhat, &below, steps).unwrap();
        assert!(if spikes_in { matches!(input, Input::Train(_)) } else { matches!(input, Input::Rows(_)) });
        let losses = in_a_lesson(&dev, &case, |lesson| {
            layer.learn(&dev, &mut learning, &mut activity, input, lesson).unwrap();
        });
        expected.compare(&case, &losses, &activity.goodness, &learning, 1e-4);
    }
}

/// Three layers of linear units, which are gone through in shares. The goodness of the lower two is another one than that
/// of the third, which learns: what normalises its input has to be made of theirs.
#[test]
fn upper_layers_in_shares() {
    let dev = Cpu::new(1).unwrap();
    let mut largest = 0.0f64;
    let linear = |case: &Case| case.unit == Unit::Membrane && case.steps == 1 && !case.bias;
    for (seed, case) in Case::all().into_iter().filter(linear).enumerate() {
        let seed = 1_500_000 + 1_000 * seed as u64;
        let other = Case { mean: !case.mean, ..case };
        let pixels: Vec<u8> = (0..BATCH * INPUTS).map(|i| random::bits(seed, i as u64) as u8).collect();
        let hidden = UNITS + 2;
        let mut layers = [
            other.layer_of(&dev, seed + 1, INPUTS, hidden),
            other.layer_of(&dev, seed + 2, hidden, INPUTS),
            case.layer(&dev, seed),
        ];
        let mut rows = image_rows(&pixels, case.rms);
        for layer in &layers[..2] {
            rows = rows.iter().map(|row| normalised(&product(row, layer), case.rms)).collect();
        }
        let expected = case.expect(rows.into_iter().map(|row| vec![row]).collect(), &layers[2]);
        largest = expected.dweight.iter().fold(largest, |a, b| a.max(b.abs()));

        let images = gathered(&dev, &pixels, &layers[0]);
        let pair = dev.upload(2 * BATCH, 1, &PAIR).unwrap();
        let input = images.overlay(&pair, AMPLITUDE);
        let shape = Shape { rows: 2 * BATCH, train: false, shares: images.xhat.rows() };
        let purpose = Purpose::Learning { dropout: false };
        let mut pass = layers::pass(&dev, &layers, shape, false, purpose).unwrap();
        assert!(pass.activity(2).is_none(), "these layers are not gone through in shares");
        for i in 0..2 {
            pass.answer(&dev, &layers, i, input).unwrap();
        }
        let mut learning = pass.learning(&dev, &layers, 2, &ADAM).unwrap();
        let losses = in_a_lesson(&dev, &case, |lesson| {
            pass.learn(&dev, &mut layers, 2, input, &mut learning, lesson).unwrap();
        });
        expected.compare(&case, &losses, pass.goodness(2), &learning, 1e-4);
    }
    assert!(largest > 1e-2, "the gradients were all next to nothing");
}

/// A row times the weights of a layer.
fn product(row: &[f64], layer: &Layer<Cpu>) -> Vec<f64> {
    let (weight, units) = (layer.weight().get(), layer.shape()[1]);
    let at = |j: usize| row.iter().enumerate().map(|(i, x)| x * f64::from(weight[i * units + j])).sum();
    (0..units).map(at).collect()
}

fn normalised(row: &[f64], rms: bool) -> Vec<f64> {
    let factor = oracle::norm_factor(row, rms, f64::from(EPS));
    row.iter().map(|x| factor * x).collect()
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
        let mut learning = HeadLearning::new(&dev, &head, BATCH, &ADAM).unwrap();
        let signal = dev.upload(BATCH, UNITS, &signal).unwrap();
        let (mut losses, clock) = (dev.zeros(BATCH, 1).unwrap(), dev.zeros(1, 2).unwrap());
        let labels = dev.upload(BATCH, 1, &truth.map(|label| label as u32)).unwrap();
        head.answer(&dev, &mut own, &signal, norm(rms)).unwrap();
        head.learn(&dev, &mut learning, &mut losses, &own, &labels, &clock, &ADAM, &mut |_, _| Ok(()))
            .unwrap();
        close(&"head", "loss", &[mean(&losses)], &[loss(&base)], 1e-5);
        close(&"head", "dweight", learning.dweight().get(), &want, 1e-4);
        assert_ne!(head.weight.get(), weight, "nothing was learned");
    }
}
