//! Sources of pairs that give nothing, too much, or something else than they said.

use std::ops::{ControlFlow, Range};

use ff_cpu::Cpu;
use ff_net::input::Input;
use ff_net::pairs::Step;
use ff_net::pass::Shape;
use ff_net::{EpochReport, ImageSet, LabelOverlay, Pairs, Trainer};
use ff_tensor::{Augmentation, Tensor};
use ndarray::Array1;

use crate::{
    CLASSES, Change, IMAGES, PIXELS, allow, changed, device, images, labels, network, prepare, refuse, zeros,
};

/// Pairs of dark rows, as many as it says.
struct Dark {
    batch: usize,
    batches: usize,
    /// The number of fetches after which there is only one batch left, for those who ask again.
    shrinks_after: usize,
    fetches: usize,
    rows: Tensor<Cpu>,
}

impl Dark {
    fn new(batch: usize, batches: usize) -> Self {
        let rows = zeros(2 * batch.min(100), PIXELS);
        Self { batch, batches, shrinks_after: usize::MAX, fetches: 0, rows }
    }
}

impl Pairs<Cpu> for Dark {
    fn batch(&self) -> usize {
        self.batch
    }

    fn batches(&self) -> usize {
        if self.fetches > self.shrinks_after { 1 } else { self.batches }
    }

    fn inputs(&self) -> usize {
        PIXELS
    }

    fn begin(&mut self, _: &Cpu, _: u64, _: usize) -> ff_net::Result<()> {
        Ok(())
    }

    fn fetch(&mut self, _: &Step<Cpu>) -> ff_tensor::Result<()> {
        self.fetches += 1;
        Ok(())
    }

    fn draw(&mut self, _: &Step<Cpu>, _: Option<&Tensor<Cpu>>) -> ff_tensor::Result<()> {
        Ok(())
    }

    fn pairs(&self) -> Input<'_, Cpu> {
        Input::Rows(&self.rows)
    }

    fn shape(&self, copies: usize) -> Shape {
        Shape { rows: copies * self.batch, train: false, shares: 0 }
    }
}

fn trainer(source: Dark) -> ff_net::Result<Trainer<Cpu>> {
    let mut network = network();
    network.heads.clear();
    Trainer::with_pairs(network, Box::new(source))
}

#[test]
fn a_source_of_no_pairs_or_of_too_many_is_refused() {
    for (batch, batches) in
        [(0, 3), (3, 0), (0, 0), (usize::MAX, 2), (usize::MAX / 2, 1), (5, usize::MAX), (1 << 30, 3)]
    {
        let said =
            format!("`batch` is {batch}, in {batches} batches: a source has 1 to 2^31 pairs in an epoch");
        refuse(&format!("{batches} batches of {batch} pairs"), &said, || trainer(Dark::new(batch, batches)));
    }
}

#[test]
fn a_single_pair_is_enough() {
    let report = allow("a single pair", || trainer(Dark::new(1, 1))?.epoch());
    // Nothing comes in, so a positive has the goodness of its negative: none.
    assert_eq!(report.losses, [(0, vec![0.0]), (1, vec![0.0])]);
}

/// A training has the size that its source had at first.
#[test]
fn a_source_that_shrinks_in_an_epoch_is_not_asked_again() {
    let mut trainer = trainer(Dark { shrinks_after: 3, ..Dark::new(5, 10) }).unwrap();
    let mut done = 0;
    let mut stop_after_five = |_| {
        done += 1;
        if done == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let stopped = allow("an epoch that is stopped", || trainer.epoch_with(&mut stop_after_five));
    assert!(stopped.is_none(), "half an epoch was reported as a whole one");
    assert_eq!(trainer.batches_done(), 5);
    let EpochReport { epoch, losses, .. } = allow("the rest of the epoch", || trainer.epoch());
    let batches: Vec<usize> = losses.iter().map(|(_, losses)| losses.len()).collect();
    assert_eq!((epoch, batches), (1, vec![10, 10]));
}

fn image_set(labels: &Array1<u8>, range: Range<usize>, pixels: usize) -> ff_net::Result<ImageSet<Cpu>> {
    ImageSet::new(&device(), &images(), labels, range, pixels, CLASSES)
}

#[test]
fn a_set_of_images_that_cannot_be_learned_is_refused() {
    let (all, few, strange) = (labels(), Array1::zeros(30), Array1::from_elem(IMAGES, 4));
    for (case, labels, range, pixels, said) in [
        ("no image", &all, 0..0, PIXELS, "`train_samples` leaves no image to train on"),
        (
            "images beyond the last",
            &all,
            30..50,
            PIXELS,
            "`train_samples` asks for the images 30..50, but there are 40",
        ),
        ("other images", &all, 0..40, 25, "training: `images` is [40, 36] but [40, 25] is needed"),
        ("too few labels", &few, 0..30, PIXELS, "training: `images` is [40, 36] but [30, 36] is needed"),
        ("labels of no class", &strange, 0..40, PIXELS, "image 0 has label 4, but there are 4 classes"),
    ] {
        refuse(case, said, || image_set(labels, range, pixels));
    }
}

#[test]
fn images_with_labels_need_a_network_that_can_be() {
    let cases: [(&str, Change, &str); 3] = [
        ("no layers", |network| network.layers.clear(), "`layers` has no layer"),
        ("no image in a batch", |network| network.config.batch = 0, "`batch` is 0; 1 to 65536 is possible"),
        (
            "no class",
            |network| network.classes = 0,
            "`layers` cannot fit a label of 0 classes into 36 pixels",
        ),
    ];
    for (case, change, said) in cases {
        let network = changed(change);
        refuse(case, said, || LabelOverlay::new(&network, image_set(&labels(), 0..IMAGES, PIXELS)?));
    }
}

#[test]
fn images_are_not_changed_in_another_shape() {
    let said = "augment: images have 18446744073709551615 x 2 pixels; 1 to some 8 million are possible";
    refuse("images of endless width", said, || {
        prepare(network())?.augmented(&[Augmentation::Shift { pixels: 1 }], usize::MAX, 2)
    });
}
