//! Runs that survive: killed, interrupted, out of room, with a damaged checkpoint, they go on and end bit-equal.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use ff_tensor::random;
use predicates::prelude::*;
use predicates::str::{contains, is_empty, starts_with};
use serde_json::Value;

use crate::desk::Desk;

/// A run of many short epochs, so of many checkpoints, with all that a training has.
const RUN: &str = "--set layers=[20,20] --set epochs=40 --set batch=25 --set steps=2 --set threshold=1 --set bias=true \
                   --set dropout=0.1 --set augment=[{shift={pixels=1}}]";

/// A run of two epochs with 3,000 steps each.
const SLOW: &str =
    "--data many --set layers=[60,60] --set epochs=2 --set batch=1 --set steps=2 --set threshold=1";

/// What has to be equal, to the last bit: the model, and all numbers of each epoch but for the time it took.
fn outcome(run: &Path) -> (Vec<u8>, Vec<Value>) {
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let without_time = |line| {
        let mut epoch: Value = serde_json::from_str(line).unwrap();
        let epoch = epoch.as_object_mut().unwrap();
        assert!(epoch.remove("seconds").is_some() && epoch.remove("samples_per_second").is_some());
        Value::from(epoch.clone())
    };
    (fs::read(run.join("model.safetensors")).unwrap(), metrics.lines().map(without_time).collect())
}

fn files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut files: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    files
}

/// A whole run's files, and nothing that a killed process left.
fn assert_whole(run: &Path) {
    assert_eq!(files(run), ["config.toml", "metrics.jsonl", "model.safetensors", "plots", "summary.json"]);
    assert_eq!(files(&run.join("plots")).len(), 5);
}

fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Starts the command; `then` is done with it, and how it ended and what it said on stderr is given.
fn start(desk: &Desk, words: &str, then: impl FnOnce(&mut Child)) -> (ExitStatus, String) {
    let mut process = desk.process(words);
    let mut child = process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    then(&mut child);
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status, said)
}

/// Starts a run, stops it with Ctrl-C after its third epoch, and leaves it in `run`.
fn stop_after_three_epochs(desk: &Desk, words: &str) {
    let third = desk.path("run/checkpoints/epoch-0003.safetensors");
    let (status, said) = start(desk, &format!("{words} --out run"), |child| {
        while !third.exists() {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        signal(child, "INT");
    });
    assert_eq!(status.code(), Some(130), "{said}");
    assert_eq!(files(&desk.path("run/checkpoints")).len(), 3, "the last two, and the lock");
}

fn copy(desk: &Desk, from: &str, to: &str) {
    fs::create_dir(desk.path(to)).unwrap();
    for file in files(&desk.path(from)) {
        let (from, to) = (format!("{from}/{file}"), format!("{to}/{file}"));
        if desk.path(&from).is_dir() {
            copy(desk, &from, &to);
        } else {
            fs::copy(desk.path(&from), desk.path(&to)).unwrap();
        }
    }
}

/// Treats runs with a signal at so many random moments, goes on after each, and compares each run that ends.
fn survives(kill: impl Fn(&mut Child), times: usize, seed: u64) {
    let desk = Desk::new();
    let start_of = Instant::now();
    desk.run(&format!("train {RUN} --out whole"));
    let mut whole = start_of.elapsed();
    let expected = outcome(&desk.path("whole"));
    let (mut tried, mut struck, mut resumed, mut ended, mut spared) = (0, 0, 0, 0, false);
    let fresh = format!("train {RUN} --out run");
    let mut words = fresh.clone();
    while struck < times || ended == 0 {
        // From the first moment to the last; more often early, as there is less left of a run that goes on.
        let share = f64::from(random::uniform(seed, tried)).powi(2);
        tried += 1;
        let (threads, begun) = (1 + tried % 3, Instant::now());
        let (status, said) = start(&desk, &format!("{words} --threads {threads}"), |child| {
            if struck < times && !spared {
                std::thread::sleep(whole.mul_f64(share));
                kill(child);
            }
        });
        if status.success() || said.contains("this run has ended") {
            assert_whole(&desk.path("run"));
            assert!(outcome(&desk.path("run")) == expected, "run {ended} ended in another way");
            ended += 1;
            if words == fresh {
                // It takes longer when the machine is busy.
                whole = begun.elapsed();
            }
        } else if status.code() == Some(2) {
            // Struck in its first moments.
            let early =
                ["this run was stopped before its first checkpoint", "is no run: there is no config.toml"];
            assert!(early.iter().any(|words| said.contains(words)), "{said}");
        } else {
            assert!(status.signal().is_some() || status.code() == Some(130), "{status}: {said}");
            struck += 1;
            if desk.path("run").exists() {
                resumed += 1;
                // Its end takes longest: every second run that was struck there may come to it.
                spared = desk.path("run/plots").exists() && struck % 2 == 0;
                words = "train --resume run".into();
                continue;
            }
        }
        let _ = fs::remove_dir_all(desk.path("run"));
        words.clone_from(&fresh);
        spared = false;
    }
    println!("{struck} times; {resumed} resumes, {ended} runs ended");
    assert!(resumed > times / 2);
}

#[test]
fn a_run_killed_at_fifty_moments_ends_bit_equal() {
    survives(|child| child.kill().unwrap(), 50, 1);
}

#[test]
fn a_run_interrupted_at_any_moment_ends_bit_equal() {
    survives(|child| signal(child, "INT"), 10, 2);
}

#[test]
fn ctrl_c_finishes_the_step_saves_and_says_how_to_go_on() {
    let desk = Desk::new();
    desk.lay_out("many", &ff_data::synthetic(3_000, 60, 1));
    desk.run(&format!("train {SLOW} --out whole"));
    let stop = |words: &str, name: &str| {
        start(&desk, words, |child| {
            let mut first = String::new();
            BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
            assert!(first.starts_with("quick: 784-60-60"), "{first}");
            signal(child, name);
        })
    };
    for (words, name) in
        [(&*format!("train {SLOW} --out run"), "INT"), ("train --resume run --threads 1", "TERM")]
    {
        let (status, said) = stop(words, name);
        assert_eq!(status.code(), Some(130), "{said}");
        let (first, rest) = said.split_once('\n').unwrap();
        assert!(first.starts_with("stopped: in epoch 1 of 2, after batch "), "{said}");
        assert!(first.ends_with(" of 3000; all of it is saved"), "{said}");
        assert_eq!(rest, "  try: `ff-cli train --resume run` to go on\n");
    }
    assert_eq!(files(&desk.path("run")), ["checkpoints", "config.toml", "metrics.jsonl"]);
    desk.run("train --resume run")
        .stdout(contains("\ngoing on in epoch 1 of 2, after batch ").and(contains("all of it in run\n")))
        .stderr(is_empty());
    assert_whole(&desk.path("run"));
    assert!(outcome(&desk.path("run")) == outcome(&desk.path("whole")));
    // The parts' time adds up.
    let summary = |run: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(desk.path(run).join("summary.json")).unwrap()).unwrap()
    };
    let [run, whole] = ["run", "whole"].map(summary);
    for key in ["test_error", "train_error", "layer_test_error", "head_test_error", "spikes_per_inference"] {
        assert_eq!(run[key], whole[key], "{key}");
    }
    let metrics = fs::read_to_string(desk.path("run/metrics.jsonl")).unwrap();
    let seconds =
        metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["seconds"].as_f64().unwrap());
    assert!((seconds.sum::<f64>() - run["train_seconds"].as_f64().unwrap()).abs() < 1e-9);
}

#[test]
fn a_full_disk_leaves_the_checkpoint_before_intact() {
    let desk = Desk::new();
    desk.run(&format!("train {RUN} --out whole"));
    // No file larger than 100 blocks of 512 or 1,024 bytes: a checkpoint has some 200,000 bytes.
    let limited = |words: &str| {
        let line = format!("trap '' XFSZ; ulimit -f 100; exec {} {words}", env!("CARGO_BIN_EXE_ff-cli"));
        Command::from_std(desk.program("sh", ["-c", &line].into_iter()))
    };
    let text = desk.refused_when(limited(&format!("train {RUN} --out run")), "a first checkpoint");
    assert!(
        text.contains("run/checkpoints/epoch-0001.safetensors: cannot be written: File too large"),
        "{text}"
    );
    assert!(text.contains("try: `--out DIR`"), "{text}");

    stop_after_three_epochs(&desk, &format!("train {RUN}"));
    let checkpoints = || {
        let names = files(&desk.path("run/checkpoints")).into_iter();
        names
            .map(|name| (fs::read(desk.path("run/checkpoints").join(&name)).unwrap(), name))
            .collect::<Vec<_>>()
    };
    let before = checkpoints();
    let text = desk.refused_when(limited("train --resume run"), "a later checkpoint");
    assert!(text.contains(": cannot be written: File too large"), "{text}");
    assert!(text.ends_with("  try: `ff-cli train --resume run` once that is put right\n"), "{text}");
    assert!(checkpoints() == before, "the checkpoints are others");
    desk.run("train --resume run");
    assert!(outcome(&desk.path("run")) == outcome(&desk.path("whole")));
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_it_used() {
    let desk = Desk::new();
    desk.run(&format!("train {RUN} --out whole"));
    let expected = outcome(&desk.path("whole"));
    stop_after_three_epochs(&desk, &format!("train {RUN}"));
    let names = files(&desk.path("run/checkpoints"));
    let newest = &names[1];
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage, &str); 4] = [
        ("flipped", |bytes| bytes[100_000] ^= 1, "is damaged: its checksum"),
        ("cut", |bytes| bytes.truncate(100_000), "is not a whole safetensors file"),
        ("empty", |bytes| bytes.clear(), "is not a whole safetensors file"),
        ("zeros", |bytes| bytes.fill(0), "is not a whole safetensors file"),
    ];
    for (name, damage, expected_words) in damages {
        copy(&desk, "run", name);
        let path = format!("{name}/checkpoints/{newest}");
        let mut bytes = fs::read(desk.path(&path)).unwrap();
        damage(&mut bytes);
        fs::write(desk.path(&path), bytes).unwrap();
        let damaged = starts_with(format!("note: {path}: ")).and(contains(expected_words));
        desk.run(&format!("train --resume {name}"))
            .stderr(damaged.and(contains("; going on from the checkpoint before it\n")));
        assert_whole(&desk.path(name));
        assert!(outcome(&desk.path(name)) == expected, "{name}");
    }
    for name in &names[..2] {
        fs::write(desk.path("run/checkpoints").join(name), "nothing").unwrap();
    }
    let text = desk.refused("train --resume run");
    assert!(text.starts_with("error: there is no sound checkpoint: run/checkpoints/epoch-"), "{text}");
    assert!(text.ends_with("  try: `ff-cli train --config run/config.toml` to begin again\n"), "{text}");
}

#[test]
fn what_cannot_be_resumed_is_refused_with_what_to_type_next() {
    let desk = Desk::new();
    desk.lay_out("others", &ff_data::synthetic(200, 60, 9));
    desk.lay_out("the-same", &ff_data::synthetic(200, 60, 1));
    desk.run(&format!("train {RUN} --out whole"));
    stop_after_three_epochs(&desk, &format!("train {RUN}"));
    for name in ["changed", "bare", "locked", "elsewhere"] {
        copy(&desk, "run", name);
    }
    let config = fs::read_to_string(desk.path("run/config.toml")).unwrap();
    fs::write(desk.path("changed/config.toml"), config.replace("epochs = 40", "epochs = 41")).unwrap();
    for file in files(&desk.path("bare/checkpoints")).iter().filter(|file| *file != "lock") {
        fs::remove_file(desk.path("bare/checkpoints").join(file)).unwrap();
    }
    fs::create_dir(desk.path("empty")).unwrap();
    let lock = File::open(desk.path("locked/checkpoints/lock")).unwrap();
    lock.lock().unwrap();
    for (words, expected) in [
        (
            "train --resume whole",
            "whole: this run has ended\n  try: `ff-cli eval whole/model.safetensors`, or `ff-cli train --config \
             whole/config.toml` to begin again",
        ),
        (
            "train --resume nowhere",
            "nowhere: is no run: there is no config.toml in it\n  try: `ff-cli train --resume",
        ),
        ("train --resume empty", "empty: is no run"),
        ("train --resume digits", "digits: is no run"),
        ("train --resume run/config.toml", "run/config.toml: is no run"),
        (
            "train --resume bare",
            "bare: this run was stopped before its first checkpoint\n  try: `ff-cli train --config bare/config.toml`",
        ),
        (
            "train --resume locked",
            "locked: another process trains this run\n  try: the same once that has ended",
        ),
        (
            "train --resume changed",
            "changed/config.toml: has been changed since the run began\n  try: `ff-cli train --config",
        ),
        (
            "train --resume run --data others",
            "others (others) is not what the run was trained on: digits, with another checksum\n  try: `--data DIR`",
        ),
        ("train --resume run --data nowhere", "nowhere: is not a directory"),
        ("train --resume run --device gpu", "there is no device `gpu`"),
        ("train --out run", "run: there is a run or something else in this directory already"),
    ] {
        let text = desk.refused(words);
        assert!(text.contains(expected), "{words}: {text}");
    }
    assert!(desk.refused("train --out run").contains("or `--resume run`"));
    for words in ["--preset quick", "--config x.toml", "--set epochs=3", "--seed 3", "--out other"] {
        let mut command = desk.command(&format!("train --resume run {words}"));
        command.assert().code(2).stdout(is_empty()).stderr(contains("cannot be used with"));
    }
    // The same images in a directory of another name are the same data set.
    desk.run("train --resume elsewhere --data the-same --json").stdout(contains("\"dataset\": \"digits\""));
    assert!(outcome(&desk.path("elsewhere")) == outcome(&desk.path("whole")));
    drop(lock);
    desk.run("train --resume locked");
    assert!(outcome(&desk.path("locked")) == outcome(&desk.path("whole")));
}

#[test]
fn a_run_that_diverges_after_a_checkpoint_stays_and_says_that_to_resume_does_not_help() {
    let desk = Desk::new();
    // Each step multiplies the weights by a million.
    let words = "train --set layers=[9] --set neuron=relu --set batch=200 --set epochs=20 \
                 --set learning_rate=1000 --set weight_decay=1000 --out run";
    let output = desk.command(words).assert().code(2).get_output().clone();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("the loss of layer 1 became "), "{text}");
    assert!(text.contains("to resume this one would end there again"), "{text}");
    assert!(files(&desk.path("run/checkpoints")).len() >= 2);
}
