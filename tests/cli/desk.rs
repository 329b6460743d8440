//! A user's desk: an empty directory, a small data set, and no network.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use ff_data::idx::FILES;
use ff_data::{Dataset, Samples, synthetic};
use tempfile::TempDir;

/// Settings that train in a blink.
pub const SMALL: &str = "--set layers=[20,20] --set epochs=2 --set batch=25 --set steps=2 --set threshold=1";

pub struct Desk {
    dir: TempDir,
}

impl Desk {
    /// With 200 synthetic digits and 60 for the test in `digits/`, which `$FF_DATA_DIR` names.
    pub fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        desk.lay_out("digits", &synthetic(200, 60, 1));
        desk
    }

    /// The set's four files in a directory.
    pub fn lay_out(&self, name: &str, set: &Dataset) -> PathBuf {
        let dir = self.path(name);
        std::fs::create_dir_all(&dir).unwrap();
        let head =
            |words: &[usize]| -> Vec<u8> { words.iter().flat_map(|&w| (w as u32).to_be_bytes()).collect() };
        let images = |s: &Samples| {
            [head(&[0x803, s.len(), set.height, set.width]), s.images.iter().copied().collect()].concat()
        };
        let labels = |s: &Samples| [head(&[0x801, s.len()]), s.labels.to_vec()].concat();
        let files = [images(&set.train), labels(&set.train), images(&set.test), labels(&set.test)];
        for (file, bytes) in FILES.iter().zip(files) {
            std::fs::write(dir.join(file), bytes).unwrap();
        }
        dir
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `ff-cli` with these words, typed on this desk.
    pub fn command(&self, words: &str) -> Command {
        Command::from_std(self.process(words))
    }

    /// The same, to be started and left alone.
    pub fn process(&self, words: &str) -> std::process::Command {
        self.program(env!("CARGO_BIN_EXE_ff-cli"), words.split_whitespace())
    }

    /// Any program, on this desk.
    pub fn program<'a>(&self, program: &str, words: impl Iterator<Item = &'a str>) -> std::process::Command {
        let mut command = std::process::Command::new(program);
        command.current_dir(self.dir.path()).args(words);
        command.env("FF_DATA_DIR", self.path("digits"));
        // A cache that cannot be made: nothing is fetched in these tests.
        command.env("XDG_CACHE_HOME", "/dev/null").env("HOME", "/dev/null");
        command
    }

    /// The command has to end well.
    pub fn run(&self, words: &str) -> Assert {
        self.command(words).assert().success()
    }

    /// What the command prints, which has to be one JSON document.
    pub fn json(&self, words: &str) -> serde_json::Value {
        serde_json::from_slice(&self.run(words).get_output().stdout).unwrap()
    }

    /// A run's `summary.json`.
    pub fn summary(&self, run: &str) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.path(&format!("{run}/summary.json"))).unwrap()).unwrap()
    }

    /// The command has to end with code 2, nothing on stdout, and one sentence on stderr, which it gives, with
    /// nothing written or left behind.
    pub fn refused(&self, words: &str) -> String {
        self.refused_when(self.command(words), words)
    }

    pub fn refused_when(&self, mut command: Command, words: &str) -> String {
        let before = self.everything();
        let output = command.assert().code(2).get_output().clone();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(self.everything(), before, "{words} left something behind");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("note: ")).collect();
        assert!(lines[0].starts_with("error: "), "{words}: {text}");
        assert!(lines.len() <= 2 && lines[1..].iter().all(|l| l.starts_with("  try: ")), "{words}: {text}");
        text
    }

    /// Every file and directory here.
    fn everything(&self) -> Vec<PathBuf> {
        fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                found.push(path.clone());
                if path.is_dir() {
                    walk(&path, found);
                }
            }
        }
        let mut found = Vec::new();
        walk(self.dir.path(), &mut found);
        found.sort();
        found
    }
}
