//! What the devices do at the edges, one beside the other: currents at the threshold, currents that are not numbers, a batch
//! that is not there, tensors without rows.

use ff_cpu::Cpu;
use ff_net::formulas::{Adam, Lif, Output, Reset};
use ff_tensor::{
    Device, Dropout, Gather, LabelCurrent, MatMul, Norm, NormKind, Normalise, Readout, Select, SumRows,
    Units, UnitsForward, Update,
};

use crate::bits;
use crate::ops::{CLASSES, clock};
use crate::own::adaptive;
use crate::shim::{Schedule, Shim};
use crate::units::cases;

/// Signals for currents at the threshold, far from it, and not finite.
fn signals<D: Device>(dev: &D, units: &dyn Units) -> Vec<f32> {
    let levels = [1.0, 1.000_000_1, 0.0, -0.0, -1.0, 50.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    let current = dev.upload(1, levels.len(), &levels).unwrap();
    let mut signal = dev.zeros(1, levels.len()).unwrap();
    UnitsForward { signal: &mut signal, spikes: None, current: &current, bias: None, units }.on(dev).unwrap();
    dev.download(&signal).unwrap()
}

#[test]
fn shim_is_the_cpu_at_the_threshold_and_beyond_all_numbers() {
    let (shim, cpu) = (Shim::device(Schedule::Forward), Cpu::new(1).unwrap());
    let one_step: Box<dyn Units> =
        Box::new(Lif::<ff_net::formulas::Atan>::new(0.8, 1.0, Reset::Subtract, 1, Output::Rate));
    let own: Box<dyn Units> = Box::new(adaptive(4, Readout::Rate));
    for units in cases(4).into_iter().map(|case| case.units).chain([one_step, own]) {
        let (ours, its) = (signals(&shim, &*units), signals(&cpu, &*units));
        assert_eq!(bits(&ours), bits(&its), "{units:?}: {ours:?}, not {its:?}");
        assert!(ours[6..].iter().all(|x| !x.is_finite()), "{units:?}: {ours:?}");
        assert!(ours[..6].iter().all(|x| x.is_finite()), "{units:?}: {ours:?}");
    }
}

/// Rows and scales of the batch, for a clock that stands at batch `k`.
fn gathered<D: Device>(dev: &D, k: u32) -> (Vec<f32>, Vec<f32>, Vec<u32>) {
    let (batch, pixels, count) = (2, 8, 5);
    let images = dev.upload(count, pixels, &vec![9u8; count * pixels]).unwrap();
    // The second batch holds an index beyond all images, the third is only half there.
    let order = dev.upload(5, 1, &[0, 1, 2, 5, 4]).unwrap();
    let mut xhat = dev.zeros(batch + CLASSES + 1, pixels).unwrap();
    let (mut scale, mut labels) = (dev.zeros(batch, 1).unwrap(), dev.zeros(batch, 1).unwrap());
    Gather {
        xhat: &mut xhat,
        scale: &mut scale,
        labels: &mut labels,
        images: &images,
        targets: &dev.upload(count, 1, &[1; 5]).unwrap(),
        order: &order,
        clock: &dev.upload(1, 2, &[0, k]).unwrap(),
        classes: CLASSES,
        amplitude: 1.0,
        norm: Norm { kind: NormKind::L2, eps: 0.1 },
        dropout: Dropout::NONE,
    }
    .on(dev)
    .unwrap();
    (dev.download(&xhat).unwrap(), dev.download(&scale).unwrap(), dev.download(&labels).unwrap())
}

#[test]
fn a_batch_that_is_not_there_is_nan_on_every_device() {
    let (shim, cpu) = (Shim::device(Schedule::Forward), Cpu::new(1).unwrap());
    let there = [[true, true], [true, false], [true, false], [false, false], [false, false]];
    for (k, there) in [0, 1, 2, 3, u32::MAX].into_iter().zip(there) {
        let ((xhat, scale, labels), its) = (gathered(&shim, k), gathered(&cpu, k));
        assert_eq!((bits(&xhat), bits(&scale), &labels), (bits(&its.0), bits(&its.1), &its.2), "batch {k}");
        for (b, &there) in there.iter().enumerate() {
            let row = &xhat[b * 8..][..8];
            assert_eq!(row.iter().all(|x| x.is_finite()), there, "batch {k}");
            assert_eq!(row.iter().all(|x| x.is_nan()), !there, "batch {k}");
            assert_eq!(scale[b].is_finite(), there, "batch {k}");
            assert_eq!(labels[b], u32::from(there), "batch {k}");
        }
    }
}

fn selected<D: Device>(dev: &D, k: u32) -> Vec<f32> {
    let table = dev.upload(3, 2, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    let order = dev.upload(5, 1, &[2, 0, 3, 1, u32::MAX]).unwrap();
    let mut rows = dev.zeros(2, 2).unwrap();
    let clock = dev.upload(1, 2, &[0, k]).unwrap();
    Select { rows: &mut rows, table: &table, order: &order, clock: &clock }.on(dev).unwrap();
    dev.download(&rows).unwrap()
}

#[test]
fn a_row_that_is_not_there_is_nan_on_every_device() {
    const NO: f32 = f32::NAN;
    let (shim, cpu) = (Shim::device(Schedule::Forward), Cpu::new(1).unwrap());
    for (k, want) in
        [(0, [5.0, 6.0, 1.0, 2.0]), (1, [NO, NO, 3.0, 4.0]), (2, [NO; 4]), (3, [NO; 4]), (u32::MAX, [NO; 4])]
    {
        assert_eq!(bits(&selected(&shim, k)), bits(&want), "batch {k}");
        assert_eq!(bits(&selected(&cpu, k)), bits(&want), "batch {k}");
    }
}

/// Ops on tensors without rows, and a product over nothing, which is zero.
fn nothing<D: Device>(dev: &D) -> Vec<f32> {
    let zeros = |rows, cols| dev.zeros(rows, cols).unwrap();
    let mut c = dev.upload(2, 3, &[f32::NAN; 6]).unwrap();
    MatMul { c: &mut c, a: &zeros(2, 0), transpose_a: false, b: &zeros(0, 3), transpose_b: false }
        .on(dev)
        .unwrap();
    for [m, k, n] in [[0, 2, 3], [2, 3, 0], [0, 0, 0]] {
        let (c, a, b) = (&mut zeros(m, n), &zeros(m, k), &zeros(k, n));
        MatMul { c, a, transpose_a: false, b, transpose_b: false }.on(dev).unwrap();
    }
    let mut sum = dev.upload(1, 3, &[f32::NAN; 3]).unwrap();
    SumRows { sum: &mut sum, rows: &zeros(0, 3), factor: 1.0 }.on(dev).unwrap();
    let norm = Norm { kind: NormKind::Rms, eps: 0.1 };
    Normalise { xhat: &mut zeros(0, 3), x: &zeros(0, 3), steps: 2, norm }.on(dev).unwrap();
    let (current, shares, scale) = (&mut zeros(0, 3), &zeros(4, 3), &zeros(2, 1));
    let labels = &dev.zeros(0, 1).unwrap();
    LabelCurrent { current, shares, scale, labels, factor: None, amplitude: 1.0 }.on(dev).unwrap();
    let (signal, current) = (&mut zeros(0, 3), &zeros(0, 3));
    let units = &adaptive(2, Readout::Rate);
    UnitsForward { signal, spikes: None, current, bias: None, units }.on(dev).unwrap();
    let (weight, moments, gradient) = (&mut zeros(0, 3), &mut [zeros(0, 3), zeros(0, 3)], &zeros(0, 3));
    Update { weight, moments, gradient, clock: &clock(dev), optimiser: &Adam::constant(0.1) }
        .on(dev)
        .unwrap();
    let mut answers = dev.download(&c).unwrap();
    answers.extend(dev.download(&sum).unwrap());
    answers
}

#[test]
fn nothing_is_no_error_on_any_device() {
    assert_eq!(nothing(&Shim::device(Schedule::Forward)), [0.0; 9]);
    assert_eq!(nothing(&Cpu::new(1).unwrap()), [0.0; 9]);
}
