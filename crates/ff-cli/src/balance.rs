//! This module cuts a network's layers into stages that take about the same time.

use ff_data::Dataset;
use ff_net::{Config, Network, Trainer};
use ff_tensor::Device;

use crate::failure::{Failure, Outcome};
use crate::settings::Settings;

/// The number of steps that warm up, and the number that is measured. Weights change fast in the first steps, and with them the
/// share of units that spike.
const STEPS: [usize; 2] = [20, 20];

/// Measures how long each layer takes in a training step, in seconds.
pub fn seconds<D: Device>(dev: &D, settings: &Settings, set: &Dataset) -> Outcome<Vec<f64>> {
    let steps = STEPS[0] + STEPS[1];
    let config = Config {
        epochs: 1,
        schedule: ff_net::Schedule::Joint,
        validation_samples: 0,
        train_samples: settings.config.batch.saturating_mul(steps).min(set.train.labels.len()),
        ..settings.config.clone()
    };
    let network = Network::new(dev, config, set.width * set.height, set.classes)?;
    let trainer = Trainer::new(network, &set.train.images, &set.train.labels)?;
    Ok(trainer.layer_seconds(STEPS[0])?)
}

/// Cuts layers that take so many seconds into a stage for each rank, so that the slowest stage takes as little as possible.
/// Returns the number of layers of each stage.
pub fn cut(seconds: &[f64], ranks: usize) -> Outcome<Vec<usize>> {
    let layers = seconds.len();
    if ranks > layers {
        let message = format!("there are {ranks} ranks, but only {layers} layers to share out");
        return Err(Failure::new(message).advise(format!("`mpirun -np {layers}`")));
    }
    let sum = |from: usize, to: usize| seconds[from..to].iter().sum::<f64>();
    // best[end] has the slowest stage of the best cut of the first `end` layers, and the stages of this cut.
    let mut best: Vec<(f64, Vec<usize>)> = (0..=layers).map(|end| (sum(0, end), vec![end])).collect();
    for stage in 1..ranks {
        best = (0..=layers)
            .map(|end| {
                let cuts = (stage..end).map(|from| {
                    let mut stages = best[from].1.clone();
                    stages.push(end - from);
                    (best[from].0.max(sum(from, end)), stages)
                });
                cuts.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::INFINITY, vec![0; stage + 1]))
            })
            .collect();
    }
    Ok(best.swap_remove(layers).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_stage_is_as_fast_as_can_be() {
        for (seconds, ranks, stages) in [
            (&[1.0, 1.0, 1.0, 1.0][..], 2, &[2, 2][..]),
            (&[3.0, 1.0, 1.0, 1.0], 2, &[1, 3]),
            (&[1.0, 1.0, 1.0, 3.0], 2, &[3, 1]),
            (&[5.0, 1.0, 1.0], 3, &[1, 1, 1]),
            (&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, &[3, 2, 1]),
            (&[1.0, 1.0], 1, &[2]),
        ] {
            assert_eq!(cut(seconds, ranks).expect("there are layers enough"), stages, "{seconds:?}");
        }
        assert!(
            cut(&[1.0, 1.0], 3)
                .expect_err("a rank has no layer")
                .to_string()
                .contains("only 2 layers to share out")
        );
    }
}
