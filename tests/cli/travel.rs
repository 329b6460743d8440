//! Models that travel: from here to Python and back. Python's side is travel.py.
//!
//! `$FF_PYTHON`, or else `python3`, has to have numpy and safetensors; if it has not, pip puts them into the target
//! directory, once. Where there is neither, the golden file in tests/model.rs has to do.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ff_net::Model;
use predicates::prelude::*;
use predicates::str::{contains, is_empty};
use serde_json::Value;

use crate::desk::{Desk, SMALL};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PACKAGES: [&str; 2] = ["numpy>=2,<3", "safetensors==0.8.0"];

fn interpreter() -> Command {
    Command::new(std::env::var_os("FF_PYTHON").unwrap_or("python3".into()))
}

fn can_import(mut python: Command, modules: &str) -> bool {
    python.args(["-c", &format!("import {modules}")]).output().is_ok_and(|output| output.status.success())
}

/// Said straight to stderr, because the test harness keeps what a passing test prints to itself.
#[allow(clippy::explicit_write)]
fn skip(test: &str, reason: &str) {
    writeln!(std::io::stderr(), "SKIPPED {test}: {reason}").unwrap();
}

/// Where pip has put the packages; `None` if the interpreter has them, `Err` if nobody has.
fn packages() -> &'static Result<Option<PathBuf>, String> {
    static PLACE: OnceLock<Result<Option<PathBuf>, String>> = OnceLock::new();
    PLACE.get_or_init(|| {
        if can_import(interpreter(), "numpy, safetensors.numpy") {
            return Ok(None);
        }
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-packages");
        if !place.exists() {
            let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(|e| e.to_string())?;
            let pip = [
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--root-user-action=ignore",
            ];
            let pip = interpreter()
                .args(pip)
                .args(["--retries", "1", "--timeout", "20", "--target"])
                .arg(fresh.path())
                .args(PACKAGES)
                .output()
                .map_err(|e| format!("no Python here ({e})"))?;
            if !pip.status.success() {
                let text = String::from_utf8_lossy(&pip.stderr);
                let last =
                    text.lines().rev().find(|line| !line.is_empty()).unwrap_or("it says nothing").to_string();
                return Err(format!(
                    "Python has no numpy and safetensors, and pip cannot fetch them ({last})"
                ));
            }
            fs::rename(fresh.keep(), &place).map_err(|e| e.to_string())?;
        }
        Ok(Some(place))
    })
}

/// travel.py with numpy and safetensors at hand; or says that `test` was skipped.
fn python_or_skip(desk: &Desk, test: &str) -> Option<Command> {
    let place = match packages() {
        Ok(place) => place,
        Err(reason) => {
            skip(test, reason);
            return None;
        }
    };
    let mut python = interpreter();
    python.current_dir(desk.path("")).arg(Path::new(ROOT).join("tests/cli/travel.py"));
    if let Some(place) = place {
        python.env("PYTHONPATH", place);
    }
    Some(python)
}

fn said(mut python: Command) -> String {
    let output = python.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn python_reads_a_model_as_it_is() {
    let desk = Desk::new();
    desk.run(&format!("train {SMALL} --set bias=true --out run"));
    let Some(mut python) = python_or_skip(&desk, "python_reads_a_model_as_it_is") else { return };
    python.args(["read", "run/model.safetensors"]);
    let seen: Value = serde_json::from_str(&said(python)).unwrap();
    let model = Model::load(&desk.path("run/model.safetensors")).unwrap();
    let same = |name: &str, shape: &[usize], at: &dyn Fn(usize) -> f32| {
        let tensor = &seen["tensors"][name];
        assert_eq!(tensor["shape"], Value::from(shape), "{name}");
        assert_eq!(tensor["type"], "float32", "{name}");
        let bits = tensor["bits"].as_array().unwrap();
        assert_eq!(bits.len(), shape.iter().product::<usize>(), "{name}");
        for (i, bits) in bits.iter().enumerate() {
            assert_eq!(bits.as_u64(), Some(at(i).to_bits().into()), "{name}, number {i}");
        }
    };
    for (i, (layer, inputs)) in model.weights.iter().zip([784, 20]).enumerate() {
        same(&format!("layers.{i}.weight"), &[20, inputs], &|at| layer.weight[[at % inputs, at / inputs]]);
        same(&format!("layers.{i}.bias"), &[20], &|at| layer.bias.as_ref().unwrap()[at]);
        same(&format!("heads.{i}.weight"), &[10, 20], &|at| layer.head.as_ref().unwrap()[[at % 20, at / 20]]);
    }
    assert_eq!(seen["tensors"].as_object().unwrap().len(), 6);
    let (about, summary) = (&seen["about"], desk.summary("run"));
    assert_eq!(about["format_version"], 3);
    assert_eq!(about["dataset"], "digits");
    assert_eq!(about["config"]["layers"], Value::from(vec![20, 20]));
    for key in ["preset", "test_error", "head_test_error", "train_error", "train_samples", "test_samples"] {
        assert_eq!(about["origin"][key], summary[key], "{key}");
        assert!(!summary[key].is_null(), "{key}");
    }
}

#[test]
fn what_python_writes_is_imported_and_judged() {
    let desk = Desk::new();
    let Some(mut python) = python_or_skip(&desk, "what_python_writes_is_imported_and_judged") else { return };
    python.args(["write", "net.safetensors"]);
    said(python);
    desk.run("import net.safetensors --preset tutorial")
        .stdout(contains("imported   from net.safetensors\npreset     tutorial\n"))
        .stdout(contains("layer 1      784 -> 12    lif, 1 step       9,408 parameters\n"))
        .stdout(contains("\nnext: ff-cli eval net-imported.safetensors\n"));
    let model = Model::load(&desk.path("net-imported.safetensors")).unwrap();
    assert_eq!(model.config.layers, [12, 5]);
    for layer in &model.weights {
        for ((i, o), &weight) in layer.weight.indexed_iter() {
            assert_eq!(weight, ((o * 31 + i * 7) % 17) as f32 / 16.0 - 0.5, "{i}, {o}");
        }
    }
    // Without a data set at hand it is for MNIST.
    let mut command = desk.command("import net.safetensors --preset tutorial --out for-mnist.safetensors");
    command.env_remove("FF_DATA_DIR").assert().success().stderr(is_empty());
    assert_eq!(Model::load(&desk.path("for-mnist.safetensors")).unwrap().dataset, "mnist");
    desk.run("eval net-imported.safetensors --labels labels.txt").stdout(contains("on 60 images of digits"));
    let labels = fs::read_to_string(desk.path("labels.txt")).unwrap();
    assert_eq!(labels.lines().filter(|line| line.parse::<u8>().is_ok_and(|label| label < 10)).count(), 60);
}

/// The scripts of docs/python.md, on a small model; only where torch and snnTorch are installed.
#[test]
fn the_scripts_of_the_python_page_predict_the_same_labels() {
    let test = "the_scripts_of_the_python_page_predict_the_same_labels";
    if !can_import(interpreter(), "torch, snntorch, numpy, safetensors.torch") {
        return skip(
            test,
            "no torch, snntorch and safetensors; set FF_PYTHON to an interpreter that has them",
        );
    }
    let desk = Desk::new();
    desk.run("train --preset tutorial --set layers=[30,20] --set epochs=5 --set batch=20 --out run");
    desk.run("eval run/model.safetensors --labels labels.txt");
    let Some(mut python) = python_or_skip(&desk, test) else { return };
    python.arg("run").arg(Path::new(ROOT).join("docs/python.md")).arg(desk.path("digits"));
    let told = said(python);
    let error = desk.summary("run")["test_error"].as_f64().unwrap();
    assert!(told.contains(&format!("test error {error:.2} %\n60 of 60 labels are the same\n")), "{told}");
    // And the other page: the net that it saved, of random weights, with all that snnTorch keeps beside them.
    desk.run("import net.safetensors --preset tutorial --out back.safetensors");
    desk.run("eval back.safetensors --labels back.txt");
    assert_eq!(
        fs::read_to_string(desk.path("back.txt")).unwrap(),
        fs::read_to_string(desk.path("there.txt")).unwrap()
    );
}

#[test]
fn a_model_says_what_it_is() {
    let desk = Desk::new();
    desk.run(&format!("train {SMALL} --set augment=[{{affine={{rotate=10.1}}}}] --set beta=.7 --out run"));
    let summary = desk.summary("run");
    let error = format!("test       error {:.2} % of 60 images", summary["test_error"].as_f64().unwrap());
    desk.run("info run/model.safetensors")
        .stdout(contains("model      run/model.safetensors, 67.").and(contains("format version 2 of ff-cli")))
        .stdout(contains("preset     quick\ndata set   digits, 28 x 28 pixels in 10 classes\n"))
        .stdout(contains("training   200 images, error ").and(contains(error)))
        .stdout(contains("layer 2       20 -> 20    lif, 2 steps         600 parameters, with head\n"))
        .stdout(
            contains("\n  neuron                    lif\n  neuron.lif.beta           0.7\n")
                .and(contains("\"rotate\":10.1,")),
        );
    let document = desk.json("info run/model.safetensors --json");
    assert_eq!(document["config"]["neuron"]["lif"]["beta"], 0.7);
    assert_eq!(document["augment"][0]["affine"]["rotate"], 10.1);
    assert_eq!(document["test_error"], summary["test_error"]);
    assert_eq!(document["layers"][0]["parameters"], 784 * 20 + 200);
    assert_eq!(document["parameters"], 784 * 20 + 200 + 600);
    let old = Path::new(ROOT).join("tests/golden/model-1.safetensors");
    desk.run(&format!("info {}", old.display()))
        .stdout(contains("format version 1 of ff-cli 0.1.0").and(contains("test       error not known\n")));
}
