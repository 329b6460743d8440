//! What is refused: one sentence that says what is wrong and where, exit code 2, nothing written.

use std::fs;
use std::path::Path;

use crate::desk::{Desk, SMALL};

#[test]
fn a_slip_in_the_settings_is_named_with_what_was_meant() {
    let desk = Desk::new();
    fs::write(desk.path("bad.toml"), "epochs = [\n").unwrap();
    fs::write(desk.path("key.toml"), "epoch = 4\n").unwrap();
    fs::write(desk.path("binary.toml"), [0xFF, 0xFE, 0]).unwrap();
    fs::write(desk.path("long.toml"), "# not settings\n".repeat(5_000)).unwrap();
    // The parser's stack is not endless.
    fs::write(desk.path("deep.toml"), "a={[a]\n".repeat(9_000)).unwrap();
    for (words, expected) in [
        ("train --preset quik", "there is no preset `quik`\n  try: `--preset quick`"),
        ("train --preset xyz", "one of quick, standard, best, best-augmented, quick-relu"),
        ("train --set epoch=4", "there is no setting `epoch`\n  try: `epochs`"),
        ("train --set neuron.lif.bta=1", "there is no setting `neuron.lif.bta`\n  try: `neuron.lif.beta`"),
        (
            "train --preset quick-relu --set beta=0.5",
            "`beta` is a value of `lif`, but `neuron` is `relu`\n  try: `--set neuron.lif.beta=0.5`",
        ),
        ("train --preset tutorial --set alpha=3", "try: `--set objective.pair.alpha=3`"),
        (
            "train --set neuron=relu --set neuron.lif.beta=1",
            "--set neuron=relu asks for `relu` as `neuron`, but --set neuron.lif.beta=1 asks for `lif`",
        ),
        (
            "compare --set negatives.head.sharpness=1",
            "there is no contender whose `negatives` is `head`\n  try: `--set negatives=head` beside it",
        ),
        ("compare --set neuron=relu --set beta=0.5", "there is no contender whose `neuron` is `lif`"),
        ("train --epochs 3", "try: `--set epochs=VALUE`"),
        ("train --batch-size=3", "try: `--set batch=VALUE`"),
        ("compare --learning-rate 3", "try: `--set learning_rate=VALUE`"),
        ("train --set layers", "--set layers: there is no `=`"),
        ("train --set neuron=lfi", "--set neuron=lfi: `neuron` is `lfi`, but must be `lif` or `relu`"),
        ("train --set epochs=many", "`epochs` is \"many\", but must be a whole number"),
        ("train --set epochs=-1", "`epochs` is `-1`, but must be a whole number"),
        ("train --set layers=[]", "`layers` has 0 layers; 1 to 100 are possible"),
        ("train --set layers=[0]", "`layers` has a layer without units"),
        ("train --set layers=[100000,100000]", "`layers` asks for 100000 x 100000 weights"),
        ("train --set augment=[{shift={pixels=-1}}]", "`augment`"),
        ("train --set augment=[{twist={by=1}}]", "`augment`"),
        ("train --set augment=[{affine={rotate=700}}]", "`augment`: affine.rotate must be"),
        ("train --set negatives=head --set head=false", "`negatives` is `head`, but no head learns"),
        ("train --set steps=1", "`neuron.lif.surrogate` is `secant`, which needs"),
        ("compare --set layers=[0]", "`layers` has a layer without units"),
        ("compare --set augment=[{shift={pixels=-1}}]", "`augment`"),
        ("compare --set validation_samples=200", "holding 200 images out leaves none to train on"),
        ("compare --epochs 0", "`epochs` is 0"),
        (
            "train --set steps=0",
            "`neuron.lif.steps` is 0; 1 to 1000 is possible\n  try: `--set neuron.lif.steps=VALUE`",
        ),
        ("train --set batch=0", "`batch` is 0"),
        ("train --set beta=2", "`neuron.lif.beta` is 2; 0 to 1 is possible"),
        ("train --set beta=nan", "`neuron.lif.beta` is NaN"),
        ("train --set learning_rate=inf", "`learning_rate` is inf"),
        ("train --set validation_samples=200", "holding 200 images out leaves none to train on"),
        ("train --set neuron=relu --set link=spikes", "`link` is `spikes`, but relu units do not spike"),
        ("train --seed 18446744073709551615", "above 2^63 - 1"),
        ("train --config nowhere.toml", "nowhere.toml: cannot be read"),
        ("train --config bad.toml", "bad.toml: "),
        ("train --config key.toml", "key.toml: there is no setting `epoch`"),
        ("train --config binary.toml", "binary.toml: cannot be read"),
        ("train --config long.toml", "long.toml: is 75000 bytes, too long for a config file"),
        ("train --config deep.toml", "deep.toml: has 63000 bytes and 9000 braces, too many for settings"),
        ("train --config digits", "digits: cannot be read"),
        ("train --device gpu", "there is no device `gpu`"),
        (
            "train --device cuda:x",
            "there is no device `cuda:x`\n  try: `--device auto`, `cpu`, `cuda` or `cuda:N`",
        ),
        ("train --device cuda:4096", "device `cuda:4096`: "),
        ("train --device cpu --tf32", "`--tf32` is for a GPU\n  try: `--device cuda`"),
        ("train --threads 100000", "100000 threads are more than"),
    ] {
        let text = desk.refused(words);
        assert!(text.contains(expected), "{words}: {text}");
    }
}

/// This build has no MPI. So N processes of one job would train the same network N times.
#[cfg(not(feature = "mpi"))]
#[test]
fn one_of_several_ranks_is_refused_by_a_build_without_mpi() {
    let desk = Desk::new();
    let started = |variables: [&str; 2], rank: &str| {
        let mut command = desk.command("train");
        command.env(variables[0], rank).env(variables[1], "4");
        command
    };
    for variables in [["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"], ["PMI_RANK", "PMI_SIZE"]] {
        let said = desk.refused_when(started(variables, "0"), "train as rank 0 of 4");
        assert!(said.contains("rank 0 of 4") && said.contains("without MPI"), "{said}");
        assert!(said.contains("cargo build -p ff-cli --features mpi"), "{said}");
        // Only rank 0 prints.
        let output = started(variables, "2").assert().code(2).get_output().clone();
        assert!(output.stdout.is_empty() && output.stderr.is_empty());
    }
    let said = desk.refused("train --parallel layers --stages 2,2");
    assert!(
        said.contains("there is 1 rank, but `--stages` has 2\n  try: `mpirun -np 2` before it"),
        "{said}"
    );
}

#[test]
fn flags_that_do_not_exist_or_clash_are_refused() {
    let desk = Desk::new();
    for words in [
        "train --sed 3",
        "tran",
        "train --preset quick --config x.toml",
        "eval",
        "predict m",
        "import net.safetensors",
        "train --seed x",
        "train --stages 2,2",
        "train --parallel data",
        "train --parallel layers --stages 2,x",
    ] {
        let output = desk.command(words).assert().code(2).get_output().clone();
        assert!(output.stdout.is_empty() && output.stderr.starts_with(b"error: "), "{words}");
    }
}

#[test]
fn bad_data_is_refused_by_every_command_that_reads_it() {
    let desk = Desk::new();
    let digits = desk.path("digits");
    let damage = |name: &str, change: &dyn Fn(&Path)| {
        let dir = desk.path(name);
        fs::create_dir(&dir).unwrap();
        for entry in fs::read_dir(&digits).unwrap() {
            let from = entry.unwrap().path();
            fs::copy(&from, dir.join(from.file_name().unwrap())).unwrap();
        }
        change(&dir);
    };
    let edit = |file: &'static str, change: fn(&mut Vec<u8>)| {
        move |dir: &Path| {
            let mut bytes = fs::read(dir.join(file)).unwrap();
            change(&mut bytes);
            fs::write(dir.join(file), bytes).unwrap();
        }
    };
    const IMAGES: &str = "train-images-idx3-ubyte";
    const LABELS: &str = "train-labels-idx1-ubyte";
    damage("missing", &|dir| fs::remove_file(dir.join(IMAGES)).unwrap());
    damage("truncated", &edit(IMAGES, |bytes| bytes.truncate(1_000)));
    damage("magic", &edit(IMAGES, |bytes| bytes[3] = 9));
    damage(
        "disagree",
        &edit(LABELS, |bytes| {
            bytes.pop();
            bytes[7] -= 1;
        }),
    );
    damage("ten", &edit(LABELS, |bytes| bytes[8 + 5] = 10));
    damage("corrupt", &|dir| {
        fs::remove_file(dir.join(IMAGES)).unwrap();
        fs::write(dir.join(format!("{IMAGES}.gz")), b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03garbage")
            .unwrap();
    });
    for (dir, expected) in [
        ("nowhere", "nowhere: is not a directory"),
        ("missing", "missing: no train-images-idx3-ubyte (nor train-images-idx3-ubyte.gz) in this directory"),
        ("truncated", "is 1000 bytes, too short for the 200 items that it announces"),
        ("magic", "starts with 0x00000809, but a file of images starts with 0x00000803"),
        ("disagree", "has 199 labels, but there are 200 images"),
        ("ten", "has label 10 at index 5, but the classes that hold images are 0 to 9"),
        ("corrupt", "train-images-idx3-ubyte.gz: is "),
    ] {
        for command in ["data check", "data show", "tutorial", "train"] {
            let text = desk.refused(&format!("{command} --data {dir}"));
            assert!(text.contains(expected), "{command} {dir}: {text}");
        }
        let mut command = desk.command("train");
        command.env("FF_DATA_DIR", dir);
        assert!(desk.refused_when(command, dir).contains(expected), "{dir} by $FF_DATA_DIR");
    }
}

#[test]
fn a_model_or_a_picture_that_cannot_be_used_is_refused() {
    let desk = Desk::new();
    desk.run(&format!("train {SMALL} --out run"));
    let model = fs::read(desk.path("run/model.safetensors")).unwrap();
    fs::write(desk.path("cut.safetensors"), &model[..model.len() / 2]).unwrap();
    let version = |bytes: &[u8]| {
        let text = br#"\"format_version\":3"#;
        let at = bytes.windows(text.len()).position(|w| w == text).unwrap();
        let mut bytes = bytes.to_vec();
        bytes[at + text.len() - 1] = b'7';
        bytes
    };
    fs::write(desk.path("new.safetensors"), version(&model)).unwrap();
    fs::write(desk.path("text.png"), "no picture").unwrap();
    image::GrayImage::from_pixel(40, 40, image::Luma([255])).save(desk.path("white.png")).unwrap();
    let mut three = ff_data::synthetic(90, 30, 4);
    for samples in [&mut three.train, &mut three.test] {
        samples.labels.mapv_inplace(|label| label % 3);
    }
    desk.lay_out("three", &three);
    for (words, expected) in [
        ("eval nowhere.safetensors", "nowhere.safetensors: cannot be read"),
        ("eval cut.safetensors", "cut.safetensors: is not a whole safetensors file"),
        ("eval text.png", "text.png: is not a whole safetensors file"),
        (
            "eval new.safetensors",
            "new.safetensors: has format version 7, but this program (0.1.0) reads versions 1 to 3",
        ),
        ("eval digits", "digits: cannot be read"),
        (
            "eval run/model.safetensors --data three",
            "the model is for images of 28 x 28 in 10 classes, but three has 28 x 28 in 3",
        ),
        ("predict run/model.safetensors text.png", "text.png: is not a readable PNG"),
        ("predict run/model.safetensors white.png", "white.png: is empty"),
        ("predict run/model.safetensors nowhere.png", "nowhere.png: No such file"),
        ("predict cut.safetensors white.png", "cut.safetensors: is not a whole safetensors file"),
        ("info cut.safetensors", "cut.safetensors: is not a whole safetensors file"),
        ("eval run/model.safetensors --labels no/such/dir", "no/such/dir: cannot be written"),
        (
            "import run/model.safetensors --preset quick",
            "is a model of this program already and needs no import",
        ),
        ("import cut.safetensors --preset tutorial", "cut.safetensors: is not a whole safetensors file"),
        ("import nowhere --preset tutorial", "nowhere: cannot be read"),
        ("import cut.safetensors --preset quik", "there is no preset `quik`"),
        (
            "import cut.safetensors --preset quick --out run/model.safetensors",
            "run/model.safetensors: is there already\n  try: `--out MODEL` elsewhere",
        ),
    ] {
        let text = desk.refused(words);
        assert!(text.contains(expected), "{words}: {text}");
    }
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_any_work() {
    let desk = Desk::new();
    desk.run(&format!("train {SMALL} --out run"));
    for (words, expected) in [
        ("train --out run", "run: there is a run or something else in this directory already"),
        ("train --out digits", "digits: there is a run or something else"),
        ("train --out run/config.toml", "run/config.toml: is a file"),
        ("train --out run/config.toml/deeper", "cannot be written"),
        ("tutorial --out run", "run: there is a run or something else"),
        ("train --out /proc/nowhere/run", "/proc/nowhere/run: cannot be written"),
    ] {
        let text = desk.refused(words);
        assert!(text.contains(expected), "{words}: {text}");
    }
    desk.run("data check");
    for words in ["eval run/model.safetensors", "report run"] {
        let mut command = desk.command(words);
        command.env_remove("FF_DATA_DIR");
        let text = desk.refused_when(command, words);
        assert!(text.contains("trained on digits, which is not at hand"), "{words}: {text}");
    }
    let mut fetch = desk.command("data fetch");
    fetch.env_remove("FF_DATA_DIR");
    assert!(desk.refused_when(fetch, "data fetch").contains("/dev/null"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_printed_is_an_error_and_a_reader_that_goes_away_is_not() {
    let desk = Desk::new();
    let stdout = |command: &mut std::process::Command, to: std::process::Stdio| {
        command
            .current_dir(desk.path(""))
            .env("FF_DATA_DIR", desk.path("digits"))
            .stderr(std::process::Stdio::null())
            .stdout(to)
            .status()
            .unwrap()
    };
    let ff = || std::process::Command::new(env!("CARGO_BIN_EXE_ff-cli"));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(stdout(ff().args(["data", "check", "--json"]), full.into()).code(), Some(2));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut train = ff();
    train.arg("train").args(SMALL.split_whitespace()).args(["--out", "run"]);
    assert_eq!(stdout(&mut train, writer.into()).code(), Some(0));
    assert!(desk.path("run/model.safetensors").is_file());
}

#[test]
fn a_training_that_diverges_says_where_and_what_to_lower() {
    let desk = Desk::new();
    let words = "train --set layers=[20,20] --set threshold=1e6 --set norm_eps=0 --out run";
    let mut command = desk.command(words);
    let output = command.assert().code(2).get_output().clone();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("the loss of layer 2 became NaN in epoch 1, batch 1"), "{text}");
    assert!(text.contains("--set learning_rate="), "{text}");
    assert!(!desk.path("run").exists());
    assert_eq!(fs::read_dir(desk.path("")).unwrap().count(), 1, "something was left behind");
}
