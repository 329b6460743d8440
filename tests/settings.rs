//! Settings as files have them: what is written is read again, what older programs wrote means the same as it did, and what
//! cannot be is refused in one sentence.
#![allow(clippy::unwrap_used, missing_docs)]

use ff_net::formulas::{Output, Reset, Squares};
use ff_net::{
    Config, LifConfig, Link, NegativesConfig, NeuronConfig, ObjectiveConfig, Schedule, SurrogateKind,
};
use ff_tensor::NormKind;
use serde_json::{Value, json};

/// All keys as a model of format 1 or 2 and an old `config.toml` have them, none with its default.
fn old() -> Value {
    json!({
        "layers": [7, 5], "neuron": "lif", "beta": 0.7, "threshold": 3.5, "reset": "zero", "steps": 9,
        "output": "rate", "surrogate": "triangle", "link": "spikes", "bias": true, "weight_scale": 2.5,
        "norm": "rms", "norm_eps": 0.003, "label_amplitude": 4.5, "goodness": "sum", "objective": "pair",
        "theta": 8.0, "alpha": 11.0, "negatives": "hard", "sharpness": 55.0, "schedule": "joint", "epochs": 17,
        "batch": 33, "learning_rate": 0.004, "head": true, "dropout": 0.2, "pixel_dropout": 0.15,
        "weight_decay": 0.4, "cool_from": 0.6, "seed": 321, "train_samples": 1000, "validation_samples": 200,
    })
}

/// The same, in typed parts.
fn typed() -> Config {
    Config {
        layers: vec![7, 5],
        neuron: NeuronConfig::Lif(LifConfig {
            beta: 0.7,
            threshold: 3.5,
            reset: Reset::Zero,
            steps: 9,
            output: Output::Rate,
            surrogate: SurrogateKind::Triangle,
        }),
        link: Link::Spikes,
        bias: true,
        weight_scale: 2.5,
        norm: NormKind::Rms,
        norm_eps: 0.003,
        label_amplitude: 4.5,
        goodness: Squares::Sum,
        objective: ObjectiveConfig::Pair { alpha: 11.0 },
        negatives: NegativesConfig::Hard { sharpness: 55.0 },
        schedule: Schedule::Joint,
        epochs: 17,
        batch: 33,
        learning_rate: 0.004,
        head: true,
        dropout: 0.2,
        pixel_dropout: 0.15,
        weight_decay: 0.4,
        cool_from: 0.6,
        seed: 321,
        train_samples: 1_000,
        validation_samples: 200,
    }
}

/// The settings in a document, which is read as JSON and as TOML.
fn read(document: &Value) -> Config {
    let config: Config = serde_json::from_str(&document.to_string()).unwrap();
    let as_toml: Config = toml::from_str(&toml::to_string(document).unwrap()).unwrap();
    assert_eq!(config, as_toml, "{document}");
    config
}

/// `old` with other values in these places.
fn old_with(changes: &[(&str, &str)]) -> Value {
    let mut document = old();
    for &(key, value) in changes {
        document[key] = value.into();
    }
    document
}

#[test]
fn what_older_programs_wrote_means_the_same() {
    assert_eq!(read(&old()), typed());
    let relu = Config { neuron: NeuronConfig::RELU, ..typed() };
    assert_eq!(read(&old_with(&[("neuron", "relu")])), relu);
    let softplus = Config { objective: ObjectiveConfig::Softplus { theta: 8.0 }, ..typed() };
    assert_eq!(read(&old_with(&[("objective", "softplus")])), softplus);
    let head = Config { negatives: NegativesConfig::Head { sharpness: 55.0 }, ..typed() };
    assert_eq!(read(&old_with(&[("negatives", "head")])), head);
    let uniform = Config { negatives: NegativesConfig::Uniform {}, ..typed() };
    assert_eq!(read(&old_with(&[("negatives", "uniform")])), uniform);
}

/// What an old file leaves out has the default that it had.
#[test]
fn a_short_key_that_is_not_there_keeps_its_default() {
    assert_eq!(read(&json!({})), Config::default());
    let named = json!({ "neuron": "lif", "objective": "pair", "negatives": "hard" });
    let expected = Config {
        objective: ObjectiveConfig::Pair { alpha: 6.0 },
        negatives: NegativesConfig::Hard { sharpness: 6.0 },
        ..Config::default()
    };
    assert_eq!(read(&named), expected);
    let softplus = ObjectiveConfig::Softplus { theta: 5.0 };
    assert_eq!(read(&json!({ "objective": "softplus" })).objective, softplus);
    let LifConfig { beta, threshold, .. } = *read(&json!({ "beta": 0.6 })).neuron.lif().unwrap();
    assert_eq!((beta, threshold), (0.6, 1.0));
}

/// Every kind of every part, each with numbers of its own.
fn kinds() -> Vec<Config> {
    let surrogates = [
        SurrogateKind::Atan,
        SurrogateKind::FastSigmoid,
        SurrogateKind::Triangle,
        SurrogateKind::Boxcar,
        SurrogateKind::Secant,
    ];
    let resets = [Reset::Subtract, Reset::Zero, Reset::None];
    let lif = surrogates.iter().flat_map(|&surrogate| resets.map(|reset| (surrogate, reset)));
    let lif = lif.map(|(surrogate, reset)| {
        NeuronConfig::Lif(LifConfig { surrogate, reset, steps: 3, threshold: 0.1, ..LifConfig::default() })
    });
    let mut all: Vec<Config> =
        lif.chain([NeuronConfig::RELU]).map(|neuron| Config { neuron, ..typed() }).collect();
    all.extend(
        [ObjectiveConfig::Softplus { theta: -1.5 }, ObjectiveConfig::Pair { alpha: 0.1 }]
            .map(|objective| Config { objective, ..typed() }),
    );
    all.extend(
        [
            NegativesConfig::Uniform {},
            NegativesConfig::Hard { sharpness: 0.3 },
            NegativesConfig::Head { sharpness: 0.7 },
        ]
        .map(|negatives| Config { negatives, ..typed() }),
    );
    all.extend([Config::default(), Config::quick(), typed()]);
    all
}

#[test]
fn what_is_written_is_read_again() {
    for config in kinds() {
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config, "{json}");
        let toml = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&toml).unwrap(), config, "{toml}");
    }
    let json = serde_json::to_value(typed()).unwrap();
    assert_eq!(json["objective"], json!({ "pair": { "alpha": 11.0 } }));
    assert_eq!(json["neuron"]["lif"]["steps"], 9);
    assert!(json.get("beta").is_none() && json.get("alpha").is_none(), "a short key was written: {json}");
}

/// A part that names some of its numbers has the defaults of its kind for the others.
#[test]
fn a_typed_part_may_be_short() {
    let lif = LifConfig { beta: 0.5, ..LifConfig::default() };
    assert_eq!(read(&json!({ "neuron": { "lif": { "beta": 0.5 } } })).neuron, NeuronConfig::Lif(lif));
    assert_eq!(read(&json!({ "neuron": { "relu": {} } })).neuron, NeuronConfig::RELU);
    assert_eq!(read(&json!({ "negatives": { "uniform": {} } })).negatives, NegativesConfig::Uniform {});
}

#[test]
fn what_cannot_be_is_refused_in_one_sentence() {
    for (document, expected) in [
        (json!({ "neuron": "izhikevich" }), ["izhikevich", "`lif`"]),
        (json!({ "neuron": { "izhikevich": {} } }), ["izhikevich", "`lif`"]),
        (json!({ "neuron": { "lif": { "gamma": 1.0 } } }), ["gamma", "`beta`"]),
        (json!({ "neuron": { "relu": { "beta": 1.0 } } }), ["beta", "unknown field"]),
        (json!({ "neuron": { "lif": {}, "relu": {} } }), ["more than one kind", "`lif`"]),
        (json!({ "neuron": 3 }), ["3", "`lif` or `relu`"]),
        (json!({ "neuron": { "lif": { "steps": -1 } } }), ["-1", "usize"]),
        (json!({ "neuron": { "lif": { "reset": "half" } } }), ["half", "`subtract`"]),
        (json!({ "objective": "hinge" }), ["hinge", "`softplus`"]),
        (json!({ "objective": { "pair": { "theta": 1.0 } } }), ["theta", "`alpha`"]),
        (json!({ "objective": { "pair": { "alpha": "steep" } } }), ["steep", "f32"]),
        (json!({ "negatives": "soft" }), ["soft", "`uniform`"]),
        (json!({ "negatives": { "uniform": { "sharpness": 1.0 } } }), ["sharpness", "unknown field"]),
        (json!({ "surrogate": "sigmoid" }), ["sigmoid", "`atan`"]),
        (json!({ "epoch": 3 }), ["epoch", "`epochs`"]),
    ] {
        let of_json = serde_json::from_value::<Config>(document.clone()).unwrap_err().to_string();
        let text = toml::to_string(&document).unwrap();
        let of_toml = toml::from_str::<Config>(&text).unwrap_err().message().to_string();
        for said in [of_json, of_toml] {
            assert!(expected.iter().all(|word| said.contains(word)), "{document}: {said}");
            assert!(!said.contains('\n'), "{document}: {said}");
        }
    }
}
