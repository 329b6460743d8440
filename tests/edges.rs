//! What ops do at the edges: no spikes, all spikes, exactly at the threshold, and shapes that do not fit.
#![allow(clippy::unwrap_used, missing_docs)]

use ff_cpu::Cpu;
use ff_tensor::{
    Adam, CurrentGrad, Device, Dropout, Error, Goodness, LabelRow, LocalLoss, Neuron, Norm, NormKind,
    Objective, Output, Reset, Surrogate, Tensor,
};

const EPS: f32 = 1e-4;
const LABEL: LabelRow = LabelRow { amplitude: 2.0 };

#[test]
fn units_that_never_spike_and_units_that_always_do() {
    let (dev, rows, n, steps) = (Cpu::new(2).unwrap(), 4, 19, 4);
    for reset in [Reset::Subtract, Reset::Zero, Reset::None] {
        for (level, rate) in [(-1.0, 0.0), (0.0, 0.0), (50.0, 1.0)] {
            let p = Neuron {
                steps,
                reset,
                output: Output::Rate,
                surrogate: Surrogate::Boxcar,
                ..Neuron::default()
            };
            let current = dev.upload(rows, n, &vec![level; rows * n]).unwrap();
            let mut signal = dev.zeros(rows, n).unwrap();
            let mut spikes = dev.zeros(rows * steps, n).unwrap();
            dev.lif(&mut signal, Some(&mut spikes), &current, None, &p).unwrap();
            assert!(signal.data.iter().all(|&s| s == rate), "{reset:?} at {level}: {:?}", signal.data);
            assert!(spikes.data.iter().all(|&s| s == rate));
            let mut goodness = dev.zeros(rows, 1).unwrap();
            dev.goodness(&mut goodness, &signal, Goodness::Mean).unwrap();
            assert!(goodness.data.iter().all(|&g| g == rate));
            // Half a unit or more from the threshold, the boxcar is flat: nothing to learn, and no NaN.
            let (objective, goodness_of) = (Objective::Pair { alpha: 1.0 }, Goodness::Mean);
            let local = LocalLoss { neuron: p, dropout: Dropout::NONE, goodness: goodness_of, objective };
            let mut dcurrent = dev.upload(rows, n, &vec![f32::NAN; rows * n]).unwrap();
            let (mut losses, clock) = (dev.zeros(rows / 2, 1).unwrap(), dev.zeros(1, 2).unwrap());
            dev.local_grad(
                &mut dcurrent,
                &mut losses,
                &mut signal,
                None,
                &mut goodness,
                &current,
                None,
                &clock,
                &local,
            )
            .unwrap();
            assert!(signal.data.iter().all(|&s| s == rate) && goodness.data.iter().all(|&g| g == rate));
            assert!(dcurrent.data.iter().all(|&d| d == 0.0), "{:?}", dcurrent.data);
            // The next layer gets a row of zeros, or of ones.
            let mut xhat = dev.zeros(rows, n).unwrap();
            dev.normalise(&mut xhat, &signal, 1, &Norm { kind: NormKind::Rms, eps: EPS }).unwrap();
            assert!(xhat.data.iter().all(|&x| (x - rate).abs() < 2.0 * EPS));
        }
    }
}

#[test]
fn a_unit_exactly_at_its_threshold_does_not_spike() {
    let dev = Cpu::new(1).unwrap();
    let current = dev.upload(1, 2, &[1.0, 1.000_000_1]).unwrap();
    let mut signal = dev.zeros(1, 2).unwrap();
    let p = Neuron { output: Output::Rate, ..Neuron::default() };
    dev.lif(&mut signal, None, &current, None, &p).unwrap();
    assert_eq!(signal.data, [0.0, 1.0]);
}

#[test]
fn a_wrong_shape_is_refused_by_op_and_tensor() {
    let dev = Cpu::new(1).unwrap();
    let zeros = |rows, cols| -> Tensor<Cpu> { dev.zeros(rows, cols).unwrap() };
    let labels = |rows| -> Tensor<Cpu, u32> { dev.zeros(rows, 1).unwrap() };
    let p = Neuron { steps: 3, ..Neuron::default() };
    let clock = dev.upload(1, 2, &[5, 1]).unwrap();
    let share_grad = |rows, batch, factor: Option<&Tensor<Cpu>>| {
        let (dshares, dcurrent, scale) = (&mut zeros(5, 3), zeros(rows, 3), zeros(batch, 1));
        dev.share_grad(dshares, CurrentGrad::Stored(&dcurrent), &labels(rows), &scale, factor, &LABEL)
    };
    let refused = [
        ("matmul", "b", dev.matmul(&mut zeros(2, 3), &zeros(2, 4), false, &zeros(5, 3), false)),
        ("matmul", "a", dev.matmul(&mut zeros(2, 3), &zeros(2, 4), true, &zeros(2, 3), false)),
        ("lif", "current", dev.lif(&mut zeros(2, 3), None, &zeros(4, 3), None, &p)),
        ("lif", "spikes", dev.lif(&mut zeros(2, 3), Some(&mut zeros(2, 3)), &zeros(2, 3), None, &p)),
        ("lif", "bias", dev.lif(&mut zeros(2, 3), None, &zeros(2, 3), Some(&zeros(1, 2)), &p)),
        ("goodness", "goodness", dev.goodness(&mut zeros(3, 1), &zeros(2, 3), Goodness::Mean)),
        ("share_grad", "scale", share_grad(5, 2, None)),
        ("share_grad", "dshares", share_grad(5, 5, None)),
        (
            "share_goodness",
            "shares",
            dev.share_goodness(
                &mut zeros(4, 1),
                &zeros(2, 3),
                &zeros(2, 1),
                &labels(4),
                None,
                &LABEL,
                Goodness::Mean,
            ),
        ),
        ("share_grad", "factor", share_grad(4, 2, Some(&zeros(2, 1)))),
        ("sum_rows", "dbias", dev.sum_rows(&mut zeros(1, 2), &zeros(5, 3))),
        (
            "label_current",
            "labels",
            dev.label_current(&mut zeros(4, 3), &zeros(5, 3), &zeros(2, 1), &labels(3), None, &LABEL),
        ),
        (
            "objective",
            "losses",
            dev.objective(
                &mut zeros(1, 1),
                &mut zeros(4, 1),
                &zeros(4, 1),
                &clock,
                &Objective::Pair { alpha: 1.0 },
            ),
        ),
        (
            "adam",
            "square",
            dev.adam(
                &mut zeros(2, 3),
                &mut zeros(2, 3),
                &mut zeros(3, 2),
                &zeros(2, 3),
                &clock,
                &Adam::constant(0.1),
            ),
        ),
    ];
    for (op, tensor, result) in refused {
        match result {
            Err(Error::Shape { op: got_op, tensor: got_tensor, .. }) => {
                assert_eq!((got_op, got_tensor), (op, tensor));
            }
            other => panic!("{op} with a wrong {tensor}: {other:?}"),
        }
    }
    let message = dev.matmul(&mut zeros(2, 3), &zeros(2, 4), false, &zeros(5, 3), false).unwrap_err();
    assert_eq!(message.to_string(), "matmul: `b` is [5, 3] but [4, 3] is needed");
}
