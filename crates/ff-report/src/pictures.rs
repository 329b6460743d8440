//! This module holds the plain numbers from which the plots of one run are drawn: goodness, images, weights and spikes.

use crate::plot;

/// The numbers for all figures of one run.
pub struct Pictures {
    /// The loss of each layer, epoch by epoch.
    pub loss: plot::Lines,
    /// The error, epoch by epoch.
    pub error: plot::Lines,
    /// Some test images with the true label and with a wrong one.
    pub samples: plot::Samples,
    /// The goodness of each layer before it learned.
    pub before: Vec<Layer>,
    /// The goodness of each layer after it learned.
    pub after: Vec<Layer>,
    /// The goodness of every label for one test image of each class.
    pub labels: plot::Labels,
    /// The weights of the first layer.
    pub weights: plot::Weights,
    /// One image, step by step.
    pub closely: Closely,
    /// The number of images for each true and each predicted label.
    pub confusion: plot::Confusion,
    /// Test images that got a wrong label.
    pub mistakes: plot::Mistakes,
}

/// The goodness of one layer, which tells true labels from wrong ones.
pub struct Layer {
    /// The goodness of all test images with the true label and with a wrong one.
    pub goodness: plot::LayerGoodness,
    /// The percentage of images for which the true label has the larger goodness. A tie counts half.
    pub parted: f64,
}

/// One test image with two labels, step by step.
pub struct Closely {
    /// The image's number.
    pub image: usize,
    /// Its true label, and the wrong one whose goodness came closest.
    pub labels: [usize; 2],
    /// A unit spikes where its membrane is above this. It is `None` if units have no such number in common.
    pub threshold: Option<f32>,
    /// The trace of each layer with the true label, and with the wrong one. It is `None` if the units are rectifiers.
    pub traces: Option<[Vec<Trace>; 2]>,
}

/// The spikes and membranes of one layer, step by step.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// Says whether each unit spikes at each step, `[unit][step]`.
    pub spikes: Vec<Vec<bool>>,
    /// The membrane potential of each unit after each step, `[unit][step]`.
    pub membranes: Vec<Vec<f32>>,
}

impl Trace {
    /// Returns the number of spikes of one unit.
    pub fn count(&self, unit: usize) -> usize {
        self.spikes[unit].iter().filter(|spike| **spike).count()
    }
}
