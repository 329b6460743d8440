//! What ops do at the edges: no spikes, all spikes, exactly at the threshold; what is not there, what does not fit, and what
//! cannot be counted.
#![allow(clippy::unwrap_used, missing_docs)]

use ff_cpu::Cpu;
use ff_net::formulas::{Adam, Atan, Boxcar, Lif, Output, Pair, Reset, Secant, Squares};
use ff_tensor::{
    CurrentGrad, Device, DrawLabels, Dropout, Error, Formula, Gather, LabelCurrent, LocalGrad, MatMul, Norm,
    NormKind, Normalise, Numbers, Objective, PairLoss, PairLosses, Readout, Result, RowGoodness, Select,
    ShareGoodness, ShareGrad, SumRows, Tensor, Units, UnitsBackward, UnitsForward, Update, element_count,
};

const EPS: f32 = 1e-4;
const AMPLITUDE: f32 = 2.0;
const NORM: Norm = Norm { kind: NormKind::Rms, eps: EPS };

fn zeros(rows: usize, cols: usize) -> Tensor<Cpu> {
    Cpu::new(1).unwrap().zeros(rows, cols).unwrap()
}

fn labels(rows: usize) -> Tensor<Cpu, u32> {
    Cpu::new(1).unwrap().zeros(rows, 1).unwrap()
}

#[test]
fn units_that_never_spike_and_units_that_always_do() {
    let (dev, rows, n, steps) = (Cpu::new(2).unwrap(), 4, 19, 4);
    for reset in [Reset::Subtract, Reset::Zero, Reset::None] {
        for (level, rate) in [(-1.0, 0.0), (0.0, 0.0), (50.0, 1.0)] {
            let units = &Lif::<Boxcar>::new(0.8, 1.0, reset, steps, Output::Rate);
            let current = &dev.upload(rows, n, &vec![level; rows * n]).unwrap();
            let (mut signal, mut spikes) = (zeros(rows, n), zeros(rows * steps, n));
            let bias = None;
            UnitsForward { signal: &mut signal, spikes: Some(&mut spikes), current, bias, units }
                .on(&dev)
                .unwrap();
            assert!(signal.get().iter().all(|&s| s == rate), "{reset:?} at {level}: {:?}", signal.get());
            assert!(spikes.get().iter().all(|&s| s == rate));
            let (mut goodness, formula) = (zeros(rows, 1), &Squares::Mean);
            RowGoodness { goodness: &mut goodness, signal: &signal, formula }.on(&dev).unwrap();
            assert!(goodness.get().iter().all(|&g| g == rate));
            // Half a unit or more from the threshold, the boxcar is flat: nothing to learn, and no NaN.
            let mut dcurrent = dev.upload(rows, n, &vec![f32::NAN; rows * n]).unwrap();
            LocalGrad {
                dcurrent: &mut dcurrent,
                losses: &mut zeros(rows / 2, 1),
                signal: &mut signal,
                spikes: None,
                goodness: &mut goodness,
                current,
                bias,
                clock: &dev.zeros(1, 2).unwrap(),
                units,
                dropout: Dropout::NONE,
                formula,
                objective: &Pair { alpha: 1.0 },
            }
            .on(&dev)
            .unwrap();
            assert!(signal.get().iter().all(|&s| s == rate) && goodness.get().iter().all(|&g| g == rate));
            assert!(dcurrent.get().iter().all(|&d| d == 0.0), "{:?}", dcurrent.get());
            // The next layer gets a row of zeros, or of ones.
            let mut xhat = zeros(rows, n);
            Normalise { xhat: &mut xhat, x: &signal, steps: 1, norm: NORM }.on(&dev).unwrap();
            assert!(xhat.get().iter().all(|&x| (x - rate).abs() < 2.0 * EPS));
        }
    }
}

#[test]
fn a_unit_exactly_at_its_threshold_does_not_spike() {
    let dev = Cpu::new(1).unwrap();
    let current = dev.upload(1, 2, &[1.0, 1.000_000_1]).unwrap();
    let mut signal = zeros(1, 2);
    let units = &Lif::<Atan>::new(0.8, 1.0, Reset::Subtract, 1, Output::Rate);
    UnitsForward { signal: &mut signal, spikes: None, current: &current, bias: None, units }
        .on(&dev)
        .unwrap();
    assert_eq!(signal.get(), [0.0, 1.0]);
}

fn product(c: [usize; 2], a: [usize; 2], transpose_a: bool, b: [usize; 2]) -> Result<()> {
    let (mut c, a, b) = (zeros(c[0], c[1]), &zeros(a[0], a[1]), &zeros(b[0], b[1]));
    MatMul { c: &mut c, a, transpose_a, b, transpose_b: false }.on(&Cpu::new(1)?)
}

/// Three units for two rows of current.
fn forward(
    current: [usize; 2],
    spikes: Option<[usize; 2]>,
    bias: Option<usize>,
    units: &dyn Units,
) -> Result<()> {
    let (mut spikes, bias) = (spikes.map(|[rows, n]| zeros(rows, n)), bias.map(|n| zeros(1, n)));
    let (spikes, current) = (spikes.as_mut(), &zeros(current[0], current[1]));
    let signal = &mut zeros(2, 3);
    UnitsForward { signal, spikes, current, bias: bias.as_ref(), units }.on(&Cpu::new(1)?)
}

fn share_grad(rows: usize, batch: usize, factor: Option<usize>) -> Result<()> {
    let (dcurrent, scale, factor) = (zeros(rows, 3), zeros(batch, 1), factor.map(|rows| zeros(rows, 1)));
    ShareGrad {
        dshares: &mut zeros(5, 3),
        dcurrent: CurrentGrad::Stored(&dcurrent),
        labels: &labels(rows),
        scale: &scale,
        factor: factor.as_ref(),
        amplitude: AMPLITUDE,
    }
    .on(&Cpu::new(1)?)
}

#[test]
fn a_wrong_shape_is_refused_by_op_and_tensor() {
    let dev = &Cpu::new(1).unwrap();
    let units = &Lif::<Atan>::new(0.8, 1.0, Reset::Subtract, 3, Output::Rate);
    let clock = &dev.upload(1, 2, &[5, 1]).unwrap();
    let (scale, amplitude, factor) = (&zeros(2, 1), AMPLITUDE, None);
    let goodness = &mut zeros(3, 1);
    let row_goodness = RowGoodness { goodness, signal: &zeros(2, 3), formula: &Squares::Mean }.on(dev);
    let (goodness, shares, labels_of) = (&mut zeros(4, 1), &zeros(2, 3), &labels(4));
    let goodness_factor = 1.0;
    let share_goodness =
        ShareGoodness { goodness, shares, scale, labels: labels_of, factor, amplitude, goodness_factor }
            .on(dev);
    let sum_rows = SumRows { sum: &mut zeros(1, 2), rows: &zeros(5, 3), factor: 1.0 }.on(dev);
    let (current, shares, labels_of) = (&mut zeros(4, 3), &zeros(5, 3), &labels(3));
    let label_current = LabelCurrent { current, shares, scale, labels: labels_of, factor, amplitude }.on(dev);
    let (losses, dgoodness, objective) = (&mut zeros(1, 2), &mut zeros(4, 1), &Pair { alpha: 1.0 });
    let pair_losses = PairLosses { losses, dgoodness, goodness: &zeros(4, 1), clock, objective }.on(dev);
    let (weight, moments, gradient) = (&mut zeros(2, 3), &mut [zeros(2, 3), zeros(3, 2)], &zeros(2, 3));
    let update = Update { weight, moments, gradient, clock, optimiser: &Adam::constant(0.1) }.on(dev);
    for (op, tensor, result) in [
        ("matmul", "b", product([2, 3], [2, 4], false, [5, 3])),
        ("matmul", "a", product([2, 3], [2, 4], true, [2, 3])),
        ("units_forward", "current", forward([4, 3], None, None, units)),
        ("units_forward", "spikes", forward([2, 3], Some([2, 3]), None, units)),
        ("units_forward", "bias", forward([2, 3], None, Some(2), units)),
        ("row_goodness", "goodness", row_goodness),
        ("share_grad", "scale", share_grad(5, 2, None)),
        ("share_grad", "dshares", share_grad(5, 5, None)),
        ("share_grad", "factor", share_grad(4, 2, Some(2))),
        ("share_goodness", "shares", share_goodness),
        ("sum_rows", "sum", sum_rows),
        ("label_current", "labels", label_current),
        ("pair_losses", "losses", pair_losses),
        ("update", "moments", update),
    ] {
        match result {
            Err(Error::Shape { op: got_op, tensor: got_tensor, .. }) => {
                assert_eq!((got_op, got_tensor), (op, tensor));
            }
            other => panic!("{op} with a wrong {tensor}: {other:?}"),
        }
    }
    let message = product([2, 3], [2, 4], false, [5, 3]).unwrap_err();
    assert_eq!(message.to_string(), "matmul: `b` is [5, 3] but [4, 3] is needed");
}

/// An index beyond the images, and a batch beyond the order, are a row that the loss will show.
#[test]
fn an_image_that_is_not_there_is_nan_with_label_0() {
    let dev = &Cpu::new(2).unwrap();
    let images = &dev.upload(3, 4, &[200u8; 12]).unwrap();
    let targets = &dev.upload(3, 1, &[1, 1, 1]).unwrap();
    let table = &dev.upload(3, 4, &[1.0; 12]).unwrap();
    let order = &dev.upload(4, 1, &[0, 3, u32::MAX, 2]).unwrap();
    for (batch, there) in [(0, [true, false]), (1, [false, true]), (2, [false; 2]), (u32::MAX, [false; 2])] {
        let clock = &dev.upload(1, 2, &[u32::MAX, batch]).unwrap();
        let (mut xhat, mut scale, mut truth, mut rows) = (zeros(2, 4), zeros(2, 1), labels(2), zeros(2, 4));
        let (dropout, norm) = (Dropout { rate: 0.0, seed: 1 }, NORM);
        let (x, s, labels) = (&mut xhat, &mut scale, &mut truth);
        let (classes, amplitude) = (0, 0.0);
        Gather {
            xhat: x,
            scale: s,
            labels,
            images,
            targets,
            order,
            clock,
            classes,
            amplitude,
            norm,
            dropout,
        }
        .on(dev)
        .unwrap();
        Select { rows: &mut rows, table, order, clock }.on(dev).unwrap();
        for (b, there) in there.into_iter().enumerate() {
            for row in [&xhat.get()[4 * b..][..4], &scale.get()[b..=b], &rows.get()[4 * b..][..4]] {
                assert!(row.iter().all(|x| x.is_nan() != there), "batch {batch}, image {b}: {row:?}");
            }
            assert_eq!(truth.get()[b], u32::from(there), "batch {batch}, image {b}");
        }
    }
}

fn refused(result: Result<()>, expected: &str) {
    assert_eq!(result.unwrap_err().to_string(), expected);
}

#[test]
fn steps_that_cannot_be_are_refused() {
    let dev = &Cpu::new(1).unwrap();
    let normalise = |steps| Normalise { xhat: &mut zeros(4, 3), x: &zeros(4, 3), steps, norm: NORM }.on(dev);
    refused(normalise(0), "normalise: `x` has 4 rows, which are not a multiple of 0 steps");
    refused(normalise(3), "normalise: `x` has 4 rows, which are not a multiple of 3 steps");
    normalise(2).unwrap();
    let lif = |steps| Lif::<Atan>::new(0.8, 1.0, Reset::Subtract, steps, Output::Rate);
    for steps in [0, 1_001, usize::MAX] {
        let error = forward([2, 3], None, None, &lif(steps)).unwrap_err().to_string();
        assert!(error.starts_with("units_forward: `steps` is ") && error.contains("1 to 1000"), "{error}");
    }
}

#[test]
fn what_cannot_be_counted_is_refused() {
    let dev = &Cpu::new(1).unwrap();
    let most = u32::MAX as usize;
    for (rows, cols) in
        [(most + 1, 0), (0, most + 1), (most, most), (usize::MAX, 2), (usize::MAX, usize::MAX)]
    {
        let error = dev.zeros::<f32>(rows, cols).map(drop).unwrap_err().to_string();
        let sentence = format!("tensor: a matrix of {rows} x {cols} is too large; ");
        assert!(error.starts_with(&sentence), "{error}");
        assert!(element_count(rows, cols).is_err());
    }
    dev.zeros::<f32>(most, 0).unwrap();
    let draw = |classes| {
        let (pair, truth, clock) = (&mut labels(2), &labels(1), &dev.zeros(1, 2).unwrap());
        DrawLabels { pair, labels: truth, scores: None, clock, classes, seed: 1, sharpness: 0.0 }.on(dev)
    };
    for classes in [0, 1, 1 << 24, usize::MAX] {
        refused(draw(classes), &format!("draw_labels: {classes} classes; 2 to 2^24 are possible"));
    }
    draw(2).unwrap();
}

/// A storage of another length than `rows * cols`. It never becomes a tensor, and no tensor lets go of its own.
#[test]
fn a_storage_of_another_length_is_no_tensor() {
    for (rows, cols, len) in [(2, 3, 5), (2, 3, 7), (0, 3, 1), (1, 1, 0)] {
        let storage = Cpu::new(1).unwrap().zeros::<f32>(1, len).unwrap().get().to_vec();
        let error = Tensor::<Cpu>::of_storage(rows, cols, storage).map(drop).unwrap_err().to_string();
        assert_eq!(error, format!("tensor: `storage` is [{len}, 1] but [{rows}, {cols}] is needed"));
    }
}

/// An objective with more numbers than a kernel is handed.
#[derive(Debug)]
struct Talkative;

impl Formula for Talkative {
    fn numbers(&self) -> Numbers {
        Numbers::floats(&[1.0; 9])
    }
}

impl Objective for Talkative {
    fn of_pair(&self, _: f32, _: f32) -> PairLoss {
        PairLoss { loss: 0.0, dpositive: 0.0, dnegative: 0.0 }
    }
}

#[test]
fn a_formula_with_too_many_numbers_is_refused() {
    let dev = &Cpu::new(1).unwrap();
    let (losses, dgoodness, goodness) = (&mut zeros(1, 1), &mut zeros(2, 1), &zeros(2, 1));
    let clock = &dev.zeros(1, 2).unwrap();
    refused(
        PairLosses { losses, dgoodness, goodness, clock, objective: &Talkative }.on(dev),
        "pair_losses: Talkative has 9 numbers; at most 8 are possible",
    );
}

/// Where the gradient of single spikes is asked for, the secant, which is a rate's, is a boxcar. That holds on all devices.
#[test]
fn the_secant_is_a_boxcar_where_single_spikes_count() {
    let dev = &Cpu::new(1).unwrap();
    let current = &dev.upload(2, 3, &[0.1, 0.4, 0.9, 1.2, 2.0, 0.6]).unwrap();
    let dpassed = &dev.upload(2, 3, &[1.0, -1.0, 0.5, 2.0, 0.3, 1.0]).unwrap();
    let backward = |units: &dyn Units| {
        let mut dcurrent = zeros(2, 3);
        UnitsBackward { dcurrent: &mut dcurrent, dpassed, current, rows: 2, units }.on(dev).unwrap();
        dcurrent.get().to_vec()
    };
    let secant = Lif::<Secant>::new(0.8, 1.0, Reset::Zero, 4, Output::Rate);
    let boxcar = Lif::<Boxcar>::new(0.8, 1.0, Reset::Zero, 4, Output::Rate);
    assert_eq!(secant.readout(), Readout::Rate);
    let got = backward(&secant);
    assert_eq!(got, backward(&boxcar));
    assert!(got.iter().any(|&d| d != 0.0), "the gradient was nothing");
}
