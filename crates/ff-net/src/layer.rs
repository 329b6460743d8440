//! One layer: the order in which the algorithm's steps happen, forwards and then backwards as far as the layer
//! reaches. Each step is one op of the device, defined with its equation in the file of `ff-cpu` that has its
//! name.
//!
//! No gradient leaves a layer.
//!
//! The copies of a batch differ by their label only. As long as what they went through is linear, they are kept in
//! *shares* (see [`ff_tensor::device`]): images come in like that, and a layer of linear units, such as the
//! tutorial's, passes them on like that.

use ff_tensor::{
    Adam, Clock, CurrentGrad, Device, Dropout, Goodness, LabelRow, LocalLoss, Neuron, Norm, Objective,
    Output, Result, Tensor,
};

/// A layer's weights and what it does with its input.
pub struct Layer<D: Device> {
    /// `[in, out]`: a label picks a row. (`torch.nn.Linear` keeps the transpose.)
    pub weight: Tensor<D>,
    /// `[1, out]`
    pub bias: Option<Tensor<D>>,
    /// The units.
    pub neuron: Neuron,
    /// How the layer below is normalised; images come normalised from `gather`.
    pub norm: Norm,
    /// How the units' signals become one number.
    pub goodness: Goodness,
}

/// A batch of images as layer 1 sees them, from `gather`.
pub struct Images<D: Device> {
    /// `[B + classes + 1, in]`: the images with the label's slots empty, then a row for each label and the neutral one.
    pub xhat: Tensor<D>,
    /// `[B, 1]`
    pub scale: Tensor<D>,
    /// `[B, 1]`, the true ones.
    pub labels: Tensor<D, u32>,
}

impl<D: Device> Images<D> {
    /// Buffers for `batch` images of `pixels` pixels in `classes` classes.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn new(dev: &D, batch: usize, pixels: usize, classes: usize) -> Result<Self> {
        Ok(Self {
            xhat: dev.zeros(batch + classes + 1, pixels)?,
            scale: dev.zeros(batch, 1)?,
            labels: dev.zeros(batch, 1)?,
        })
    }
}

/// What a layer computes on the way forward: K copies of a batch of B, so R = K B rows.
pub struct Activity<D: Device> {
    /// The current in shares, `[B + classes + 1, out]`, where the input comes in shares. Empty elsewhere.
    pub shares: Tensor<D>,
    /// What each row is multiplied by, `[R, 1]`; only where another layer's output comes in shares.
    pub factor: Option<Tensor<D>>,
    /// The normalised input, `[R, in]` or `[R T, in]`, where it does not come in shares. Empty elsewhere.
    pub xhat: Tensor<D>,
    /// `[R, out]`, or `[R T, out]` where spikes come in. Empty, as `signal`, where linear units leave it in shares.
    pub current: Tensor<D>,
    /// `[R, out]`
    pub signal: Tensor<D>,
    /// `[R T, out]`; only where the next layer wants them.
    pub spikes: Option<Tensor<D>>,
    /// `[R, 1]`
    pub goodness: Tensor<D>,
}

/// What a layer needs to learn: gradients and Adam's moments.
pub struct Learning<D: Device> {
    dgoodness: Tensor<D>,
    dcurrent: Tensor<D>,
    dshares: Tensor<D>,
    dweight: Tensor<D>,
    pub(crate) weight_mean: Tensor<D>,
    pub(crate) weight_square: Tensor<D>,
    pub(crate) bias: Option<[Tensor<D>; 3]>,
}

/// The copies of a batch: which label each row carries.
pub struct Labels<'a, D: Device> {
    /// `[R, 1]`
    pub labels: &'a Tensor<D, u32>,
    /// `[B, 1]`, from `gather`.
    pub scale: &'a Tensor<D>,
    /// How strongly.
    pub row: LabelRow,
}

impl<D: Device> Layer<D> {
    /// Whether what the layer passes on is its input times its weights, and nothing else.
    pub fn is_linear(&self) -> bool {
        self.neuron.is_linear() && self.bias.is_none()
    }

    /// Layer 1, the product: all copies of an image share it, so it is taken once.
    ///
    /// # Errors
    /// Shapes that do not match, or a failing device; so for all methods here.
    pub fn image_current(&self, dev: &D, activity: &mut Activity<D>, images: &Images<D>) -> Result<()> {
        dev.matmul(&mut activity.shares, &images.xhat, false, &self.weight, false)
    }

    /// Layer 1's goodness for every label, `[B, classes]`, after `image_current`.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn label_scores(
        &self,
        dev: &D,
        scores: &mut Tensor<D>,
        activity: &Activity<D>,
        images: &Images<D>,
        row: &LabelRow,
    ) -> Result<()> {
        let (shares, bias) = (&activity.shares, self.bias.as_ref());
        dev.label_goodness(scores, shares, &images.scale, bias, row, &self.neuron, self.goodness)
    }

    /// Layer 1, the rest: a label for each row, then the units and their goodness, after `image_current`.
    ///
    /// # Errors
    /// As above.
    pub fn answer_images(&self, dev: &D, activity: &mut Activity<D>, labels: &Labels<D>) -> Result<()> {
        self.receive_shares(dev, activity, labels)?;
        self.respond(dev, activity, labels)
    }

    /// The layers above: normalise what came from below, weigh it, then the units and their goodness.
    ///
    /// # Errors
    /// As above.
    pub fn answer(
        &self,
        dev: &D,
        activity: &mut Activity<D>,
        below: &Activity<D>,
        labels: &Labels<D>,
    ) -> Result<()> {
        self.receive(dev, activity, below, labels)?;
        self.respond(dev, activity, labels)
    }

    /// Layer 1 answers to positives and negatives, after `image_current`, and learns from them. What it passes on is its
    /// answer of before.
    ///
    /// # Errors
    /// As above.
    pub fn learn_images(
        &mut self,
        dev: &D,
        learning: &mut Learning<D>,
        losses: &mut Tensor<D>,
        activity: &mut Activity<D>,
        images: &Images<D>,
        labels: &Labels<D>,
        rule: &Rule<D>,
    ) -> Result<()> {
        let (l, a) = (learning, activity);
        self.receive_shares(dev, a, labels)?;
        self.local_grad(dev, l, losses, a, labels, rule)?;
        self.share_grad(dev, l, a, labels)?;
        dev.matmul(&mut l.dweight, &images.xhat, true, &l.dshares, false)?;
        self.update(dev, l, rule)
    }

    /// A layer above the first answers to positives and negatives and learns from them.
    ///
    /// # Errors
    /// As above.
    pub fn learn(
        &mut self,
        dev: &D,
        learning: &mut Learning<D>,
        losses: &mut Tensor<D>,
        activity: &mut Activity<D>,
        below: &Activity<D>,
        labels: &Labels<D>,
        rule: &Rule<D>,
    ) -> Result<()> {
        let (l, a) = (learning, activity);
        self.receive(dev, a, below, labels)?;
        self.local_grad(dev, l, losses, a, labels, rule)?;
        if a.factor.is_some() {
            self.share_grad(dev, l, a, labels)?;
            dev.matmul(&mut l.dweight, &below.shares, true, &l.dshares, false)?;
        } else {
            dev.matmul(&mut l.dweight, &a.xhat, true, &l.dcurrent, false)?;
        }
        self.update(dev, l, rule)
    }

    /// From the layer below to the current.
    fn receive(&self, dev: &D, a: &mut Activity<D>, below: &Activity<D>, labels: &Labels<D>) -> Result<()> {
        if let Some(factor) = &mut a.factor {
            let units = below.shares.cols();
            let of_below = below.factor.as_ref();
            dev.row_factor(factor, &below.goodness, of_below, units, &self.norm, self.goodness)?;
            dev.matmul(&mut a.shares, &below.shares, false, &self.weight, false)?;
            return self.receive_shares(dev, a, labels);
        }
        match &below.spikes {
            Some(spikes) => dev.normalise(&mut a.xhat, spikes, self.neuron.steps, &self.norm)?,
            None => dev.normalise(&mut a.xhat, &below.signal, 1, &self.norm)?,
        }
        dev.matmul(&mut a.current, &a.xhat, false, &self.weight, false)
    }

    /// From the current in shares to that of each row, unless it stays in shares.
    fn receive_shares(&self, dev: &D, a: &mut Activity<D>, labels: &Labels<D>) -> Result<()> {
        if a.stays_in_shares() {
            return Ok(());
        }
        let Labels { labels, scale, row } = labels;
        dev.label_current(&mut a.current, &a.shares, scale, labels, a.factor.as_ref(), row)
    }

    /// From the current to the goodness.
    fn respond(&self, dev: &D, a: &mut Activity<D>, labels: &Labels<D>) -> Result<()> {
        if a.stays_in_shares() {
            return self.share_goodness(dev, a, labels);
        }
        let bias = self.bias.as_ref();
        dev.lif(&mut a.signal, a.spikes.as_mut(), &a.current, bias, &self.neuron)?;
        dev.goodness(&mut a.goodness, &a.signal, self.goodness)
    }

    /// The same, and from there to the loss and back to the current.
    fn local_grad(
        &self,
        dev: &D,
        l: &mut Learning<D>,
        losses: &mut Tensor<D>,
        a: &mut Activity<D>,
        labels: &Labels<D>,
        rule: &Rule<D>,
    ) -> Result<()> {
        if a.stays_in_shares() {
            self.share_goodness(dev, a, labels)?;
            return dev.objective(losses, &mut l.dgoodness, &a.goodness, rule.clock, &rule.objective);
        }
        let Rule { clock, dropout, objective, .. } = *rule;
        let p = LocalLoss { neuron: self.neuron, dropout, goodness: self.goodness, objective };
        let (signal, spikes, goodness) = (&mut a.signal, a.spikes.as_mut(), &mut a.goodness);
        let (dcurrent, bias) = (&mut l.dcurrent, self.bias.as_ref());
        dev.local_grad(dcurrent, losses, signal, spikes, goodness, &a.current, bias, clock, &p)
    }

    fn share_goodness(&self, dev: &D, a: &mut Activity<D>, labels: &Labels<D>) -> Result<()> {
        let Labels { labels, scale, row } = labels;
        let (goodness, factor) = (&mut a.goodness, a.factor.as_ref());
        dev.share_goodness(goodness, &a.shares, scale, labels, factor, row, self.goodness)
    }

    fn share_grad(&self, dev: &D, l: &mut Learning<D>, a: &Activity<D>, labels: &Labels<D>) -> Result<()> {
        let dcurrent = match a.stays_in_shares() {
            true => {
                CurrentGrad::Linear { shares: &a.shares, dgoodness: &l.dgoodness, goodness: self.goodness }
            }
            false => CurrentGrad::Stored(&l.dcurrent),
        };
        let Labels { labels, scale, row } = labels;
        dev.share_grad(&mut l.dshares, dcurrent, labels, scale, a.factor.as_ref(), row)
    }

    /// From the gradients to the weights.
    fn update(&mut self, dev: &D, l: &mut Learning<D>, rule: &Rule<D>) -> Result<()> {
        let (mean, square) = (&mut l.weight_mean, &mut l.weight_square);
        dev.adam(&mut self.weight, mean, square, &l.dweight, rule.clock, &rule.adam)?;
        if let (Some(bias), Some([dbias, mean, square])) = (&mut self.bias, &mut l.bias) {
            dev.sum_rows(dbias, &l.dcurrent)?;
            dev.adam(bias, mean, square, dbias, rule.clock, &rule.adam)?;
        }
        Ok(())
    }
}

/// How a layer learns at this step.
pub struct Rule<'a, D: Device> {
    /// Which step.
    pub clock: &'a Clock<D>,
    /// Which units are silent.
    pub dropout: Dropout,
    /// What is minimised.
    pub objective: Objective,
    /// By which optimiser.
    pub adam: Adam,
}

/// What comes into a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Images, in shares.
    Images,
    /// Another layer's output, in shares: everything below is linear.
    Shares,
    /// Another layer's output, a row for each copy.
    Rows,
}

/// The sizes of a layer's buffers.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// B, images in a batch.
    pub batch: usize,
    /// K, labels per image.
    pub copies: usize,
    /// Labels that there are.
    pub classes: usize,
    /// What comes in.
    pub input: Input,
    /// Whether spikes come in, step by step.
    pub spikes_in: bool,
    /// Whether the next layer wants spikes, step by step.
    pub spikes_out: bool,
    /// Whether each copy's signals are wanted, even where they could stay in shares.
    pub rows: bool,
}

impl<D: Device> Activity<D> {
    /// Buffers for `layer`.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn new(dev: &D, layer: &Layer<D>, sizes: Sizes) -> Result<Self> {
        let [inputs, units] = layer.weight.shape();
        let rows = sizes.batch * sizes.copies;
        let current_rows = if sizes.spikes_in { rows * layer.neuron.steps } else { rows };
        let stays = layer.is_linear() && !sizes.rows && !sizes.spikes_out && sizes.input != Input::Rows;
        let empty_unless =
            |wanted: bool, rows, cols| if wanted { dev.zeros(rows, cols) } else { dev.zeros(0, cols) };
        Ok(Self {
            shares: empty_unless(sizes.input != Input::Rows, sizes.batch + sizes.classes + 1, units)?,
            factor: (sizes.input == Input::Shares).then(|| dev.zeros(rows, 1)).transpose()?,
            xhat: empty_unless(sizes.input == Input::Rows, current_rows, inputs)?,
            current: empty_unless(!stays, current_rows, units)?,
            signal: empty_unless(!stays, rows, units)?,
            spikes: sizes.spikes_out.then(|| dev.zeros(rows * layer.neuron.steps, units)).transpose()?,
            goodness: dev.zeros(rows, 1)?,
        })
    }

    /// Whether neither current nor signal is ever written out.
    fn stays_in_shares(&self) -> bool {
        self.current.rows() == 0
    }

    /// Spikes per row of the last forward pass, `[R]`: `None` where the signal is not a rate.
    ///
    /// # Errors
    /// If the device fails.
    pub(crate) fn spikes_per_row(&self, dev: &D, neuron: &Neuron) -> Result<Option<Vec<f32>>> {
        if neuron.kind != ff_tensor::NeuronKind::Lif || neuron.output != Output::Rate {
            return Ok(None);
        }
        let [rows, units] = self.signal.shape();
        let mut sums = dev.zeros(rows, 1)?;
        let ones = dev.upload(units, 1, &vec![1.0; units])?;
        dev.matmul(&mut sums, &self.signal, false, &ones, false)?;
        Ok(Some(dev.download(&sums)?.into_iter().map(|rate| rate * neuron.steps as f32).collect()))
    }
}

impl<D: Device> Learning<D> {
    /// Buffers for `layer`, whose `activity` it learns from.
    ///
    /// # Errors
    /// If the device has no room.
    pub fn new(dev: &D, layer: &Layer<D>, activity: &Activity<D>) -> Result<Self> {
        let [inputs, units] = layer.weight.shape();
        let moments = || dev.zeros(1, units);
        Ok(Self {
            dgoodness: dev.zeros(activity.goodness.rows(), 1)?,
            dcurrent: dev.zeros(activity.current.rows(), units)?,
            dshares: dev.zeros(activity.shares.rows(), units)?,
            dweight: dev.zeros(inputs, units)?,
            weight_mean: dev.zeros(inputs, units)?,
            weight_square: dev.zeros(inputs, units)?,
            bias: match layer.bias {
                Some(_) => Some([moments()?, moments()?, moments()?]),
                None => None,
            },
        })
    }

    /// The last weight gradient, `[in, out]`: what tests compare with finite differences.
    pub fn dweight(&self) -> &Tensor<D> {
        &self.dweight
    }

    /// The last bias gradient, `[1, out]`.
    pub fn dbias(&self) -> Option<&Tensor<D>> {
        self.bias.as_ref().map(|[dbias, ..]| dbias)
    }
}
