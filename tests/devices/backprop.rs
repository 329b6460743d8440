//! The ops of backpropagation, for the table of cases.

use ff_net::formulas::{Output, Reset};
use ff_tensor::{Device, Dropout, Gather, Norm, NormKind, UnitsBackward, random};

use crate::ops::{Answer, EPS, Sizes, clock, labels, tensor};
use crate::oracle::{self, Surrogate};
use crate::units::{Case, lif_of, relu};

/// Images without a label: all pixels count, and nothing stands below them.
pub fn gather_alone<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let pixels: Vec<u8> = (0..2 * s.batch * s.inputs).map(|i| random::bits(60, i as u64) as u8).collect();
    let images = dev.upload(2 * s.batch, s.inputs, &pixels).unwrap();
    let (targets, target_values) = labels(dev, 61, 2 * s.batch);
    let order: Vec<u32> = (0..2 * s.batch as u32).collect();
    let order = dev.upload(order.len(), 1, &order).unwrap();
    let norm = Norm { kind: NormKind::Rms, eps: EPS };
    let mut xhat = dev.zeros(s.batch, s.inputs).unwrap();
    let (mut scale, mut labels) = (dev.zeros(s.batch, 1).unwrap(), dev.zeros(s.batch, 1).unwrap());
    Gather {
        xhat: &mut xhat,
        scale: &mut scale,
        labels: &mut labels,
        images: &images,
        targets: &targets,
        order: &order,
        clock: &clock(dev),
        classes: 0,
        amplitude: 0.0,
        norm,
        dropout: Dropout::NONE,
    }
    .on(dev)
    .unwrap();
    // The clock stands at batch 1.
    let rows = pixels[s.batch * s.inputs..].chunks(s.inputs).map(|image| {
        let row: Vec<f64> = image.iter().map(|&pixel| f64::from(pixel) / 255.0).collect();
        let factor = oracle::norm_factor(&row, true, f64::from(EPS));
        row.into_iter().map(|x| factor * x).collect::<Vec<_>>()
    });
    let got_labels = dev.download(&labels).unwrap().into_iter().map(|l| l as f32).collect();
    let want_labels = target_values[s.batch..].iter().map(|&l| l as f64).collect();
    vec![
        Answer::new("gather alone xhat", dev.download(&xhat).unwrap(), rows.flatten().collect()),
        Answer::new("gather alone labels", got_labels, want_labels),
    ]
}

/// Each kind of unit, reset and surrogate (all pairs of them: tests/backprop.rs), with currents and gradients that change in
/// time or do not.
pub fn units_backward<D: Device>(dev: &D, s: Sizes) -> Vec<Answer> {
    let of = |reset, surrogate| lif_of(surrogate, reset, Output::Rate, s.steps);
    let mut answers = vec![units_backward_case(dev, s, &relu(), [1, 1])];
    let (once, train) = (1, s.steps);
    for (case, steps) in [
        (of(Reset::Subtract, Surrogate::Atan), [once, once]),
        (of(Reset::None, Surrogate::Triangle), [once, train]),
        (of(Reset::Zero, Surrogate::FastSigmoid), [once, train]),
        (of(Reset::Zero, Surrogate::FastSigmoid), [train, once]),
        (of(Reset::None, Surrogate::Atan), [train, train]),
        (of(Reset::Subtract, Surrogate::Boxcar), [train, train]),
    ] {
        answers.push(units_backward_case(dev, s, &case, steps));
    }
    answers
}

/// `steps`: rows per sample of the current, and of what was passed on.
fn units_backward_case<D: Device>(dev: &D, s: Sizes, case: &Case, steps: [usize; 2]) -> Answer {
    let (n, p) = (s.units, &case.oracle);
    let (current, current_values) = tensor(dev, 62, [s.batch * steps[0], n], -0.5, 1.5);
    let (dpassed, dpassed_values) = tensor(dev, 63, [s.batch * steps[1], n], -1.0, 1.0);
    let mut dcurrent = dev.upload(s.batch * steps[0], n, &vec![f32::NAN; s.batch * steps[0] * n]).unwrap();
    UnitsBackward {
        dcurrent: &mut dcurrent,
        dpassed: &dpassed,
        current: &current,
        rows: s.batch,
        units: &*case.units,
    }
    .on(dev)
    .unwrap();

    let mut want = vec![0.0; s.batch * steps[0] * n];
    for r in 0..s.batch {
        for j in 0..n {
            let base: Vec<f64> = (0..p.steps)
                .map(|t| current_values[(r * steps[0] + if steps[0] > 1 { t } else { 0 }) * n + j])
                .collect();
            let (_, fired) = oracle::scan(&base, p, None);
            // What the gradients multiply: each step's spike, which moves by the surrogate's primitive alone.
            let passed = |step: usize, by: f64| -> f64 {
                let moved = |t: usize| if steps[0] == 1 || t == step { base[t] + by } else { base[t] };
                let currents: Vec<f64> = (0..p.steps).map(moved).collect();
                if p.unit == oracle::Unit::Relu {
                    return dpassed_values[r * n + j] * currents[0].max(0.0);
                }
                let (mems, _) = oracle::scan(&currents, p, Some(&fired));
                let of_step = |(t, mem): (usize, &f64)| {
                    let dspike = match steps[1] {
                        1 => dpassed_values[r * n + j] / p.steps as f64,
                        _ => dpassed_values[(r * p.steps + t) * n + j],
                    };
                    dspike * oracle::primitive(p.surrogate, mem - p.threshold)
                };
                mems.iter().enumerate().map(of_step).sum()
            };
            for t in 0..steps[0] {
                want[(r * steps[0] + t) * n + j] = (passed(t, 1e-6) - passed(t, -1e-6)) / 2e-6;
            }
        }
    }
    Answer::new(format!("units_backward {} {steps:?}", case.name), dev.download(&dcurrent).unwrap(), want)
}
