//! This module reads TOML from outside, which may be anything.

use std::path::Path;

use toml::Table;

use crate::failure::{Failure, Outcome};

/// The largest size of a config file, in bytes. A larger file is something else.
const LARGEST_CONFIG: usize = 1 << 16;
/// The largest number of opening braces. The parser takes a kilobyte of its stack for each inline table that is opened and not
/// closed, and it has no limit.
const MOST_BRACES: usize = 200;

/// Parses a table of settings. All TOML from outside goes through this function.
pub fn parse(text: &str) -> Result<Table, String> {
    let braces = text.bytes().filter(|&byte| byte == b'{').count();
    if text.len() > LARGEST_CONFIG || braces > MOST_BRACES {
        return Err(format!("has {} bytes and {braces} braces, too many for settings", text.len()));
    }
    text.parse().map_err(|e: toml::de::Error| e.message().replace('\n', " "))
}

/// Reads a file of settings.
pub fn read(path: &Path) -> Outcome<Table> {
    let refuse = |reason: String| {
        Failure::new(format!("{}: {reason}", path.display()))
            .advise("`--config FILE` with the config.toml of a run, or `--preset NAME`")
    };
    let size = std::fs::metadata(path).map_err(|e| refuse(format!("cannot be read: {e}")))?.len();
    if size > LARGEST_CONFIG as u64 {
        return Err(refuse(format!("is {size} bytes, too long for a config file")));
    }
    let text = std::fs::read_to_string(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
    parse(&text).map_err(refuse)
}
