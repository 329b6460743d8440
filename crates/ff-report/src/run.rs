//! This module holds what a page says about one run, in numbers and words. The code that has the network gathers them.

use crate::words::thousands;

/// One training run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The run's name. No other run of the same page has it.
    pub name: String,
    /// The structure of the network.
    pub network: Network,
    /// The record of the training.
    pub record: Record,
    /// The name and the value of every setting, in the order of their names.
    pub settings: Vec<(String, String)>,
    /// The images on which `errors` were measured, such as `held-out images`.
    pub watched: &'static str,
    /// The error after each epoch, in percent.
    pub errors: Vec<f64>,
    /// The images on which the network was tested for this page.
    pub tested: Tested,
    /// The predictions that try every label and take the one with the largest goodness.
    pub goodness: Way,
    /// The predictions in one pass, if the network has heads.
    pub heads: Option<Way>,
    /// The spikes of each layer in a prediction that tries every label, if the units spike. They are means over the test images.
    pub layer_spikes: Option<Vec<f64>>,
}

/// The structure of a network.
#[derive(Debug, Clone)]
pub struct Network {
    /// The number of pixels of an image.
    pub pixels: usize,
    /// The number of units of each layer.
    pub layers: Vec<usize>,
    /// The number of labels that an image can have.
    pub classes: usize,
    /// The kind of the units.
    pub units: Units,
    /// The order in which the layers learn.
    pub schedule: Schedule,
}

/// The kind of a network's units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Units {
    /// Units that spike.
    Spiking {
        /// What they are called, in the plural.
        name: String,
        /// The number of time steps of one prediction.
        steps: usize,
        /// The effect of a spike on the membrane.
        reset: Reset,
        /// Says whether a unit passes on its spike rate. If not, it passes on its membrane potential.
        rate: bool,
    },
    /// Units without time steps.
    Still {
        /// What they are called, in the plural.
        name: String,
    },
}

/// The effect of a spike on the membrane, one step later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// It subtracts the threshold from the membrane.
    Subtract,
    /// It sets the membrane to zero.
    Zero,
    /// It does nothing.
    None,
}

/// The order in which the layers learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// All layers learn at the same time.
    Joint,
    /// The layers learn one after the other, each for all epochs.
    Greedy,
}

/// The record of a training. Older programs recorded less.
#[derive(Debug, Clone)]
pub struct Record {
    /// The command that trained the network.
    pub command: Option<String>,
    /// A command that would train it again.
    pub again: String,
    /// The preset that the settings started from.
    pub preset: String,
    /// The seed of weights, order and negatives.
    pub seed: u64,
    /// The data set's name.
    pub dataset: Option<String>,
    /// The number of training images.
    pub train_samples: Option<f64>,
    /// The number of epochs.
    pub epochs: usize,
    /// The number of images in a batch.
    pub batch: usize,
    /// The duration of the training in seconds.
    pub train_seconds: Option<f64>,
    /// The error on training images, in percent.
    pub train_error: Option<f64>,
    /// The error on the test images right after the training, in percent.
    pub test_error: Option<f64>,
    /// The machine on which it was trained.
    pub machine: Option<String>,
    /// The commit from which the program was built.
    pub commit: Option<String>,
    /// The time at which the training ended.
    pub finished: Option<String>,
    /// The name and version of the program that trained it.
    pub program: String,
}

/// The images on which a network was tested.
#[derive(Debug, Clone)]
pub struct Tested {
    /// The data set's name.
    pub dataset: String,
    /// The number of images.
    pub images: usize,
}

/// One way of predicting labels, with its error and its cost.
#[derive(Debug, Clone)]
pub struct Way {
    /// The error of all layers together, in percent.
    pub error: f64,
    /// The error of each layer alone, in percent.
    pub layer_error: Vec<f64>,
    /// The cost of one prediction.
    pub cost: Cost,
    /// The cost if spiking units passed on numbers instead. It is `None` if the units are rectifiers.
    pub cost_of_numbers: Option<Cost>,
}

/// The cost of one prediction, as a mean over the test images.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// The number of spikes, if the units spike.
    pub spikes: Option<f64>,
    /// The number of weights that are added, one for each unit that a spike reaches.
    pub additions: f64,
    /// The number of weights that are first multiplied with a number.
    pub multiply_adds: f64,
}

impl Tested {
    /// Says what was tested, such as `10,000 images of mnist`.
    pub fn words(&self) -> String {
        format!("{} images of {}", thousands(self.images as f64), self.dataset)
    }
}
