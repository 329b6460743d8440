//! These tests check what every plot promises. It makes a page of the stated size with something on it, whatever the numbers are.
//! If the page cannot be written, there is no file, or the old one stays.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use tempfile::tempdir;

use super::*;
use crate::Error;

/// Returns the width, the height and the number of distinct colours.
fn look(path: &Path) -> (u32, u32, usize) {
    let image =
        image::load_from_memory_with_format(&fs::read(path).unwrap(), image::ImageFormat::Png).unwrap();
    let image = image.into_rgb8();
    let colours: HashSet<_> = image.pixels().collect();
    (image.width(), image.height(), colours.len())
}

fn falling(from: f64, to: f64) -> Vec<f64> {
    (0..20).map(|k| to + (from - to) * (-0.3 * f64::from(k)).exp()).collect()
}

fn ramp(pixels: usize) -> Vec<f32> {
    (0..pixels).map(|k| k as f32 / pixels as f32 - 0.25).collect()
}

fn layer(positive: &[f32], negative: &[f32], threshold: Option<f32>) -> LayerGoodness {
    LayerGoodness { name: "layer".into(), positive: positive.into(), negative: negative.into(), threshold }
}

fn curve(name: &str, points: &[f64]) -> LayerCurve {
    LayerCurve { name: name.into(), points: points.into() }
}

/// Draws a plot and looks at its page. The folder must hold the page and nothing else. The plot is drawn as SVG too, wide and
/// narrow.
fn drawn(plot: &dyn Plot) -> (u32, u32, usize) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("plot.png");
    plot.save(&path).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file is left");
    for page in [WIDE, NARROW] {
        let svg = plot.svg(page).unwrap();
        assert!(svg.starts_with(&format!("<svg width=\"{page}\"")) && svg.trim_end().ends_with("</svg>"));
    }
    look(&path)
}

#[test]
fn loss_draws_every_layer() {
    let points = [falling(2.5, 0.1), falling(2.4, 0.5)];
    let page =
        |count: usize| drawn(&loss(points[..count].iter().map(|p| curve("layer", p)).collect(), "epoch"));
    let (one, two) = (page(1), page(2));
    assert_eq!((one.0, one.1), (1200, 750));
    assert!(one.2 > 50 && two.2 > one.2 + 20, "{} and {} colours", one.2, two.2);
}

#[test]
fn error_draws_all_its_lines() {
    let test = falling(8.0, 1.4);
    let alone = drawn(&error("test", test.clone(), vec![]));
    let all = drawn(&error("test", test.clone(), vec![falling(9.0, 2.0), vec![]]));
    assert_eq!((alone.0, alone.1), (1200, 750));
    assert!(alone.2 > 50 && all.2 > alone.2 + 20, "{} and {} colours", alone.2, all.2);
    let runs = errors(vec![("a".into(), test), ("b".into(), falling(9.0, 1.0))]);
    assert!(drawn(&runs).2 > alone.2);
    // On a narrow page the names are in the header.
    let svg = runs.svg(NARROW).unwrap();
    assert!(svg.contains("a  1.42 %") && svg.contains("b  1.03 %"), "{svg}");
}

#[test]
fn goodness_draws_a_panel_for_each_layer() {
    let panels = |count| Goodness {
        layers: (0..count).map(|_| layer(&ramp(300), &ramp(200), Some(0.5))).collect(),
        columns: 3,
    };
    let (one, four) = (drawn(&panels(1)), drawn(&panels(4)));
    assert_eq!((one.0, four.0), (1200, 1200));
    assert!(four.1 > one.1, "the fourth panel has no row of its own");
    assert!(one.2 > 50, "{} colours", one.2);
}

fn rows(width: usize, height: usize, images: &[Vec<f32>]) -> Samples {
    let row = |title| SampleRow { title, images: images.to_vec() };
    Samples { shape: Shape { width, height }, rows: vec![row("original"), row("positive"), row("")] }
}

fn units(width: usize, height: usize, units: &[Vec<f32>]) -> Weights {
    Weights { shape: Shape { width, height }, units: units.to_vec(), all: units.len() }
}

#[test]
fn samples_shows_every_grey() {
    let plot = rows(28, 28, &vec![ramp(784); 10]);
    let (width, height, colours) = drawn(&plot);
    assert!(width == 1200 && height > 300, "{width} x {height}");
    assert!(colours > 150, "{colours} colours");
    // An SVG holds each image once, as it is. There are 10 in each of three rows, and 4 on a narrow page.
    let images = |page| plot.svg(page).unwrap().matches("<image ").count();
    assert_eq!((images(WIDE), images(NARROW)), (30, 12));
}

#[test]
fn weights_shows_both_signs() {
    let (width, height, colours) = drawn(&units(28, 28, &vec![ramp(784); 2000]));
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
        assert_eq!(drawn(&loss(vec![curve("layer 1", points)], "step")).1, 750, "{points:?}");
        let two = vec![curve("layer 1", points), curve("", &[0.5])];
        assert_eq!(drawn(&loss(two, "step")).1, 750, "{points:?}");
        assert_eq!(drawn(&error("test", points.into(), vec![points.into()])).1, 750, "{points:?}");
    }
    assert_eq!(drawn(&loss(vec![], "")).1, 750);
    let many = (0..60).map(|_| curve("far too long a name for the end of a line", &[1.0])).collect();
    assert_eq!(drawn(&loss(many, "step")).1, 750);
}

#[test]
fn histograms_survive_any_numbers() {
    let cases: [&[f32]; 6] =
        [&[], &[0.0], &[2.0; 9], &[f32::NAN], &[f32::MAX, f32::MIN, f32::INFINITY], &[1.0, f32::NAN, 3.0]];
    for positive in cases {
        for threshold in [None, Some(5.0), Some(f32::NAN), Some(f32::MAX)] {
            let layers = vec![layer(positive, &[], threshold)];
            assert_eq!(drawn(&Goodness { layers, columns: 3 }).0, 1200, "{positive:?} {threshold:?}");
        }
    }
    assert_eq!(drawn(&Goodness { layers: vec![], columns: 0 }).0, 1200);
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
        for images in [vec![], vec![image.clone(); 40]] {
            let shape = Shape { width, height };
            let worst = images
                .iter()
                .map(|i| Mistake { image: i.clone(), truth: 0, predicted: 9 })
                .collect::<Vec<_>>();
            let labelled = images.iter().map(|i| Labelled {
                image: i.clone(),
                words: "image".into(),
                truth: 1,
                predicted: 3,
                goodness: odd.to_vec(),
            });
            let plots: [&dyn Plot; 4] = [
                &rows(width, height, &images),
                &units(width, height, &images),
                &Mistakes { shape, all: worst.len(), worst },
                &Labels { shape, images: labelled.collect() },
            ];
            for plot in plots {
                assert_eq!(drawn(plot).0, 1200, "{} of {width} x {height}", plot.title());
            }
        }
    }
    assert_eq!(drawn(&Samples { shape: Shape { width: 28, height: 28 }, rows: vec![] }).0, 1200);
}

#[test]
fn a_bar_stands_for_each_label() {
    let image = |truth, goodness: &[f32]| Labelled {
        image: ramp(784),
        words: "image".into(),
        truth,
        predicted: 1,
        goodness: goodness.into(),
    };
    let shape = Shape { width: 28, height: 28 };
    let right = Labels { shape, images: vec![image(1, &[0.1, 0.9, 0.2])] };
    let wrong = Labels { shape, images: vec![image(2, &[0.1, 0.9, 0.2])] };
    let (right, wrong) = (right.svg(WIDE).unwrap(), wrong.svg(WIDE).unwrap());
    assert!(right.contains("predicted 1") && !right.contains("predicted instead"), "{right}");
    assert!(wrong.contains("predicted 1, is 2") && wrong.contains("predicted instead"), "{wrong}");
    let bars = |svg: &str| svg.matches("opacity=\"0.85\"").count() + svg.matches("opacity=\"0.55\"").count();
    assert_eq!((bars(&right), bars(&wrong)), (3, 3));
}

#[test]
fn a_raster_has_a_mark_for_each_spike() {
    let spikes = |units: Vec<Vec<bool>>, right| Spikes { name: "layer 1".into(), right, steps: 4, units };
    let three = vec![vec![true, false, false, true], vec![false; 4], vec![false, true, false, false]];
    let panels = vec![spikes(three, true), spikes(vec![], false)];
    let raster = Raster { panels, words: "image 1".into() };
    for page in [WIDE, NARROW] {
        assert_eq!(raster.svg(page).unwrap().matches("fill=\"#0072B2\"").count(), 3);
    }
    assert_eq!(drawn(&raster).0, 1200);
    assert_eq!(drawn(&Raster { panels: vec![], words: String::new() }).0, 1200);
    let crowd = vec![vec![true; 1000]; 3000];
    let many = Spikes { name: String::new(), right: true, steps: 1000, units: crowd[..30].to_vec() };
    assert_eq!(drawn(&Raster { panels: vec![many], words: String::new() }).0, 1200);
}

#[test]
fn membranes_survive_any_numbers() {
    for traces in [
        [vec![], vec![]],
        [vec![1.0], vec![0.0]],
        [vec![f32::NAN; 3], vec![f32::INFINITY, 1.0, f32::MAX]],
        [vec![0.5, 1.5, 0.7], vec![0.1, -0.2, 0.3]],
    ] {
        let spikes = traces.each_ref().map(|trace: &Vec<f32>| trace.iter().map(|mem| *mem > 1.0).collect());
        let units = vec![Membrane { name: "unit".into(), traces: traces.clone(), spikes }; 4];
        let plot = Membranes { units, threshold: Some(1.0), labels: [3, 8] };
        let (width, _, colours) = drawn(&plot);
        assert!(width == 1200 && colours > 20, "{traces:?}");
    }
    let risen = Membrane {
        name: "unit".into(),
        traces: [vec![0.5, 1.5, 0.7], vec![0.1, 0.2, 0.3]],
        spikes: [vec![false, true, false], vec![false; 3]],
    };
    for (threshold, dashed) in [(Some(1.0), true), (None, false)] {
        let plot = Membranes { units: vec![risen.clone()], threshold, labels: [3, 8] };
        let svg = plot.svg(WIDE).unwrap();
        assert_eq!(svg.matches("<circle").count(), 1, "one membrane spikes once");
        assert_eq!(svg.contains("threshold"), dashed, "the threshold is named if there is one");
    }
    let nothing = Membranes { units: vec![], threshold: Some(f32::NAN), labels: [0, 1] };
    assert_eq!(drawn(&nothing).0, 1200);
}

#[test]
fn a_confusion_matrix_holds_every_count() {
    let plot = Confusion { counts: vec![vec![97, 3, 0], vec![0, 50, 0], vec![0, 11, 0]] };
    for page in [WIDE, NARROW] {
        let svg = plot.svg(page).unwrap();
        for words in ["\n97\n", "\n3\n", "\n50\n", "\n11\n", "\n3.0 %\n", "\n0.0 %\n", "\n100.0 %\n"] {
            assert!(svg.contains(&words[1..]), "{words} is not on the page");
        }
    }
    for classes in [0, 1, 2, 47, 256] {
        assert_eq!(
            drawn(&Confusion { counts: vec![vec![0; classes]; classes] }).0,
            1200,
            "{classes} classes"
        );
    }
}

#[test]
fn words_cannot_become_part_of_an_svg() {
    let plot = loss(vec![curve("<script>&\"'", &[1.0, 2.0])], "epoch");
    let svg = plot.svg(WIDE).unwrap();
    assert!(svg.contains("&lt;script&gt;&amp;&quot;&apos;") && !svg.contains("<script"), "{svg}");
}

#[test]
fn an_image_of_another_size_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("weights.png");
    for (width, height) in [(28, 28), (usize::MAX, 2)] {
        let message = units(width, height, &[ramp(3)]).save(&path).unwrap_err().to_string();
        assert!(message.contains("weights.png") && message.contains("3 pixels"), "{message}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_unwritable_place_is_named_and_left_clean() {
    let folder = tempdir().unwrap();
    let missing = folder.path().join("missing").join("loss.svg");
    let message = loss(vec![], "epoch").save(&missing).unwrap_err().to_string();
    assert!(message.contains("loss.svg") && message.contains("cannot be written"), "{message}");

    // If a folder has the plot's name, the temporary file can be written but not renamed.
    let taken = folder.path().join("taken.png");
    fs::create_dir(&taken).unwrap();
    assert!(matches!(error("test", vec![1.0], vec![]).save(&taken), Err(Error::Write { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file is left");
}

#[test]
fn a_plot_replaces_the_one_before() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("loss.png");
    fs::write(&path, "old").unwrap();
    loss(vec![], "epoch").save(&path).unwrap();
    assert_eq!(look(&path).0, 1200);
}
