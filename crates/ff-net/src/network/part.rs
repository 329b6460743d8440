//! This module begins a network with random weights: the whole, or the part of one rank.
//!
//! The numbers are drawn in the same order on every rank, row by row. A rank keeps those of its own units. So its weights are
//! those of the whole, and it never has more than its part and one row.

use std::ops::Range;
use std::sync::Arc;

use ff_tensor::Device;
use ndarray_rand::rand::Rng;
use ndarray_rand::rand_distr::Uniform;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::uniform;
use crate::ranks::Ranks;
use crate::slices::Slices;
use crate::stages::Stage;
use crate::transport::{OverHost, Transport};
use crate::{Config, Network, Peers, Result, upload};

impl<D: Device> Network<D> {
    /// Makes the part of this rank of a network with random weights, whose units are shared out among `peers`. Every rank has
    /// some units of every layer. All ranks call this with the same settings. Then they train, predict and save at the same
    /// time. The weights become those of a training on one rank, bit for bit.
    ///
    /// # Errors
    /// As [`new`](Self::new). It also fails if there are too few units for the ranks, or if the layers are computed together
    /// because their units are linear.
    pub fn over_units(
        dev: &D,
        config: Config,
        pixels: usize,
        classes: usize,
        peers: Arc<dyn Peers>,
    ) -> Result<Self> {
        let transport = Arc::new(OverHost::new(peers.clone()));
        Self::over_units_by(dev, config, pixels, classes, peers, transport)
    }

    /// Does the same, but signals go another way than through the host's memory.
    ///
    /// # Errors
    /// As [`over_units`](Self::over_units).
    pub fn over_units_by(
        dev: &D,
        config: Config,
        pixels: usize,
        classes: usize,
        peers: Arc<dyn Peers>,
        transport: Arc<dyn Transport<D>>,
    ) -> Result<Self> {
        let slices = Slices::new(&config, peers, transport)?;
        Self::drawn(dev, config, pixels, classes, Some(Ranks::Units(Arc::new(slices))))
    }

    /// Makes the part of this rank of a network with random weights, whose layers are shared out among `peers`: `sizes` has
    /// the number of layers of each rank, from the images upwards. All else is as in [`over_units`](Self::over_units).
    ///
    /// # Errors
    /// As [`new`](Self::new). It also fails if the layers cannot be cut like this, if the negatives come from the head of the
    /// last layer, or if the layers are computed together because their units are linear.
    pub fn over_layers(
        dev: &D,
        config: Config,
        pixels: usize,
        classes: usize,
        peers: Arc<dyn Peers>,
        sizes: &[usize],
    ) -> Result<Self> {
        let transport = Arc::new(OverHost::new(peers.clone()));
        Self::over_layers_by(dev, config, pixels, classes, peers, transport, sizes)
    }

    /// Does the same, but signals go another way than through the host's memory.
    ///
    /// # Errors
    /// As [`over_layers`](Self::over_layers).
    pub fn over_layers_by(
        dev: &D,
        config: Config,
        pixels: usize,
        classes: usize,
        peers: Arc<dyn Peers>,
        transport: Arc<dyn Transport<D>>,
        sizes: &[usize],
    ) -> Result<Self> {
        let stage = Arc::new(Stage::new(&config, peers, sizes)?);
        Self::drawn(dev, config, pixels, classes, Some(Ranks::Layers(stage, transport)))
    }

    /// Draws the weights of the whole, and keeps those of this rank.
    pub(super) fn drawn(
        dev: &D,
        config: Config,
        pixels: usize,
        classes: usize,
        ranks: Option<Ranks<D>>,
    ) -> Result<Self> {
        config.validate(pixels, classes)?;
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        let mut network = Self::empty(dev, config, pixels, classes, ranks);
        let mut inputs = pixels;
        for (i, units) in network.config.layers.clone().into_iter().enumerate() {
            let (own, uniform) = (network.own(i), uniform(inputs, network.config.weight_scale)?);
            let mut draw = |rows| columns(dev, &mut rng, uniform, [rows, units], &own);
            let (weight, bias) = (draw(inputs)?, network.config.bias.then(|| draw(1)).transpose()?);
            let head = network.config.head.then(|| vec![0.0; network.head_rows(i) * classes]);
            let rows = if own.is_empty() { 0 } else { inputs };
            network.push([rows, own.len()], &weight, bias.as_deref(), head.as_deref())?;
            inputs = units;
        }
        Ok(network)
    }
}

/// Draws a matrix row by row, and keeps the columns `own`.
fn columns<D: Device>(
    dev: &D,
    rng: &mut ChaCha8Rng,
    uniform: Uniform<f32>,
    [rows, cols]: [usize; 2],
    own: &Range<usize>,
) -> Result<Vec<f32>> {
    let mut kept = upload::room(dev, rows, own.len())?;
    for _ in 0..rows {
        for col in 0..cols {
            let number = rng.sample(uniform);
            if own.contains(&col) {
                kept.push(number);
            }
        }
    }
    Ok(kept)
}
