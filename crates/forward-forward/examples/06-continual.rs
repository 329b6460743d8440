//! Learn on, one image at a time, on a device that has no training infrastructure: no batches, no optimiser's moments, no
//! tape, no op of this engine; a dozen lines of loops over the weights of a model.
//!
//! A net has learned its digits. Then the camera slips by four pixels each way, and each image that comes along with its
//! label is learned from once and thrown away; two hundred of the old ones are kept, lest it forget them.

use forward_forward::cpu::Cpu;
use forward_forward::data::{Samples, synthetic};
use forward_forward::ndarray::{Array2, aview1};
use forward_forward::prediction::error_percent;
use forward_forward::tensor::random;
use forward_forward::{Config, LayerWeights, Model, Network, NeuronConfig, Predictor, Trainer};

/// In place, `x / sqrt(mean x^2)`.
fn normalise(x: &mut [f32]) {
    let norm = (x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32).sqrt() + 1e-4;
    x.iter_mut().for_each(|x| *x /= norm);
}

/// Learns from an image of `set` with its true label and with a wrong one. Each layer takes a step of its own. The step
/// raises the goodness with the true label and lowers that with the wrong one.
fn learn(layers: &mut [LayerWeights], set: &Samples, step: usize, rate: f32) {
    let i = step % set.len();
    let label = set.labels[i];
    let mut pair = [label, (label + 1 + (random::bits(1, step as u64) % 9) as u8) % 10].map(|label| {
        let mut x: Vec<f32> = set.images.row(i).iter().map(|&p| f32::from(p) / 255.0).collect();
        x[..10].fill(0.0);
        x[usize::from(label)] = 3.0;
        x
    });
    for LayerWeights { weight, .. } in layers {
        pair.iter_mut().for_each(|x| normalise(x));
        let signal = [0, 1].map(|k| weight.t().dot(&aview1(&pair[k])).mapv(|i| i.max(0.0)));
        let [right, wrong] = [0, 1].map(|k| signal[k].dot(&signal[k]) / signal[k].len() as f32);
        let push = rate / (1.0 + (12.0 * (right - wrong)).exp()); // of softplus(12 (g- - g+))
        for (k, sign) in [(0, push), (1, -push)] {
            for (mut row, x) in weight.rows_mut().into_iter().zip(&pair[k]).filter(|(_, x)| **x != 0.0) {
                row.scaled_add(sign * x, &signal[k]);
            }
        }
        pair = signal.map(|signal| signal.to_vec()); // of before the step
    }
}

fn error(model: &Model, test: &Samples) -> forward_forward::Result<f64> {
    let network = model.network(&Cpu::new(0)?)?;
    let scores = Predictor::new(&network)?.scan(&network, &test.images)?;
    Ok(error_percent(&scores.predict(), &test.labels))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = synthetic(5_000, 500, 1);
    let config = Config { layers: vec![100, 100], neuron: NeuronConfig::RELU, epochs: 4, ..Config::quick() };
    let network = Network::new(&Cpu::new(0)?, config, data.width * data.height, data.classes)?;
    let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels)?;
    while trainer.epochs_done() < trainer.epochs() {
        trainer.epoch()?;
    }
    let mut model = Model::of(trainer.network(), &data.name, data.width, data.height)?;

    let by = 4 * data.width + 4;
    let slipped = |set: &Samples| {
        let pixel = |(i, p): (usize, usize)| if p < by { 0 } else { set.images[[i, p - by]] };
        Samples { images: Array2::from_shape_fn(set.images.dim(), pixel), labels: set.labels.clone() }
    };
    let remembered = data.train.take(200);
    let (stream, test) = (slipped(&synthetic(3_000, 1, 2).train), slipped(&data.test));
    for i in 0..=stream.len() {
        if i % 750 == 0 {
            let (in_place, slipped) = (error(&model, &data.test)?, error(&model, &test)?);
            println!("after {i:>4} images: error {in_place:.1} % in place, {slipped:.1} % slipped");
        }
        learn(&mut model.weights, &stream, i, 0.0005);
        learn(&mut model.weights, &remembered, i, 0.0005);
    }
    Ok(())
}
