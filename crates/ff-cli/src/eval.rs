//! `eval`: a trained model on a data set's test images.

use std::path::Path;

use ff_cpu::Cpu;
use ff_net::{Model, Network, Predictor};
use serde_json::json;

use crate::args::EvalArgs;
use crate::failure::{Failure, Outcome};
use crate::screen::{Screen, thousands};
use crate::train::{errors, layer_list};
use crate::{data, device};

/// Loads, predicts, prints.
pub fn eval(args: &EvalArgs) -> Outcome<()> {
    let screen = Screen::new(args.json.json);
    let dev = device::open(&args.device)?;
    let (model, network) = load(&args.model, &dev)?;
    let set = data::open(args.data.as_deref(), &screen)?;
    if [set.width, set.height, set.classes] != [model.width, model.height, model.classes] {
        let message = format!(
            "the model is for images of {} x {} in {} classes, but {} has {} x {} in {}",
            model.width, model.height, model.classes, set.name, set.width, set.height, set.classes
        );
        return Err(Failure::new(message).advise("`--data DIR` with the set it was trained on"));
    }
    let bar = screen.bar(set.test.len() as u64, "images");
    let mut on_images = |n| bar.inc(n as u64);
    let scores =
        dev.install(|| Predictor::new(&network)?.scan(&network, &set.test.images, &mut on_images))?;
    bar.finish_and_clear();
    let (error, layer_error) = errors(&scores, &set.test);
    let n = thousands(set.test.len() as f64);
    screen.line(format!(
        "test error {error:.2} % on {n} images of {} ({})",
        set.name,
        layer_list(&layer_error)
    ))?;
    if let Some(spikes) = scores.spikes_per_inference {
        screen.line(format!("{} spikes for one prediction, all labels tried", thousands(spikes)))?;
    }
    screen.document(&json!({
        "model": args.model, "dataset": set.name, "trained_on": model.dataset, "test_samples": set.test.len(),
        "test_error": error, "layer_test_error": layer_error,
        "spikes_per_inference": scores.spikes_per_inference, "version": env!("CARGO_PKG_VERSION"),
    }))?;
    Ok(())
}

/// A model file, and its network on the device.
pub fn load(path: &Path, dev: &Cpu) -> Outcome<(Model, Network<Cpu>)> {
    let model = Model::load(path)?;
    let network = model.network(dev)?;
    Ok((model, network))
}
