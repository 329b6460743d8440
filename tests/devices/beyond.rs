//! Labels and clocks beyond what there is. No device can look at them beforehand, so what happens is defined, and the same on
//! each: a label beyond the last one counts as the last one, a loss beyond the log is not written, a clock starts anew.

use ff_cpu::Cpu;
use ff_net::formulas::{Adam, Lif, Output, Pair, Reset, Squares};
use ff_tensor::{
    Advance, CurrentGrad, Device, DrawLabels, Dropout, LabelCurrent, LocalGrad, PairLosses, ShareGoodness,
    ShareGrad, SliceGrad, SoftmaxLoss, Update,
};

use crate::bits;
use crate::ops::{AMPLITUDE, CLASSES, tensor};
use crate::shim::{Schedule, Shim};

const BATCH: usize = 3;
const ROWS: usize = 2 * BATCH;
const N: usize = 5;

/// All that comes of labels, in all ops that read them. `shares` have CLASSES rows and the neutral one.
fn of_labels<D: Device>(dev: &D, values: &[u32]) -> Vec<f32> {
    let (shares, _) = tensor(dev, 80, [BATCH + CLASSES + 1, N], -1.0, 1.0);
    let (scale, _) = tensor(dev, 81, [BATCH, 1], 0.1, 1.0);
    let (dcurrent, _) = tensor(dev, 82, [ROWS, N], -1.0, 1.0);
    let (dgoodness, _) = tensor(dev, 83, [ROWS, 1], -1.0, 1.0);
    let labels = dev.upload(ROWS, 1, values).unwrap();
    let (shares, scale, labels, factor) = (&shares, &scale, &labels, None);
    let (amplitude, goodness_factor) = (AMPLITUDE, 0.5);
    let mut answers = Vec::new();

    let mut current = dev.zeros(ROWS, N).unwrap();
    LabelCurrent { current: &mut current, shares, scale, labels, factor, amplitude }.on(dev).unwrap();
    answers.extend(dev.download(&current).unwrap());
    let mut goodness = dev.zeros(ROWS, 1).unwrap();
    ShareGoodness { goodness: &mut goodness, shares, scale, labels, factor, amplitude, goodness_factor }
        .on(dev)
        .unwrap();
    answers.extend(dev.download(&goodness).unwrap());
    let linear = CurrentGrad::Linear { shares, dgoodness: &dgoodness, goodness_factor };
    for dcurrent in [CurrentGrad::Stored(&dcurrent), linear] {
        let mut dshares = dev.zeros(BATCH + CLASSES + 1, N).unwrap();
        ShareGrad { dshares: &mut dshares, dcurrent, labels, scale, factor, amplitude }.on(dev).unwrap();
        answers.extend(dev.download(&dshares).unwrap());
    }
    // One more class than labels with a row of their own: the last label is number CLASSES, as among the shares.
    let (scores, _) = tensor(dev, 84, [ROWS, CLASSES + 1], -1.0, 1.0);
    let (mut losses, mut dscores) = (dev.zeros(ROWS, 1).unwrap(), dev.zeros(ROWS, CLASSES + 1).unwrap());
    let (losses_tensor, clock) = (&mut losses, &dev.zeros(1, 2).unwrap());
    SoftmaxLoss {
        losses: losses_tensor,
        dscores: &mut dscores,
        scores: &scores,
        labels,
        clock,
        sharpness: 2.0,
    }
    .on(dev)
    .unwrap();
    answers.extend(dev.download(&losses).unwrap());
    answers.extend(dev.download(&dscores).unwrap());
    answers
}

#[test]
fn a_label_beyond_the_last_one_counts_as_the_last_one() {
    let (shim, cpu) = (Shim::device(Schedule::Shuffled), Cpu::new(2).unwrap());
    let last = CLASSES as u32;
    let want = of_labels(&cpu, &[0, last, last, last, 1, last]);
    let beyond = [0, last + 1, 999, u32::MAX, 1, last];
    assert_eq!(bits(&of_labels(&cpu, &beyond)), bits(&want));
    assert_eq!(bits(&of_labels(&shim, &beyond)), bits(&want));
}

/// A true label that is no class: it is passed on as it is, and any class is a wrong one.
fn drawn<D: Device>(dev: &D, sharpness: f32) -> Vec<u32> {
    let labels = dev.upload(4, 1, &[0, 3, 77, u32::MAX]).unwrap();
    let (scores, _) = tensor(dev, 85, [4, CLASSES], 0.0, 1.0);
    let mut pair = dev.zeros(8, 1).unwrap();
    let (scores, clock) = (Some(&scores), &dev.upload(1, 2, &[u32::MAX, 7]).unwrap());
    let seed = u64::MAX;
    DrawLabels { pair: &mut pair, labels: &labels, scores, clock, classes: CLASSES, seed, sharpness }
        .on(dev)
        .unwrap();
    dev.download(&pair).unwrap()
}

#[test]
fn a_wrong_label_is_drawn_for_any_true_one() {
    let (shim, cpu) = (Shim::device(Schedule::Forward), Cpu::new(1).unwrap());
    for sharpness in [0.0, 3.0, -3.0, f32::INFINITY, f32::NAN] {
        let pair = drawn(&shim, sharpness);
        assert_eq!(pair, drawn(&cpu, sharpness), "sharpness {sharpness}");
        assert_eq!(pair[..4], [0, 3, 77, u32::MAX]);
        assert!(pair[4..].iter().all(|&label| label < CLASSES as u32) && pair[4] != 0, "{pair:?}");
    }
}

/// The losses of each op that logs them, when the clock stands at batch `k`, in a log of `logged` losses.
fn logs<D: Device>(dev: &D, k: u32, logged: usize) -> Vec<Vec<f32>> {
    let clock = &dev.upload(1, 2, &[0, k]).unwrap();
    let log = || dev.upload(logged, 1, &vec![7.0; logged]).unwrap();
    let (goodness, _) = tensor(dev, 86, [ROWS, 1], 0.0, 1.0);
    let (current, _) = tensor(dev, 87, [ROWS, N], 0.0, 1.0);
    let objective = &Pair { alpha: 2.0 };

    let (mut of_pairs, mut dgoodness) = (log(), dev.zeros(ROWS, 1).unwrap());
    PairLosses { losses: &mut of_pairs, dgoodness: &mut dgoodness, goodness: &goodness, clock, objective }
        .on(dev)
        .unwrap();
    let (mut of_scores, mut dscores) = (log(), dev.zeros(ROWS, N).unwrap());
    let labels = &dev.zeros(ROWS, 1).unwrap();
    let losses = &mut of_scores;
    SoftmaxLoss { losses, dscores: &mut dscores, scores: &current, labels, clock, sharpness: 2.0 }
        .on(dev)
        .unwrap();
    let mut of_layer = log();
    LocalGrad {
        dcurrent: &mut dev.zeros(ROWS, N).unwrap(),
        losses: &mut of_layer,
        signal: &mut dev.zeros(ROWS, N).unwrap(),
        spikes: None,
        goodness: &mut dev.zeros(ROWS, 1).unwrap(),
        current: &current,
        bias: None,
        clock,
        units: &Lif::<ff_net::formulas::Atan>::new(0.8, 1.0, Reset::Zero, 3, Output::Rate),
        dropout: Dropout::NONE,
        formula: &Squares::Mean,
        objective,
    }
    .on(dev)
    .unwrap();
    let mut of_slice = log();
    SliceGrad {
        dcurrent: &mut dev.zeros(ROWS, 2).unwrap(),
        losses: &mut of_slice,
        goodness: &mut dev.zeros(ROWS, 1).unwrap(),
        signal: &current,
        clock,
        first: 1,
        formula: &Squares::Mean,
        objective,
    }
    .on(dev)
    .unwrap();
    [of_pairs, of_scores, of_layer, of_slice].iter().map(|log| dev.download(log).unwrap()).collect()
}

#[test]
fn a_loss_beyond_the_log_is_not_written() {
    let (shim, cpu) = (Shim::device(Schedule::Reverse), Cpu::new(2).unwrap());
    // How many of BATCH pairs, and of ROWS images, are logged.
    for (k, logged, pairs, images) in [
        (0, 20, BATCH, ROWS),
        (1, 2 * BATCH - 1, BATCH - 1, 0),
        (1, ROWS + 2, BATCH, 2),
        (4, 3, 0, 0),
        (u32::MAX, 20, 0, 0),
        (0, 0, 0, 0),
    ] {
        let (ours, its) = (logs(&shim, k, logged), logs(&cpu, k, logged));
        for ((ours, its), written) in ours.iter().zip(&its).zip([pairs, images, pairs, pairs]) {
            assert_eq!(bits(ours), bits(its), "batch {k} of a log of {logged}");
            assert_eq!(ours.iter().filter(|&&loss| loss != 7.0).count(), written, "batch {k} of {logged}");
        }
    }
}

/// A weight after a step of Adam at the last step that there is, and the clock after that.
fn at_the_last_step<D: Device>(dev: &D) -> (Vec<f32>, Vec<u32>) {
    let [mut weight, gradient] = [88, 89].map(|seed| tensor(dev, seed, [1, N], -1.0, 1.0).0);
    let mut moments = [0, 1].map(|_| dev.zeros(1, N).unwrap());
    let mut clock = dev.upload(1, 2, &[u32::MAX, u32::MAX]).unwrap();
    let optimiser = &Adam { beta2: 1.0 - 1e-7, ..Adam::constant(0.1) };
    Update { weight: &mut weight, moments: &mut moments, gradient: &gradient, clock: &clock, optimiser }
        .on(dev)
        .unwrap();
    Advance { clock: &mut clock }.on(dev).unwrap();
    (dev.download(&weight).unwrap(), dev.download(&clock).unwrap())
}

#[test]
fn a_clock_starts_anew_and_the_last_step_is_a_step() {
    let (shim, cpu) = (Shim::device(Schedule::Forward), Cpu::new(1).unwrap());
    let ((weight, clock), its) = (at_the_last_step(&shim), at_the_last_step(&cpu));
    assert_eq!((bits(&weight), &clock), (bits(&its.0), &its.1));
    assert_eq!(clock, [0, 0]);
    assert!(weight.iter().all(|x| x.is_finite()), "{weight:?}");
}
