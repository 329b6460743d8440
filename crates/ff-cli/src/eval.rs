//! `eval` measures the error of a trained model on a data set's test images.

use ff_data::Samples;
use ff_net::Model;
use ff_tensor::Device;
use indicatif::ProgressBar;
use serde_json::json;

use crate::args::EvalArgs;
use crate::device::on_device;
use crate::failure::{Failure, Outcome};
use crate::screen::{Screen, follow, thousands};
use crate::verdict::{Judge, Verdict};
use crate::{data, device};

/// Loads the model, predicts the labels and prints the error.
pub fn eval(args: &EvalArgs) -> Outcome<()> {
    let screen = Screen::new(args.json.json);
    let dev = device::open(&args.device)?;
    let model = Model::load(&args.model)?;
    let set = data::open_for(&model, args.data.as_deref(), &screen)?;
    let bar = screen.bar(set.test.len() as u64, "images");
    let test = on_device!(dev, dev => judge(&dev, &model, &set.test, &bar))?;
    bar.finish_and_clear();
    screen.line(format!(
        "test error {:.2} % on {} images of {} ({})",
        test.goodness.error,
        thousands(set.test.len() as f64),
        set.name,
        test.goodness.layers()
    ))?;
    for remark in test.remarks() {
        screen.line(remark)?;
    }
    if let Some(path) = &args.labels {
        let labels = test.goodness.scores.predict();
        let text: String = labels.iter().map(|label| format!("{label}\n")).collect();
        ff_file::write(path, text.as_bytes()).map_err(|e| {
            Failure::new(format!("{}: cannot be written: {e}", path.display()))
                .advise("`--labels FILE` elsewhere")
        })?;
        screen.line(format!("what each was taken for is in {}", path.display()))?;
    }
    let mut document = json!({
        "model": args.model, "dataset": set.name, "trained_on": model.dataset, "test_samples": set.test.len(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    test.write(&mut document);
    screen.document(&document)?;
    Ok(())
}

fn judge<D: Device>(dev: &D, model: &Model, set: &Samples, bar: &ProgressBar) -> Outcome<Verdict> {
    let network = model.network(dev)?;
    Judge::new(&network)?.judge(&network, set, &mut follow(bar, 0, 1))
}
