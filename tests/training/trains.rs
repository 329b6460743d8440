//! Spike trains that come into the first layer, from a source of pairs of one's own.

use ff_cpu::Cpu;
use ff_net::input::Input;
use ff_net::pairs::Step;
use ff_net::pass::Shape;
use ff_net::{Config, LifConfig, Network, NeuronConfig, Pairs, Trainer};
use ff_tensor::{Device, Tensor};

use crate::{LIF, quick};

const BATCH: usize = 5;
const INPUTS: usize = 40;
const NEURON: LifConfig = LifConfig { steps: 16, threshold: 0.5, ..LIF };

/// The same pairs in each batch, with a row for each sample or with a row for each of its time steps.
struct Same {
    x: Tensor<Cpu>,
    train: bool,
}

impl Pairs<Cpu> for Same {
    fn batch(&self) -> usize {
        BATCH
    }

    fn batches(&self) -> usize {
        10
    }

    fn inputs(&self) -> usize {
        INPUTS
    }

    fn begin(&mut self, _: &Cpu, _: u64, _: usize) -> ff_net::Result<()> {
        Ok(())
    }

    fn fetch(&mut self, _: &Step<Cpu>) -> ff_tensor::Result<()> {
        Ok(())
    }

    fn draw(&mut self, _: &Step<Cpu>, _: Option<&Tensor<Cpu>>) -> ff_tensor::Result<()> {
        Ok(())
    }

    fn pairs(&self) -> Input<'_, Cpu> {
        if self.train { Input::Train(&self.x) } else { Input::Rows(&self.x) }
    }

    fn shape(&self, copies: usize) -> Shape {
        Shape { rows: copies * BATCH, train: self.train, shares: 0 }
    }
}

/// Trains for an epoch with samples that stand still. Returns each layer's losses.
fn losses(copies: usize, train: bool) -> ff_net::Result<Vec<(usize, Vec<f32>)>> {
    let dev = Cpu::new(1).unwrap();
    let config = Config { neuron: NeuronConfig::Lif(NEURON), layers: vec![60, 40], head: false, ..quick() };
    let sample = |r: usize| (0..INPUTS).map(move |i| ((7 * r + 5 * i) % 11) as f32 / 11.0);
    let rows = 2 * BATCH * copies;
    let numbers: Vec<f32> = (0..rows).flat_map(|row| sample(row / copies)).collect();
    let x = dev.upload(rows, INPUTS, &numbers)?;
    let network = Network::new(&dev, config, INPUTS, 2)?;
    Ok(Trainer::with_pairs(network, Box::new(Same { x, train }))?.epoch()?.losses)
}

/// A current that is the same in each step is a constant current, whichever way it comes in.
#[test]
fn a_train_that_stands_still_teaches_what_a_constant_current_does() {
    let (train, constant) = (losses(NEURON.steps, true).unwrap(), losses(1, false).unwrap());
    for ((layer, train), (_, constant)) in train.iter().zip(&constant) {
        assert!(constant[5] < constant[0] - 0.05, "layer {layer} learns nothing: {constant:?}");
        let off = train.iter().zip(constant).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-4, "layer {layer}: losses differ by {off}");
    }
    assert_eq!(train.len(), 2);
}

#[test]
fn a_train_needs_a_row_for_each_step() {
    let error = losses(1, true).unwrap_err().to_string();
    assert!(error.contains("matmul"), "{error}");
}
