//! `info` describes this program and what it found on the machine, or it describes a model.

use std::path::Path;

use ff_cpu::{Cpu, simd_name};
use ff_net::{LayerWeights, Model};
use serde_json::{Value, json};

use crate::args::InfoArgs;
use crate::device;
use crate::failure::Outcome;
use crate::screen::{Screen, thousands, unit, value};
use crate::settings::{PRESETS, Settings, flat};
use crate::verdict::TRAIN_ERROR_IMAGES;

/// Prints the description of the model if one was given, else of the program.
pub fn info(args: &InfoArgs) -> Outcome<()> {
    let screen = Screen::new(args.json.json);
    match &args.model {
        Some(path) => of_model(path, &screen),
        None => of_program(&screen),
    }
}

/// Prints the version, devices, threads, vector instructions, presets, data directory and cache.
fn of_program(screen: &Screen) -> Outcome<()> {
    let threads = Cpu::new(0)?.threads();
    let presets: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
    let variable = std::env::var(ff_data::DATA_DIR).ok().filter(|dir| !dir.is_empty());
    let cache = ff_data::cache_dir();
    screen.line(format!("version   {}", env!("CARGO_PKG_VERSION")))?;
    let gpus = device::gpus();
    let mut devices = vec!["cpu".to_string()];
    devices.extend((0..gpus.iter().flatten().count()).map(|i| format!("cuda:{i}")));
    screen.line(match &gpus {
        Ok(names) => format!("devices   {}", [&["cpu".into()], names.as_slice()].concat().join(", ")),
        Err(reason) => format!("devices   cpu; no GPU: {reason}"),
    })?;
    screen.line(format!("threads   {threads}"))?;
    screen.line(format!("simd      {}", simd_name()))?;
    screen.line(format!("presets   {}", presets.join(", ")))?;
    screen.line(format!(
        "data      ${} {}",
        ff_data::DATA_DIR,
        variable.as_deref().unwrap_or("is not set")
    ))?;
    screen.line(format!(
        "cache     {}",
        cache.as_ref().map_or("none".into(), |dir| dir.display().to_string())
    ))?;
    screen.document(&json!({
        "version": env!("CARGO_PKG_VERSION"), "devices": devices, "threads": threads, "simd": simd_name(),
        "presets": presets, "data_dir": variable, "cache_dir": cache,
    }))?;
    Ok(())
}

fn of_model(path: &Path, screen: &Screen) -> Outcome<()> {
    let model = Model::load(path)?;
    let document = document(&model, path)?;
    screen.line(format!(
        "{:11}{}, {:.1} kB, format version {} of ff-cli {}",
        "model",
        path.display(),
        document["bytes"].as_f64().unwrap_or_default() / 1e3,
        model.format_version,
        model.version
    ))?;
    for line in lines(&model) {
        screen.line(line)?;
    }
    screen.line("\nsettings")?;
    let mut settings = Settings::of_model(&model).table()?;
    settings.remove("preset");
    for (key, value) in flat(&settings) {
        screen.line(format!("  {key:26}{}", json!(value).to_string().trim_matches('"')))?;
    }
    screen.document(&document)
}

/// Returns the lines that say where a model comes from, what data it is for, and what layers it has.
pub fn lines(model: &Model) -> Vec<String> {
    let origin = &model.origin;
    let line = |key: &str, text: String| format!("{key:11}{text}");
    let percent = |error: f64| format!("{error:.2} %");
    let images = |n: usize| format!("{} images", thousands(n as f64));
    let mut lines = Vec::new();
    lines.extend(origin.imported_from.as_ref().map(|file| line("imported", format!("from {file}"))));
    lines.extend(origin.preset.as_ref().map(|preset| line("preset", preset.clone())));
    lines.push(line(
        "data set",
        format!("{}, {} x {} pixels in {} classes", model.dataset, model.width, model.height, model.classes),
    ));
    if let (Some(error), Some(n)) = (origin.train_error, origin.train_samples) {
        let (judged, error) = (images(n.min(TRAIN_ERROR_IMAGES)), percent(error));
        lines.push(line("training", format!("{}, error {error} of the first {judged}", images(n))));
    }
    let heads =
        origin.head_test_error.map_or(String::new(), |e| format!("; one pass with the heads {}", percent(e)));
    lines.push(match (origin.test_error, origin.test_samples) {
        (Some(error), Some(n)) => line("test", format!("error {} of {}{heads}", percent(error), images(n))),
        _ => line("test", "error not known".into()),
    });
    let unit = unit(&model.config);
    for (i, layer) in model.weights.iter().enumerate() {
        let (inputs, units) = layer.weight.dim();
        let beside: Vec<&str> = [layer.bias.as_ref().map(|_| "bias"), layer.head.as_ref().map(|_| "head")]
            .into_iter()
            .flatten()
            .collect();
        let beside =
            if beside.is_empty() { String::new() } else { format!(", with {}", beside.join(" and ")) };
        let count = thousands(parameters(layer) as f64);
        lines.push(line(
            &format!("layer {}", i + 1),
            format!("{inputs:>5} -> {units:<5} {unit}   {count:>9} parameters{beside}"),
        ));
    }
    let all: usize = model.weights.iter().map(parameters).sum();
    lines.push(line("all layers", format!("{} parameters", thousands(all as f64))));
    lines
}

/// Returns the same as JSON, with all settings.
pub fn document(model: &Model, path: &Path) -> Outcome<Value> {
    let bytes = std::fs::metadata(path).map(|file| file.len()).ok();
    let layers: Vec<Value> = model
        .weights
        .iter()
        .map(|layer| {
            let (inputs, units) = layer.weight.dim();
            let (bias, head) = (layer.bias.is_some(), layer.head.is_some());
            json!({ "inputs": inputs, "units": units, "bias": bias, "head": head, "parameters": parameters(layer) })
        })
        .collect();
    let mut document = json!({
        "model": path, "bytes": bytes, "format_version": model.format_version, "version": model.version,
        "dataset": model.dataset, "width": model.width, "height": model.height, "classes": model.classes,
        "layers": layers, "parameters": model.weights.iter().map(parameters).sum::<usize>(),
    });
    document["config"] = value(&model.config)?;
    let origin = value(&model.origin)?;
    for (key, value) in origin.as_object().into_iter().flatten() {
        document[key] = value.clone();
    }
    Ok(document)
}

/// Counts the learned numbers of a layer.
fn parameters(layer: &LayerWeights) -> usize {
    let head = layer.head.as_ref().map_or(0, |head| head.len());
    layer.weight.len() + layer.bias.as_ref().map_or(0, Vec::len) + head
}
