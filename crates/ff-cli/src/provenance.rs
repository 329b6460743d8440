//! This module records where a result comes from: the command, the program, the machine and the time.

use std::path::Path;
use std::time::SystemTime;

use ff_cpu::simd_name;
use serde_json::{Value, json};

use crate::device::Place;

/// The commit from which this program was built, if the build knew it (see build.rs).
const COMMIT: Option<&str> = option_env!("FF_COMMIT");

/// Returns the version of this program and the commit, if the build knew it.
pub fn program() -> String {
    let version = env!("CARGO_PKG_VERSION");
    COMMIT
        .map_or_else(|| format!("ff-cli {version}"), |commit| format!("ff-cli {version} of commit {commit}"))
}

/// Adds the origin, as far as it is known, to a run's summary.
pub fn write(summary: &mut Value, place: &Place) {
    summary["command"] = json!(command(std::env::args_os().map(|word| word.to_string_lossy().into_owned())));
    summary["commit"] = json!(COMMIT);
    summary["finished"] = json!(humantime::format_rfc3339_seconds(SystemTime::now()).to_string());
    summary["machine"] = json!({ "device": place.description, "cpu": cpu(), "simd": simd_name() });
}

/// Joins the words to a command that a shell would take. The program has only its name, without its directory.
fn command(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    if let Some(program) = words.first_mut()
        && let Some(name) = Path::new(program.as_str()).file_name()
    {
        *program = name.to_string_lossy().into_owned();
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// Returns a word as a shell would take it.
pub fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./=,:@%+".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.into();
    }
    // The library quotes more words than necessary. It refuses a zero byte, which no system passes on.
    shlex::try_quote(word).map(|quoted| quoted.into_owned()).unwrap_or_default()
}

/// Returns the CPU's name on Linux, and its architecture on other systems.
fn cpu() -> String {
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = about.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or(std::env::consts::ARCH, |(_, name)| name.trim()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_typed_again() {
        let words =
            ["/a/b/ff-cli", "train", "--set", "epochs=4", "--set", "layers=[20, 10]", "--out", "it's"]
                .map(String::from);
        let typed = "ff-cli train --set epochs=4 --set 'layers=[20, 10]' --out \"it's\"";
        assert_eq!(command(words.into_iter()), typed);
        assert!(!cpu().is_empty());
    }
}
