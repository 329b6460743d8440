//! `eval`: a trained model on a data set's test images.

use ff_net::{Model, Predictor, Scores};
use ff_tensor::Device;
use ndarray::Array2;
use serde_json::json;

use crate::args::EvalArgs;
use crate::device::on_device;
use crate::failure::{Failure, Outcome};
use crate::screen::{Screen, thousands};
use crate::train::{errors, layer_list};
use crate::{data, device};

/// Loads, predicts, prints.
pub fn eval(args: &EvalArgs) -> Outcome<()> {
    let screen = Screen::new(args.json.json);
    let dev = device::open(&args.device)?;
    let model = Model::load(&args.model)?;
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
    let scores = on_device!(dev, dev => scan(&dev, &model, &set.test.images, &mut on_images))?;
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

/// Every label's goodness for each image.
pub fn scan<D: Device>(
    dev: &D,
    model: &Model,
    images: &Array2<u8>,
    on_images: &mut (dyn FnMut(usize) + Send),
) -> Outcome<Scores> {
    let network = model.network(dev)?;
    Ok(Predictor::new(&network)?.scan(&network, images, on_images)?)
}
