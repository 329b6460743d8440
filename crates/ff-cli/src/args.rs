//! This file defines the command line: the commands and their arguments. It contains no code that runs a command.

use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  ff-cli                                         train the `quick` preset on MNIST
  ff-cli train --preset quick --set epochs=4     the same, shorter
  ff-cli train --config runs/quick-1/config.toml repeat a run bit for bit
  ff-cli train --resume runs/quick-1             go on with a run that was stopped
  ff-cli eval runs/quick-1/model.safetensors     test error of a trained model
  ff-cli predict runs/quick-1/model.safetensors digit.png
  ff-cli info runs/quick-1/model.safetensors     settings, data and error of a model
  ff-cli tutorial                                snnTorch's tutorial, to the digit";

const TRAIN_EXAMPLES: &str = "\
Examples:
  ff-cli train --set layers=[1000,1000] --set epochs=30 --seed 7
  ff-cli train --preset quick-relu --out runs/relu
  ff-cli train --config runs/quick-1/config.toml --out runs/again
  ff-cli train --resume runs/quick-1
  ff-cli train --data fashion-mnist --set validation_samples=10000

A run writes config.toml, metrics.jsonl, summary.json, model.safetensors and plots/.
Until it has ended, checkpoints/ holds the last two epochs. Ctrl-C saves and stops; --resume goes on, bit for bit.
All settings: docs/settings.md";

const EVAL_EXAMPLES: &str = "\
Examples:
  ff-cli eval runs/quick-1/model.safetensors
  ff-cli eval runs/quick-1/model.safetensors --data DIR --json
  ff-cli eval runs/quick-1/model.safetensors --labels labels.txt";

const COMPARE_EXAMPLES: &str = "\
Examples:
  ff-cli compare                             16 epochs of each, seeds 1, 2 and 3
  ff-cli compare --epochs 2 --seeds 1        a first look
  ff-cli compare --set layers=[1000,1000]    wider networks

The command writes compare.md and compare.json.";

const REPORT_EXAMPLES: &str = "\
Examples:
  ff-cli report runs/quick-1                 writes runs/quick-1/report.html
  ff-cli report runs/quick-1 runs/relu-1     shows both side by side in ./report.html
  ff-cli report runs/* --out all.html

The command reads the test images of the data set. It writes the plots to the plots/ of each run, as PNG and SVG.";

const PREDICT_EXAMPLES: &str = "\
Examples:
  ff-cli predict runs/quick-1/model.safetensors digit.png
  ff-cli predict runs/quick-1/model.safetensors scans/*.png --json";

const IMPORT_EXAMPLES: &str = "\
Examples:
  ff-cli import net.safetensors --preset tutorial                    the snnTorch tutorial's net
  ff-cli import net.safetensors --preset tutorial --set neuron=relu  the tutorial's second net
  ff-cli import net.safetensors --config runs/quick-1/config.toml --out net-2.safetensors

In Python: safetensors.torch.save_file(net.state_dict(), \"net.safetensors\"), see docs/python.md";

const INFO_EXAMPLES: &str = "\
Examples:
  ff-cli info runs/quick-1/model.safetensors  settings, data and error of a model
  ff-cli info                                 version, devices and directories";

const TUTORIAL_EXAMPLES: &str = "\
Examples:
  ff-cli tutorial                      the published numbers, with seed 123
  ff-cli tutorial --out runs/tutorial  the same, with loss curves and pictures
  ff-cli tutorial --seed 7             the numbers of another seed";

/// Train spiking neural networks with the Forward-Forward algorithm. There is no backpropagation: every layer learns from
/// its own goodness.
#[derive(Parser)]
#[command(name = "ff-cli", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// A command with its arguments.
#[derive(Subcommand)]
pub enum Command {
    /// Train a network. Without a subcommand, `ff-cli` runs `train --preset quick`
    #[command(after_help = TRAIN_EXAMPLES)]
    Train(TrainArgs),
    /// Measure a trained model's error on a data set's test images
    #[command(after_help = EVAL_EXAMPLES)]
    Eval(EvalArgs),
    /// Train the same network by Forward-Forward and by backpropagation, and print one table
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareArgs),
    /// Show a run as one page with its plots, or several side by side
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Say which digit is in a picture
    #[command(after_help = PREDICT_EXAMPLES)]
    Predict(PredictArgs),
    /// Repeat snnTorch's Forward-Forward tutorial, number by number
    #[command(after_help = TUTORIAL_EXAMPLES)]
    Tutorial(TutorialArgs),
    /// Take weights that were learned in PyTorch
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArgs),
    /// Fetch, check or look at a data set
    #[command(subcommand)]
    Data(DataCommand),
    /// Show version, devices, threads and directories, or what a model is
    #[command(after_help = INFO_EXAMPLES)]
    Info(InfoArgs),
}

/// Options of `train`.
#[derive(Args, Default)]
pub struct TrainArgs {
    /// Start from these settings: quick, standard, best or best-augmented (each also with `-relu`), or tutorial [default: quick]
    #[arg(long, value_name = "NAME", conflicts_with = "config")]
    pub preset: Option<String>,
    /// Read the settings from a file, such as the config.toml of an earlier run
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Change one setting, such as `epochs=4`, `layers=[1000,1000]`, `neuron=relu` or `neuron.lif.beta=0.9`; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Read the data set from this directory. It has MNIST's four files, each plain or .gz
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Set the seed of weights, order and negatives. The same seed gives the same result
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Directory of the run's results [default: runs/PRESET-N, the first free N]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on with a run that was stopped. It starts from the run's last checkpoint and keeps its settings
    #[arg(long, value_name = "RUN_DIR", conflicts_with_all = ["preset", "config", "set", "seed", "out"])]
    pub resume: Option<PathBuf>,
    /// Share the work among the processes that `mpirun` has started: each gets some `units` of every layer, or some `layers`
    #[arg(long, value_name = "HOW")]
    pub parallel: Option<Parallel>,
    /// With `--parallel layers`, the number of layers of each process, such as 2,2 [default: measured, so that all are busy]
    #[arg(long, value_name = "N,N", value_delimiter = ',', requires = "parallel")]
    pub stages: Option<Vec<usize>>,
    #[command(flatten)]
    pub json: Json,
}

/// How ranks share the work.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Parallel {
    Units,
    Layers,
}

/// The options that choose the device.
#[derive(Args, Clone, Default)]
pub struct DeviceArgs {
    /// Use so many threads; 0 takes one per core. Results do not depend on it
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
    /// Compute on cpu, cuda, cuda:N or auto. `auto` takes GPU 0 if there is one, else the CPU, and says why [default: auto,
    /// without a message]
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
    /// On a GPU, round the factors of products to TF32. This is faster and less exact
    #[arg(long)]
    pub tf32: bool,
}

/// Options of `eval`.
#[derive(Args)]
pub struct EvalArgs {
    /// A model.safetensors that `train` wrote
    pub model: PathBuf,
    /// Directory with a data set in MNIST's four files
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Write the predicted label of each test image to this file, one on each line
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArgs,
    #[command(flatten)]
    pub json: Json,
}

/// Options of `compare`.
#[derive(Args)]
pub struct CompareArgs {
    /// Go through the training images so many times
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub epochs: usize,
    /// Train from seeds 1 to N
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub seeds: u64,
    /// Change one setting of all networks that have it, such as `layers=[1000,1000]` or `neuron.lif.steps=4`; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Directory with a data set in MNIST's four files
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Directory of the results [default: runs/compare-N, the first free N]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub json: Json,
}

/// Options of `report`.
#[derive(Args)]
pub struct ReportArgs {
    /// Directories that `train` left
    #[arg(value_name = "RUN_DIR")]
    pub runs: Vec<PathBuf>,
    /// The page to write [default: RUN_DIR/report.html, or report.html here for several runs]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Directory with a data set in MNIST's four files [default: each run's own]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArgs,
    #[command(flatten)]
    pub json: Json,
}

/// Options of `predict`.
#[derive(Args)]
pub struct PredictArgs {
    /// A model.safetensors that `train` wrote
    pub model: PathBuf,
    /// PNG pictures of any size, dark on light or light on dark
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArgs,
    #[command(flatten)]
    pub json: Json,
}

/// Options of `import`.
#[derive(Args)]
pub struct ImportArgs {
    /// A safetensors file with `layers.0.weight` and so on, each `[out, in]` as `torch.nn.Linear` has it
    pub file: PathBuf,
    /// Take the settings of the network from this preset. The sizes of the layers come from the tensors
    #[arg(long, value_name = "NAME", conflicts_with = "config", required_unless_present = "config")]
    pub preset: Option<String>,
    /// Take the settings of the network from a file, such as a run's config.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Change one setting, such as `neuron=relu` or `neuron.lif.beta=0.9`; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Directory with the network's data set, in MNIST's four files
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The model to write [default: FILE-imported.safetensors]
    #[arg(long, value_name = "MODEL")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub json: Json,
}

/// Options of `info`.
#[derive(Args)]
pub struct InfoArgs {
    /// A model.safetensors to describe
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub json: Json,
}

/// Options of `tutorial`.
#[derive(Args)]
pub struct TutorialArgs {
    /// Seed of torch's generator; 123 is the tutorial's
    #[arg(long, value_name = "N", default_value_t = 123)]
    pub seed: u64,
    /// Directory with a data set in MNIST's four files
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArgs,
    /// Write the loss curves and pictures here
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub json: Json,
}

/// Commands on data sets.
#[derive(Subcommand)]
pub enum DataCommand {
    /// Download MNIST into the cache
    Fetch(Json),
    /// Read a data set and say whether it is sound
    Check(DataArgs),
    /// Show what is in a data set
    Show(DataArgs),
}

/// The options of `data check` and `data show`.
#[derive(Args)]
pub struct DataArgs {
    /// Directory with a data set in MNIST's four files
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub json: Json,
}

/// The option that chooses the form of the output.
#[derive(Args, Default)]
pub struct Json {
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    pub json: bool,
}

/// Reads the command line and returns the command. Without a command, it returns `train` without options.
///
/// # Errors
/// Says what is wrong with the command line, or what `--help` and `--version` ask for.
pub fn command() -> clap::error::Result<Command> {
    Ok(Cli::try_parse()?.command.unwrap_or_else(|| Command::Train(TrainArgs::default())))
}

/// Returns the option that a command does not know, without its dashes, if the command takes `--set`.
pub fn unknown_option(e: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(option)) = e.get(ContextKind::InvalidArg) else { return None };
    let command = Cli::command();
    let takes_set =
        |name: &str| command.find_subcommand(name)?.get_arguments().find(|arg| arg.get_id() == "set");
    let name = std::env::args().find(|word| command.find_subcommand(word).is_some())?;
    (e.kind() == ErrorKind::UnknownArgument && takes_set(&name).is_some())
        .then(|| option.trim_start_matches('-').into())
}
