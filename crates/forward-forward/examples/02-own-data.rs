//! Train on data of your own that is no image: rows of measurements as `f32`, with the label in numbers of its own behind them.
//!
//! ```text
//! row = [measurements | a one for the label, else zeros],  normalised
//! ```
//! A source of pairs is one type. This one has every row with every label in a table on the device; an epoch's order says
//! which row of the table is a positive, and which one is its negative.

use forward_forward::cpu::Cpu;
use forward_forward::input::Input;
use forward_forward::ndarray::{Array1, Array2, s};
use forward_forward::pairs::Step;
use forward_forward::pass::Shape;
use forward_forward::tensor::{Normalise, Select, Tensor, random};
use forward_forward::{Config, Device, Network, NormKind, Pairs, Result, Trainer};

const KINDS: usize = 3;
const FEATURES: usize = 12;
/// What the label's number holds, next to measurements of size one.
const AMPLITUDE: f32 = 2.0;

/// `[n, FEATURES]` measurements of three kinds of thing, and the kind of each. A kind has a centre of its own, and noise.
pub fn measurements(n: usize, seed: u64) -> (Array2<f32>, Array1<usize>) {
    let draw = |seed: u64, i: usize| 2.0 * random::uniform(seed, i as u64) - 1.0;
    let kinds = Array1::from_shape_fn(n, |i| i % KINDS);
    let rows = Array2::from_shape_fn((n, FEATURES), |(i, f)| {
        draw(99, kinds[i] * FEATURES + f) + 0.9 * draw(seed, i * FEATURES + f)
    });
    (rows, kinds)
}

/// Each row with each label: row `i KINDS + c` is row `i` with label `c`.
fn with_labels(rows: &Array2<f32>) -> Array2<f32> {
    let mut table = Array2::zeros((rows.nrows() * KINDS, FEATURES + KINDS));
    for (at, mut row) in table.rows_mut().into_iter().enumerate() {
        row.slice_mut(s![..FEATURES]).assign(&rows.row(at / KINDS));
        row[FEATURES + at % KINDS] = AMPLITUDE;
    }
    table
}

/// The source of pairs.
pub struct Measurements<D: Device> {
    table: Tensor<D>,
    kinds: Array1<usize>,
    /// For each batch the positives' rows in the table, then the negatives'.
    order: Tensor<D, u32>,
    rows: Tensor<D>,
    xhat: Tensor<D>,
}

impl<D: Device> Measurements<D> {
    /// Measurements `[n, FEATURES]` and their kinds, in batches of `batch` pairs.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(dev: &D, rows: &Array2<f32>, kinds: Array1<usize>, batch: usize) -> Result<Self> {
        let table = with_labels(rows);
        let (n, inputs) = table.dim();
        Ok(Self {
            table: dev.upload(n, inputs, table.as_slice().unwrap_or_default())?,
            order: dev.zeros(2 * (kinds.len() / batch) * batch, 1)?,
            rows: dev.zeros(2 * batch, inputs)?,
            xhat: dev.zeros(2 * batch, inputs)?,
            kinds,
        })
    }
}

impl<D: Device> Pairs<D> for Measurements<D> {
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
        let samples = forward_forward::epoch_order(self.kinds.len(), seed, epoch as u64);
        let mut order = Vec::with_capacity(self.order.rows());
        for batch in samples.chunks_exact(self.batch()) {
            let row = |i: u32, turn: u32| {
                let kind = (self.kinds[i as usize] as u32 + turn) % KINDS as u32;
                i * KINDS as u32 + kind
            };
            order.extend(batch.iter().map(|&i| row(i, 0)));
            // A wrong label for each: the next one, or the one after that.
            order.extend(
                batch.iter().map(|&i| row(i, 1 + random::bits(seed ^ epoch as u64, u64::from(i)) % 2)),
            );
        }
        Ok(dev.write(&mut self.order, &order)?)
    }

    fn fetch(&mut self, step: &Step<D>) -> forward_forward::tensor::Result<()> {
        let (rows, table, order, clock) = (&mut self.rows, &self.table, &self.order, step.clock);
        Select { rows, table, order, clock }.on(step.dev)?;
        let norm = step.layers[0].norm;
        Normalise { xhat: &mut self.xhat, x: &self.rows, steps: 1, norm }.on(step.dev)
    }

    fn draw(&mut self, _: &Step<D>, _: Option<&Tensor<D>>) -> forward_forward::tensor::Result<()> {
        Ok(()) // the order has the negatives already
    }

    fn pairs(&self) -> Input<'_, D> {
        Input::Rows(&self.xhat)
    }

    fn shape(&self, copies: usize) -> Shape {
        Shape { rows: copies * self.batch(), train: false, shares: 0 }
    }
}

/// Trains on 1,500 measurements. Gives the kinds that 300 others are taken for, and what they are.
///
/// # Errors
/// If the device fails.
pub fn train<D: Device>(dev: &D, epochs: usize) -> Result<(Vec<usize>, Array1<usize>)> {
    let ((rows, kinds), (test, test_kinds)) = (measurements(1_500, 1), measurements(300, 2));
    let config = Config {
        layers: vec![60, 60],
        norm: NormKind::Rms,
        head: false,
        batch: 50,
        epochs,
        ..Config::quick()
    };
    let inputs = FEATURES + KINDS;
    let pairs = Measurements::new(dev, &rows, kinds, config.batch)?;
    let mut trainer = Trainer::with_pairs(Network::new(dev, config, inputs, KINDS)?, Box::new(pairs))?;
    while trainer.epochs_done() < trainer.epochs() {
        trainer.epoch()?;
    }
    let goodness = trainer.network().goodness(&with_labels(&test))?;
    let sum = |at: usize| goodness.iter().map(|layer| layer[at]).sum::<f32>();
    let best = |i: usize| (0..KINDS).max_by(|&a, &b| sum(i * KINDS + a).total_cmp(&sum(i * KINDS + b)));
    Ok(((0..test.nrows()).filter_map(best).collect(), test_kinds))
}

#[allow(dead_code)] // a test takes this file as a module
fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (taken_for, kinds) = train(&Cpu::new(0)?, 12)?;
    let wrong = taken_for.iter().zip(&kinds).filter(|(a, b)| a != b).count();
    println!("test error {:.1} % on {} measurements", 100.0 * wrong as f64 / kinds.len() as f64, kinds.len());
    Ok(())
}
