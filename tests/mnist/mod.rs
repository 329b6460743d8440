//! Real MNIST, where it is at hand.

use std::io::Write;
use std::path::{Path, PathBuf};

use ff_data::Dataset;

/// MNIST from `$FF_DATA_DIR`, from beside the project or from the user's cache. Where there is none, says that
/// `test` was skipped: straight to stderr, because the test harness keeps what a passing test prints to itself.
#[allow(clippy::explicit_write)]
pub fn or_skip(test: &str) -> Option<Dataset> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/mnist");
    let dirs = [std::env::var_os("FF_DATA_DIR").map(PathBuf::from), Some(beside), ff_data::cache_dir()];
    let found = dirs.into_iter().flatten().find_map(|dir| ff_data::read_dir(&dir).ok());
    let mnist = found.filter(|set| set.name == "mnist");
    if mnist.is_none() {
        let advice = "set FF_DATA_DIR to the directory with its four files";
        writeln!(std::io::stderr(), "SKIPPED {test}: no MNIST here; {advice}").unwrap();
    }
    mnist
}
