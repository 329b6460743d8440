//! This module trains one run: every epoch with a checkpoint, then the test, then the files that it leaves.

use std::time::Instant;

use ff_data::Dataset;
use ff_net::{Network, Origin, Stored, Trainer, to_the_end};
use serde_json::{Value, json};

use super::notes::Notes;
use super::plots;
use super::stop::Stop;
use crate::checkpoints::Checkpoints;
use crate::device::Place;
use crate::failure::Outcome;
use crate::interrupt::Interrupt;
use crate::metrics::Metrics;
use crate::provenance;
use crate::ranks::Shared;
use crate::run_dir::{PLOTS, RunDir};
use crate::screen::{Screen, duration, follow, thousands, unit};
use crate::settings::Settings;
use crate::stand;
use crate::training;
use crate::verdict::{Judge, Verdict, Watched};
use crate::way::Ways;

/// A run that this process trains.
pub struct Run<'a, D: Ways> {
    screen: &'a Screen,
    settings: Settings,
    dev: D,
    place: Place,
    set: Dataset,
    watched: Watched,
    dir: RunDir,
    checkpoints: Checkpoints,
    notes: Notes,
    /// The other ranks that train this run too, if there are any.
    shared: Option<Shared<'a>>,
}

impl<'a, D: Ways> Run<'a, D> {
    /// Makes a run with these settings on this device. The run has not begun.
    pub fn new(
        screen: &'a Screen,
        settings: Settings,
        dev: D,
        place: Place,
        set: Dataset,
        dir: RunDir,
        checkpoints: Checkpoints,
        notes: Notes,
        shared: Option<Shared<'a>>,
    ) -> Outcome<Self> {
        let watched = Watched::of(&settings, &set)?;
        Ok(Self { screen, settings, dev, place, set, watched, dir, checkpoints, notes, shared })
    }

    /// Trains from the beginning or from a checkpoint. Once there is a checkpoint, the directory is kept whatever happens.
    pub fn run(mut self, from: Option<Stored>) -> Outcome<()> {
        let ended = self.train_and_test(from);
        if ended.is_ok() || self.checkpoints.any() {
            self.dir.keep();
        }
        let resumable = self.checkpoints.any().then(|| self.dir.dir());
        let (test, mut summary) = ended.map_err(|stop| stop.failure(resumable))?;
        self.report(&test, &summary)?;
        summary["directory"] = json!(self.dir.dir());
        self.screen.document(&summary)
    }

    fn train_and_test(&mut self, from: Option<Stored>) -> Result<(Verdict, Value), Stop> {
        let (pixels, classes) = (self.set.width * self.set.height, self.set.classes);
        let network = match &self.shared {
            None => Network::new(&self.dev, self.settings.config.clone(), pixels, classes)?,
            Some(shared) => shared.network(&self.dev, &self.settings, &self.set, self.screen)?,
        };
        let mut trainer = training::begin(network, &self.settings, &self.set)?;
        let resumed = from.is_some();
        if let Some(mut from) = from {
            from.restore(&mut trainer)?;
        }
        let interrupt = Interrupt::listen(self.shared.is_none())?;
        let watch = self.shared.as_ref().map(|shared| shared.watch(&interrupt));
        self.announce()?;
        if resumed {
            self.screen.line(format!("going on {}", stand(&trainer)))?;
        }
        self.train_all(&mut trainer, &interrupt)?;
        drop(watch);
        interrupt.stop_listening();
        if let Some(shared) = &self.shared {
            shared.tell_whether_to_end(true)?;
            if let Some(line) = trainer.busy()?.and_then(|busy| shared.balance(&busy)) {
                self.screen.line(line)?;
            }
        }
        let [test, seen] = self.watched.at_the_end(trainer.network(), &self.set)?;
        let summary = self.summary(seen.goodness.error, &test);
        self.write(&mut trainer, &test, &summary)?;
        Ok((test, summary))
    }

    fn report(&self, test: &Verdict, summary: &Value) -> Outcome<()> {
        self.screen.line("")?;
        self.screen.line(format!(
            "test error {:.2} % on {} images (training images {:.2} %; {})",
            test.goodness.error,
            thousands(self.set.test.len() as f64),
            summary["train_error"].as_f64().unwrap_or(f64::NAN),
            test.goodness.layers()
        ))?;
        for remark in test.remarks() {
            self.screen.line(remark)?;
        }
        let seconds = duration(self.notes.train_seconds());
        self.screen.line(format!("trained in {seconds}; all of it in {}", self.dir.dir().display()))
    }

    fn announce(&self) -> Outcome<()> {
        let config = &self.settings.config;
        let layers = config.layers.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
        let unit = unit(config);
        self.screen.line(format!(
            "{}: {}-{layers} ({unit}) on {} images of {} ({}), seed {}, {}",
            self.settings.preset,
            self.set.width * self.set.height,
            thousands(self.watched.train_samples as f64),
            self.set.name,
            self.set.source,
            config.seed,
            self.shared.as_ref().map_or(String::new(), |shared| format!("{} ranks of ", shared.size()))
                + &self.place.description
        ))
    }

    /// Trains all epochs that are left. The time is that of the training, without the measurements of the error in between.
    fn train_all(&mut self, trainer: &mut Trainer<D>, interrupt: &Interrupt) -> Result<(), Stop> {
        let (epochs, begun) = (trainer.epochs(), self.notes.metrics.len());
        let (of_batch, of_epoch) = (trainer.batch() as u64, (trainer.batches() * trainer.batch()) as u64);
        let bar = self.screen.bar(epochs as u64 * of_epoch, "images");
        bar.inc(begun as u64 * of_epoch + trainer.batches_done() as u64 * of_batch);
        bar.reset_eta();
        let mut judge = Judge::new(trainer.network())?;
        for epoch in begun..epochs {
            bar.set_message(format!("epoch {}/{epochs}", epoch + 1));
            let (start, mut show) = (Instant::now(), follow(&bar, epoch as u64 * of_epoch, of_batch));
            let mut control = |at| {
                let _ = show(at);
                stand::note(epoch + 1, at);
                interrupt.flow()
            };
            let report = trainer.epoch_with(&mut control)?;
            self.notes.seconds += start.elapsed().as_secs_f64();
            if let Some(report) = report {
                let verdict = judge.judge(trainer.network(), &self.watched.each_epoch, &mut to_the_end)?;
                if epoch == 0 {
                    self.warn_of_silence(&verdict);
                }
                let seconds = std::mem::take(&mut self.notes.seconds);
                let metrics = Metrics::new(&report, &verdict, seconds, of_epoch as usize);
                bar.suspend(|| self.screen.line(self.epoch_line(&metrics, epochs)))?;
                self.notes.metrics.push(metrics);
            }
            self.save(trainer)?;
            if interrupt.asked() {
                bar.finish_and_clear();
                // Within an epoch the other ranks have stopped too. After one they wait for the next, or for the end.
                match &self.shared {
                    Some(shared) if trainer.epochs_done() == epochs => shared.tell_whether_to_end(false)?,
                    _ if trainer.batches_done() == 0 => trainer.stop_between_epochs()?,
                    _ => {}
                }
                return Err(Stop::Asked(stand(trainer)));
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Writes a checkpoint and the numbers that are known so far.
    fn save(&mut self, trainer: &mut Trainer<D>) -> Outcome<()> {
        self.checkpoints.save(trainer, &self.set, &self.notes.to_json()?)?;
        stand::saved(self.dir.dir());
        self.dir.write("metrics.jsonl", &self.notes.lines()?)
    }

    /// Warns of a layer without spikes. A unit that never spikes never learns, because its gradient is a multiple of its rate.
    fn warn_of_silence(&self, verdict: &Verdict) {
        let spikes = verdict.goodness.scores.layer_spikes.as_ref();
        if let Some(layer) = spikes.and_then(|layers| layers.iter().position(|&spikes| spikes == 0.0)) {
            self.screen.note(format!(
                "no unit of layer {} spikes, so it cannot learn; try a lower `--set neuron.lif.threshold=VALUE` or more `--set neuron.lif.steps=T`",
                layer + 1
            ));
        }
    }

    fn epoch_line(&self, m: &Metrics, epochs: usize) -> String {
        let losses: Vec<String> =
            m.losses.iter().map(|l| format!("layer {} {:>8.4}", l.layer, l.loss)).collect();
        format!(
            "epoch {:>3}/{epochs}   loss {}   error {:>5.2} % of {}   {:>7} images/s",
            m.epoch,
            losses.join("  "),
            m.error,
            self.watched.name,
            thousands(m.samples_per_second)
        )
    }

    fn summary(&self, train_error: f64, test: &Verdict) -> Value {
        let (config, train_seconds) = (&self.settings.config, self.notes.train_seconds());
        let rates: f64 = self.notes.metrics.iter().map(|m| m.samples_per_second * m.seconds).sum();
        let mut summary = json!({
            "dataset": self.set.name, "preset": self.settings.preset, "seed": config.seed,
            "device": self.dev.name(), "threads": self.place.threads, "layers": config.layers,
            "neuron": config.neuron.name(), "steps": config.steps(), "epochs": config.epochs,
            "train_samples": self.watched.train_samples, "test_samples": self.set.test.len(),
            "train_error": train_error,
            "train_seconds": train_seconds, "samples_per_second": rates / train_seconds,
            "version": env!("CARGO_PKG_VERSION"),
        });
        test.write(&mut summary);
        provenance::write(&mut summary, &self.place);
        summary
    }

    /// Writes the files that the run leaves. If there is a summary, the run has ended.
    fn write(&mut self, trainer: &mut Trainer<D>, test: &Verdict, summary: &Value) -> Outcome<()> {
        let origin = Origin {
            preset: Some(self.settings.preset.clone()),
            augment: self.settings.augment.clone(),
            imported_from: None,
            train_samples: Some(self.watched.train_samples),
            train_error: summary["train_error"].as_f64(),
            test_samples: Some(self.set.test.len()),
            test_error: Some(test.goodness.error),
            head_test_error: test.head.as_ref().map(|head| head.error),
        };
        let Dataset { name, width, height, .. } = &self.set;
        trainer.save_model(&self.dir.path("model.safetensors"), name, *width, *height, origin)?;
        let (dir, config) = (self.dir.subdirectory(PLOTS)?, &self.settings.config);
        let (metrics, watched) = (&self.notes.metrics, self.watched.name);
        plots::of_learning(&dir, config, metrics, watched)?;
        plots::of_result(&dir, &self.set, trainer.network(), &test.goodness.scores)?;
        self.dir.write("summary.json", &format!("{summary:#}\n"))?;
        self.checkpoints.remove();
        Ok(())
    }
}

/// Describes for people how far a training has come.
fn stand<D: Ways>(trainer: &Trainer<D>) -> String {
    let (done, epochs, batches) = (trainer.epochs_done(), trainer.epochs(), trainer.batches());
    match trainer.batches_done() {
        0 => format!("after epoch {done} of {epochs}"),
        batch => format!("in epoch {} of {epochs}, after batch {batch} of {batches}", done + 1),
    }
}
