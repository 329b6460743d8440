//! The model file: what comes back is what was written, PyTorch's names and shapes, and every way in which a file
//! can be wrong.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;
use std::path::Path;

use ff_cpu::Cpu;
use ff_net::formulas::Output;
use ff_net::{Config, Model, Network, Origin, Predictor};
use ff_tensor::Augmentation;
use ndarray::Array2;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

fn network(bias: bool) -> Network<Cpu> {
    let mut config = Config { layers: vec![4, 3], bias, ..Config::default() };
    (config.lif_mut().steps, config.lif_mut().output) = (3, Output::Rate);
    Network::new(&Cpu::new(1).unwrap(), config, 6 * 5, 2).unwrap()
}

fn saved(dir: &Path, bias: bool) -> (Model, std::path::PathBuf) {
    let mut model = Model::of(&network(bias), "stripes", 6, 5).unwrap();
    model.origin = Origin {
        preset: Some("quick".into()),
        augment: vec![Augmentation::Affine { rotate: 10.1, scale: 0.1, shear: 0.0, shift: 1.5 }],
        imported_from: None,
        train_samples: Some(60_000),
        train_error: Some(0.1 + 0.2),
        test_samples: Some(7),
        // Not a multiple of anything: it has to come back to the last bit.
        test_error: Some(100.0 * 3.0 / 7.0),
        head_test_error: Some(1.0 / 3.0),
    };
    let path = dir.join("model.safetensors");
    model.save(&path).unwrap();
    (model, path)
}

#[test]
fn a_model_comes_back_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    for bias in [false, true] {
        let (model, path) = saved(dir.path(), bias);
        let bytes = std::fs::read(&path).unwrap();
        saved(dir.path(), bias);
        assert!(bytes == std::fs::read(&path).unwrap(), "the same model gave another file");
        let back = Model::load(&path).unwrap();
        assert!(back == model, "with bias {bias}");
        assert_eq!((back.width, back.height, back.classes, back.dataset.as_str()), (6, 5, 2, "stripes"));
        let dev = Cpu::new(2).unwrap();
        let images = Array2::from_shape_fn((3, 30), |(i, p)| ((i * 30 + p) * 7 % 256) as u8);
        let scores =
            |network: &Network<Cpu>| Predictor::new(network).unwrap().scan(network, &images).unwrap().layers;
        assert_eq!(scores(&network(bias)), scores(&back.network(&dev).unwrap()));
    }
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["model.safetensors"], "something was left behind");
}

#[cfg(unix)]
#[test]
fn others_may_read_a_model() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("plain");
    std::fs::write(&plain, "").unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&saved(dir.path(), false).1), mode(&plain));
}

#[test]
fn tensors_are_named_and_laid_out_as_torch_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let (model, path) = saved(dir.path(), true);
    let bytes = std::fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut names = tensors.names();
    names.sort_unstable();
    assert_eq!(names, ["layers.0.bias", "layers.0.weight", "layers.1.bias", "layers.1.weight"]);
    let weight = tensors.tensor("layers.0.weight").unwrap();
    assert_eq!((weight.dtype(), weight.shape()), (Dtype::F32, &[4usize, 30][..]));
    // Row 1 of torch's [out, in] is column 1 of ours.
    let at = |o: usize, i: usize| {
        let bytes: [u8; 4] = weight.data()[4 * (o * 30 + i)..][..4].try_into().unwrap();
        f32::from_le_bytes(bytes)
    };
    assert_eq!(at(1, 7), model.weights[0].weight[[7, 1]]);
    assert_eq!(tensors.tensor("layers.1.bias").unwrap().shape(), [3]);
}

/// The file's metadata and tensors, changed by `change` and written again.
fn rewritten(
    path: &Path,
    change: impl FnOnce(&mut HashMap<String, String>, &mut Vec<(String, Vec<usize>, Vec<u8>)>),
) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut metadata = header.metadata().clone().unwrap();
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = SafeTensors::deserialize(&bytes)
        .unwrap()
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, view.shape().to_vec(), view.data().to_vec()))
        .collect();
    change(&mut metadata, &mut tensors);
    let views = tensors
        .iter()
        .map(|(name, shape, data)| (name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    safetensors::serialize(views, Some(metadata)).unwrap()
}

#[test]
fn a_file_that_cannot_be_a_model_is_refused_in_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let (_, path) = saved(dir.path(), true);
    let whole = std::fs::read(&path).unwrap();
    let entry = |key: &str, value: serde_json::Value| {
        rewritten(&path, |metadata, _| {
            let about = metadata.get_mut("forward-forward").unwrap();
            let mut json: serde_json::Value = serde_json::from_str(about).unwrap();
            json[key] = value;
            *about = json.to_string();
        })
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "is not a whole safetensors file"),
        ("text", b"hello, this is no model at all".to_vec(), "is not a whole safetensors file"),
        ("huge header", [&[0xFF; 8][..], &whole[8..]].concat(), "is not a whole safetensors file"),
        ("cut short", whole[..whole.len() - 5].to_vec(), "is not a whole safetensors file"),
        ("half", whole[..whole.len() / 2].to_vec(), "is not a whole safetensors file"),
        ("no metadata", rewritten(&path, |metadata, _| metadata.clear()), "was not written by this program"),
        (
            "damaged metadata",
            rewritten(&path, |metadata, _| {
                metadata.get_mut("forward-forward").unwrap().truncate(20);
            }),
            "has damaged metadata",
        ),
        (
            "newer version",
            entry("format_version", 4.into()),
            "has format version 4, but this program (0.1.0) reads versions 1 to 3; a newer one may read it",
        ),
        ("no version", entry("format_version", "two".into()), "has format version \"two\", but this program"),
        (
            "origin",
            entry("origin", serde_json::json!({ "test_error": "small" })),
            "has settings that make no sense",
        ),
        (
            "absurd size",
            entry("width", 9_999_999_999u64.into()),
            "has a `width` of 9999999999; 1 to 1048576 is possible",
        ),
        ("no size", entry("height", 0.into()), "has a `height` of 0"),
        (
            "another size",
            entry("height", 6.into()),
            "has `layers.0.weight` as F32 [4, 30], but its settings say F32 [4, 36]",
        ),
        (
            "classes",
            entry("classes", 40.into()),
            "has impossible settings: `layers` cannot fit a label of 40 classes into 30 pixels",
        ),
        (
            "settings",
            entry("config", serde_json::json!({ "epochs": "many" })),
            "has settings that make no sense",
        ),
        (
            "unknown setting",
            entry("config", serde_json::json!({ "magic": 1 })),
            "has settings that make no sense",
        ),
        (
            "missing tensor",
            rewritten(&path, |_, tensors| tensors.retain(|t| t.0 != "layers.1.bias")),
            "has no tensor `layers.1.bias`",
        ),
        (
            "NaN",
            rewritten(&path, |_, tensors| {
                for tensor in tensors.iter_mut().filter(|t| t.0 == "layers.1.weight") {
                    tensor.2[..4].copy_from_slice(&f32::NAN.to_le_bytes());
                }
            }),
            "has NaN in `layers.1.weight`",
        ),
    ];
    for (name, bytes, expected) in cases {
        let file = dir.path().join("bad.safetensors");
        std::fs::write(&file, bytes).unwrap();
        let message = Model::load(&file).unwrap_err().to_string();
        assert!(message.starts_with(&format!("{}: ", file.display())), "{name}: {message}");
        assert!(message.contains(expected), "{name}: {message}");
        assert!(!message.contains('\n'), "{name}: {message}");
    }
    let message = Model::load(&dir.path().join("nowhere")).unwrap_err().to_string();
    assert!(message.contains("cannot be read"), "{message}");
}

/// Written by version 0.1.0 before it knew of origins: `ff-cli train --data stripes --set layers=[4,3] --set bias=true ...`
/// on images of 6 x 5 in 3 classes.
#[test]
fn a_model_of_format_version_1_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/model-1.safetensors");
    let model = Model::load(&path).unwrap();
    assert_eq!((model.format_version, model.version.as_str()), (1, "0.1.0"));
    assert_eq!((model.dataset.as_str(), model.width, model.height, model.classes), ("stripes", 6, 5, 3));
    assert_eq!((&model.config.layers[..], model.config.neuron.lif().unwrap().threshold), (&[4, 3][..], 0.2));
    assert_eq!(model.origin, Origin::default());
    // As numpy reads them: weights [out, in].
    assert_eq!(model.weights[0].weight[[1, 0]], 0.088_904_046);
    assert_eq!(model.weights[1].weight[[0, 0]], -0.356_334_63);
    assert_eq!(model.weights[0].bias.as_ref().unwrap()[3], -0.142_831_44);
    assert_eq!(model.weights[1].head.as_ref().unwrap()[[1, 0]], -0.101_279_65);
    model.network(&Cpu::new(1).unwrap()).unwrap();
    // Written again, it is of the present version.
    let again = dir.path().join("again.safetensors");
    model.save(&again).unwrap();
    let again = Model::load(&again).unwrap();
    assert_eq!(again.format_version, 3);
    assert!(again.weights == model.weights && again.config == model.config);
}

/// Version 2 had all settings beside each other, as version 1 did, and an origin.
#[test]
fn a_model_of_format_version_2_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let (model, path) = saved(dir.path(), true);
    let bytes = rewritten(&path, |metadata, _| {
        let about = metadata.get_mut("forward-forward").unwrap();
        let mut json: serde_json::Value = serde_json::from_str(about).unwrap();
        json["format_version"] = 2.into();
        let settings = json["config"].as_object_mut().unwrap();
        let lif = settings.insert("neuron".into(), "lif".into()).unwrap()["lif"].clone();
        settings.extend(lif.as_object().unwrap().clone());
        let short = serde_json::json!({
            "objective": "softplus", "theta": 5.0, "alpha": 6.0, "negatives": "uniform", "sharpness": 6.0,
        });
        settings.extend(short.as_object().unwrap().clone());
        *about = json.to_string();
    });
    std::fs::write(&path, bytes).unwrap();
    let read = Model::load(&path).unwrap();
    assert_eq!(read.format_version, 2);
    assert!(Model { format_version: 3, ..read } == model);
}

#[test]
fn any_cut_or_flipped_byte_is_an_error_or_a_model_but_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let (_, path) = saved(dir.path(), true);
    let whole = std::fs::read(&path).unwrap();
    let file = dir.path().join("changed.safetensors");
    for i in 0..whole.len() {
        std::fs::write(&file, &whole[..i]).unwrap();
        assert!(Model::load(&file).is_err(), "cut at {i}");
        if i < 1_000 {
            let mut flipped = whole.clone();
            flipped[i] ^= 1 << (i % 8);
            std::fs::write(&file, flipped).unwrap();
            if let Ok(model) = Model::load(&file) {
                model.network(&Cpu::new(1).unwrap()).unwrap();
            }
        }
    }
}

#[test]
fn a_model_that_cannot_be_written_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let model = Model::of(&network(false), "stripes", 6, 5).unwrap();
    let message = model.save(&dir.path().join("no/such/dir/model.safetensors")).unwrap_err().to_string();
    assert!(message.contains("cannot be written"), "{message}");
    let taken = dir.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    assert!(model.save(&taken).is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
