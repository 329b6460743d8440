//! This module cuts a network's layers into stages that take about the same time.

use std::ops::ControlFlow;
use std::time::Instant;

use ff_data::Dataset;
use ff_net::{Config, Network, Trainer};
use ff_tensor::Device;

use crate::failure::{Failure, Outcome};
use crate::settings::Settings;

/// The number of steps that warm up, and the number that is measured.
const STEPS: [usize; 2] = [3, 9];

/// Measures how long each layer takes in a training step, in seconds: by how much a network takes longer that has the layer too.
pub fn seconds<D: Device>(dev: &D, settings: &Settings, set: &Dataset) -> Outcome<Vec<f64>> {
    let layers = settings.config.layers.len();
    let up_to: Vec<f64> =
        (1..=layers).map(|count| step(dev, &settings.config, set, count)).collect::<Outcome<_>>()?;
    // A measured time that falls is noise.
    Ok((0..layers).map(|i| if i == 0 { up_to[0] } else { (up_to[i] - up_to[i - 1]).max(1e-9) }).collect())
}

/// Returns the median time of a step of the first `count` layers.
fn step<D: Device>(dev: &D, config: &Config, set: &Dataset, count: usize) -> Outcome<f64> {
    let steps = STEPS[0] + STEPS[1];
    let config = Config {
        layers: config.layers[..count].to_vec(),
        epochs: 1,
        schedule: ff_net::Schedule::Joint,
        validation_samples: 0,
        train_samples: config.batch.saturating_mul(steps),
        ..config.clone()
    };
    let network = Network::new(dev, config, set.width * set.height, set.classes)?;
    let mut trainer = Trainer::new(network, &set.train.images, &set.train.labels)?;
    let (mut times, mut last) = (Vec::new(), Instant::now());
    let mut control = |_| {
        // A device may only have queued the step. If it has failed, the next call to it says so.
        let _ = dev.synchronise();
        times.push(last.elapsed().as_secs_f64());
        last = Instant::now();
        ControlFlow::Continue(())
    };
    trainer.epoch_with(&mut control)?;
    let mut times = times.split_off(STEPS[0].min(times.len() - 1));
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
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
