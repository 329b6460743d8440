//! The CPU device: every op against its equation; the same bits for any number of threads; the shared paths against the
//! plain one.

use ff_cpu::Cpu;
use ff_tensor::{
    CurrentGrad, Device, Dropout, Gather, LabelCurrent, MatMul, Norm, NormKind, Normalise, ShareGrad, Tensor,
    random,
};

use crate::bits;
use crate::ops::{AMPLITUDE, Answer, CLASSES, EPS, Sizes, every_op, labels, tensor, wide};
use crate::units::label_goodness;

fn sizes() -> Vec<Sizes> {
    // More rows than a sparse product lists at a time, and more of B than a dense one copies at a time.
    let mut all = vec![
        Sizes { batch: 600, inputs: 40, units: 33, steps: 2 },
        Sizes { batch: 13, inputs: 3_000, units: 200, steps: 1 },
    ];
    for batch in [1, 7, 17] {
        for inputs in [7, 17, 257] {
            for units in [1, 7, 17, 257] {
                let steps = 1 + (batch + inputs + units) % 5;
                all.push(Sizes { batch, inputs, units, steps });
            }
        }
    }
    all
}

#[test]
fn every_op_is_its_equation_at_odd_sizes() {
    let dev = Cpu::new(1).unwrap();
    for sizes in sizes() {
        for answer in every_op(&dev, sizes) {
            answer.check(sizes);
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let one = Cpu::new(1).unwrap();
    for threads in [2, 3, 5] {
        let many = Cpu::new(threads).unwrap();
        for (batch, inputs, units) in [
            (1, 7, 257),
            (17, 257, 17),
            (130, 257, 65),
            (600, 40, 33),
            (600, 300, 10),
            (7, 300, 1_100),
            (13, 3_000, 200),
        ] {
            let sizes = Sizes { batch, inputs, units, steps: 3 };
            for (a, b) in every_op(&one, sizes).iter().zip(every_op(&many, sizes)) {
                assert_eq!(bits(&a.got), bits(&b.got), "{} with {threads} threads at {sizes:?}", a.op);
            }
        }
    }
}

#[test]
fn all_labels_at_once_are_the_single_ops_bit_for_bit() {
    let dev = Cpu::new(2).unwrap();
    for (batch, units) in [(1, 1), (7, 17), (17, 257)] {
        for (op, at_once, one_by_one) in label_goodness(&dev, batch, units) {
            assert_eq!(bits(&at_once), bits(&one_by_one), "{op}");
        }
    }
}

/// The label written into the image, the row normalised and multiplied as a whole, for each copy: what the shared
/// product of layer 1 stands for.
#[test]
fn one_product_for_all_copies_is_the_plain_path() {
    let (dev, batch, inputs, units, copies) = (Cpu::new(2).unwrap(), 7, 31, 17, 2);
    let rows = batch * copies;
    let pixels: Vec<u8> = (0..batch * inputs).map(|i| random::bits(40, i as u64) as u8).collect();
    let (labels, label_values) = labels(&dev, 41, rows);
    let (weight, _) = tensor(&dev, 42, [inputs, units], -1.0, 1.0);
    let (dcurrent, _) = tensor(&dev, 43, [rows, units], -1.0, 1.0);
    for kind in [NormKind::L2, NormKind::Rms] {
        let norm = Norm { kind, eps: EPS };
        // Plain.
        let mut x = Vec::new();
        for r in 0..rows {
            let b = r % batch;
            let mut row: Vec<f32> =
                pixels[b * inputs..][..inputs].iter().map(|&p| f32::from(p) / 255.0).collect();
            row[..CLASSES].fill(0.0);
            row[label_values[r]] = AMPLITUDE;
            x.extend(row);
        }
        let x = dev.upload(rows, inputs, &x).unwrap();
        let mut xhat = dev.zeros(rows, inputs).unwrap();
        Normalise { xhat: &mut xhat, x: &x, steps: 1, norm }.on(&dev).unwrap();
        let plain = product(&dev, &xhat, false, &weight);
        let plain_grad = product(&dev, &xhat, true, &dcurrent);
        // Shared.
        let images = dev.upload(batch, inputs, &pixels).unwrap();
        let order = dev.upload(batch, 1, &(0..batch as u32).collect::<Vec<_>>()).unwrap();
        let mut xhat = dev.zeros(batch + CLASSES + 1, inputs).unwrap();
        let (mut scale, mut unused) = (dev.zeros(batch, 1).unwrap(), dev.zeros(batch, 1).unwrap());
        Gather {
            xhat: &mut xhat,
            scale: &mut scale,
            labels: &mut unused,
            images: &images,
            targets: &dev.zeros(batch, 1).unwrap(),
            order: &order,
            clock: &dev.zeros(1, 2).unwrap(),
            classes: CLASSES,
            amplitude: AMPLITUDE,
            norm,
            dropout: Dropout::NONE,
        }
        .on(&dev)
        .unwrap();
        let shares = product(&dev, &xhat, false, &weight);
        let mut shared = dev.zeros(rows, units).unwrap();
        LabelCurrent {
            current: &mut shared,
            shares: &shares,
            scale: &scale,
            labels: &labels,
            factor: None,
            amplitude: AMPLITUDE,
        }
        .on(&dev)
        .unwrap();
        let mut dshares = dev.zeros(batch + CLASSES + 1, units).unwrap();
        ShareGrad {
            dshares: &mut dshares,
            dcurrent: CurrentGrad::Stored(&dcurrent),
            labels: &labels,
            scale: &scale,
            factor: None,
            amplitude: AMPLITUDE,
        }
        .on(&dev)
        .unwrap();
        let shared_grad = product(&dev, &xhat, true, &dshares);

        let sizes = Sizes { batch, inputs, units, steps: 1 };
        let [shared, plain] = [&shared, &plain].map(|x| dev.download(x).unwrap());
        Answer::new("current", shared, wide(&plain)).check(sizes);
        let [shared, plain] = [&shared_grad, &plain_grad].map(|x| dev.download(x).unwrap());
        Answer::new("dweight", shared, wide(&plain)).check(sizes);
    }
}

/// `A B`, or `A' B`.
fn product(dev: &Cpu, a: &Tensor<Cpu>, transpose_a: bool, b: &Tensor<Cpu>) -> Tensor<Cpu> {
    let rows = if transpose_a { a.cols() } else { a.rows() };
    let mut c = dev.zeros(rows, b.cols()).unwrap();
    MatMul { c: &mut c, a, transpose_a, b, transpose_b: false }.on(dev).unwrap();
    c
}
