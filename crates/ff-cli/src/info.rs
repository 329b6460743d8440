//! `info`: what this program is and what it found.

use ff_cpu::{Cpu, simd_name};
use serde_json::json;

use crate::device;
use crate::failure::Outcome;
use crate::screen::Screen;
use crate::settings::PRESETS;

/// Prints version, devices, threads, vector instructions, presets and the data directory.
pub fn info(json: bool) -> Outcome<()> {
    let screen = Screen::new(json);
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
