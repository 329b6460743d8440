//! What is said about GPUs that cannot be used, to a machine with a driver that is none: a library of its name that
//! answers as it is told.

use std::process::Command;

use crate::desk::{Desk, SMALL};

/// As much of NVIDIA's driver as is asked before a GPU is opened.
const DRIVER: &str = r#"
#include <stdlib.h>
static int told(const char *name, int otherwise) { return getenv(name) ? atoi(getenv(name)) : otherwise; }
int cuDriverGetVersion(int *version) { *version = told("FAKE_VERSION", 13000); return 0; }
int cuInit(unsigned flags) { return told("FAKE_INIT", 0); }
int cuDeviceGetCount(int *count) { *count = told("FAKE_COUNT", 0); return 0; }
int cuGetErrorName(int error, const char **text) { *text = "CUDA_ERROR_UNKNOWN"; return 0; }
int cuGetErrorString(int error, const char **text) { *text = "unknown error"; return 0; }
"#;

/// A desk with that library in `driver/`.
fn desk() -> Desk {
    let desk = Desk::new();
    let dir = desk.path("driver");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("driver.c"), DRIVER).unwrap();
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let built = Command::new(&compiler)
        .args(["-shared", "-fPIC", "-o", "libcuda.so", "driver.c"])
        .current_dir(&dir)
        .status()
        .unwrap_or_else(|e| panic!("this test needs a C compiler: {compiler}: {e}"));
    assert!(built.success());
    desk
}

fn command(desk: &Desk, words: &str, told: &[(&str, &str)]) -> assert_cmd::Command {
    let mut command = desk.command(words);
    command.env("LD_LIBRARY_PATH", desk.path("driver")).envs(told.iter().copied());
    command
}

#[test]
#[cfg(target_os = "linux")]
fn a_gpu_that_cannot_be_used_is_refused_with_the_reason() {
    let desk = desk();
    for (device, told, expected) in [
        (
            "cuda",
            ("FAKE_VERSION", "11040"),
            "too old: it serves CUDA 11.4, and 12.0 is needed\n  try: NVIDIA's driver",
        ),
        ("cuda", ("FAKE_INIT", "999"), "does not start: CUDA_ERROR_UNKNOWN (unknown error)\n  try: "),
        ("cuda", ("FAKE_INIT", "100"), "there is no GPU 0: the driver finds none\n  try: `nvidia-smi`"),
        ("cuda", ("FAKE_COUNT", "0"), "there is no GPU 0: the driver finds none\n  try: `nvidia-smi`"),
        (
            "cuda:1",
            ("FAKE_COUNT", "1"),
            "there is no GPU 1: there is one, number 0\n  try: `--device cuda:0`",
        ),
        ("cuda:7", ("FAKE_COUNT", "2"), "there is no GPU 7: there are 2, numbered from 0"),
    ] {
        let words = format!("train --device {device}");
        let text = desk.refused_when(command(&desk, &words, &[told]), &words);
        assert!(text.contains(expected), "{told:?}: {text}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn auto_takes_the_cpu_and_says_why_where_there_ought_to_be_a_gpu() {
    let desk = desk();
    for (device, told, note) in [
        ("", ("FAKE_VERSION", "11040"), "note: NVIDIA's driver is too old"),
        ("", ("FAKE_COUNT", "0"), ""),
        (
            "--device auto",
            ("FAKE_COUNT", "0"),
            "note: there is no GPU 0: the driver finds none; computing on the CPU",
        ),
    ] {
        let words = format!("train {SMALL} {device}");
        let output = command(&desk, &words, &[told]).assert().success().get_output().clone();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.contains("note: "), !note.is_empty(), "{said}");
        assert!(said.contains(note), "{said}");
        assert!(String::from_utf8(output.stdout).unwrap().contains("cpu, "), "{said}");
    }
}
