//! What every plot promises: a PNG of the stated size with something on it, whatever the numbers; and no
//! file, or the old one, where it cannot be written.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use tempfile::tempdir;

use super::*;

/// Width, height and number of distinct colours.
fn look(path: &Path) -> (u32, u32, usize) {
    let image =
        image::load_from_memory_with_format(&fs::read(path).unwrap(), image::ImageFormat::Png).unwrap();
    let image = image.into_rgb8();
    let colours: HashSet<_> = image.pixels().collect();
    (image.width(), image.height(), colours.len())
}

/// The page that `plot` draws; the folder must hold it and nothing else.
fn drawn(plot: impl FnOnce(&Path) -> Result<(), PlotError>) -> (u32, u32, usize) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("plot.png");
    plot(&path).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file is left");
    look(&path)
}

fn falling(from: f64, to: f64) -> Vec<f64> {
    (0..20).map(|k| to + (from - to) * (-0.3 * f64::from(k)).exp()).collect()
}

fn ramp(pixels: usize) -> Vec<f32> {
    (0..pixels).map(|k| k as f32 / pixels as f32 - 0.25).collect()
}

#[test]
fn loss_draws_every_layer() {
    let points = [falling(2.5, 0.1), falling(2.4, 0.5)];
    let page = |count: usize| {
        let layers: Vec<_> =
            points[..count].iter().map(|points| LayerCurve { name: "layer", points }).collect();
        drawn(|path| loss(path, &layers, "epoch"))
    };
    let (one, two) = (page(1), page(2));
    assert_eq!((one.0, one.1), (1200, 750));
    assert!(one.2 > 50 && two.2 > one.2 + 20, "{} and {} colours", one.2, two.2);
}

#[test]
fn error_draws_all_its_lines() {
    let test = falling(8.0, 1.4);
    let alone = drawn(|path| error(path, "test", &test, &[]));
    let all = drawn(|path| error(path, "test", &test, &[falling(9.0, 2.0), vec![]]));
    assert_eq!((alone.0, alone.1), (1200, 750));
    assert!(alone.2 > 50 && all.2 > alone.2 + 20, "{} and {} colours", alone.2, all.2);
}

#[test]
fn goodness_draws_a_panel_for_each_layer() {
    let (positive, negative) = (ramp(300), ramp(200));
    let layer =
        || LayerGoodness { name: "layer", positive: &positive, negative: &negative, threshold: Some(0.5) };
    let one = drawn(|path| goodness(path, &[layer()]));
    let four = drawn(|path| goodness(path, &[layer(), layer(), layer(), layer()]));
    assert_eq!((one.0, four.0), (1200, 1200));
    assert!(four.1 > one.1, "the fourth panel has no row of its own");
    assert!(one.2 > 50, "{} colours", one.2);
}

#[test]
fn samples_shows_every_grey() {
    let images = vec![ramp(784); 10];
    let rows = ["original", "positive", "negative"].map(|title| SampleRow { title, images: images.clone() });
    let (width, height, colours) = drawn(|path| samples(path, 28, 28, &rows));
    assert!(width == 1200 && height > 300, "{width} x {height}");
    assert!(colours > 150, "{colours} colours");
}

#[test]
fn weights_shows_both_signs() {
    let (width, height, colours) = drawn(|path| weights(path, 28, 28, &vec![ramp(784); 2000]));
    assert!(width == 1200 && height > 600, "{width} x {height}");
    assert!(colours > 150, "{colours} colours");
}

#[test]
fn curves_survive_any_numbers() {
    let cases: [&[f64]; 10] = [
        &[],
        &[0.0],
        &[0.7],
        &[0.7; 5],
        &[f64::NAN, f64::NAN],
        &[1.0, f64::NAN, 0.5, f64::INFINITY, 0.25, 0.2],
        &[-1.0, f64::NEG_INFINITY],
        &[1e150, -1e150, f64::MAX],
        &[f64::MIN_POSITIVE, 5e-324, 1e150],
        &[1e-150, 1e150],
    ];
    for points in cases {
        let curves = [LayerCurve { name: "layer 1", points }, LayerCurve { name: "", points: &[0.5] }];
        for layers in [&curves[..1], &curves[..]] {
            assert_eq!(drawn(|path| loss(path, layers, "step")).1, 750, "{points:?}");
        }
        assert_eq!(drawn(|path| error(path, "test", points, &[points.to_vec()])).1, 750, "{points:?}");
    }
    assert_eq!(drawn(|path| loss(path, &[], "")).1, 750);
    let many: Vec<_> = (0..60)
        .map(|_| LayerCurve { name: "far too long a name for the end of a line", points: &[1.0] })
        .collect();
    assert_eq!(drawn(|path| loss(path, &many, "step")).1, 750);
}

#[test]
fn histograms_survive_any_numbers() {
    let cases: [&[f32]; 6] =
        [&[], &[0.0], &[2.0; 9], &[f32::NAN], &[f32::MAX, f32::MIN, f32::INFINITY], &[1.0, f32::NAN, 3.0]];
    for positive in cases {
        for threshold in [None, Some(5.0), Some(f32::NAN), Some(f32::MAX)] {
            let layer = LayerGoodness { name: "layer", positive, negative: &[], threshold };
            assert_eq!(drawn(|path| goodness(path, &[layer])).0, 1200, "{positive:?} {threshold:?}");
        }
    }
    assert_eq!(drawn(|path| goodness(path, &[])).0, 1200);
}

#[test]
fn images_survive_any_numbers() {
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX];
    let cases: [(usize, usize, Vec<f32>); 7] = [
        (0, 0, vec![]),
        (0, 7, vec![]),
        (1, 1, vec![f32::NAN]),
        (2, 2, odd.to_vec()),
        (4, 1, vec![0.0; 4]),
        (4000, 1, ramp(4000)),
        (1, 4000, ramp(4000)),
    ];
    for (width, height, image) in cases {
        for images in [vec![], vec![image.clone()], vec![image.clone(); 40]] {
            let rows = [
                SampleRow { title: "row", images: images.clone() },
                SampleRow { title: "", images: Vec::new() },
            ];
            assert_eq!(drawn(|path| samples(path, width, height, &rows)).0, 1200, "{width} x {height}");
            assert_eq!(drawn(|path| weights(path, width, height, &images)).0, 1200, "{width} x {height}");
        }
    }
    assert_eq!(drawn(|path| samples(path, 28, 28, &[])).0, 1200);
}

#[test]
fn an_image_of_another_size_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("weights.png");
    for (width, height) in [(28, 28), (usize::MAX, 2)] {
        let message = weights(&path, width, height, &[ramp(3)]).unwrap_err().to_string();
        assert!(message.contains("weights.png") && message.contains("3 pixels"), "{message}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_unwritable_place_is_named_and_left_clean() {
    let folder = tempdir().unwrap();
    let missing = folder.path().join("missing").join("loss.png");
    let message = loss(&missing, &[], "epoch").unwrap_err().to_string();
    assert!(message.contains("loss.png") && message.contains("cannot be written"), "{message}");

    // A folder in the plot's place lets the temporary file be written, but not renamed.
    let taken = folder.path().join("taken.png");
    fs::create_dir(&taken).unwrap();
    assert!(matches!(error(&taken, "test", &[1.0], &[]), Err(PlotError::Write { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file is left");
}

#[test]
fn a_plot_replaces_the_one_before() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("loss.png");
    fs::write(&path, "old").unwrap();
    loss(&path, &[], "epoch").unwrap();
    assert_eq!(look(&path).0, 1200);
}
