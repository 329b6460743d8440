//! `train`: from settings to a run directory.

use std::time::Instant;

use ff_data::{Dataset, Samples, epoch_order};
use ff_net::{Config, EpochReport, Model, Network, Origin, Trainer};
use ff_tensor::Device;
use serde_json::{Value, json};

use crate::args::TrainArgs;
use crate::device::{Place, on_device};
use crate::failure::{Failure, Outcome};
use crate::run_dir::RunDir;
use crate::screen::{Screen, duration, thousands};
use crate::settings::Settings;
use crate::verdict::{Judge, Verdict};
use crate::{data, device};

mod plots;

pub use plots::with_label;

/// Images on which each epoch's error is measured where none are held out.
const EPOCH_IMAGES: usize = 2_000;
/// Images on which the final training error is measured, as many as MNIST has for the test.
pub const TRAIN_ERROR_IMAGES: usize = 10_000;

/// Trains, tests, writes the run's directory.
pub fn train(args: &TrainArgs) -> Outcome<()> {
    let screen = Screen::new(args.json.json);
    let settings = Settings::resolve(args)?;
    let dev = device::open(&args.device)?;
    let set = data::open(settings.data.as_deref(), &screen)?;
    settings.config.validate(set.width * set.height, set.classes)?;
    let run_dir = RunDir::prepare(args.out.as_deref(), &settings.preset)?;
    let place = dev.place();
    on_device!(dev, dev => Run::new(&screen, settings, dev, place, set)?.run(run_dir))
}

/// The images to learn from, and those that are held out.
pub fn split(all: &Samples, config: &Config) -> Outcome<(Samples, Samples)> {
    if config.validation_samples >= all.len() {
        let message = format!("holding {} images out leaves none to train on", config.validation_samples);
        return Err(Failure::new(message).advise("`--set validation_samples=N` with a smaller N"));
    }
    let (train, held_out) = all.split_last(config.validation_samples);
    let train = if config.train_samples > 0 { train.take(config.train_samples) } else { train };
    Ok((train, held_out))
}

struct Run<'a, D: Device> {
    screen: &'a Screen,
    settings: Settings,
    dev: D,
    place: Place,
    set: Dataset,
    /// To learn from.
    train: Samples,
    /// To watch each epoch's error on, and what to call them.
    watched: Samples,
    watched_name: &'static str,
    metrics: Vec<Metrics>,
}

/// An epoch, as in `metrics.jsonl`.
struct Metrics {
    report: EpochReport,
    verdict: Verdict,
    seconds: f64,
    samples_per_second: f64,
}

impl<'a, D: Device> Run<'a, D> {
    fn new(screen: &'a Screen, settings: Settings, dev: D, place: Place, set: Dataset) -> Outcome<Self> {
        let config = &settings.config;
        let (train, held_out) = split(&set.train, config)?;
        let (watched, watched_name) = match held_out.is_empty() {
            true => (train.take(EPOCH_IMAGES), "training images"),
            false => (held_out, "held-out images"),
        };
        Ok(Self { screen, settings, dev, place, set, train, watched, watched_name, metrics: Vec::new() })
    }

    fn run(mut self, run_dir: RunDir) -> Outcome<()> {
        let (config, pixels) = (self.settings.config.clone(), self.set.width * self.set.height);
        let network = Network::new(&self.dev, config, pixels, self.set.classes)?;
        self.announce()?;
        let trainer = Trainer::new(network, &self.train.images, &self.train.labels)?;
        let mut trainer = trainer.augmented(&self.settings.augment, self.set.width, self.set.height)?;
        let train_seconds = self.train_all(&mut trainer)?;
        let network = trainer.into_network();

        let mut judge = Judge::new(&network)?;
        let test = judge.judge(&network, &self.set.test, &mut |_| ())?;
        let seen = self.train.take(TRAIN_ERROR_IMAGES);
        let train_error = judge.judge(&network, &seen, &mut |_| ())?.goodness.error;
        let summary = self.summary(train_seconds, train_error, &test);
        self.write(&run_dir, &network, &test, &summary)?;
        let directory = run_dir.finish()?;

        self.screen.line("")?;
        self.screen.line(format!(
            "test error {:.2} % on {} images (training images {train_error:.2} %; {})",
            test.goodness.error,
            thousands(self.set.test.len() as f64),
            test.goodness.layers()
        ))?;
        for remark in test.remarks() {
            self.screen.line(remark)?;
        }
        self.screen.line(format!(
            "trained in {}; all of it in {}",
            duration(train_seconds),
            directory.display()
        ))?;
        let mut document = summary;
        document["directory"] = json!(directory);
        self.screen.document(&document)?;
        Ok(())
    }

    fn announce(&self) -> Outcome<()> {
        let config = &self.settings.config;
        let layers = config.layers.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
        let neuron = config.neuron();
        let unit = match neuron.kind {
            ff_tensor::NeuronKind::Lif => format!("lif, {} steps", neuron.steps),
            ff_tensor::NeuronKind::Relu => "relu".into(),
        };
        self.screen.line(format!(
            "{}: {}-{layers} ({unit}) on {} images of {} ({}), seed {}, {}",
            self.settings.preset,
            self.set.width * self.set.height,
            thousands(self.train.len() as f64),
            self.set.name,
            self.set.source,
            config.seed,
            self.place.description
        ))
    }

    /// All epochs; the seconds that training took, without the looks at the error in between.
    fn train_all(&mut self, trainer: &mut Trainer<D>) -> Outcome<f64> {
        let (epochs, batches) = (trainer.epochs(), trainer.batches());
        let bar = self.screen.bar((epochs * batches * trainer.batch()) as u64, "images");
        let mut judge = Judge::new(trainer.network())?;
        let mut total = 0.0;
        for epoch in 0..epochs {
            bar.set_message(format!("epoch {}/{epochs}", epoch + 1));
            let order = epoch_order(self.train.len(), self.settings.config.seed, epoch as u64);
            let (start, images) = (Instant::now(), trainer.batch() as u64);
            let report = trainer.epoch(&order, &mut || bar.inc(images))?;
            let seconds = start.elapsed().as_secs_f64();
            total += seconds;
            let verdict = judge.judge(trainer.network(), &self.watched, &mut |_| ())?;
            if epoch == 0 {
                self.warn_of_silence(&verdict);
            }
            let samples_per_second = (batches * trainer.batch()) as f64 / seconds;
            let metrics = Metrics { report, verdict, seconds, samples_per_second };
            bar.suspend(|| self.screen.line(self.epoch_line(&metrics, epochs)))?;
            self.metrics.push(metrics);
        }
        bar.finish_and_clear();
        Ok(total)
    }

    /// A unit that never spikes never learns: its gradient is a multiple of its rate.
    fn warn_of_silence(&self, verdict: &Verdict) {
        let spikes = verdict.goodness.scores.layer_spikes.as_ref();
        if let Some(layer) = spikes.and_then(|layers| layers.iter().position(|&spikes| spikes == 0.0)) {
            self.screen.note(format!(
                "no unit of layer {} spikes, so it cannot learn; try a lower `--set threshold=VALUE` or more `--set steps=T`",
                layer + 1
            ));
        }
    }

    fn epoch_line(&self, m: &Metrics, epochs: usize) -> String {
        let losses: Vec<String> = m
            .report
            .mean_losses()
            .iter()
            .map(|(layer, loss)| format!("layer {} {loss:>8.4}", layer + 1))
            .collect();
        format!(
            "epoch {:>3}/{epochs}   loss {}   error {:>5.2} % of {}   {:>7} images/s",
            m.report.epoch,
            losses.join("  "),
            m.verdict.goodness.error,
            self.watched_name,
            thousands(m.samples_per_second)
        )
    }

    fn summary(&self, train_seconds: f64, train_error: f64, test: &Verdict) -> Value {
        let config = &self.settings.config;
        let rates: f64 = self.metrics.iter().map(|m| m.samples_per_second * m.seconds).sum();
        let mut summary = json!({
            "dataset": self.set.name, "preset": self.settings.preset, "seed": config.seed,
            "device": self.dev.name(), "threads": self.place.threads, "layers": config.layers,
            "neuron": config.neuron, "steps": config.neuron().steps, "epochs": config.epochs,
            "train_samples": self.train.len(), "test_samples": self.set.test.len(),
            "train_error": train_error,
            "train_seconds": train_seconds, "samples_per_second": rates / train_seconds,
            "version": env!("CARGO_PKG_VERSION"),
        });
        test.write(&mut summary);
        summary
    }

    fn write(&self, dir: &RunDir, network: &Network<D>, test: &Verdict, summary: &Value) -> Outcome<()> {
        dir.write("config.toml", &self.settings.to_toml()?)?;
        let lines: Vec<String> = self.metrics.iter().map(|m| m.to_json().to_string() + "\n").collect();
        dir.write("metrics.jsonl", &lines.concat())?;
        dir.write("summary.json", &format!("{summary:#}\n"))?;
        let mut model = Model::of(network, &self.set.name, self.set.width, self.set.height)?;
        model.origin = Origin {
            preset: Some(self.settings.preset.clone()),
            augment: self.settings.augment_json()?,
            imported_from: None,
            train_samples: Some(self.train.len()),
            train_error: summary["train_error"].as_f64(),
            test_samples: Some(self.set.test.len()),
            test_error: Some(test.goodness.error),
            head_test_error: test.head.as_ref().map(|head| head.error),
        };
        model.save(&dir.path("model.safetensors"))?;
        self.plot(dir, &model, &test.goodness.scores)
    }
}

impl Metrics {
    fn to_json(&self) -> Value {
        let losses: Vec<Value> = self
            .report
            .mean_losses()
            .iter()
            .map(|(layer, loss)| json!({ "layer": layer + 1, "loss": loss }))
            .collect();
        json!({
            "epoch": self.report.epoch, "losses": losses, "error": self.verdict.goodness.error,
            "layer_error": self.verdict.goodness.layer_error,
            "head_error": self.verdict.head.as_ref().map(|head| head.error),
            "seconds": self.seconds, "samples_per_second": self.samples_per_second,
        })
    }
}
