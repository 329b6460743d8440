//! The shim on kernels that are wrong: it has to find out, or its silence means nothing.

use std::process::{Command, Output};

use ff_cuda::seam::{Arg, Driver, DriverError, Grid, Program};

use crate::shim::{SANITIZE, Schedule, Shim, compiler};

const KERNELS: &str = r#"
extern "C" __global__ void __launch_bounds__(64) no_barrier(float *out) {
    __shared__ float x[64];
    x[threadIdx.x] = (float)threadIdx.x;
    out[threadIdx.x] = x[63 - threadIdx.x];
    x[threadIdx.x] = -1.0f;
}
extern "C" __global__ void __launch_bounds__(64) with_barrier(float *out) {
    __shared__ float x[64];
    x[threadIdx.x] = (float)threadIdx.x;
    __syncthreads();
    out[threadIdx.x] = x[63 - threadIdx.x];
}
extern "C" __global__ void __launch_bounds__(64) half_a_barrier(float *out) {
    if (threadIdx.x < 32) __syncthreads();
    out[threadIdx.x] = 1.0f;
}
extern "C" __global__ void __launch_bounds__(64) out_of_bounds(float *out) {
    out[threadIdx.x + 1] = 1.0f;
}
"#;

/// 64 numbers after one block of 64 threads.
fn run(kernel: &str, schedule: Schedule) -> Result<Vec<f32>, DriverError> {
    let shim = Shim::of_text(KERNELS, schedule);
    let mut bytes = vec![0; 64 * 4];
    let at = shim.alloc(bytes.len()).unwrap();
    let grid = Grid { blocks: [1, 1], threads: [64, 1] };
    // SAFETY: all of the kernels above take the address of 64 numbers; what one of them does with it is the test.
    let said = unsafe { shim.launch(&Program::FIXED, kernel, grid, &[Arg::At(at)]) };
    // SAFETY: so many bytes were allocated, and are given back once.
    unsafe {
        shim.download(&mut bytes, at).unwrap();
        shim.free(at);
    }
    said.map(|()| bytes.chunks_exact(4).map(|b| f32::from_ne_bytes(b.try_into().unwrap())).collect())
}

#[test]
fn shim_shows_a_missing_barrier() {
    let schedules = [Schedule::Forward, Schedule::Reverse, Schedule::Shuffled];
    let backwards: Vec<f32> = (0..64).rev().map(|i| i as f32).collect();
    for schedule in schedules {
        assert_eq!(run("with_barrier", schedule).unwrap(), backwards, "{schedule:?}");
    }
    assert!(schedules.iter().any(|&schedule| run("no_barrier", schedule).unwrap() != backwards));
}

#[test]
fn shim_refuses_a_barrier_that_only_some_threads_reach() {
    let said = run("half_a_barrier", Schedule::Forward).unwrap_err().to_string();
    assert!(said.contains("barrier"), "{said}");
}

#[test]
fn shim_refuses_arguments_that_are_not_the_kernels() {
    let shim = Shim::named("shim", Schedule::Forward);
    let grid = Grid { blocks: [1, 1], threads: [32, 1] };
    for args in [&[Arg::U32(1)][..], &[], &[Arg::At(0), Arg::At(0)]] {
        // SAFETY: they are refused before they are used.
        let said = unsafe { shim.launch(&Program::FIXED, "advance", grid, args) }.unwrap_err().to_string();
        assert!(said.contains("the kernel takes p, the host gives"), "{said}");
    }
}

#[test]
fn shim_says_so_where_the_constants_do_not_stand_in_front_of_the_kernels() {
    let shim = Shim::of_text(ff_kernels::FRONT[0].text, Schedule::Forward);
    let grid = Grid { blocks: [1, 1], threads: [32, 1] };
    // SAFETY: it does not compile.
    let said = unsafe { shim.launch(&Program::FIXED, "advance", grid, &[]) }.unwrap_err().to_string();
    assert!(said.contains("the constants of kernels/constants.rs have to stand in front"), "{said}");
}

/// This program once more, in a process whose shim is built with the compiler's sanitizers.
fn sanitized(test: &str) -> Output {
    let library = Command::new(compiler()).arg("-print-file-name=libasan.so").output().unwrap();
    let library = String::from_utf8(library.stdout).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--include-ignored", test]).env(SANITIZE, "1");
    // Rust's test harness keeps what the sanitizers call leaks.
    command.env("LD_PRELOAD", library.trim()).env("ASAN_OPTIONS", "detect_leaks=0");
    command.output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
#[ignore = "wrong on purpose; shim_sanitizers_find_a_write_out_of_bounds runs it"]
fn wrong_on_purpose() {
    run("out_of_bounds", Schedule::Forward).unwrap();
}

#[test]
fn shim_sanitizers_find_a_write_out_of_bounds() {
    let output = sanitized("shim_itself::wrong_on_purpose");
    assert!(!output.status.success());
    assert!(words(&output).contains("heap-buffer-overflow"), "{}", words(&output));
}

#[test]
fn shim_sanitizers_find_nothing_in_our_kernels() {
    let output = sanitized("cuda::shim_every_op_with_threads_in_order");
    assert!(output.status.success() && words(&output).contains("1 passed"), "{}", words(&output));
}
