//! The source of a trainer's pairs: images with labels, a source of a user's own, or, on a rank above the first one, the
//! rank below.

use std::sync::Arc;

use ff_tensor::{Device, Tensor};

use crate::Result;
use crate::input::Input;
use crate::label_overlay::LabelOverlay;
use crate::pairs::{Pairs, Step};
use crate::pass::Shape;
use crate::stages::Stage;

/// The source of a trainer's pairs. Only images can be augmented.
pub(crate) enum Source<D: Device> {
    Images(Box<LabelOverlay<D>>),
    Other(Box<dyn Pairs<D>>),
    Stage(Box<StagePairs<D>>),
}

impl<D: Device> Source<D> {
    pub fn pairs(&self) -> &dyn Pairs<D> {
        match self {
            Self::Images(images) => &**images,
            Self::Other(other) => &**other,
            Self::Stage(stage) => &**stage,
        }
    }

    pub fn pairs_mut(&mut self) -> &mut dyn Pairs<D> {
        match self {
            Self::Images(images) => &mut **images,
            Self::Other(other) => &mut **other,
            Self::Stage(stage) => &mut **stage,
        }
    }

    /// Returns the images and labels that the pairs are made of, if they are.
    pub fn images(&self) -> Option<&LabelOverlay<D>> {
        match self {
            Self::Images(images) => Some(images),
            Self::Other(_) => None,
            Self::Stage(stage) => stage.inner.images(),
        }
    }

    pub fn images_mut(&mut self) -> Option<&mut LabelOverlay<D>> {
        match self {
            Self::Images(images) => Some(images),
            Self::Other(_) => None,
            Self::Stage(stage) => stage.inner.images_mut(),
        }
    }
}

/// A source of pairs for a stage. The first stage draws pairs. The others only get the labels, from which their heads learn.
pub(crate) struct StagePairs<D: Device> {
    inner: Source<D>,
    stage: Arc<Stage>,
    /// The labels of the batch, `[B, 1]`. It is `None` if the source has none.
    labels: Option<Tensor<D, u32>>,
    /// What a layer above the first stage gets from the source.
    nothing: Tensor<D>,
    bytes: Vec<u8>,
}

impl<D: Device> StagePairs<D> {
    pub fn new(dev: &D, inner: Source<D>, stage: Arc<Stage>) -> Result<Self> {
        let batch = inner.pairs().batch();
        let labels = inner.pairs().neutral().is_some().then(|| dev.zeros(batch, 1)).transpose()?;
        Ok(Self { inner, stage, labels, nothing: dev.zeros(0, 0)?, bytes: Vec::new() })
    }
}

impl<D: Device> Pairs<D> for StagePairs<D> {
    fn batch(&self) -> usize {
        self.inner.pairs().batch()
    }

    fn batches(&self) -> usize {
        self.inner.pairs().batches()
    }

    fn inputs(&self) -> usize {
        self.inner.pairs().inputs()
    }

    fn begin(&mut self, dev: &D, seed: u64, epoch: usize) -> Result<()> {
        if self.stage.is_first() { self.inner.pairs_mut().begin(dev, seed, epoch) } else { Ok(()) }
    }

    fn fetch(&mut self, step: &Step<D>) -> ff_tensor::Result<()> {
        let Self { inner, stage, labels, bytes, .. } = self;
        if stage.is_first() {
            inner.pairs_mut().fetch(step)?;
            if let Some((_, labels)) = inner.pairs().neutral() {
                stage.send_labels(step.dev, labels, bytes)?;
            }
        } else if let Some(labels) = labels {
            stage.pass_labels(step.dev, labels, bytes)?;
        }
        Ok(())
    }

    fn neutral(&self) -> Option<(Input<'_, D>, &Tensor<D, u32>)> {
        if self.stage.is_first() {
            return self.inner.pairs().neutral();
        }
        self.labels.as_ref().map(|labels| (Input::Rows(&self.nothing), labels))
    }

    fn draw(&mut self, step: &Step<D>, scores: Option<&Tensor<D>>) -> ff_tensor::Result<()> {
        if self.stage.is_first() { self.inner.pairs_mut().draw(step, scores) } else { Ok(()) }
    }

    fn pairs(&self) -> Input<'_, D> {
        if self.stage.is_first() { self.inner.pairs().pairs() } else { Input::Rows(&self.nothing) }
    }

    fn shape(&self, copies: usize) -> Shape {
        self.inner.pairs().shape(copies)
    }
}
