//! The scores of all labels in the first layer, where its units are shared out. Hard negatives are drawn by them.

use std::sync::Arc;

use ff_tensor::{Device, LabelGoodness, Readout, Result, Tensor, Units};

use super::Slices;
use crate::Layer;
use crate::code::Code;
use crate::formulas::Squares;
use crate::input::Overlay;

/// The scores of all labels in the first layer, whose units are shared out.
pub(crate) struct SliceScores<D: Device> {
    slices: Arc<Slices>,
    /// Whether the sums over slices are exact, so that their order does not count. It is `None` if they are.
    whole: Option<Whole<D>>,
    factor: f32,
}

/// What all units of the first layer need, where sums over slices are not exact.
struct Whole<D: Device> {
    shares: Tensor<D>,
    bias: Option<Tensor<D>>,
}

impl<D: Device> SliceScores<D> {
    /// Prepares the scores of a first layer of `all` units, for `rows` rows of shares.
    pub fn new(dev: &D, layer: &Layer<D>, slices: Arc<Slices>, rows: usize, all: usize) -> Result<Self> {
        let whole = match adds_exactly(&*layer.units, all) && layer.goodness.is_squares() {
            true => None,
            false => Some(Whole {
                shares: dev.zeros(rows, all)?,
                bias: layer.bias.as_ref().map(|_| dev.zeros(1, all)).transpose()?,
            }),
        };
        Ok(Self { slices, whole, factor: layer.goodness.factor(all) })
    }

    /// Computes the goodness for every label, as [`Layer::label_scores`] does.
    pub fn label_scores(
        &mut self,
        dev: &D,
        layer: &Layer<D>,
        scores: &mut Tensor<D>,
        images: &Overlay<D>,
    ) -> Result<()> {
        let (bias, units, goodness) = (layer.bias.as_ref(), &*layer.units, &*layer.goodness);
        let Overlay { shares, scale, amplitude, .. } = *images;
        let Some(whole) = &mut self.whole else {
            LabelGoodness { scores, shares, scale, bias, amplitude, units, goodness: &Squares::Sum }
                .on(dev)?;
            return self.slices.add_up(dev, scores, self.factor);
        };
        self.slices.gather(dev, &mut whole.shares, shares, Code::Number)?;
        if let (Some(whole), Some(bias)) = (&mut whole.bias, bias) {
            self.slices.gather(dev, whole, bias, Code::Number)?;
        }
        let (shares, bias) = (&whole.shares, whole.bias.as_ref());
        LabelGoodness { scores, shares, scale, bias, amplitude, units, goodness }.on(dev)
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
