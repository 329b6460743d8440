//! `predict` says which digit is in a picture.

use ff_net::{Model, Predictor};
use ndarray::Array2;
use serde_json::json;

use crate::args::PredictArgs;
use crate::device::{self, on_device};
use crate::failure::{Failure, Outcome};
use crate::screen::Screen;

/// Predicts the digit in each picture. It reads every picture before it prints anything. So a bad picture gives an error and not
/// half an answer.
pub fn predict(args: &PredictArgs) -> Outcome<()> {
    let screen = Screen::new(args.json.json);
    let dev = device::open(&args.device)?;
    let model = Model::load(&args.model)?;
    let mut pixels = Vec::new();
    for path in &args.images {
        let picture = ff_data::picture(path, model.width, model.height).map_err(|e| {
            Failure::new(e.to_string()).advise("a PNG with one character, dark on light or light on dark")
        })?;
        pixels.extend(picture);
    }
    let pixels = Array2::from_shape_vec((args.images.len(), model.width * model.height), pixels)
        .map_err(|e| Failure::new(e.to_string()))?;
    let scores = on_device!(dev, dev => {
        let network = model.network(&dev)?;
        Ok::<_, Failure>(Predictor::new(&network)?.scan(&network, &pixels)?)
    })?;
    let labels = scores.predict();
    let longest =
        args.images.iter().map(|path| path.display().to_string().chars().count()).max().unwrap_or(0);
    screen.line(format!("{:longest$}   label   goodness of each label", "picture"))?;
    let mut answers = Vec::new();
    for (i, (path, label)) in args.images.iter().zip(labels).enumerate() {
        let goodness = scores.of_image(i);
        let list: Vec<String> = goodness.iter().map(|g| format!("{g:.3}")).collect();
        screen.line(format!("{:longest$}   {label:>5}   {}", path.display().to_string(), list.join(" ")))?;
        answers.push(json!({ "image": path, "label": label, "goodness": goodness }));
    }
    screen.document(&json!({ "model": args.model, "predictions": answers }))?;
    Ok(())
}
