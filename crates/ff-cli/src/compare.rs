//! `compare` trains the same network by Forward-Forward and by backpropagation, each with spiking units and with rectifiers. All
//! use the same images, the same number of epochs and the same seeds.

use std::time::Instant;

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};
use ff_data::Dataset;
use ff_net::prediction::error_percent;
use ff_net::{Config, Network, Trainer, to_the_end};
use ff_tensor::Device;
use ff_yardstick::{Backprop, BackpropTrainer};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::args::CompareArgs;
use crate::device::on_device;
use crate::failure::{Failure, Outcome};
use crate::operations::Operations;
use crate::run_dir::RunDir;
use crate::screen::{Screen, duration, thousands, value};
use crate::settings::{Change, PRESETS, Settings, changes};
use crate::verdict::Judge;
use crate::{data, device};

/// The rule by which a network learns.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    ForwardForward,
    Backprop,
}

/// The name, rule and settings of each contender. The settings are the name of a preset or the content of a file.
const CONTENDERS: [(&str, Rule, &str); 4] = [
    ("forward-forward, lif", Rule::ForwardForward, "standard"),
    ("forward-forward, relu", Rule::ForwardForward, "standard-relu"),
    ("backprop, lif", Rule::Backprop, include_str!("../yardsticks/lif.toml")),
    ("backprop, relu", Rule::Backprop, include_str!("../yardsticks/relu.toml")),
];

/// The results of one training from one seed.
struct Trial {
    error: f64,
    head_error: Option<f64>,
    layer_error: Vec<f64>,
    seconds: f64,
    spikes: Option<f64>,
    operations: Operations,
    one_pass: Option<Operations>,
    parameters: usize,
    kept: usize,
}

/// Trains all contenders, then prints and saves the table.
pub fn compare(args: &CompareArgs) -> Outcome<()> {
    let screen = Screen::new(args.json.json);
    let contenders = contenders(args)?;
    let dev = device::open(&args.device)?;
    let mut set = data::open(args.data.as_deref(), &screen)?;
    for (name, _, settings) in &contenders {
        settings
            .config
            .validate(set.width * set.height, set.classes)
            .map_err(|e| Failure::new(format!("{name}: {e}")).advise("another `--set`"))?;
    }
    let train_samples = hold_out(&mut set, &contenders[0].2.config)?;
    let run_dir = RunDir::prepare(args.out.as_deref(), "compare")?;
    let place = dev.place().description;
    screen.line(format!(
        "{} contenders, {} epochs each, {} on {} training images of {}, {place}",
        contenders.len(),
        contenders[0].2.config.epochs,
        seeds_name(args.seeds),
        thousands(train_samples as f64),
        set.name
    ))?;
    let bar = screen.bar(contenders.iter().map(|c| c.2.config.epochs as u64 * args.seeds).sum(), "epochs");
    let mut rows = Vec::new();
    for (name, rule, settings) in contenders {
        bar.set_message(name);
        let mut trials = Vec::new();
        for seed in 1..=args.seeds {
            let mut settings = settings.clone();
            settings.config.seed = seed;
            trials.push(on_device!(&dev, dev => match rule {
                Rule::ForwardForward => forward_forward(dev, settings, &set, &bar),
                Rule::Backprop => backprop(dev, settings, &set, &bar),
            })?);
        }
        rows.push((name, settings, trials));
    }
    bar.finish_and_clear();
    let table = table(&rows).to_string();
    let about = about(args.seeds);
    let document = json!({
        "dataset": set.name, "train_samples": train_samples, "test_samples": set.test.len(), "device": place,
        "seeds": args.seeds, "contenders": rows.iter().map(row_document).collect::<Outcome<Vec<_>>>()?,
        "version": env!("CARGO_PKG_VERSION"),
    });
    run_dir.write("compare.md", &format!("{table}\n\n{about}\n"))?;
    run_dir.write("compare.json", &format!("{document:#}\n"))?;
    let directory = run_dir.finish();
    screen.line(format!("\n{table}\n\n{about}\n\nall of it in {}", directory.display()))?;
    screen.document(&document)
}

/// Replaces the test images by the held-out images, if `validation_samples` is set. These are the last training images, as in
/// `train`. Returns the number of images to learn from. The trainers leave out the others by themselves.
fn hold_out(set: &mut Dataset, config: &Config) -> Outcome<usize> {
    let (train, held_out) = data::split(config, set.train.len())?;
    if !held_out.is_empty() {
        set.test = set.train.split_last(held_out.len()).1;
    }
    Ok(train.len())
}

/// Returns the contenders with the changes that were typed. They have different kinds of units, so a value of a kind changes only
/// the contenders that have this kind.
fn contenders(args: &CompareArgs) -> Outcome<Vec<(&'static str, Rule, Settings)>> {
    let (whole, values): (Vec<Change>, _) = changes(&args.set)?.into_iter().partition(Change::is_whole);
    let (mut contenders, mut used) = (Vec::new(), vec![false; values.len()]);
    for (name, rule, source) in CONTENDERS {
        let preset = PRESETS.iter().find(|(preset, _)| *preset == source).map_or(source, |(_, text)| text);
        let mut settings = Settings::of_text(preset, name)?;
        settings.config.epochs = args.epochs;
        settings = settings.changed(&whole)?;
        for (change, used) in values.iter().zip(&mut used) {
            if settings.take(change)? {
                settings = settings.changed(std::slice::from_ref(change))?;
                *used = true;
            }
        }
        contenders.push((name, rule, settings));
    }
    match values.iter().zip(used).find(|(_, used)| !used) {
        Some((change, _)) => Err(change.unused("contender")),
        None => Ok(contenders),
    }
}

fn forward_forward<D: Device>(
    dev: &D,
    settings: Settings,
    set: &Dataset,
    bar: &ProgressBar,
) -> Outcome<Trial> {
    let network = Network::new(dev, settings.config, set.width * set.height, set.classes)?;
    let trainer = Trainer::new(network, &set.train.images, &set.train.labels)?;
    let mut trainer = trainer.augmented(&settings.augment, set.width, set.height)?;
    let start = Instant::now();
    for _ in 0..trainer.epochs() {
        trainer.epoch()?;
        bar.inc(1);
    }
    let seconds = start.elapsed().as_secs_f64();
    let network = trainer.into_network();
    let test = Judge::new(&network)?.judge(&network, &set.test, &mut to_the_end)?;
    let (pixels, classes) = (network.pixels, network.classes);
    let layers = &network.config.layers;
    let count = |scores: &ff_net::Scores, copies, heads| {
        Operations::count(pixels, layers, classes, copies, heads, scores.layer_spikes.as_deref())
    };
    Ok(Trial {
        error: test.goodness.error,
        head_error: test.head.as_ref().map(|head| head.error),
        layer_error: test.goodness.layer_error.clone(),
        seconds,
        spikes: test.goodness.scores.spikes_per_inference(),
        operations: count(&test.goodness.scores, classes, 0..0),
        one_pass: test.head.as_ref().map(|head| count(&head.scores, 1, 0..layers.len())),
        parameters: network.parameters(),
        kept: network.kept_per_image(),
    })
}

fn backprop<D: Device>(dev: &D, settings: Settings, set: &Dataset, bar: &ProgressBar) -> Outcome<Trial> {
    let Settings { config, augment, .. } = settings;
    let net = Backprop::new(dev, config.clone(), set.width * set.height, set.classes)?;
    let (parameters, kept) = (net.parameters(), net.kept_per_image());
    let trainer = BackpropTrainer::new(net, &set.train.images, &set.train.labels)?;
    let mut trainer = trainer.augmented(&augment, set.width, set.height)?;
    let start = Instant::now();
    for _ in 0..config.epochs {
        trainer.epoch()?;
        bar.inc(1);
    }
    let seconds = start.elapsed().as_secs_f64();
    let net = trainer.into_net();
    let scores = net.scan(&set.test.images)?;
    let top = config.layers.len() - 1;
    let spikes = scores.layer_spikes.as_deref();
    Ok(Trial {
        error: error_percent(&scores.predict(), &set.test.labels),
        head_error: None,
        layer_error: Vec::new(),
        seconds,
        spikes: scores.spikes_per_inference(),
        operations: Operations::count(net.pixels, &config.layers, net.classes, 1, top..top + 1, spikes),
        one_pass: None,
        parameters,
        kept,
    })
}

type Row = (&'static str, Settings, Vec<Trial>);

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header([
        "learning, units",
        "test error, %",
        "one pass, %",
        "each layer, %",
        "training",
        "parameters",
        "kept",
        "spikes",
        "additions",
        "multiply-adds",
        "both in one pass",
    ]);
    for (name, _, trials) in rows {
        let of = |f: &dyn Fn(&Trial) -> Option<f64>| trials.iter().map(f).collect::<Option<Vec<f64>>>();
        let number = |f: &dyn Fn(&Trial) -> Option<f64>| of(f).map_or("".into(), |x| thousands(mean(&x)));
        let error = |f: &dyn Fn(&Trial) -> Option<f64>| of(f).map_or("".into(), |x| spread(&x));
        let layers = trials[0].layer_error.len();
        let layers = (0..layers).map(|l| error(&|t| t.layer_error.get(l).copied()));
        table.add_row([
            name.to_string(),
            error(&|t| Some(t.error)),
            error(&|t| t.head_error),
            layers.collect::<Vec<_>>().join(", "),
            duration(mean(&trials.iter().map(|t| t.seconds).collect::<Vec<_>>())),
            number(&|t| Some(t.parameters as f64)),
            number(&|t| Some(t.kept as f64)),
            number(&|t| t.spikes),
            number(&|t| Some(t.operations.additions)),
            number(&|t| Some(t.operations.multiply_adds)),
            number(&|t| t.one_pass.map(|o| o.additions + o.multiply_adds)),
        ]);
    }
    for column in 1..11 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Explains the columns of the table.
fn about(seeds: u64) -> String {
    let seeds = if seeds > 1 {
        "Errors are means of the seeds, +- the standard deviation between them.\n"
    } else {
        ""
    };
    format!(
        "{seeds}test error: the label with the largest goodness; one pass: the heads' answer instead of trying all labels.\n\
         kept: numbers of one image that are held from the way forward until the weights have changed.\n\
         spikes, additions, multiply-adds: of one prediction. A spike costs one addition for each unit that it reaches;\n\
         the image, and units that do not spike, cost a multiply-add for each weight, pixels that are zero included.\n\
         The last column: additions and multiply-adds of one pass with the heads."
    )
}

fn row_document((name, settings, trials): &Row) -> Outcome<Value> {
    let trials: Vec<Value> = trials.iter().map(trial_document).collect();
    let (config, augment) = (value(&settings.config)?, value(&settings.augment)?);
    Ok(json!({ "name": name, "config": config, "augment": augment, "trials": trials }))
}

fn trial_document(t: &Trial) -> Value {
    json!({
        "test_error": t.error, "head_test_error": t.head_error, "layer_test_error": t.layer_error,
        "train_seconds": t.seconds, "spikes_per_inference": t.spikes, "parameters": t.parameters,
        "kept_per_image": t.kept, "operations": t.operations.document(),
        "operations_in_one_pass": t.one_pass.map(Operations::document),
    })
}

fn seeds_name(seeds: u64) -> String {
    if seeds == 1 { "seed 1".into() } else { format!("seeds 1 to {seeds}") }
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// Formats the mean and the standard deviation, such as `1.40 +- 0.03`. A single number has no deviation.
fn spread(x: &[f64]) -> String {
    let mean = mean(x);
    if x.len() < 2 {
        return format!("{mean:.2}");
    }
    let square = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (x.len() - 1) as f64;
    format!("{mean:.2} +- {:.2}", square.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_deviation_between_seeds() {
        assert_eq!(spread(&[1.0]), "1.00");
        assert_eq!(spread(&[1.0, 2.0, 3.0]), "2.00 +- 1.00");
    }
}
