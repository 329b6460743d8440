//! Watch a layer's goodness as it learns: that of test images with their true label, and with the best of the wrong ones.

use forward_forward::cpu::Cpu;
use forward_forward::data::synthetic;
use forward_forward::{Config, Network, Predictor, Schedule, Scores, Trainer};

/// Of layer `layer`, means over images: its goodness with the true label, that with the wrong label that it likes most,
/// and how often the first is the larger.
fn goodness(scores: &Scores, layer: usize, labels: &[u8]) -> [f32; 3] {
    let mut sums = [0.0; 3];
    for (of_image, &label) in scores.layers[layer].chunks(scores.classes).zip(labels) {
        let right = of_image[usize::from(label)];
        let others = of_image.iter().enumerate().filter(|&(c, _)| c != usize::from(label));
        let wrong = others.map(|(_, &g)| g).fold(0.0, f32::max);
        for (sum, x) in sums.iter_mut().zip([right, wrong, f32::from(right > wrong)]) {
            *sum += x / labels.len() as f32;
        }
    }
    sums
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = synthetic(5_000, 500, 1);
    let config = Config { layers: vec![200, 200], schedule: Schedule::Greedy, epochs: 5, ..Config::quick() };
    let network = Network::new(&Cpu::new(0)?, config, data.width * data.height, data.classes)?;
    let mut trainer = Trainer::new(network, &data.train.images, &data.train.labels)?;
    let mut predictor = Predictor::new(trainer.network())?;
    println!("epoch   learns    true label   best wrong one   told apart");
    while trainer.epochs_done() < trainer.epochs() {
        let report = trainer.epoch()?;
        let layer = report.losses[0].0; // the one that learned
        let scores = predictor.scan(trainer.network(), &data.test.images)?;
        let labels = data.test.labels.as_slice().unwrap_or_default();
        let [right, wrong, apart] = goodness(&scores, layer, labels);
        let (epoch, bar) = (report.epoch, "*".repeat((apart * 40.0) as usize));
        println!(
            "{epoch:>5}   layer {}   {right:>10.3}   {wrong:>14.3}   {:>8.1} % {bar}",
            layer + 1,
            100.0 * apart
        );
    }
    Ok(())
}
