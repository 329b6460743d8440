//! What works.

use std::fs;

use ff_net::Model;
use image::{GrayImage, Luma};
use predicates::prelude::*;
use predicates::str::{contains, is_empty, starts_with};
use serde_json::Value;

use crate::desk::{Desk, SMALL};

#[test]
fn train_leaves_a_whole_run() {
    let desk = Desk::new();
    desk.run(&format!("train {SMALL} --out run"))
        .stdout(starts_with("quick: 784-20-20 (lif, 2 steps) on 200 images of digits"))
        .stdout(contains("\nepoch   2/2   loss layer 1 "))
        .stdout(contains("% on 60 images"))
        .stderr(is_empty());
    let mut files: Vec<String> = fs::read_dir(desk.path("run"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["config.toml", "metrics.jsonl", "model.safetensors", "plots", "summary.json"]);

    let metrics = fs::read_to_string(desk.path("run/metrics.jsonl")).unwrap();
    let epochs: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(epochs.iter().map(|e| e["epoch"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(epochs[0]["losses"].as_array().unwrap().len(), 2);

    let summary: Value =
        serde_json::from_str(&fs::read_to_string(desk.path("run/summary.json")).unwrap()).unwrap();
    let expected: [(&str, Value); 11] = [
        ("dataset", "digits".into()),
        ("preset", "quick".into()),
        ("seed", 1.into()),
        ("device", "cpu".into()),
        ("layers", vec![20, 20].into()),
        ("neuron", "lif".into()),
        ("steps", 2.into()),
        ("epochs", 2.into()),
        ("train_samples", 200.into()),
        ("test_samples", 60.into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
    ];
    for (key, value) in expected {
        assert_eq!(summary[key], value, "{key}");
    }
    for key in ["threads", "train_error", "test_error", "train_seconds", "samples_per_second"] {
        assert!(summary[key].as_f64().is_some_and(|x| x >= 0.0), "{key}: {}", summary[key]);
    }
    let spikes = summary["spikes_per_inference"].as_f64().unwrap();
    assert!(spikes > 0.0 && spikes <= 40.0 * 2.0 * 10.0, "{spikes}");
    assert_eq!(summary["layer_test_error"].as_array().unwrap().len(), 2);

    for plot in ["loss", "error", "samples", "goodness", "weights"] {
        let picture = image::open(desk.path(&format!("run/plots/{plot}.png"))).unwrap();
        assert!(picture.width() >= 300 && picture.height() >= 100, "{plot}");
    }
}

#[test]
fn the_config_of_a_run_repeats_it_bit_for_bit_on_any_number_of_threads() {
    let desk = Desk::new();
    desk.run(&format!("train {SMALL} --seed 77 --set bias=true --set beta=.7 --threads 1 --out first"));
    let config = fs::read_to_string(desk.path("first/config.toml")).unwrap();
    assert!(config.contains("\n[neuron.lif]\nbeta = 0.7\n") && config.contains("\nseed = 77\n"), "{config}");
    // Also from another place than where the first run found its data.
    let mut command = desk.command("train --config first/config.toml --data digits --threads 2 --out second");
    command.env_remove("FF_DATA_DIR").assert().success();
    for file in ["model.safetensors", "plots/loss.png"] {
        let [first, second] =
            ["first", "second"].map(|run| fs::read(desk.path(&format!("{run}/{file}"))).unwrap());
        assert!(first == second, "{file} differs");
    }
    let errors = |run: &str| -> Vec<Value> {
        let text = fs::read_to_string(desk.path(&format!("{run}/metrics.jsonl"))).unwrap();
        let epoch = |line| serde_json::from_str::<Value>(line).unwrap();
        text.lines().map(epoch).map(|e| Value::from(vec![e["losses"].clone(), e["error"].clone()])).collect()
    };
    assert_eq!(errors("first"), errors("second"));
    desk.run(&format!("train {SMALL} --seed 78 --set bias=true --set beta=.7 --out third"));
    assert_ne!(errors("first"), errors("third"));
}

#[test]
fn runs_are_numbered_and_data_comes_from_the_directory_that_is_named() {
    let desk = Desk::new();
    desk.run(&format!("train {SMALL}")).stdout(contains("runs/quick-1"));
    desk.run(&format!("train {SMALL}")).stdout(contains("runs/quick-2"));
    desk.run(&format!("train --preset tutorial {SMALL}")).stdout(contains("runs/tutorial-1"));
    assert!(desk.path("runs/quick-1/model.safetensors").is_file());
    assert!(fs::read_dir(desk.path("runs")).unwrap().count() == 3);
    desk.lay_out("others", &ff_data::synthetic(50, 20, 9));
    desk.run(&format!("train {SMALL} --data others --out named"))
        .stdout(contains("on 50 images of others (others)"));
}

#[test]
fn json_is_one_document_and_nothing_else() {
    let desk = Desk::new();
    let summary = desk.json(&format!("train {SMALL} --out run --json"));
    assert_eq!(summary["directory"], "run");
    let file: Value =
        serde_json::from_str(&fs::read_to_string(desk.path("run/summary.json")).unwrap()).unwrap();
    assert_eq!(summary["test_error"], file["test_error"]);
    let eval = desk.json("eval run/model.safetensors --json");
    assert_eq!(eval["test_error"], file["test_error"]);
    assert_eq!(eval["layer_test_error"], file["layer_test_error"]);
    assert_eq!(desk.json("info --json")["devices"], Value::from(vec!["cpu"]));
    assert_eq!(desk.json("data check --json")["train_samples"], 200);
    assert_eq!(desk.json("data show --json")["test_per_class"], Value::from(vec![6; 10]));
}

#[test]
fn held_out_images_are_watched_and_not_trained_on() {
    let desk = Desk::new();
    let mut set = ff_data::synthetic(200, 60, 1);
    // What is held out is the end. Between it and the first hundred lie images that nobody looks at.
    let changes: [(&str, std::ops::Range<usize>); 3] =
        [("same", 0..0), ("held-out", 160..200), ("between", 100..160)];
    let mut runs = Vec::new();
    for (name, range) in changes {
        for image in range {
            set.train.images.row_mut(image).mapv_inplace(|pixel| 255 - pixel);
        }
        desk.lay_out(name, &set);
        let words = "--set validation_samples=40 --set train_samples=100";
        desk.run(&format!("train {SMALL} {words} --data {name} --out runs/{name}"))
            .stdout(contains("on 100 images"))
            .stdout(contains("% of held-out images"));
        let metrics = fs::read_to_string(desk.path(&format!("runs/{name}/metrics.jsonl"))).unwrap();
        let last: Value = serde_json::from_str(metrics.lines().next_back().unwrap()).unwrap();
        let model = Model::load(&desk.path(&format!("runs/{name}/model.safetensors"))).unwrap();
        runs.push((model.weights, last["error"].clone()));
    }
    assert!(runs.iter().all(|(weights, _)| *weights == runs[0].0), "a held-out image was learned from");
    assert_ne!(runs[0].1, runs[1].1, "the error is not that of the held-out images");
    assert_eq!(runs[1].1, runs[2].1);
}

#[test]
fn a_value_is_set_by_its_path_or_by_its_short_key() {
    let desk = Desk::new();
    let words = "--set layers=[20,20] --set epochs=1 --set batch=25";
    let short = "--set steps=2 --set threshold=1 --set beta=.7 --set alpha=8 --set sharpness=30";
    let path = "--set neuron.lif.steps=2 --set neuron.lif.threshold=1 --set neuron.lif.beta=.7 \
                --set objective.pair.alpha=8 --set negatives.hard.sharpness=30";
    let table = "--set neuron={lif={steps=2,threshold=1.0,beta=0.7,output=\"rate\",surrogate=\"secant\"}} \
                 --set objective={pair={alpha=8}} --set negatives={hard={sharpness=30}}";
    let config = |name: &str| fs::read_to_string(desk.path(&format!("{name}/config.toml"))).unwrap();
    for (name, set) in [("short", short), ("path", path), ("table", table)] {
        desk.run(&format!("train {words} {set} --out {name}"));
        assert_eq!(config(name), config("short"), "{name}");
    }
    for part in ["[neuron.lif]\nbeta = 0.7\n", "[objective.pair]\nalpha = 8.0\n", "[negatives.hard]\n"] {
        assert!(config("short").contains(part), "{}", config("short"));
    }
    // A value of another kind makes the part this kind.
    desk.run(&format!("train --preset quick-relu {words} --set neuron.lif.steps=3 --out other"))
        .stdout(starts_with("quick-relu: 784-20-20 (lif, 3 steps)"));
    // What an older program wrote has all short keys, also those of other kinds.
    let old = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/config-1.toml"));
    fs::write(desk.path("old.toml"), old.unwrap()).unwrap();
    desk.run("train --config old.toml --out old");
    desk.run("train --set layers=[20,10] --set epochs=1 --set beta=.7 --set negatives=uniform --set bias=true --out new");
    assert_eq!(config("old"), config("new"));
    let model = |name: &str| fs::read(desk.path(&format!("{name}/model.safetensors"))).unwrap();
    assert!(model("old") == model("new"), "the old file means something else");
    desk.run("train --config old.toml --set neuron.lif.beta=0.6 --out changed");
    assert!(config("changed").contains("[neuron.lif]\nbeta = 0.6\n"), "{}", config("changed"));
}

#[test]
fn a_set_of_another_size_with_other_classes_trains_and_evaluates() {
    let desk = Desk::new();
    let mut set = ff_data::synthetic(90, 30, 4);
    for samples in [&mut set.train, &mut set.test] {
        samples.labels.mapv_inplace(|label| label % 3);
        // The middle 14 x 20 pixels of 28 x 28.
        let n = samples.len();
        let cut: Vec<u8> = samples
            .images
            .iter()
            .enumerate()
            .filter(|(i, _)| (7..21).contains(&(i % 784 / 28)) && (4..24).contains(&(i % 28)))
            .map(|(_, &p)| p)
            .collect();
        samples.images = ndarray::Array2::from_shape_vec((n, 280), cut).unwrap();
    }
    (set.width, set.height, set.classes) = (20, 14, 3);
    desk.lay_out("wide", &set);
    desk.run(&format!("train {SMALL} --data wide --out run")).stdout(starts_with("quick: 280-20-20"));
    desk.run("eval run/model.safetensors --data wide").stdout(contains("on 30 images of wide"));
    desk.run("data check --data wide").stdout(contains("images of 20 x 14 pixels in 3 classes"));
    desk.run("data show --data wide").stdout(contains("    2         27      9\n"));
}

#[test]
fn predict_reads_pictures_of_any_size_and_polarity() {
    let desk = Desk::new();
    let set = ff_data::synthetic(2_000, 20, 8);
    desk.lay_out("many", &set);
    desk.run("train --data many --set layers=[100] --set epochs=12 --set batch=20 --out run");
    // Test images as they are, and as a photo of black ink on white paper would have them: larger, off centre.
    let (mut words, mut truth) = (String::from("predict run/model.safetensors"), Vec::new());
    for i in 0..20 {
        let row = set.test.images.row(i).to_vec();
        truth.push(u64::from(set.test.labels[i]));
        if i < 10 {
            GrayImage::from_raw(28, 28, row).unwrap().save(desk.path(&format!("{i}.png"))).unwrap();
        } else {
            let mut paper = GrayImage::from_pixel(300, 220, Luma([250]));
            for (at, ink) in row.iter().enumerate() {
                for (dx, dy) in (0..25).map(|k| (k % 5, k / 5)) {
                    let (x, y) = (at as u32 % 28 * 5 + dx + 120, at as u32 / 28 * 5 + dy + 30);
                    paper.put_pixel(x, y, Luma([250 - (u32::from(*ink) * 240 / 255) as u8]));
                }
            }
            paper.save(desk.path(&format!("{i}.png"))).unwrap();
        }
        words += &format!(" {i}.png");
    }
    desk.run(&words).stdout(contains("picture   label   goodness of each label\n0.png"));
    let answer = desk.json(&format!("{words} --json"));
    let right = |range: std::ops::Range<usize>| {
        range.filter(|&i| answer["predictions"][i]["label"].as_u64() == Some(truth[i])).count()
    };
    assert!(right(0..10) >= 8, "{} of 10 as they are", right(0..10));
    assert!(right(10..20) >= 8, "{} of 10 on paper", right(10..20));
}

#[test]
fn tutorial_prints_its_table_and_draws_its_pictures() {
    let desk = Desk::new();
    desk.run("tutorial --out tutorial")
        .stdout(starts_with("The tutorial on digits, seed 123"))
        .stdout(contains("\nLIF ").and(contains("\nReLU ")))
        .stdout(contains("What the tutorial does wrong:"))
        .stdout(contains("published").not());
    for file in ["lif/samples.png", "lif/loss.png", "relu/goodness.png", "tutorial.json"] {
        assert!(desk.path("tutorial").join(file).is_file(), "{file}");
    }
}

#[test]
fn without_mnist_and_network_digits_are_drawn_and_it_is_said() {
    let desk = Desk::new();
    let mut command = desk.command("train --set layers=[10] --set epochs=1 --out run");
    command
        .env_remove("FF_DATA_DIR")
        .assert()
        .success()
        .stdout(contains("of synthetic (drawn here)"))
        .stderr(
            starts_with("note: ")
                .and(contains("using synthetic digits instead"))
                .and(contains("\n").count(1)),
        );
    // The same digits are a test for what has learned from them, and for nothing else.
    let mut eval = desk.command("eval run/model.safetensors");
    eval.env_remove("FF_DATA_DIR").assert().success().stderr(is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_in_the_cache_is_not_downloaded_again() {
    let desk = Desk::new();
    desk.lay_out("cache/forward-forward/mnist", &ff_data::synthetic(70, 30, 2));
    let mut command = desk.command("data check");
    command.env_remove("FF_DATA_DIR").env("XDG_CACHE_HOME", desk.path("cache"));
    command.assert().success().stdout(contains("70 training and 30 test images")).stderr(is_empty());
}

#[test]
fn help_shows_what_to_type() {
    let desk = Desk::new();
    desk.run("--help").stdout(contains("Examples:")).stdout(contains("ff-cli tutorial"));
    desk.run("train --help")
        .stdout(contains("--preset <NAME>"))
        .stdout(contains("repeat").or(contains("seed")));
    for command in ["train", "eval", "compare", "predict", "import", "info", "tutorial"] {
        desk.run(&format!("{command} --help")).stdout(contains(format!("Examples:\n  ff-cli {command} ")));
    }
    desk.run("--version").stdout(contains(env!("CARGO_PKG_VERSION")));
    desk.run("info").stdout(contains("presets   quick, standard, best, best-augmented, quick-relu"));
}

#[test]
fn both_ways_of_prediction_are_reported() {
    let desk = Desk::new();
    desk.run(&format!("train {SMALL} --out run")).stdout(contains("\none pass with the heads: "));
    desk.run("eval run/model.safetensors").stdout(contains("\none pass with the heads: "));
    let (summary, eval) = (
        fs::read_to_string(desk.path("run/summary.json")).unwrap(),
        desk.json("eval run/model.safetensors --json"),
    );
    let summary: Value = serde_json::from_str(&summary).unwrap();
    for key in ["head_test_error", "layer_head_test_error", "spikes_in_one_pass"] {
        assert_eq!(summary[key], eval[key], "{key}");
        assert!(!summary[key].is_null(), "{key}");
    }
    desk.run(&format!("train {SMALL} --set head=false --out plain")).stdout(contains("one pass").not());
    assert!(desk.json("eval plain/model.safetensors --json")["head_test_error"].is_null());
}

#[test]
fn a_net_that_does_not_spike_is_named() {
    let desk = Desk::new();
    let silent =
        "note: no unit of layer 1 spikes, so it cannot learn; try a lower `--set neuron.lif.threshold=VALUE`";
    desk.run(&format!("train {SMALL} --set threshold=1000"))
        .stderr(starts_with(silent).and(contains("\n").count(1)));
}

#[test]
fn images_are_changed_before_each_epoch_if_asked() {
    let desk = Desk::new();
    let augment = "--set augment=[{affine={rotate=10,shift=1.5}},{shift={pixels=1}}]";
    desk.run(&format!("train {SMALL} {augment} --out first"));
    let config = fs::read_to_string(desk.path("first/config.toml")).unwrap();
    assert!(config.contains("[[augment]]"), "{config}");
    desk.run("train --config first/config.toml --threads 1 --out second");
    desk.run(&format!("train {SMALL} --out plain"));
    let model = |run: &str| fs::read(desk.path(&format!("{run}/model.safetensors"))).unwrap();
    assert!(model("first") == model("second"), "the config does not repeat the run");
    assert!(model("first") != model("plain"), "the images are the same");
}

#[test]
fn compare_trains_all_four_and_saves_its_table() {
    let desk = Desk::new();
    let small = "--set layers=[20,20] --set batch=25 --set steps=2 --set threshold=1";
    desk.run(&format!("compare --epochs 1 --seeds 2 {small} --out table"))
        .stdout(starts_with("4 contenders, 1 epochs each, seeds 1 to 2 on 200 training images of digits"))
        .stdout(contains("| forward-forward, lif").and(contains("| backprop, relu")))
        .stderr(is_empty());
    let table = fs::read_to_string(desk.path("table/compare.md")).unwrap();
    assert_eq!(table.lines().filter(|line| line.starts_with('|')).count(), 6, "{table}");
    let document = |run: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(desk.path(&format!("{run}/compare.json"))).unwrap()).unwrap()
    };
    let table = document("table");
    let contenders = table["contenders"].as_array().unwrap();
    assert_eq!(contenders.len(), 4);
    for contender in contenders {
        let trials = contender["trials"].as_array().unwrap();
        assert_eq!(trials.len(), 2);
        for trial in trials {
            let error = trial["test_error"].as_f64().unwrap();
            assert!((0.0..=100.0).contains(&error) && trial["parameters"].as_u64().unwrap() >= 16_280);
            let spiking = contender["name"].as_str().unwrap().ends_with("lif");
            assert_eq!(trial["spikes_per_inference"].is_null(), !spiking);
        }
    }
    // The ordinary network's work, by hand.
    let multiply_adds = &contenders[3]["trials"][0]["operations"]["multiply_adds"];
    assert_eq!(multiply_adds.as_f64(), Some(f64::from(784 * 20 + 20 * 20 + 20 * 10)));
    desk.run(&format!("compare --epochs 1 --seeds 1 {small} --set augment=[{{shift={{pixels=3}}}}]"))
        .stdout(contains("runs/compare-1"));
    let changed = document("runs/compare-1");
    for (own, other) in contenders.iter().zip(changed["contenders"].as_array().unwrap()) {
        assert_eq!(other["augment"][0]["shift"]["pixels"], 3);
        let spikes = |contender: &Value| contender["trials"][0]["spikes_per_inference"].clone();
        assert!(own["name"].as_str().unwrap().ends_with("relu") || spikes(own) != spikes(other), "{own}");
    }
}
