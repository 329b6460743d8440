//! Train without labels: positives are images, negatives are patchworks of two of them.
//!
//! A patchwork has one image where a smooth random mask is 1 and another image where it is 0. Its short strokes are right
//! and its long ones are not, so a layer that can tell it from an image has learned something about shapes (G. Hinton,
//! arXiv 2212.13345, section 3.2).

use std::sync::Arc;

use forward_forward::cpu::Cpu;
use forward_forward::data::synthetic;
use forward_forward::formulas::Pair;
use forward_forward::input::Input;
use forward_forward::ndarray::Array2;
use forward_forward::pairs::Step;
use forward_forward::pass::Shape;
use forward_forward::tensor::{Normalise, Select, Tensor, random};
use forward_forward::{Config, Device, Network, Pairs, Result, Trainer};

/// `[n, pixels]` of numbers from 0 to 1.
pub fn images(n: usize, seed: u64) -> Array2<f32> {
    synthetic(n, 1, seed).train.images.mapv(|pixel| f32::from(pixel) / 255.0)
}

/// Row `i` is made of image `i` and of another one. The mask is a chessboard of fields of 7 pixels, each by chance.
pub fn patchworks(images: &Array2<f32>, seed: u64) -> Array2<f32> {
    let (n, side) = (images.nrows(), (images.ncols() as f32).sqrt() as usize);
    let other = |i: usize| (i + 1 + random::bits(seed, i as u64) as usize % (n - 1)) % n;
    Array2::from_shape_fn(images.dim(), |(i, p)| {
        let field = p / side / 7 * 16 + p % side / 7;
        let own = random::bits(seed ^ 0xF1E1D, (i * 256 + field) as u64).is_multiple_of(2);
        images[[if own { i } else { other(i) }, p]]
    })
}

/// The source of pairs: a table of all images, then of their patchworks.
pub struct Patchworks<D: Device> {
    images: Array2<f32>,
    table: Tensor<D>,
    order: Tensor<D, u32>,
    rows: Tensor<D>,
    xhat: Tensor<D>,
}

impl<D: Device> Patchworks<D> {
    /// Images `[n, pixels]`, in batches of `batch` pairs.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(dev: &D, images: Array2<f32>, batch: usize) -> Result<Self> {
        let (n, pixels) = images.dim();
        Ok(Self {
            table: dev.zeros(2 * n, pixels)?,
            order: dev.zeros(2 * (n / batch) * batch, 1)?,
            rows: dev.zeros(2 * batch, pixels)?,
            xhat: dev.zeros(2 * batch, pixels)?,
            images,
        })
    }
}

impl<D: Device> Pairs<D> for Patchworks<D> {
    fn batch(&self) -> usize {
        self.rows.rows() / 2
    }

    fn batches(&self) -> usize {
        self.order.rows() / self.rows.rows()
    }

    fn inputs(&self) -> usize {
        self.table.cols()
    }

    fn begin(&mut self, dev: &D, seed: u64, epoch: usize) -> Result<()> {
        let patchworks = patchworks(&self.images, seed + epoch as u64);
        let table: Vec<f32> = self.images.iter().chain(&patchworks).copied().collect();
        dev.write(&mut self.table, &table)?;
        let (n, samples) =
            (self.images.nrows(), forward_forward::epoch_order(self.images.nrows(), seed, epoch as u64));
        let pairs = |batch: &[u32]| [batch.to_vec(), batch.iter().map(|i| i + n as u32).collect()].concat();
        let order: Vec<u32> = samples.chunks_exact(self.batch()).flat_map(pairs).collect();
        Ok(dev.write(&mut self.order, &order)?)
    }

    fn fetch(&mut self, step: &Step<D>) -> forward_forward::tensor::Result<()> {
        let (rows, table, order, clock) = (&mut self.rows, &self.table, &self.order, step.clock);
        Select { rows, table, order, clock }.on(step.dev)?;
        let norm = step.layers[0].norm;
        Normalise { xhat: &mut self.xhat, x: &self.rows, steps: 1, norm }.on(step.dev)
    }

    fn draw(&mut self, _: &Step<D>, _: Option<&Tensor<D>>) -> forward_forward::tensor::Result<()> {
        Ok(())
    }

    fn pairs(&self) -> Input<'_, D> {
        Input::Rows(&self.xhat)
    }

    fn shape(&self, copies: usize) -> Shape {
        Shape { rows: copies * self.batch(), train: false, shares: 0 }
    }
}

/// Trains on images without labels. Gives the share of new images that have more goodness than their patchworks, before and
/// after.
///
/// # Errors
/// If the device fails.
pub fn train<D: Device>(dev: &D, samples: usize, epochs: usize) -> Result<[f64; 2]> {
    let (train, test) = (images(samples, 1), images(300, 2));
    let config = Config { layers: vec![200], head: false, epochs, ..Config::quick() };
    let (pixels, batch) = (train.ncols(), config.batch.min(samples));
    let mut network = Network::new(dev, config, pixels, 10)?;
    network.objective = Arc::new(Pair { alpha: 100.0 });
    let told_apart = |network: &Network<D>| -> Result<f64> {
        let (real, mixed) = (network.goodness(&test)?, network.goodness(&patchworks(&test, 77))?);
        let larger = real[0].iter().zip(&mixed[0]).filter(|(real, mixed)| real > mixed).count();
        Ok(larger as f64 / test.nrows() as f64)
    };
    let before = told_apart(&network)?;
    let pairs = Patchworks::new(dev, train, batch)?;
    let mut trainer = Trainer::with_pairs(network, Box::new(pairs))?;
    while trainer.epochs_done() < trainer.epochs() {
        trainer.epoch()?;
    }
    Ok([before, told_apart(trainer.network())?])
}

#[allow(dead_code)] // a test takes this file as a module
fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let [before, after] = train(&Cpu::new(0)?, 4_000, 6)?;
    println!(
        "an image has more goodness than its patchwork: {:.1} % before, {:.1} % after",
        100.0 * before,
        100.0 * after
    );
    Ok(())
}
