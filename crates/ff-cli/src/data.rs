//! This module opens data sets, with a bar during a download, and runs the `data` commands.

use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;

use ff_data::{Dataset, Progress, Samples};
use ff_net::{Config, Model};
use indicatif::ProgressBar;
use serde_json::json;

use crate::args::DataCommand;
use crate::failure::{Failure, Outcome};
use crate::screen::{Screen, thousands};

/// Opens the data set that was asked for, or else the default one. Prints a note if synthetic digits replace MNIST.
pub fn open(dir: Option<&Path>, screen: &Screen) -> Outcome<Dataset> {
    let opened = open_quietly(dir, screen)?;
    if let Some(note) = opened.note {
        screen.note(format!("{note}; using synthetic digits instead"));
    }
    Ok(opened.dataset)
}

/// Opens the data set like [`open`], and refuses a set whose images `model` cannot read. It also refuses synthetic digits that
/// replace MNIST, unless the model was trained on them.
pub fn open_for(model: &Model, dir: Option<&Path>, screen: &Screen) -> Outcome<Dataset> {
    let opened = open_quietly(dir, screen)?;
    match opened.note {
        Some(note) if opened.dataset.name != model.dataset => {
            let message = format!("the model was trained on {}, which is not at hand: {note}", model.dataset);
            Err(Failure::new(message).advise("`--data DIR` with a set of images"))
        }
        _ => fits(model, opened.dataset),
    }
}

fn open_quietly(dir: Option<&Path>, screen: &Screen) -> Outcome<ff_data::Opened> {
    let bar = Bar::new(screen);
    let opened = ff_data::open(dir, &|p| bar.show(p))?;
    bar.done();
    Ok(opened)
}

/// Returns the data set, if `model` can read its images.
pub fn fits(model: &Model, set: Dataset) -> Outcome<Dataset> {
    if [set.width, set.height, set.classes] == [model.width, model.height, model.classes] {
        return Ok(set);
    }
    let message = format!(
        "the model is for images of {} x {} in {} classes, but {} has {} x {} in {}",
        model.width, model.height, model.classes, set.name, set.width, set.height, set.classes
    );
    Err(Failure::new(message).advise("`--data DIR` with the set it was trained on"))
}

/// Returns the indices of the training images to learn from and of those that are held out, for a set of `all` images.
pub fn split(config: &Config, all: usize) -> Outcome<(Range<usize>, Range<usize>)> {
    config.split(all).map_err(|_| {
        let message = format!("holding {} images out leaves none to train on", config.validation_samples);
        Failure::new(message).advise("`--set validation_samples=N` with a smaller N")
    })
}

/// Runs `data fetch`, `data check` or `data show`.
pub fn command(command: &DataCommand) -> Outcome<()> {
    match command {
        DataCommand::Fetch(json) => fetch(&Screen::new(json.json)),
        DataCommand::Check(args) => check(args.data.as_deref(), &Screen::new(args.json.json)),
        DataCommand::Show(args) => show(args.data.as_deref(), &Screen::new(args.json.json)),
    }
}

fn fetch(screen: &Screen) -> Outcome<()> {
    let Some(cache) = ff_data::cache_dir() else {
        return Err(
            Failure::new("this system has no cache directory to keep MNIST in").advise("`--data DIR`")
        );
    };
    let bar = Bar::new(screen);
    ff_data::fetch(&cache, &|p| bar.show(p))?;
    bar.done();
    screen.line(format!("MNIST is in {}", cache.display()))?;
    screen.document(&json!({ "directory": cache }))?;
    Ok(())
}

fn check(dir: Option<&Path>, screen: &Screen) -> Outcome<()> {
    let set = open(dir, screen)?;
    screen.line(format!(
        "{}: sound; {} training and {} test images of {} x {} pixels in {} classes ({})",
        set.name,
        thousands(set.train.len() as f64),
        thousands(set.test.len() as f64),
        set.width,
        set.height,
        set.classes,
        set.source
    ))?;
    screen.document(&describe(&set))?;
    Ok(())
}

fn show(dir: Option<&Path>, screen: &Screen) -> Outcome<()> {
    let set = open(dir, screen)?;
    screen.line(format!("{} ({}), {} x {} pixels", set.name, set.source, set.width, set.height))?;
    screen.line("class   training   test")?;
    for class in 0..set.classes {
        let (train, test) = (count(&set.train, class), count(&set.test, class));
        screen.line(format!("{class:>5} {:>10} {:>6}", thousands(train as f64), thousands(test as f64)))?;
    }
    for first in [0, 4] {
        for line in drawn(&set, first) {
            screen.line(line)?;
        }
    }
    screen.document(&describe(&set))?;
    Ok(())
}

fn count(set: &Samples, class: usize) -> usize {
    set.labels.iter().filter(|&&label| usize::from(label) == class).count()
}

fn describe(set: &Dataset) -> serde_json::Value {
    let counts = |samples: &Samples| (0..set.classes).map(|class| count(samples, class)).collect::<Vec<_>>();
    json!({
        "name": set.name, "source": set.source.to_string(), "width": set.width, "height": set.height,
        "classes": set.classes, "train_samples": set.train.len(), "test_samples": set.test.len(),
        "train_per_class": counts(&set.train), "test_per_class": counts(&set.test),
    })
}

/// Draws four training images side by side. Each character shows two pixels, one above the other.
fn drawn(set: &Dataset, first: usize) -> Vec<String> {
    let shades = [' ', '░', '▒', '▓', '█'];
    let images = first..(first + 4).min(set.train.len());
    let shade = |image: usize, x: usize, y: usize| {
        let at = |y: usize| {
            if y < set.height { u32::from(set.train.images[[image, y * set.width + x]]) } else { 0 }
        };
        shades[((at(y) + at(y + 1)) * 4 / 510) as usize]
    };
    let row =
        |y: usize| images.clone().flat_map(move |i| (0..set.width).map(move |x| shade(i, x, y))).collect();
    (0..set.height).step_by(2).map(row).collect()
}

/// The progress bars of a download. Each file has its own bar.
struct Bar<'a> {
    screen: &'a Screen,
    bar: Mutex<Option<(String, ProgressBar)>>,
}

impl<'a> Bar<'a> {
    fn new(screen: &'a Screen) -> Self {
        Self { screen, bar: Mutex::new(None) }
    }

    fn show(&self, p: Progress) {
        let Ok(mut bar) = self.bar.lock() else { return };
        if bar.as_ref().is_none_or(|(file, _)| file != p.file) {
            let new = self.screen.bar(p.total.unwrap_or(0), "bytes");
            new.set_message(p.file.to_string());
            if let Some((_, old)) = bar.replace((p.file.to_string(), new)) {
                old.finish();
            }
        }
        if let Some((_, bar)) = bar.as_ref() {
            bar.set_position(p.bytes);
        }
    }

    fn done(&self) {
        if let Ok(Some((_, bar))) = self.bar.lock().as_deref() {
            bar.finish();
        }
    }
}
