//! Weights from outside: a state dict becomes a model, or is refused in a sentence that says what was expected and what
//! there is.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ff_cpu::Cpu;
use ff_net::formulas::Reset;
use ff_net::{Config, LifConfig, Model, NegativesConfig, NeuronConfig, Predictor, Result};
use ndarray::Array2;
use safetensors::tensor::{Dtype, TensorView};

/// A tensor in a file that is to be written: name, type, shape, bytes.
type Entry = (&'static str, Dtype, Vec<usize>, Vec<u8>);

fn floats(name: &'static str, shape: &[usize]) -> Entry {
    let values = (0..shape.iter().product::<usize>()).map(|i| (i % 7) as f32 - 3.0);
    (name, Dtype::F32, shape.to_vec(), values.flat_map(f32::to_le_bytes).collect())
}

fn number(name: &'static str, value: f32) -> Entry {
    (name, Dtype::F32, vec![], value.to_le_bytes().to_vec())
}

/// A net of 30 pixels, 4 and 3 units.
fn net() -> Vec<Entry> {
    vec![floats("layers.0.weight", &[4, 30]), floats("layers.1.weight", &[3, 4])]
}

fn with(mut entries: Vec<Entry>, more: Entry) -> Vec<Entry> {
    entries.retain(|entry| entry.0 != more.0);
    entries.push(more);
    entries
}

fn write(dir: &Path, entries: &[Entry], metadata: Option<HashMap<String, String>>) -> PathBuf {
    let path = dir.join("net.safetensors");
    let views = entries
        .iter()
        .map(|(name, dtype, shape, bytes)| (*name, TensorView::new(*dtype, shape.clone(), bytes).unwrap()));
    std::fs::write(&path, safetensors::serialize(views, metadata).unwrap()).unwrap();
    path
}

fn import(path: &Path, config: Config) -> Result<Model> {
    Model::import(path, config, "stripes", 6, 5, 3)
}

fn lif(lif: LifConfig) -> Config {
    Config { neuron: NeuronConfig::Lif(lif), ..Config::default() }
}

/// What Python's safetensors wrote, `golden/make_golden.py`: a torch net with snnTorch's `Leaky`.
#[test]
fn what_python_wrote_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/state_dict.safetensors");
    let model = import(&path, Config::default()).unwrap();
    assert_eq!((&model.config.layers[..], model.classes, model.weights.len()), (&[4, 3][..], 3, 2));
    assert_eq!(model.origin.imported_from.as_deref(), Some("state_dict.safetensors"));
    for (layer, shape) in model.weights.iter().zip([(30, 4), (4, 3)]) {
        assert_eq!(layer.weight.dim(), shape);
        assert!(layer.bias.is_none() && layer.head.is_none());
        for ((i, o), &weight) in layer.weight.indexed_iter() {
            assert_eq!(weight, ((o * 31 + i * 7) % 17) as f32 / 16.0 - 0.5, "{i}, {o}");
        }
    }
    let network = model.network(&Cpu::new(1).unwrap()).unwrap();
    let images = Array2::from_shape_fn((2, 30), |(i, p)| ((i * 30 + p) * 7 % 256) as u8);
    assert_eq!(Predictor::new(&network).unwrap().scan(&network, &images).unwrap().len(), 2);
    // Other neurons than its own would be another net.
    for (config, expected) in [
        (
            lif(LifConfig { beta: 0.9, ..LifConfig::default() }),
            "layers.0.neuron.beta`, but the settings say `beta = 0.9`",
        ),
        (lif(LifConfig { threshold: 2.0, ..LifConfig::default() }), "but the settings say `threshold = 2`"),
        (
            lif(LifConfig { reset: Reset::Zero, ..LifConfig::default() }),
            "has 0 in `layers.0.neuron.reset_mechanism_val`, but",
        ),
        (
            Config { neuron: NeuronConfig::RELU, ..Config::default() },
            "of a unit that spikes, but the settings say",
        ),
    ] {
        let message = import(&path, config).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn biases_and_heads_come_along_if_the_settings_have_them() {
    let dir = tempfile::tempdir().unwrap();
    let whole = [
        net(),
        vec![floats("layers.0.bias", &[4]), floats("layers.1.bias", &[3])],
        vec![floats("heads.0.weight", &[3, 4]), floats("heads.1.weight", &[3, 3])],
    ]
    .concat();
    let config = Config { bias: true, head: true, ..Config::default() };
    let model = import(&write(dir.path(), &whole, None), config.clone()).unwrap();
    assert_eq!(model.weights[0].bias.as_deref(), Some(&[-3.0, -2.0, -1.0, 0.0][..]));
    assert_eq!(model.weights[1].head.as_ref().unwrap()[[2, 1]], 2.0);
    // Without them in the file there are none, and nothing that would need them.
    let config = Config { head: true, negatives: NegativesConfig::Head { sharpness: 1.0 }, ..Config::default() };
    let model = import(&write(dir.path(), &net(), None), config).unwrap();
    assert!(!model.config.head && model.config.negatives == NegativesConfig::Uniform {});
    assert!(model.weights.iter().all(|layer| layer.head.is_none()));
}

#[test]
fn what_cannot_be_a_net_of_these_settings_is_refused_in_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let of_type = |dtype, bytes: usize| ("layers.1.weight", dtype, vec![3, 4], vec![0; 12 * bytes]);
    let mut nan = floats("layers.1.weight", &[3, 4]);
    nan.3[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let (plain, bias, head) = (
        Config::default(),
        Config { bias: true, ..Config::default() },
        Config { head: true, ..Config::default() },
    );
    let cases: Vec<(Config, Vec<Entry>, &str)> = vec![
        (plain.clone(), vec![], "has no tensor `layers.0.weight`; it has no tensor at all"),
        (
            plain.clone(),
            vec![floats("fc1.weight", &[4, 30]), floats("fc1.bias", &[4])],
            "has no tensor `layers.0.weight`; it has `fc1.bias`, `fc1.weight`",
        ),
        (
            plain.clone(),
            with(net(), floats("layers.0.weight", &[4, 31])),
            "has `layers.0.weight` as [4, 31], but [out, in] with the 30 pixels as `in` is needed",
        ),
        (
            plain.clone(),
            with(net(), floats("layers.1.weight", &[4, 3])),
            "has `layers.1.weight` as [4, 3], but [out, in] with the 4 outputs of layers.0 as `in` is needed",
        ),
        (
            plain.clone(),
            with(net(), floats("layers.0.weight", &[120])),
            "has `layers.0.weight` as [120], but [out, in]",
        ),
        (
            plain.clone(),
            with(net(), floats("layers.3.weight", &[3, 3])),
            "has `layers.3.weight`, but no `layers.2.weight`",
        ),
        (
            plain.clone(),
            with(net(), floats("layers.0.weight", &[0, 30])),
            "`layers.1.weight` as [3, 4], but [out, in] with the 0 outputs",
        ),
        (
            plain.clone(),
            vec![floats("layers.0.weight", &[0, 30])],
            "does not go with the settings: `layers` has a layer without units",
        ),
        (plain.clone(), with(net(), of_type(Dtype::F64, 8)), "in F64; convert with `.float()` before saving"),
        (plain.clone(), with(net(), of_type(Dtype::F16, 2)), "in F16; convert with `.float()` before saving"),
        (plain.clone(), with(net(), of_type(Dtype::BF16, 2)), "in BF16; convert with `.float()`"),
        (
            plain.clone(),
            with(net(), of_type(Dtype::I32, 4)),
            "has `layers.1.weight` in I32, but F32 is needed",
        ),
        (plain.clone(), with(net(), nan), "has NaN in `layers.1.weight`"),
        (
            plain.clone(),
            with(net(), floats("layers.0.bias", &[4])),
            "has `layers.0.bias`, but the settings say `bias = false`; `--set bias=true` reads it",
        ),
        (bias.clone(), with(net(), floats("layers.0.bias", &[4])), "has no tensor `layers.1.bias`"),
        (bias.clone(), with(net(), floats("layers.0.bias", &[5])), "has `layers.0.bias` as F32 [5], but"),
        (
            plain.clone(),
            with(net(), floats("heads.0.weight", &[3, 4])),
            "has `heads.0.weight`, but the settings say `head = false`",
        ),
        (head.clone(), with(net(), floats("heads.0.weight", &[3, 4])), "has no tensor `heads.1.weight`"),
        (head, with(net(), floats("heads.0.weight", &[4, 3])), "has `heads.0.weight` as F32 [4, 3], but"),
        (
            plain.clone(),
            with(net(), floats("extra", &[3])),
            "has `extra`, for which a net of 2 layers has no place",
        ),
        (plain.clone(), with(net(), number("layers.1.lif.beta", 0.5)), "has 0.5 in `layers.1.lif.beta`, but"),
        (
            plain.clone(),
            with(net(), floats("layers.1.lif.beta", &[3])),
            "has `layers.1.lif.beta` as F32 [3], but one number, `beta = 0.8`, is needed",
        ),
        (plain.clone(), with(net(), number("layers.1.lif.graded_spikes_factor", 2.0)), "say spikes of 1"),
    ];
    for (config, entries, expected) in cases {
        let path = write(dir.path(), &entries, None);
        let message = import(&path, config).unwrap_err().to_string();
        assert!(message.starts_with(&format!("{}: ", path.display())), "{message}");
        assert!(message.contains(expected), "{message}\nnot: {expected}");
        assert!(!message.contains('\n'), "{message}");
    }
    let refused = |path: &Path| import(path, plain.clone()).unwrap_err().to_string();
    let path = write(dir.path(), &net(), None);
    import(&path, plain.clone()).unwrap().save(&path).unwrap();
    assert!(refused(&path).contains("is a model of this program already and needs no import"));
    std::fs::write(&path, b"PK\x03\x04archive/data.pkl").unwrap();
    assert!(refused(&path).contains("was written by `torch.save`"), "{}", refused(&path));
    std::fs::write(&path, b"no such thing").unwrap();
    assert!(refused(&path).contains("is not a whole safetensors file"), "{}", refused(&path));
    assert!(refused(&dir.path().join("nowhere")).contains("cannot be read"));
}
