//! Try an objective that the engine does not have: all labels of an image compete, not only the true one with a wrong one.
//!
//! ```text
//! L = mean over images of -ln p[true label],     p = softmax over labels of alpha g[label]
//! dL/dg[b, c] = alpha (p[b, c] - [c = true label]) / B
//! ```
//! A number for each goodness is all that a new objective needs. This one costs ten copies of an image instead of two.

use forward_forward::cpu::Cpu;
use forward_forward::data::{epoch_order, synthetic};
use forward_forward::ndarray::{Array2, Axis};
use forward_forward::tensor::{Adam, Device, Norm, NormKind, Result, Tensor};
use forward_forward::{Config, Network};

const UNITS: usize = 100;
const BATCH: usize = 25;
const ALPHA: f32 = 3.0;

/// Images `[n, pixels]` with each label over their first pixels: row `n c + i` is image `i` with label `c`.
fn with_all_labels(images: &Array2<u8>) -> Array2<f32> {
    let n = images.nrows();
    Array2::from_shape_fn((10 * n, images.ncols()), |(r, p)| match p < 10 {
        true => 3.0 * f32::from(p == r / n),
        false => f32::from(images[[r % n, p]]) / 255.0,
    })
}

/// The layer's normalised input and its signals, `max(0, I)`.
fn forward(dev: &Cpu, weight: &Tensor<Cpu>, x: &Array2<f32>) -> Result<(Tensor<Cpu>, Array2<f32>)> {
    let x = dev.upload(x.nrows(), x.ncols(), x.as_slice().unwrap_or_default())?;
    let (mut xhat, mut current) = (dev.zeros(x.rows(), x.cols())?, dev.zeros(x.rows(), UNITS)?);
    dev.normalise(&mut xhat, &x, 1, &Norm { kind: NormKind::Rms, eps: 1e-4 })?;
    dev.matmul(&mut current, &xhat, false, weight, false)?;
    let currents = Array2::from_shape_vec(current.shape(), dev.download(&current)?).unwrap_or_default();
    Ok((xhat, currents.mapv_into(|i| i.max(0.0))))
}

/// The probability of each label of each image, `[n, 10]`.
fn probabilities(signals: &Array2<f32>) -> Array2<f32> {
    let n = signals.nrows() / 10;
    let goodness = |r: usize| signals.row(r).dot(&signals.row(r)) / UNITS as f32;
    let mut p = Array2::from_shape_fn((n, 10), |(i, c)| ALPHA * goodness(n * c + i));
    for mut row in p.rows_mut() {
        let most = row.fold(f32::MIN, |most, &x| most.max(x));
        row.mapv_inplace(|x| (x - most).exp());
        row /= row.sum();
    }
    p
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (data, dev) = (synthetic(3_000, 500, 1), Cpu::new(0)?);
    let (train, test, inputs) = (&data.train, &data.test, data.width * data.height);
    let config = Config { layers: vec![UNITS], ..Config::default() };
    let mut weight = Network::new(&dev, config, inputs, 10)?.layers.remove(0).weight; // random
    let (mut mean, mut square) = (dev.zeros(inputs, UNITS)?, dev.zeros(inputs, UNITS)?);
    let (mut dweight, mut clock) = (dev.zeros(inputs, UNITS)?, dev.zeros(1, 2)?);
    for epoch in 0..3 {
        let mut loss = 0.0;
        for ids in epoch_order(train.len(), 1, epoch).chunks_exact(BATCH) {
            let ids: Vec<usize> = ids.iter().map(|&id| id as usize).collect();
            let x = with_all_labels(&train.images.select(Axis(0), &ids));
            let (xhat, signals) = forward(&dev, &weight, &x)?;
            let mut dg = probabilities(&signals);
            for (b, &id) in ids.iter().enumerate() {
                let p = &mut dg[[b, usize::from(train.labels[id])]];
                loss -= p.ln();
                *p -= 1.0;
            }
            dg *= ALPHA / BATCH as f32;
            // dI = dL/dg 2/n signal slope; a rectifier's slope is 1 wherever its signal is not 0.
            let di =
                signals.indexed_iter().map(|((r, _), s)| dg[[r % BATCH, r / BATCH]] * 2.0 / UNITS as f32 * s);
            let dcurrent = dev.upload(signals.nrows(), UNITS, &di.collect::<Vec<_>>())?;
            dev.matmul(&mut dweight, &xhat, true, &dcurrent, false)?;
            dev.adam(&mut weight, &mut mean, &mut square, &dweight, &clock, &Adam::constant(2e-3))?;
            dev.advance(&mut clock)?;
        }
        let p = probabilities(&forward(&dev, &weight, &with_all_labels(&test.images))?.1);
        let best = |i: usize| (0..10u8).max_by(|&a, &b| p[[i, a.into()]].total_cmp(&p[[i, b.into()]]));
        let wrong = (0..test.len()).filter(|&i| best(i) != Some(test.labels[i])).count();
        let (loss, error) = (loss / train.len() as f32, 100.0 * wrong as f64 / test.len() as f64);
        println!("epoch {}   loss {loss:.3}   test error of one layer {error:.1} %", epoch + 1);
    }
    Ok(())
}
