//! What the plots of one run are drawn from: goodness, images, weights, spikes, as plain numbers.

use crate::plot;

/// The numbers for all figures of one run.
pub struct Pictures {
    /// The loss of each layer, epoch by epoch.
    pub loss: plot::Lines,
    /// The error, epoch by epoch.
    pub error: plot::Lines,
    /// Some test images with the true label and with a wrong one.
    pub samples: plot::Samples,
    /// What each layer made of the test images before it learned.
    pub before: Vec<Layer>,
    /// What it made of them afterwards.
    pub after: Vec<Layer>,
    /// The goodness of every label for one test image of each class.
    pub labels: plot::Labels,
    /// The weights of the first layer.
    pub weights: plot::Weights,
    /// One image, looked at closely.
    pub closely: Closely,
    /// Which label was taken for which.
    pub confusion: plot::Confusion,
    /// Test images that got a wrong label.
    pub mistakes: plot::Mistakes,
}

/// How one layer tells true labels from wrong ones.
pub struct Layer {
    /// The goodness of all test images with the true label and with a wrong one.
    pub goodness: plot::LayerGoodness,
    /// In how many percent of the images the true label has the larger goodness. A tie counts half.
    pub parted: f64,
}

/// One test image with two labels, step by step.
pub struct Closely {
    /// The image's number.
    pub image: usize,
    /// Its true label, and the wrong one whose goodness came closest.
    pub labels: [usize; 2],
    /// A unit spikes where its membrane is above this.
    pub threshold: f32,
    /// What the layers do with the true label, and with the wrong one. `None` if the units are rectifiers.
    pub traces: Option<[Vec<Trace>; 2]>,
}

/// What the units of one layer do, step by step.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// For each unit, whether it spikes at each step.
    pub spikes: Vec<Vec<bool>>,
    /// For each unit, its membrane potential after each step.
    pub membranes: Vec<Vec<f32>>,
}

impl Trace {
    /// Number of spikes of one unit.
    pub fn count(&self, unit: usize) -> usize {
        self.spikes[unit].iter().filter(|spike| **spike).count()
    }
}
