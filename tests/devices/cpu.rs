//! The CPU device: every op against its equation; the same bits for any number of threads; the shared paths against the
//! plain one.

use ff_cpu::Cpu;
use ff_tensor::{CurrentGrad, Device, Dropout, Gather, Norm, NormKind, random};

use crate::bits;
use crate::ops::{
    AMPLITUDE, Answer, CLASSES, EPS, LABEL, Sizes, every_op, label_goodness, labels, tensor, wide,
};

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
        let (mut plain, mut plain_grad) =
            (dev.zeros(rows, units).unwrap(), dev.zeros(inputs, units).unwrap());
        dev.normalise(&mut xhat, &x, 1, &norm).unwrap();
        dev.matmul(&mut plain, &xhat, false, &weight, false).unwrap();
        dev.matmul(&mut plain_grad, &xhat, true, &dcurrent, false).unwrap();
        // Shared.
        let images = dev.upload(batch, inputs, &pixels).unwrap();
        let targets = dev.zeros(batch, 1).unwrap();
        let order = dev.upload(batch, 1, &(0..batch as u32).collect::<Vec<_>>()).unwrap();
        let clock = dev.zeros(1, 2).unwrap();
        let mut xhat = dev.zeros(batch + CLASSES + 1, inputs).unwrap();
        let (mut scale, mut unused) = (dev.zeros(batch, 1).unwrap(), dev.zeros(batch, 1).unwrap());
        let p = Gather { classes: CLASSES, amplitude: AMPLITUDE, norm, dropout: Dropout::NONE };
        dev.gather(&mut xhat, &mut scale, &mut unused, &images, &targets, &order, &clock, &p).unwrap();
        let (mut shares, mut shared) =
            (dev.zeros(batch + CLASSES + 1, units).unwrap(), dev.zeros(rows, units).unwrap());
        dev.matmul(&mut shares, &xhat, false, &weight, false).unwrap();
        dev.label_current(&mut shared, &shares, &scale, &labels, None, &LABEL).unwrap();
        let (mut dshares, mut shared_grad) =
            (dev.zeros(batch + CLASSES + 1, units).unwrap(), dev.zeros(inputs, units).unwrap());
        let stored = CurrentGrad::Stored(&dcurrent);
        dev.share_grad(&mut dshares, stored, &labels, &scale, None, &LABEL).unwrap();
        dev.matmul(&mut shared_grad, &xhat, true, &dshares, false).unwrap();

        let sizes = Sizes { batch, inputs, units, steps: 1 };
        Answer::new("current", shared.data, wide(&plain.data)).check(sizes);
        Answer::new("dweight", shared_grad.data, wide(&plain_grad.data)).check(sizes);
    }
}
