//! `tutorial` repeats snnTorch's tutorial number by number, and says what is wrong with it.

use std::path::Path;
use std::time::Instant;

use ff_data::Dataset;
use ff_net::{LifConfig, NeuronConfig};
use ff_report::plot::{self, Plot};
use ff_tensor::Device;
use ff_yardstick::torch::TorchGenerator;
use ff_yardstick::tutorial::{self, Run, Set};
use serde_json::{Value, json};

use crate::args::TutorialArgs;
use crate::device::on_device;
use crate::failure::Outcome;
use crate::figures::{self, with_label};
use crate::run_dir::RunDir;
use crate::screen::{Screen, duration, follow, thousands};
use crate::{data, device};

/// The training error and the "test" error that the tutorial publishes, in percent, for LIF and ReLU.
const PUBLISHED: [(f64, f64); 2] = [(42.1875, 70.3125), (39.0625, 56.25)];
const NAMES: [&str; 2] = ["LIF", "ReLU"];

/// Runs both activations on one generator, as the tutorial does.
pub fn tutorial(args: &TutorialArgs) -> Outcome<()> {
    let screen = Screen::new(args.json.json);
    let dev = device::open(&args.device)?;
    let set = data::open(args.data.as_deref(), &screen)?;
    let dir = args.out.as_deref().map(|out| RunDir::prepare(Some(out), "tutorial")).transpose()?;
    on_device!(dev, dev => run_on(&dev, args.seed, &set, dir, &screen))
}

fn run_on<D: Device>(dev: &D, seed: u64, set: &Dataset, dir: Option<RunDir>, screen: &Screen) -> Outcome<()> {
    let start = Instant::now();
    let runs = both(seed, dev, set, screen)?;
    let seconds = start.elapsed().as_secs_f64();
    report(screen, seed, set, &runs, seconds)?;
    if let Some(dir) = dir {
        for (name, run) in NAMES.iter().zip(&runs) {
            pictures(&dir.subdirectory(&name.to_lowercase())?, set, run)?;
        }
        dir.write("tutorial.json", &format!("{:#}\n", document(seed, set, &runs, seconds)))?;
        screen.line(format!("\npictures in {}", dir.finish().display()))?;
    }
    screen.document(&document(seed, set, &runs, seconds))?;
    Ok(())
}

fn both<D: Device>(seed: u64, dev: &D, set: &Dataset, screen: &Screen) -> Outcome<Vec<Run<D>>> {
    let train = Set { images: &set.train.images, labels: &set.train.labels };
    let test = Set { images: &set.test.images, labels: &set.test.labels };
    let mut generator = TorchGenerator::new(seed);
    let bar = screen.bar(4 * tutorial::STEPS as u64, "steps");
    let mut runs = Vec::new();
    for (name, neuron) in NAMES.iter().zip([NeuronConfig::Lif(LifConfig::default()), NeuronConfig::RELU]) {
        bar.set_message(*name);
        let control = &mut follow(&bar, bar.position(), 1);
        runs.push(tutorial::run(dev, neuron, &mut generator, train, test, set.classes, control)?);
    }
    bar.finish_and_clear();
    Ok(runs)
}

fn report<D: Device>(
    screen: &Screen,
    seed: u64,
    set: &Dataset,
    runs: &[Run<D>],
    seconds: f64,
) -> Outcome<()> {
    let same = seed == 123 && set.name == "mnist";
    screen.line(format!("The tutorial on {}, seed {seed}; error in percent\n", set.name))?;
    screen.line("activation   train error   \"test\" error   true test error   loss of layer 1, layer 2")?;
    for ((name, run), published) in NAMES.iter().zip(runs).zip(PUBLISHED) {
        let ends: Vec<String> =
            run.losses.iter().map(|l| format!("{:.5} -> {:.5}", l[0], l[l.len() - 1])).collect();
        let (train, test, truth) = (run.train_error, run.tutorial_test_error, run.true_test_error);
        screen.line(format!("{name:<10} {train:>13.4} {test:>14.4} {truth:>17.2}   {}", ends.join(", ")))?;
        if same {
            screen.line(format!("{:<10} {:>13.4} {:>14.4}", "  published", published.0, published.1))?;
        }
    }
    let missed: Vec<String> = runs.iter().map(|run| run.negatives_with_true_label().to_string()).collect();
    screen.line("\nWhat the tutorial does wrong:")?;
    screen.line(
        "  its test loader reads the training set: the \"test\" error is that of the first training images",
    )?;
    screen.line(format!(
        "  its negatives are the batch's labels shuffled: {} of {} carry the true label after all",
        missed.join(" and "),
        runs[0].batch.len()
    ))?;
    screen.line(format!(
        "  it trains on one batch: {} of {} images",
        runs[0].batch.len(),
        thousands(set.train.len() as f64)
    ))?;
    screen.line(format!("\nboth in {}; `ff-cli` closes the gap", duration(seconds)))
}

fn document<D: Device>(seed: u64, set: &Dataset, runs: &[Run<D>], seconds: f64) -> Value {
    let one = |(name, run): (&&str, &Run<D>)| {
        let losses: Vec<[f32; 2]> = run.losses.iter().map(|l| [l[0], l[l.len() - 1]]).collect();
        json!({
            "activation": name.to_lowercase(), "train_error": run.train_error,
            "tutorial_test_error": run.tutorial_test_error, "true_test_error": run.true_test_error,
            "negatives_with_true_label": run.negatives_with_true_label(), "first_and_last_losses": losses,
        })
    };
    let runs: Vec<Value> = NAMES.iter().zip(runs).map(one).collect();
    json!({ "dataset": set.name, "seed": seed, "seconds": seconds, "runs": runs, "version": env!("CARGO_PKG_VERSION") })
}

/// Draws the tutorial's plots: images as they are, as positives and as negatives, and the loss of each layer. It also draws the
/// goodness after training, which the tutorial does not show.
fn pictures<D: Device>(dir: &Path, set: &Dataset, run: &Run<D>) -> Outcome<()> {
    let shown = run.batch.len().min(8);
    let image = |i: usize, label: Option<u32>| {
        let row = set.train.images.row(run.batch[i] as usize);
        with_label(row.iter().copied(), label.map(|l| l as usize), set.classes)
    };
    let (positive, negative) = run.pair.split_at(run.batch.len());
    let row = |title, labels: Option<&[u32]>| plot::SampleRow {
        title,
        images: (0..shown).map(|i| image(i, labels.map(|labels| labels[i]))).collect(),
    };
    let rows = vec![row("orig", None), row("pos", Some(positive)), row("neg", Some(negative))];
    plot::Samples { shape: figures::shape(set), rows }.save(&dir.join("samples.png"))?;

    let names = || figures::layer_names(run.losses.len()).into_iter();
    let points = |losses: &Vec<f32>| losses.iter().map(|&loss| f64::from(loss)).collect();
    let curves = names().zip(&run.losses).map(|(name, l)| plot::LayerCurve { name, points: points(l) });
    plot::loss(curves.collect(), "step").save(&dir.join("loss.png"))?;

    let threshold = run.network.config.objective.threshold();
    let panel = |(name, goodness): (String, &Vec<f32>)| {
        let (positive, negative) = goodness.split_at(run.batch.len());
        plot::LayerGoodness { name, positive: positive.to_vec(), negative: negative.to_vec(), threshold }
    };
    let layers = names().zip(&run.goodness).map(panel).collect();
    Ok(plot::Goodness { layers, columns: 3 }.save(&dir.join("goodness.png"))?)
}
