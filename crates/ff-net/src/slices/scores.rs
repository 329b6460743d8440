//! The scores of all labels in the first layer, where its units are shared out. Hard negatives are drawn by them.

use std::sync::Arc;

use ff_tensor::{Device, LabelGoodness, Packing, Readout, Result, SumRows, Tensor, Units};

use super::{Exchange, Slices};
use crate::Layer;
use crate::formulas::Squares;
use crate::input::Overlay;

/// The scores of all labels in the first layer, whose units are shared out.
pub(crate) struct SliceScores<D: Device> {
    slices: Arc<Slices<D>>,
    way: Way<D>,
}

/// How the scores come together.
enum Way<D: Device> {
    /// The sums over slices are exact, so that their order does not count. Each rank has a row of them, `[ranks, B classes]`.
    Sums { all: Tensor<D>, exchange: Exchange<D>, factor: f32 },
    /// Every rank needs all units.
    Whole { shares: Tensor<D>, exchange: Exchange<D>, bias: Option<(Tensor<D>, Exchange<D>)> },
}

impl<D: Device> SliceScores<D> {
    /// Prepares the scores of a first layer of `all` units: a batch of `batch` images has `rows` rows of shares and `classes`
    /// labels for each.
    pub fn new(
        dev: &D,
        layer: &Layer<D>,
        slices: Arc<Slices<D>>,
        [rows, batch, classes]: [usize; 3],
        all: usize,
    ) -> Result<Self> {
        let way = if adds_exactly(&*layer.units, all) && layer.goodness.is_squares() {
            Way::Sums {
                all: dev.zeros(slices.peers.size(), batch * classes)?,
                exchange: slices.exchange_rows(dev, [batch, classes])?,
                factor: layer.goodness.factor(all),
            }
        } else {
            let bias = |_| Ok((dev.zeros(1, all)?, slices.exchange(dev, 1, all, Packing::Number)?));
            Way::Whole {
                shares: dev.zeros(rows, all)?,
                exchange: slices.exchange(dev, rows, all, Packing::Number)?,
                bias: layer.bias.as_ref().map(bias).transpose()?,
            }
        };
        let (Way::Sums { exchange, .. } | Way::Whole { exchange, .. }) = &way;
        slices.reserve(exchange.bytes())?;
        Ok(Self { slices, way })
    }

    /// Computes the goodness for every label, as [`Layer::label_scores`] does.
    pub fn label_scores(
        &mut self,
        dev: &D,
        layer: &Layer<D>,
        scores: &mut Tensor<D>,
        images: &Overlay<D>,
    ) -> Result<()> {
        let (own_bias, units, goodness) = (layer.bias.as_ref(), &*layer.units, &*layer.goodness);
        let Overlay { shares: own_shares, scale, amplitude, .. } = *images;
        match &mut self.way {
            Way::Sums { all, exchange, factor } => {
                let (shares, bias, goodness) = (own_shares, own_bias, &Squares::Sum);
                LabelGoodness { scores, shares, scale, bias, amplitude, units, goodness }.on(dev)?;
                self.slices.gather(dev, exchange, all, scores)?;
                SumRows { sum: scores, rows: all, factor: *factor }.on(dev)
            }
            Way::Whole { shares, exchange, bias } => {
                self.slices.gather(dev, exchange, shares, own_shares)?;
                if let (Some((bias, exchange)), Some(own)) = (&mut *bias, own_bias) {
                    self.slices.gather(dev, exchange, bias, own)?;
                }
                let bias = bias.as_ref().map(|(bias, _)| bias);
                LabelGoodness { scores, shares, scale, bias, amplitude, units, goodness }.on(dev)
            }
        }
    }
}

/// Says whether the squares of the signals of `all` units add up exactly. They do if they are counts of spikes over a power of
/// two: then a sum is a whole number over its square, and f32 has 24 bits for it.
fn adds_exactly(units: &dyn Units, all: usize) -> bool {
    let steps = units.steps();
    let whole = units.spikes() && units.readout() == Readout::Rate && steps.is_power_of_two();
    whole
        && steps
            .checked_mul(steps)
            .and_then(|squares| squares.checked_mul(all))
            .is_some_and(|most| most <= 1 << 24)
}
