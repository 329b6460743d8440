//! Try a neuron that the engine does not have: its own arithmetic on the host, all else on the device.
//!
//! ```text
//! signal = I^2 / (1 + I^2) where I > 0, else 0        slope = d signal / dI = 2 I / (1 + I^2)^2
//! ```
//! K. Naka and W. Rushton's unit, which saturates as cells of the retina do (J. Physiol. 185, 1966). Signal and slope are
//! all that a new neuron needs: the gradient of the weights follows from them.

use forward_forward::cpu::Cpu;
use forward_forward::data::{Samples, epoch_order, synthetic};
use forward_forward::ndarray::Array2;
use forward_forward::tensor::{Adam, Device, Norm, NormKind, Result, Tensor};
use forward_forward::{Config, Network};

const UNITS: usize = 150;
const BATCH: usize = 50;

/// Signal and slope of a unit under the current `i`.
fn neuron(i: f32) -> (f32, f32) {
    let (i, below) = (i.max(0.0), 1.0 + i * i);
    (i * i / below, 2.0 * i / (below * below))
}

/// Images `ids` as the layer gets them, `[ids, pixels]`: the label of each row over its first pixels, then normalised.
fn input(dev: &Cpu, set: &Samples, ids: &[u32], label: impl Fn(usize) -> usize) -> Result<Tensor<Cpu>> {
    let x = Array2::from_shape_fn((ids.len(), set.images.ncols()), |(r, p)| match p < 10 {
        true => 3.0 * f32::from(p == label(r)),
        false => f32::from(set.images[[ids[r] as usize, p]]) / 255.0,
    });
    let x = dev.upload(x.nrows(), x.ncols(), x.as_slice().unwrap_or_default())?;
    let mut xhat = dev.zeros(x.rows(), x.cols())?;
    dev.normalise(&mut xhat, &x, 1, &Norm { kind: NormKind::Rms, eps: 1e-4 })?;
    Ok(xhat)
}

/// Signal and slope of each unit, `[rows, UNITS]`, and the goodness of each row: the mean of its squared signals.
type Answer = (Vec<(f32, f32)>, Vec<f32>);

fn answer(dev: &Cpu, weight: &Tensor<Cpu>, xhat: &Tensor<Cpu>) -> Result<Answer> {
    let mut current = dev.zeros(xhat.rows(), UNITS)?;
    dev.matmul(&mut current, xhat, false, weight, false)?;
    let units: Vec<_> = dev.download(&current)?.into_iter().map(neuron).collect();
    let sum = |row: &[(f32, f32)]| row.iter().map(|(signal, _)| signal * signal).sum::<f32>();
    let goodness = units.chunks(UNITS).map(|row| sum(row) / UNITS as f32).collect();
    Ok((units, goodness))
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (data, dev, alpha) = (synthetic(4_000, 500, 1), Cpu::new(0)?, 30.0);
    let (train, test, inputs) = (&data.train, &data.test, data.width * data.height);
    let config = Config { layers: vec![UNITS], ..Config::default() };
    let mut weight = Network::new(&dev, config, inputs, 10)?.layers.remove(0).weight; // random
    let (mut dweight, mut dcurrent) = (dev.zeros(inputs, UNITS)?, dev.zeros(2 * BATCH, UNITS)?);
    let (mut mean, mut square) = (dev.zeros(inputs, UNITS)?, dev.zeros(inputs, UNITS)?);
    let mut clock = dev.zeros(1, 2)?;
    for epoch in 0..5 {
        for ids in epoch_order(train.len(), 1, epoch).chunks_exact(BATCH) {
            // Row b is image b with its true label, row BATCH + b the same image with a wrong one.
            let id = |r: usize| ids[r % BATCH] as usize;
            let wrong = |r: usize| if r < BATCH { 0 } else { 1 + (id(r) + epoch as usize) % 9 };
            let label = |r: usize| (usize::from(train.labels[id(r)]) + wrong(r)) % 10;
            let xhat = input(&dev, train, &[ids, ids].concat(), label)?;
            let (units, g) = answer(&dev, &weight, &xhat)?;
            // L = mean of softplus(alpha (g- - g+)), and dI = dL/dg 2/n signal slope.
            let dg = |r: usize| {
                let (b, sign) = (r % BATCH, if r < BATCH { -alpha } else { alpha });
                sign / (1.0 + (alpha * (g[b] - g[BATCH + b])).exp()) / BATCH as f32
            };
            let by = |k: usize| dg(k / UNITS) * 2.0 / UNITS as f32;
            let di = units.iter().enumerate().map(|(k, (signal, slope))| by(k) * signal * slope);
            dev.write(&mut dcurrent, &di.collect::<Vec<_>>())?;
            dev.matmul(&mut dweight, &xhat, true, &dcurrent, false)?;
            dev.adam(&mut weight, &mut mean, &mut square, &dweight, &clock, &Adam::constant(2e-3))?;
            dev.advance(&mut clock)?;
        }
        let ids: Vec<u32> = (0..test.len() as u32).collect();
        let mut best = vec![(0.0, 0); ids.len()];
        for label in 0..10 {
            let goodness = answer(&dev, &weight, &input(&dev, test, &ids, |_| label)?)?.1;
            best.iter_mut().zip(goodness).filter(|(b, g)| b.0 < *g).for_each(|(b, g)| *b = (g, label as u8));
        }
        let wrong = best.iter().zip(&test.labels).filter(|(best, label)| best.1 != **label).count();
        let error = 100.0 * wrong as f64 / ids.len() as f64;
        println!("epoch {}   test error of one layer {error:.1} %", epoch + 1);
    }
    Ok(())
}
