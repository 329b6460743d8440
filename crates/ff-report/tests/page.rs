//! A page needs nothing but numbers: here they are made up.
#![allow(clippy::unwrap_used, missing_docs)]

use ff_report::pictures::{Closely, Layer, Trace};
use ff_report::plot::{self, LayerGoodness, Shape};
use ff_report::run::{Cost, Network, Record, Reset, Run, Schedule, Tested, Units, Way};
use ff_report::{Pictures, Section, page};

/// A network of two pixels, two units and two labels.
fn run(name: &str, spiking: bool) -> Run {
    let cost = |spikes| Cost { spikes, additions: 1_234.0, multiply_adds: 4.0 };
    Run {
        name: name.into(),
        network: Network {
            pixels: 2,
            layers: vec![2],
            classes: 2,
            units: match spiking {
                true => Units::Spiking {
                    name: "leaky integrate-and-fire units".into(),
                    steps: 3,
                    reset: Reset::Subtract,
                    rate: true,
                },
                false => Units::Still { name: "rectifiers".into() },
            },
            schedule: Schedule::Greedy,
        },
        record: Record {
            command: None,
            again: "program --again".into(),
            preset: "custom".into(),
            seed: 7,
            dataset: Some("dots".into()),
            train_samples: Some(2_000.0),
            epochs: 2,
            batch: 10,
            train_seconds: Some(61.0),
            train_error: None,
            test_error: Some(50.0),
            machine: None,
            commit: None,
            finished: None,
            program: "program 1".into(),
        },
        settings: vec![("seed".into(), "7".into()), ("spiking".into(), spiking.to_string())],
        watched: "training images",
        errors: vec![75.0, 50.0],
        tested: Tested { dataset: "dots".into(), images: 2 },
        goodness: Way {
            error: 50.0,
            layer_error: vec![50.0],
            cost: cost(spiking.then_some(5.0)),
            cost_of_numbers: spiking.then(|| cost(None)),
        },
        heads: None,
        layer_spikes: spiking.then(|| vec![5.0]),
    }
}

fn pictures(spiking: bool) -> Pictures {
    let shape = Shape { width: 2, height: 1 };
    let layer = || Layer {
        goodness: LayerGoodness {
            name: "layer 1".into(),
            positive: vec![1.0, 2.0],
            negative: vec![0.0, 1.0],
            threshold: None,
        },
        parted: 75.0,
    };
    let trace = Trace { spikes: vec![vec![true, false, true]; 2], membranes: vec![vec![0.5, 1.5, 0.0]; 2] };
    let losses = vec![plot::LayerCurve { name: "layer 1".into(), points: vec![0.7, 0.5] }];
    let rows = vec![plot::SampleRow { title: "original", images: vec![vec![0.0, 1.0]] }];
    Pictures {
        loss: plot::loss(losses, "epoch"),
        error: plot::error("training images", vec![75.0, 50.0], Vec::new()),
        samples: plot::Samples { shape, rows },
        before: vec![layer()],
        after: vec![layer()],
        labels: plot::Labels { shape, images: Vec::new() },
        weights: plot::Weights { shape, units: vec![vec![-1.0, 1.0]; 2], all: 2 },
        closely: Closely {
            image: 0,
            labels: [0, 1],
            threshold: Some(1.0),
            traces: spiking.then(|| [vec![trace.clone()], vec![trace]]),
        },
        confusion: plot::Confusion { counts: vec![vec![1, 0], vec![1, 0]] },
        mistakes: plot::Mistakes { shape, worst: Vec::new(), all: 0 },
    }
}

fn section(name: &str, spiking: bool) -> Section {
    Section::new(run(name, spiking), pictures(spiking))
}

#[test]
fn a_run_alone_is_told_with_all_its_figures() {
    let page = page(&[section("<one>", true)], "program 2").unwrap();
    for words in [
        "<h1>&lt;one&gt;</h1>",
        "A network of 2-2 leaky integrate-and-fire units, 3 time steps",
        "2,000 images of dots, 2 epochs for each layer, 10 images a step",
        "<td>program 1</td>",
        "Made by program 2.",
        "1 min 01 s",
        "layer 1: 75.0 % before, 75.0 % after",
        "2 of 2 in layer 1. More spikes are more goodness.",
        "if units passed on numbers",
        "Every test image got its true label.",
    ] {
        assert!(page.contains(words), "`{words}` is not on the page");
    }
    assert_eq!(page.matches("not recorded").count(), 4, "command, machine, commit and date");
    assert_eq!(page.matches("<figure").count(), 10);
    assert!(!page.contains("class=\"note\""), "dots were learned and tested, with the same error");
}

#[test]
fn what_is_strange_about_a_run_stands_in_a_note() {
    let mut run = run("one", true);
    run.tested.dataset = "dashes".into();
    run.record.test_error = Some(1.0);
    let page = page(&[Section::new(run, pictures(true))], "program").unwrap();
    assert!(page.contains("It was trained on dots, but this page looks at images of dashes."));
    assert!(page.contains("its test error was 1.00\u{a0}%; the model and images at hand give 50.00\u{a0}%."));
}

#[test]
fn runs_side_by_side_show_what_differs() {
    let page = page(&[section("one", true), section("two", false)], "program").unwrap();
    assert!(page.contains("<h1>2 runs side by side</h1>"));
    let table = page.split("What differs").nth(1).unwrap().split("</table>").next().unwrap();
    assert!(table.contains("<code>spiking</code>") && !table.contains("<code>seed</code>"), "{table}");
    assert!(page.contains("id=\"raster-1\"") && !page.contains("id=\"raster-2\""));
    assert!(page.contains("they have no membrane and do not spike"));
}

#[test]
fn plots_are_saved_twice_each() {
    let folder = tempfile::tempdir().unwrap();
    section("one", false).save_plots(folder.path()).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2 * 8);
    let missing = section("one", false).save_plots(&folder.path().join("missing")).unwrap_err();
    assert!(missing.to_string().contains("loss.png: the plot cannot be written"), "{missing}");
}
