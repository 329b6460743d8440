//! What the CUDA device does at the edges, beside the CPU: shapes that do not fit, currents that are not numbers, a batch
//! that is not there.

use ff_cpu::Cpu;
use ff_tensor::{
    Adam, Augment, Augmentation, CurrentGrad, Device, Dropout, Gather, Goodness, LocalLoss, Neuron,
    NeuronKind, Norm, NormKind, Objective, Output, Softmax, Tensor,
};

use crate::ops::{CLASSES, LABEL, clock, neurons};
use crate::shim::{Schedule, Shim};

/// What is said to wrong shapes.
fn refusals<D: Device>(dev: &D) -> Vec<String> {
    let zeros = |rows, cols| -> Tensor<D> { dev.zeros(rows, cols).unwrap() };
    let labels = |rows| -> Tensor<D, u32> { dev.zeros(rows, 1).unwrap() };
    let p = Neuron { steps: 3, ..Neuron::default() };
    let (g, clock, dcurrent) = (Goodness::Mean, clock(dev), zeros(4, 3));
    let share_grad = |rows, batch, factor: Option<&Tensor<D>>| {
        let (scale, stored) = (zeros(batch, 1), CurrentGrad::Stored(&dcurrent));
        dev.share_grad(&mut zeros(5, 3), stored, &labels(rows), &scale, factor, &LABEL)
    };
    let objective = Objective::Pair { alpha: 1.0 };
    let local = LocalLoss { neuron: p, dropout: Dropout::NONE, goodness: g, objective };
    let local_grad = |rows, dcurrent: [usize; 2], spikes, goodness| {
        let [mut dcurrent, mut spikes] = [dcurrent, [spikes, 3]].map(|[rows, cols]| zeros(rows, cols));
        let (losses, signal, goodness) = (&mut zeros(6, 1), &mut zeros(rows, 3), &mut zeros(goodness, 1));
        let (current, spikes) = (zeros(rows, 3), Some(&mut spikes));
        dev.local_grad(&mut dcurrent, losses, signal, spikes, goodness, &current, None, &clock, &local)
    };
    let norm = Norm { kind: NormKind::L2, eps: 0.1 };
    let adam = Adam::constant(0.1);
    let softmax = Softmax { sharpness: 1.0 };
    let augment = |out: [usize; 2], images: [usize; 2], width, pixels| {
        let list = &[Augmentation::Shift { pixels }];
        let p = Augment { list, width, height: 3, seed: 1, epoch: 0 };
        dev.augment(&mut dev.zeros(out[0], out[1]).unwrap(), &dev.zeros(images[0], images[1]).unwrap(), &p)
    };
    let results = [
        augment([4, 12], [4, 12], 5, 1),
        augment([5, 12], [4, 12], 4, 1),
        augment([4, 0], [4, 0], 0, 1),
        augment([0, 0], [0, 0], 1 << 40, 1),
        augment([4, 12], [4, 12], 4, 1_001),
        dev.matmul(&mut zeros(2, 3), &zeros(2, 4), false, &zeros(5, 3), false),
        dev.matmul(&mut zeros(2, 3), &zeros(2, 4), true, &zeros(2, 3), false),
        dev.normalise(&mut zeros(4, 3), &zeros(4, 3), 3, &norm),
        dev.row_factor(&mut zeros(4, 1), &zeros(3, 1), None, 5, &norm, g),
        dev.label_current(&mut zeros(4, 3), &zeros(5, 3), &zeros(2, 1), &labels(3), None, &LABEL),
        dev.label_current(&mut zeros(5, 3), &zeros(5, 3), &zeros(2, 1), &labels(5), None, &LABEL),
        dev.lif(&mut zeros(2, 3), None, &zeros(4, 3), None, &p),
        dev.lif(&mut zeros(2, 3), Some(&mut zeros(2, 3)), &zeros(2, 3), None, &p),
        dev.lif(&mut zeros(2, 3), None, &zeros(2, 3), Some(&zeros(1, 2)), &p),
        dev.goodness(&mut zeros(3, 1), &zeros(2, 3), g),
        dev.share_goodness(&mut zeros(4, 1), &zeros(2, 3), &zeros(2, 1), &labels(4), None, &LABEL, g),
        dev.label_goodness(&mut zeros(2, 3), &zeros(5, 3), &zeros(2, 1), None, &LABEL, &p, g),
        dev.softmax_loss(&mut zeros(9, 1), &mut zeros(2, 3), &zeros(2, 4), &labels(2), &clock, &softmax),
        local_grad(4, [4, 2], 12, 4),
        local_grad(4, [4, 3], 4, 4),
        local_grad(4, [4, 3], 12, 2),
        local_grad(3, [3, 3], 9, 3),
        dev.objective(&mut zeros(6, 1), &mut zeros(2, 1), &zeros(4, 1), &clock, &objective),
        share_grad(5, 2, None),
        share_grad(5, 5, None),
        share_grad(4, 2, Some(&zeros(2, 1))),
        dev.sum_rows(&mut zeros(1, 2), &zeros(5, 3)),
        dev.adam(&mut zeros(2, 3), &mut zeros(2, 3), &mut zeros(3, 2), &zeros(2, 3), &clock, &adam),
    ];
    results.into_iter().map(|result| result.unwrap_err().to_string()).collect()
}

#[test]
fn shim_refuses_wrong_shapes_in_the_cpus_words() {
    assert_eq!(refusals(&Shim::device(Schedule::Forward)), refusals(&Cpu::new(1).unwrap()));
}

/// Signals for currents at the threshold, far from it, and not finite.
fn signals<D: Device>(dev: &D, p: &Neuron) -> Vec<f32> {
    let levels = [1.0, 1.000_000_1, 0.0, -0.0, -1.0, 50.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    let current = dev.upload(1, levels.len(), &levels).unwrap();
    let mut signal = dev.zeros(1, levels.len()).unwrap();
    dev.lif(&mut signal, None, &current, None, p).unwrap();
    dev.download(&signal).unwrap()
}

#[test]
fn shim_is_the_cpu_at_the_threshold_and_beyond_all_numbers() {
    let (shim, cpu) = (Shim::device(Schedule::Forward), Cpu::new(1).unwrap());
    let one_step = Neuron { output: Output::Rate, ..Neuron::default() };
    for p in neurons(4).into_iter().chain([one_step]) {
        let (ours, its) = (signals(&shim, &p), signals(&cpu, &p));
        for (i, (x, y)) in ours.iter().zip(&its).enumerate() {
            assert!(x == y || (x.is_nan() && y.is_nan()), "{p:?}: {x}, not {y}, at {i}");
        }
        assert!(ours[6..].iter().all(|x| !x.is_finite()), "{p:?}: {ours:?}");
        assert!(p.kind == NeuronKind::Relu || ours[..6].iter().all(|x| x.is_finite()), "{p:?}: {ours:?}");
    }
}

/// The CPU refuses; a GPU cannot look before it leaps, so the loss has to show it.
#[test]
fn shim_makes_a_batch_that_is_not_there_nan() {
    let dev = Shim::device(Schedule::Forward);
    let (batch, pixels, count) = (2, 8, 5);
    let images = dev.upload(count, pixels, &vec![9u8; count * pixels]).unwrap();
    let targets = dev.zeros(count, 1).unwrap();
    // The second batch holds an index beyond all images, the third is only half there.
    let order = dev.upload(5, 1, &[0, 1, 2, 5, 4]).unwrap();
    let norm = Norm { kind: NormKind::L2, eps: 0.1 };
    let p = Gather { classes: CLASSES, amplitude: 1.0, norm, dropout: Dropout::NONE };
    let mut xhat = dev.zeros(batch + CLASSES + 1, pixels).unwrap();
    let (mut scale, mut labels) = (dev.zeros(batch, 1).unwrap(), dev.zeros(batch, 1).unwrap());
    for (k, there) in [(0, [true, true]), (1, [true, false]), (2, [true, false]), (3, [false, false])] {
        let clock = dev.upload(1, 2, &[0, k]).unwrap();
        dev.gather(&mut xhat, &mut scale, &mut labels, &images, &targets, &order, &clock, &p).unwrap();
        let (xhat, scale) = (dev.download(&xhat).unwrap(), dev.download(&scale).unwrap());
        for (b, &there) in there.iter().enumerate() {
            let row = &xhat[b * pixels..][..pixels];
            assert_eq!(row.iter().all(|x| x.is_finite()), there, "batch {k}");
            assert_eq!(row.iter().any(|x| x.is_nan()), !there, "batch {k}");
            assert_eq!(scale[b].is_finite(), there, "batch {k}");
        }
    }
}
