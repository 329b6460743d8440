//! This module predicts labels in one of two ways. Either every label is tried on every image, and the one with the
//! largest goodness wins. Or the heads tell the label from a single pass with the neutral label.
//!
//! The image's product in layer 1 is computed once for all labels.
//!
//! If the network is shared out among ranks, all ranks scan the same images at the same time. Rank 0 gets all scores. If each
//! rank has layers of its own, the others get those of their layers.

use ff_tensor::device::one_by_one;
use ff_tensor::{
    Advance, Clock, Device, Dropout, Gather, MatMul, Normalise, Readout, Tensor, Units, expect_shape,
};
use ndarray::{Array1, Array2};

use crate::control::{Control, Progress, to_the_end};
use crate::head::HeadActivity;
use crate::input::{Images, Input};
use crate::layer::Activity;
use crate::pass::{Pass, Purpose, Shape};
use crate::ranks::{Ranks, to_bytes, to_floats};
use crate::{Error, Layer, Link, Network, Result, upload};

/// Buffers for scans of a network on batches of images.
pub struct Predictor<D: Device> {
    images: Images<D>,
    /// The labels to try, `[R, 1]`. They are all labels for each image, or the neutral one for the heads.
    candidates: Tensor<D, u32>,
    pass: Box<dyn Pass<D>>,
    heads: Option<Vec<HeadActivity<D>>>,
    clock: Clock<D>,
    /// A description of the network that the buffers are made for, part by part.
    made_for: Vec<String>,
}

/// Says how well every label fits each of `n` images. The score is the label's goodness, or what the heads give to it.
#[derive(Debug, Clone)]
pub struct Scores {
    /// The scores of each layer, `[n, classes]`, row-major.
    pub layers: Vec<Vec<f32>>,
    /// The number of labels.
    pub classes: usize,
    /// The spikes of each layer for one prediction, as a mean over images. It is `None` if the layers do not pass
    /// spikes to each other, or if there was no image.
    pub layer_spikes: Option<Vec<f64>>,
}

impl<D: Device> Predictor<D> {
    /// Makes buffers to try all labels with `network`.
    ///
    /// # Errors
    /// Fails if the device has no room.
    pub fn new(network: &Network<D>) -> Result<Self> {
        Self::of(network, 0..network.classes, Purpose::Goodness)
    }

    /// Makes buffers for one pass with the neutral label, if `network` has heads.
    ///
    /// # Errors
    /// Fails if the device has no room.
    pub fn one_pass(network: &Network<D>) -> Result<Option<Self>> {
        if network.heads.is_empty() {
            return Ok(None);
        }
        let mut one = Self::of(network, network.classes..network.classes + 1, Purpose::Signals)?;
        let batch = one.images.labels.rows();
        let heads = network.heads.iter().map(|head| HeadActivity::new(&network.dev, head, batch));
        one.heads = Some(heads.collect::<ff_tensor::Result<_>>()?);
        Ok(Some(one))
    }

    fn of(network: &Network<D>, labels: std::ops::Range<usize>, purpose: Purpose) -> Result<Self> {
        let (dev, copies) = (&network.dev, labels.len());
        network.check(network.pixels)?;
        let batch = (dev.scan_rows() / network.classes.max(1)).max(1);
        let units = network.layers[0].shape()[1];
        let images = Images::new(dev, batch, network.pixels, network.classes, units)?;
        let shape = Shape { rows: batch * copies, train: false, shares: images.xhat.rows() };
        let candidates: Vec<u32> = labels.flat_map(|l| std::iter::repeat_n(l as u32, batch)).collect();
        Ok(Self {
            candidates: dev.upload(batch * copies, 1, &candidates)?,
            pass: network.pass(shape, purpose)?,
            images,
            heads: None,
            clock: dev.zeros(1, 2)?,
            made_for: likeness(network),
        })
    }

    /// Returns every label's score for `images` `[n, pixels]`.
    ///
    /// # Errors
    /// Fails for images of another size, or a failing device.
    pub fn scan(&mut self, network: &Network<D>, images: &Array2<u8>) -> Result<Scores> {
        self.scan_with(network, images, &mut to_the_end)
    }

    /// Returns every label's score for `images` `[n, pixels]`. `control` is told how many images are done.
    ///
    /// # Errors
    /// Fails for images of another size, a scan that `control` stopped, or a failing device.
    pub fn scan_with(
        &mut self,
        network: &Network<D>,
        images: &Array2<u8>,
        control: Control,
    ) -> Result<Scores> {
        let (dev, likeness) = (&network.dev, likeness(network));
        // Where one has more parts than the other, the shapes of the layers differ before them.
        if let Some((made_for, here)) = self.made_for.iter().zip(&likeness).find(|(own, here)| own != here) {
            let reason = format!("do not fit the predictor: it was made for {made_for}, not for {here}");
            return Err(Error::Config { key: "layers", reason });
        }
        let (n, pixels) = images.dim();
        expect_shape("scan", "images", [n, pixels], [n, network.pixels])?;
        let batch = self.images.labels.rows();
        let set = upload::images(dev, images.view())?;
        let targets = dev.zeros(n, 1)?;
        // The last batch is filled up with the last image.
        let order: Vec<u32> = (0..n.next_multiple_of(batch)).map(|i| i.min(n - 1) as u32).collect();
        let order = dev.upload(order.len(), 1, &order)?;
        dev.write(&mut self.clock, &[0, 0])?;
        let mut scores = Scores {
            layers: vec![vec![0.0; n * network.classes]; network.layers.len()],
            classes: network.classes,
            layer_spikes: None,
        };
        let mut spikes = vec![Some(0.0); network.layers.len()];
        let (mut first, mut seen, mut stopped) = (0, 0, false);
        let mut step = || {
            let here = batch.min(n - first);
            if network.has(0) {
                fetch(network, &mut self.images, &set, &targets, &order, &self.clock)?;
            }
            Advance { clock: &mut self.clock }.on(dev)?;
            network.forward(&mut *self.pass, &mut self.images, &self.candidates)?;
            self.keep_head_scores(network, &mut scores, first, here)?;
            if self.heads.is_none() {
                self.keep_goodness(dev, &mut scores, first, here)?;
            }
            self.count_spikes(network, here, &mut spikes)?;
            first += here;
            Ok(())
        };
        let mut after = || {
            seen = n.min(seen + batch);
            let flow = control(Progress { done: seen, all: n });
            stopped = flow.is_break();
            flow
        };
        let batches = n.div_ceil(batch);
        let done = match &network.ranks {
            None => one_by_one(batches, &mut step, &mut after)?,
            Some(ranks) => {
                let transport = ranks.transport();
                let mut step = || step().and_then(|()| transport.finish(dev));
                ranks.repeat(None, batches, &mut step, &mut after).inspect_err(|_| transport.give_up())?
            }
        };
        if stopped || done < batches {
            return Err(Error::Stopped);
        }
        if let Some(ranks) = &network.ranks {
            collect(ranks, &mut scores, &mut spikes)?;
        }
        let spikes: Option<Vec<f64>> = spikes.into_iter().collect();
        scores.layer_spikes =
            spikes.filter(|_| n > 0).map(|sums| sums.iter().map(|sum| sum / n as f64).collect());
        Ok(scores)
    }

    fn keep_head_scores(
        &mut self,
        network: &Network<D>,
        scores: &mut Scores,
        first: usize,
        here: usize,
    ) -> ff_tensor::Result<()> {
        let heads = network.heads.iter().zip(self.heads.iter_mut().flatten());
        for (i, (head, own)) in heads.enumerate() {
            let Some(activity) = self.pass.activity(i) else { continue };
            head.answer(&network.dev, own, &activity.signal, network.config.norm())?;
            let own = network.dev.download(&own.scores)?;
            let numbers = here * scores.classes;
            scores.layers[i][first * scores.classes..][..numbers].copy_from_slice(&own[..numbers]);
        }
        Ok(())
    }

    fn keep_goodness(
        &self,
        dev: &D,
        scores: &mut Scores,
        first: usize,
        here: usize,
    ) -> ff_tensor::Result<()> {
        let (batch, classes) = (self.images.labels.rows(), scores.classes);
        for (i, scores) in scores.layers.iter_mut().enumerate() {
            let goodness = dev.download(self.pass.goodness(i))?;
            for b in 0..here {
                for c in 0..classes {
                    scores[(first + b) * classes + c] = goodness[c * batch + b];
                }
            }
        }
        Ok(())
    }

    /// Adds each layer's spikes for the first `here` images of this batch, with all labels that are tried. A layer that this
    /// rank does not have keeps its sum.
    fn count_spikes(
        &self,
        network: &Network<D>,
        here: usize,
        sums: &mut [Option<f64>],
    ) -> ff_tensor::Result<()> {
        let batch = self.images.labels.rows();
        for (i, (layer, sum)) in network.layers.iter().zip(sums).enumerate() {
            if !network.has(i) {
                continue;
            }
            let rows = spikes_per_row(&network.dev, self.pass.activity(i), &*layer.units)?;
            *sum = rows.zip(*sum).map(|(rows, sum)| {
                let real = rows.iter().enumerate().filter(|&(r, _)| r % batch < here);
                sum + real.map(|(_, &spikes)| f64::from(spikes)).sum::<f64>()
            });
        }
        Ok(())
    }
}

/// Brings the scores and the spikes of all layers to rank 0.
fn collect<D: Device>(
    ranks: &Ranks<D>,
    scores: &mut Scores,
    spikes: &mut [Option<f64>],
) -> ff_tensor::Result<()> {
    for (i, (scores, spikes)) in scores.layers.iter_mut().zip(spikes).enumerate() {
        let mut bytes = to_bytes(scores);
        ranks.collect(i, &mut bytes)?;
        *scores = to_floats(&bytes);
        // There are no spikes that are not a number.
        let mut bytes = spikes.unwrap_or(f64::NAN).to_le_bytes();
        ranks.collect(i, &mut bytes)?;
        *spikes = Some(f64::from_le_bytes(bytes)).filter(|sum| !sum.is_nan());
    }
    Ok(())
}

impl<D: Device> Network<D> {
    /// Returns the goodness of each layer for rows of numbers, `[layers][rows]`. A [source of pairs](crate::Pairs) that
    /// is made of rows is judged by it. The rows are normalised like those of a layer.
    ///
    /// # Errors
    /// Fails for rows of another length than the first layer has inputs, or a failing device.
    pub fn goodness(&self, rows: &Array2<f32>) -> Result<Vec<Vec<f32>>> {
        let (dev, (n, inputs)) = (&self.dev, rows.dim());
        self.expect_whole()?;
        self.check(inputs)?;
        let standard = rows.as_standard_layout();
        let x = dev.upload(n, inputs, standard.as_slice().unwrap_or_default())?;
        let mut xhat = dev.zeros(n, inputs)?;
        Normalise { xhat: &mut xhat, x: &x, steps: 1, norm: self.layers[0].norm }.on(dev)?;
        let mut pass = self.pass(Shape { rows: n, train: false, shares: 0 }, Purpose::Goodness)?;
        let mut all = Vec::new();
        for i in 0..self.layers.len() {
            pass.answer(dev, &self.layers, i, Input::Rows(&xhat))?;
            all.push(dev.download(pass.goodness(i))?);
        }
        Ok(all)
    }
}

/// Describes everything in a network that a predictor's buffers depend on, part by part.
fn likeness<D: Device>(network: &Network<D>) -> Vec<String> {
    let Network { pixels, classes, layers, heads, config, .. } = network;
    let of_layer = |(i, layer): (usize, &Layer<D>)| {
        let Layer { units, goodness, bias, .. } = layer;
        let bias = if bias.is_some() { "a bias" } else { "no bias" };
        format!("a layer {} of {units:?} with {bias}, judged by {goodness:?}", i + 1)
    };
    let shapes: Vec<_> = layers.iter().map(Layer::shape).collect();
    let heads: Vec<_> = heads.iter().map(|head| head.weight.shape()).collect();
    let link = match config.link {
        Link::Signal => "signals between layers",
        Link::Spikes => "spikes between layers",
    };
    let mut parts = vec![format!("{pixels} pixels"), format!("{classes} classes"), link.into()];
    parts.extend([format!("layers of {shapes:?}"), format!("heads of {heads:?}")]);
    parts.extend(layers.iter().enumerate().map(of_layer));
    parts
}

/// Fetches a batch of images to look at, with nothing dropped.
pub(crate) fn fetch<D: Device>(
    network: &Network<D>,
    images: &mut Images<D>,
    set: &Tensor<D, u8>,
    targets: &Tensor<D, u32>,
    order: &Tensor<D, u32>,
    clock: &Clock<D>,
) -> ff_tensor::Result<()> {
    let Images { xhat, scale, labels, .. } = images;
    let (config, classes) = (&network.config, network.classes);
    let (amplitude, norm, dropout) = (config.label_amplitude, config.norm(), Dropout::NONE);
    Gather { xhat, scale, labels, images: set, targets, order, clock, classes, amplitude, norm, dropout }
        .on(&network.dev)
}

/// Returns the spikes of each row in the last forward pass, `[R]`. It is `None` where the signal is not a rate of
/// spikes.
fn spikes_per_row<D: Device>(
    dev: &D,
    activity: Option<&Activity<D>>,
    units: &dyn Units,
) -> ff_tensor::Result<Option<Vec<f32>>> {
    let Some(Activity { signal, .. }) = activity else { return Ok(None) };
    if !units.spikes() || units.readout() != Readout::Rate {
        return Ok(None);
    }
    let [rows, n] = signal.shape();
    let mut sums = dev.zeros(rows, 1)?;
    let ones = dev.upload(n, 1, &vec![1.0; n])?;
    MatMul { c: &mut sums, a: signal, transpose_a: false, b: &ones, transpose_b: false }.on(dev)?;
    Ok(Some(dev.download(&sums)?.into_iter().map(|rate| rate * units.steps() as f32).collect()))
}

impl Scores {
    /// Returns the number of images.
    pub fn len(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.len() / self.classes.max(1))
    }

    /// Says whether there was no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the sum over layers of each label's score for image `i`, `[classes]`.
    pub fn of_image(&self, i: usize) -> Vec<f32> {
        let of_label = |c| self.layers.iter().map(|layer| layer[i * self.classes + c]).sum();
        (0..self.classes).map(of_label).collect()
    }

    /// Returns the number of spikes of the whole network for one prediction.
    pub fn spikes_per_inference(&self) -> Option<f64> {
        self.layer_spikes.as_ref().map(|layers| layers.iter().sum())
    }

    /// Returns the label with the largest score over all layers, for each image.
    pub fn predict(&self) -> Vec<u32> {
        (0..self.len()).map(|i| argmax(&self.of_image(i))).collect()
    }

    /// Returns the label with the largest score in one layer, for each image.
    pub fn predict_by_layer(&self, layer: usize) -> Vec<u32> {
        let scores = self.layers.get(layer).map_or(&[][..], Vec::as_slice);
        scores.chunks_exact(self.classes.max(1)).map(argmax).collect()
    }
}

/// Returns the share of wrong predictions, in percent.
pub fn error_percent(predicted: &[u32], labels: &Array1<u8>) -> f64 {
    let wrong = predicted.iter().zip(labels).filter(|&(&p, &l)| p != u32::from(l)).count();
    100.0 * wrong as f64 / labels.len() as f64
}

/// Returns the first of the largest scores, as torch does.
fn argmax(scores: &[f32]) -> u32 {
    let mut best = 0;
    for (c, &score) in scores.iter().enumerate() {
        if score > scores[best] {
            best = c;
        }
    }
    best as u32
}
