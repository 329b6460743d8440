//! These tests check how settings are typed and how they are read.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use ff_net::formulas::{Output, Reset};
use ff_net::{LifConfig, NegativesConfig, NeuronConfig, ObjectiveConfig, SurrogateKind};
use proptest::prelude::*;

use super::keys::PARTS;
use super::*;

/// Returns the settings of a preset with the changes in `set`. Each word is one `--set`.
fn typed(preset: &str, set: &str) -> Outcome<Settings> {
    let set: Vec<String> = set.split_whitespace().map(String::from).collect();
    Settings::resolve(Asked { preset: Some(preset), set: &set, ..Asked::default() })
}

fn config(preset: &str, set: &str) -> Config {
    typed(preset, set).unwrap_or_else(|e| panic!("{preset} {set}: {e}")).config
}

fn refused(preset: &str, set: &str) -> String {
    typed(preset, set).expect_err(set).to_string()
}

#[test]
fn every_preset_resolves_and_survives_a_round_trip() {
    for (name, _) in PRESETS {
        let settings = typed(name, "").unwrap();
        settings.config.validate(784, 10).unwrap();
        let again = Settings::of_text(&settings.to_toml().unwrap(), "file").unwrap();
        assert_eq!((again.config, again.augment), (settings.config, settings.augment));
        assert_eq!(again.preset, settings.preset);
    }
}

#[test]
fn the_librarys_quick_config_is_the_preset() {
    let settings = Settings::resolve(Asked::default()).unwrap();
    assert_eq!((settings.preset.as_str(), settings.config), ("quick", Config::quick()));
}

#[test]
fn set_takes_numbers_lists_and_bare_words() {
    let set = ["epochs=3", "layers=[20, 10]", "neuron=relu", " learning_rate = .5 "].map(String::from);
    let config = Settings::resolve(Asked { set: &set, ..Asked::default() }).unwrap().config;
    assert_eq!((config.epochs, config.layers, config.learning_rate), (3, vec![20, 10], 0.5));
    assert_eq!(config.neuron, NeuronConfig::RELU);
}

#[test]
fn a_value_is_set_by_its_path_or_by_its_short_key_in_every_preset_that_has_it() {
    for (preset, _) in PRESETS {
        let quiet = config(preset, "neuron.lif.beta=0.5 neuron.lif.steps=3");
        let lif = *quiet.neuron.lif().unwrap();
        assert_eq!((lif.beta, lif.steps), (0.5, 3), "{preset}");
        match config(preset, "").neuron.lif().copied() {
            Some(own) => {
                assert_eq!(lif, LifConfig { beta: 0.5, steps: 3, ..own }, "{preset}");
                assert_eq!(config(preset, "beta=0.5 steps=3"), quiet, "{preset}");
            }
            // A new kind has its defaults, as if it had been named.
            None => {
                assert_eq!(lif, LifConfig { beta: 0.5, steps: 3, ..LifConfig::default() }, "{preset}");
                assert_eq!(config(preset, "steps=3 neuron=lif beta=0.5"), quiet, "{preset}");
            }
        }
    }
    let every = "beta=.7 threshold=2 reset=zero steps=5 output=rate surrogate=boxcar alpha=3 sharpness=7";
    let lif = LifConfig {
        beta: 0.7,
        threshold: 2.0,
        reset: Reset::Zero,
        steps: 5,
        output: Output::Rate,
        surrogate: SurrogateKind::Boxcar,
    };
    let all = config("quick", every);
    assert_eq!(all.neuron, NeuronConfig::Lif(lif));
    assert_eq!(all.objective, ObjectiveConfig::Pair { alpha: 3.0 });
    assert_eq!(all.negatives, NegativesConfig::Hard { sharpness: 7.0 });
    assert_eq!(config("tutorial", "theta=2").objective, ObjectiveConfig::Softplus { theta: 2.0 });
}

#[test]
fn a_part_is_replaced_by_its_kind_and_the_kind_that_is_there_keeps_its_values() {
    assert_eq!(config("quick", "neuron=relu").neuron, NeuronConfig::RELU);
    assert_eq!(config("quick", "neuron=lif"), Config::quick());
    assert_eq!(config("quick", "neuron.lif={}").neuron, NeuronConfig::Lif(LifConfig::default()));
    let one = LifConfig { beta: 0.5, ..LifConfig::default() };
    assert_eq!(config("quick", "neuron={lif={beta=0.5}}").neuron, NeuronConfig::Lif(one));
    assert_eq!(config("quick", "neuron.lif={beta=0.5}").neuron, NeuronConfig::Lif(one));
    assert_eq!(config("quick-relu", "neuron=lif").neuron, NeuronConfig::Lif(LifConfig::default()));
    assert_eq!(config("quick", "objective=softplus").objective, ObjectiveConfig::Softplus { theta: 5.0 });
    assert_eq!(config("tutorial", "objective.pair={}").objective, ObjectiveConfig::Pair { alpha: 6.0 });
    assert_eq!(config("quick", "negatives=head").negatives, NegativesConfig::Head { sharpness: 6.0 });
    let hard = config("tutorial", "sharpness=9 negatives=hard").negatives;
    assert_eq!(hard, NegativesConfig::Hard { sharpness: 9.0 });
    // The last change counts.
    assert_eq!(config("quick", "neuron=relu neuron=lif"), Config::quick());
    assert_eq!(config("quick", "neuron.lif.beta=0.5 beta=0.6").neuron.lif().unwrap().beta, 0.6);
    assert_eq!(config("quick", "beta=0.6 neuron.lif.beta=0.5").neuron.lif().unwrap().beta, 0.5);
}

#[test]
fn a_slip_is_named_with_what_was_meant() {
    for (set, expected) in [
        ("epoch=3", "error: --set epoch=3: there is no setting `epoch`\n  try: `epochs`"),
        ("learningrate=1", "there is no setting `learningrate`\n  try: `learning_rate`"),
        ("layers", "error: --set layers: there is no `=`"),
        ("neuron.lif.bta=1", "there is no setting `neuron.lif.bta`\n  try: `neuron.lif.beta`"),
        ("neuron.lif.x=1", "try: one of neuron.lif.beta, neuron.lif.threshold, neuron.lif.reset"),
        ("neuron.beta=1", "there is no setting `neuron.beta`\n  try: `neuron.lif.beta`"),
        ("neuron.relu.beta=1", "there is no setting `neuron.relu.beta`\n  try: `neuron.lif.beta`"),
        ("neuron.lif.beta.x=1", "there is no setting `neuron.lif.beta.x`\n  try: `neuron.lif.beta`"),
        ("bta=1", "there is no setting `bta`\n  try: `beta`"),
        ("epochs.x=1", "there is no setting `epochs.x`"),
        ("neuron.lfi.beta=1", "`neuron` is `lfi`, but must be `lif` or `relu`"),
        ("neuron=lfi", "error: --set neuron=lfi: `neuron` is `lfi`, but must be `lif` or `relu`"),
        ("neuron={lfi={}}", "`neuron` is `lfi`, but must be `lif` or `relu`"),
        ("neuron=3", "`neuron` is `3`, but must be `lif` or `relu`"),
        ("neuron={lif={},relu={}}", "more than one kind is named, but it must be `lif` or `relu`"),
        ("negatives.easy.sharpness=1", "`negatives` is `easy`, but must be one of `uniform`, `hard`, `head`"),
        ("objective=hinge", "`objective` is `hinge`, but must be `softplus` or `pair`"),
        (
            "epochs=many",
            "error: --set epochs=many: `epochs` is \"many\", but must be a whole number, 0 or more",
        ),
        ("epochs=-1", "`epochs` is `-1`, but must be a whole number, 0 or more"),
        ("epochs=1.5", "`epochs` is `1.5`, but must be a whole number, 0 or more"),
        ("head=1", "`head` is `1`, but must be `true` or `false`"),
        ("layers=5", "`layers` is `5`, but must be a list"),
        ("norm=l3", "`norm` is `l3`, but must be `l2` or `rms`"),
        ("beta=much", "`neuron.lif.beta` is \"much\", but must be a number"),
        ("neuron.lif=5", "`neuron.lif` is `5`, but must be a table"),
        ("surrogate=step", "`neuron.lif.surrogate` is `step`, but must be one of `atan`, `fast_sigmoid`"),
    ] {
        let message = refused("quick", set);
        assert!(message.contains(expected), "{set}: {message}");
    }
    assert!(refused("quik", "").contains("--preset quick"));
}

#[test]
fn a_short_key_of_another_kind_is_refused_with_what_to_type() {
    for (preset, set, expected) in [
        (
            "quick-relu",
            "beta=0.5",
            "error: --set beta=0.5: `beta` is a value of `lif`, but `neuron` is `relu`\n  try: \
             `--set neuron.lif.beta=0.5`, which changes the kind too, or no `beta`",
        ),
        ("quick", "steps=6 neuron=relu", "`steps` is a value of `lif`, but `neuron` is `relu`"),
        ("tutorial", "alpha=3", "`alpha` is a value of `pair`, but `objective` is `softplus`"),
        (
            "tutorial",
            "sharpness=6",
            "`sharpness` is a value of `hard` and `head`, but `negatives` is `uniform`\n  try: \
             `--set negatives.hard.sharpness=6` or `--set negatives.head.sharpness=6`, which",
        ),
        (
            "quick",
            "neuron.lif.beta=0.5 neuron=relu",
            "--set neuron.lif.beta=0.5 asks for `lif` as `neuron`, but --set neuron=relu asks for `relu`\n  try: only one of them",
        ),
        ("quick", "negatives.hard.sharpness=6 negatives.head.sharpness=6", "asks for `hard` as `negatives`"),
    ] {
        let message = refused(preset, set);
        assert!(message.contains(expected), "{preset} {set}: {message}");
    }
}

/// A config file that the program wrote before settings had typed parts.
const OLD: &str = "alpha = 12.0\nbeta = 0.7\nlayers = [30]\nnegatives = \"hard\"\nneuron = \"NEURON\"\nobjective = \"pair\"\n\
                   output = \"rate\"\nreset = \"subtract\"\nsharpness = 60.0\nsteps = 8\nsurrogate = \"secant\"\ntheta = 5.0\n\
                   threshold = 4.0\n";

#[test]
fn a_file_of_an_older_program_has_all_short_keys_and_means_the_same() {
    let lif = Settings::of_text(&OLD.replace("NEURON", "lif"), "old").unwrap();
    let expected = LifConfig { beta: 0.7, ..*Config::quick().neuron.lif().unwrap() };
    assert_eq!(lif.config.neuron, NeuronConfig::Lif(expected));
    assert_eq!(lif.config.objective, Config::quick().objective);
    assert_eq!(lif.config.negatives, Config::quick().negatives);
    assert_eq!(lif.preset, "custom");
    // Older programs wrote `beta` for rectifiers too.
    let relu = Settings::of_text(&OLD.replace("NEURON", "relu"), "old").unwrap();
    assert_eq!(relu.config.neuron, NeuronConfig::RELU);
    // A typed change counts in both forms, and the written file has typed parts.
    for set in ["neuron.lif.beta=0.5", "beta=0.5"] {
        let changed = lif.clone().changed(&changes(&[set.into()]).unwrap()).unwrap();
        assert_eq!(changed.config.neuron.lif().unwrap().beta, 0.5, "{set}");
        let text = changed.to_toml().unwrap();
        assert!(text.contains("\n[neuron.lif]\nbeta = 0.5\n"), "{text}");
        assert!(!text.contains("\nalpha = 12.0\nbeta"), "{text}");
    }
    let typed = ["beta=0.5".to_string()];
    assert!(relu.changed(&changes(&typed).unwrap()).unwrap_err().to_string().contains("`neuron` is `relu`"));
}

#[test]
fn a_slip_in_a_file_is_named_with_its_path() {
    for (text, expected) in [
        ("[neuron.lif]\nbta = 1\n", "file: there is no setting `neuron.lif.bta`\n  try: `neuron.lif.beta`"),
        ("[neuron]\nbeta = 1\n", "file: there is no setting `neuron.beta`\n  try: `neuron.lif.beta`"),
        ("[neuron.lfi]\nbeta = 1\n", "file: `neuron` is `lfi`, but must be `lif` or `relu`"),
        ("neuron = \"lfi\"\n", "file: `neuron` is `lfi`, but must be `lif` or `relu`"),
        ("[neuron.lif]\n[neuron.relu]\n", "file: `neuron`: more than one kind is named"),
        ("neuron = {}\n", "file: `neuron`"),
        ("epoch = 4\n", "file: there is no setting `epoch`\n  try: `epochs`"),
        ("[objective.pair]\nalpha = \"x\"\n", "file: `objective.pair.alpha` is \"x\", but must be a number"),
    ] {
        let message = Settings::of_text(text, "file").expect_err(text).to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn the_parts_are_those_that_the_library_reads_and_writes() {
    for part in &PARTS {
        for kind in part.kinds {
            let written = Table::try_from(config("quick", &format!("{}={}", part.name, kind.name))).unwrap();
            assert_eq!(keys::kind_of(&written[part.name]), Some(kind.name));
            let values: BTreeSet<&str> =
                written[part.name][kind.name].as_table().unwrap().keys().map(String::as_str).collect();
            assert_eq!(values, kind.values.iter().copied().collect(), "{}", kind.name);
            let text = format!("{} = {{ {} = {{ nothing = 1 }} }}", part.name, kind.name);
            let e = toml::from_str::<Config>(&text).unwrap_err();
            assert!(e.message().contains("unknown field `nothing`"), "{e}");
        }
        // Here it is serde that names all kinds. The other sentence is made of the list.
        let e = toml::from_str::<Config>(&format!("{} = {{ nothing = {{}} }}", part.name)).unwrap_err();
        let names: Vec<&str> = e.message().split('`').skip(3).step_by(2).collect();
        assert_eq!(names, part.kinds.iter().map(|kind| kind.name).collect::<Vec<_>>(), "{e}");
        let message = refused("quick", &format!("{}=3", part.name));
        assert!(names.iter().all(|name| message.contains(&format!("`{name}`"))), "{message}");
    }
}

/// Returns every key in the first column of the tables in docs/settings.md, and every short key in the second.
fn documented() -> (BTreeSet<String>, BTreeSet<String>) {
    // The test reads the file when it runs. A package does not have this file, but it must compile.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/settings.md");
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.as_str();
    let (mut keys, mut shorts, mut columns) = (BTreeSet::new(), BTreeSet::new(), 0);
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        columns = match cells[..] {
            ["", "key", "short key", ..] => 2,
            ["", "key", ..] => 1,
            ["", ..] if cells.len() > 2 => columns,
            _ => 0,
        };
        let key = |cell: &str| Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_string());
        if columns > 0 {
            keys.extend(key(cells[1]));
        }
        if columns > 1 {
            shorts.extend(key(cells[2]));
        }
    }
    (keys, shorts)
}

#[test]
fn the_page_on_settings_has_every_key_and_no_other() {
    let (keys, shorts) = documented();
    let plain = keys::plain_keys().into_iter();
    assert_eq!(keys, plain.chain(keys::dotted_keys()).collect());
    assert_eq!(shorts, keys::short_keys().into_iter().collect());
}

fn with(text: &str, set: &[String]) -> Outcome<Settings> {
    Settings::of_text(text, "file")?.changed(&changes(set)?)
}

/// Pieces that occur in config files, and pieces that do not.
const SHREDS: [&str; 40] = [
    "layers",
    "epochs",
    "neuron",
    "augment",
    "preset",
    "data",
    "beta",
    "a",
    " = ",
    "=",
    ",",
    "\n",
    "\n\n",
    "[",
    "]",
    "{",
    "}",
    "[[",
    "]]",
    "[a]\n",
    "[augment]\n",
    "[[augment]]\n",
    "s = {x = 1\n",
    "[500, 500]",
    "-1",
    "1e999",
    "nan",
    "9223372036854775808",
    "0x7f",
    "\"",
    "'''",
    "\"\"\"",
    "\"lif\"",
    "{ shift = { pixels = 1 } }",
    "true",
    "2026-11-24T00:00:00Z",
    ".",
    "#",
    "\u{0}",
    "\u{1F600}",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_settings_or_a_sentence(
        parts in prop::collection::vec(prop::sample::select(&SHREDS[..]), 0..60), times in 1usize..3_000,
        preset in 0..PRESETS.len(), cut in any::<prop::sample::Index>(),
    ) {
        // The pieces stand inside a preset, and alone with many repetitions.
        let (parts, preset) = (parts.concat(), PRESETS[preset].1);
        let (before, after) = preset.split_at(cut.index(preset.len() + 1));
        for text in [format!("{before}{parts}{after}"), parts.repeat(times)] {
            let set = [format!("layers={parts}"), text.clone()];
            for settings in [Settings::of_text(&text, "file"), with(preset, &set)] {
                match settings {
                    Ok(settings) => drop(settings.config.validate(784, 10)),
                    Err(e) => prop_assert!(e.to_string().starts_with("error: ")),
                }
            }
        }
    }
}
