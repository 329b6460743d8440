//! What a page is told about one run, in numbers and words. Who has the network gathers them; this crate has none.

use crate::words::thousands;

/// One run of a training.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its name, which no other run of the same page has.
    pub name: String,
    /// How the network is built.
    pub network: Network,
    /// What was written down when it was trained.
    pub record: Record,
    /// Name and value of every setting, in the order of their names.
    pub settings: Vec<(String, String)>,
    /// What `errors` were measured on, such as `held-out images`.
    pub watched: &'static str,
    /// The error after each epoch, in percent.
    pub errors: Vec<f64>,
    /// The images on which the network was tested for this page.
    pub tested: Tested,
    /// Predictions that try every label and take the one with the largest goodness.
    pub goodness: Way,
    /// Predictions in one pass, if the network has heads.
    pub heads: Option<Way>,
    /// Spikes of each layer in a prediction that tries every label, mean of the test images; if the units spike.
    pub layer_spikes: Option<Vec<f64>>,
}

/// How a network is built.
#[derive(Debug, Clone)]
pub struct Network {
    /// Pixels of an image.
    pub pixels: usize,
    /// Units of each layer.
    pub layers: Vec<usize>,
    /// Labels that an image can have.
    pub classes: usize,
    /// What each unit is.
    pub units: Units,
    /// Which layers learn when.
    pub schedule: Schedule,
}

/// What each unit of a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// Leaky integrate-and-fire units.
    Spiking {
        /// Time steps of one prediction.
        steps: usize,
        /// What a spike does to the membrane.
        reset: Reset,
        /// Whether a unit passes on its rate of spikes; if not, its membrane potential.
        rate: bool,
    },
    /// Rectifiers.
    Rectifiers,
}

/// What a spike does to the membrane, one step later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// It takes the threshold off.
    Subtract,
    /// It sets the membrane to zero.
    Zero,
    /// It does nothing.
    None,
}

/// Which layers learn when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// All layers learn at the same time.
    Joint,
    /// The layers learn one after the other, each for all epochs.
    Greedy,
}

/// What was written down when a network was trained. Older programs wrote down less.
#[derive(Debug, Clone)]
pub struct Record {
    /// The command that trained it.
    pub command: Option<String>,
    /// A command that would train it again.
    pub again: String,
    /// The preset that the settings started from.
    pub preset: String,
    /// The seed of weights, order and negatives.
    pub seed: u64,
    /// The data set's name.
    pub dataset: Option<String>,
    /// Images that it learned from.
    pub train_samples: Option<f64>,
    /// Passes through these images.
    pub epochs: usize,
    /// Images of one step.
    pub batch: usize,
    /// Seconds that the training took.
    pub train_seconds: Option<f64>,
    /// The error on images that it learned from, in percent.
    pub train_error: Option<f64>,
    /// The error on the test images right after the training, in percent.
    pub test_error: Option<f64>,
    /// Where it was trained.
    pub machine: Option<String>,
    /// The commit from which the program was built.
    pub commit: Option<String>,
    /// When the training ended.
    pub finished: Option<String>,
    /// Name and version of the program that trained it.
    pub program: String,
}

/// The images on which a network was tested.
#[derive(Debug, Clone)]
pub struct Tested {
    /// The data set's name.
    pub dataset: String,
    /// How many there are.
    pub images: usize,
}

/// One way of predicting labels: how good it is, and how much work.
#[derive(Debug, Clone)]
pub struct Way {
    /// The error of all layers together, in percent.
    pub error: f64,
    /// The error when only one layer is asked, of each layer, in percent.
    pub layer_error: Vec<f64>,
    /// What one prediction costs.
    pub cost: Cost,
    /// What it would cost if spiking units passed on numbers instead. `None` if the units are rectifiers.
    pub cost_of_numbers: Option<Cost>,
}

/// What one prediction costs, mean of the test images.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Spikes, if units spike.
    pub spikes: Option<f64>,
    /// Weights that are added, one for each unit that a spike reaches.
    pub additions: f64,
    /// Weights that are first multiplied with a number.
    pub multiply_adds: f64,
}

impl Tested {
    /// `10,000 images of mnist`.
    pub fn words(&self) -> String {
        format!("{} images of {}", thousands(self.images as f64), self.dataset)
    }
}
