//! Tells the program from which commit it is built, where git knows: a run says it then. Without git it says nothing.

use std::path::Path;
use std::process::Command;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let sources = ["crates", "kernels", "Cargo.toml", "Cargo.lock"];
    for path in sources {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    // A copy of the sources inside another project's repository has no commit.
    let ours =
        git(&root, &["rev-parse", "--show-toplevel"]).and_then(|top| Path::new(&top).canonicalize().ok());
    if ours.is_none() || ours != root.canonicalize().ok() {
        return;
    }
    // Each commit and checkout adds a line to this file.
    if let Some(log) = git(&root, &["rev-parse", "--git-path", "logs/HEAD"]) {
        let log = root.join(log);
        if log.exists() {
            println!("cargo::rerun-if-changed={}", log.display());
        }
    }
    let Some(commit) = git(&root, &["rev-parse", "--short=10", "HEAD"]) else { return };
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let changed = git(&root, &[&status[..], &sources].concat()).is_some_and(|list| !list.is_empty());
    println!("cargo::rustc-env=FF_COMMIT={commit}{}", if changed { " and changes" } else { "" });
}

/// What git answers, if there is git and it knows.
fn git(dir: &Path, words: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(dir).args(words).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok()?.trim().to_string();
    output.status.success().then_some(answer)
}
