//! Random calls of every op, on the CPU and on the CUDA device behind the shim: shapes that fit and shapes that do not, numbers
//! of every kind, labels, indices and clocks out of range, parameters that cannot be. Both devices must say the same, and write
//! the same bits to the same places.
//!
//! `FF_FUZZ_CALLS` is how many calls are made (20,000), `FF_FUZZ_FIRST` the number of the first one (0): a million calls can be
//! made in parts, and a call that has failed on its own. Each call is a function of its number. The same under the compiler's
//! sanitizers:
//!
//! ```text
//! FF_SHIM_SANITIZE=1 LD_PRELOAD=$(c++ -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 cargo test --test fuzz
//! ```
#![allow(clippy::unwrap_used, missing_docs)]

mod draws;
#[path = "../formulas/mod.rs"]
mod formulas;
mod ops;
mod pool;
#[path = "../shim/mod.rs"]
mod shim;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ff_cpu::Cpu;
use ff_cuda::Cuda;

use draws::Draws;
use ops::{OPS, Outcome, Written};
use shim::{Schedule, Shim};

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}: `{text}` is no number")),
        Err(_) => default,
    }
}

/// Whether two numbers may stand for each other. NaN equals NaN, whatever its bits.
fn same(x: f32, y: f32, tolerance: f64) -> bool {
    let off = (f64::from(x) - f64::from(y)).abs();
    let neither_is_finite = !x.is_finite() && !y.is_finite();
    x.to_bits() == y.to_bits()
        || (x.is_nan() && y.is_nan())
        || if tolerance.is_finite() { off <= tolerance } else { neither_is_finite }
}

fn compare(call: u64, ours: &Outcome, its: &Outcome) {
    assert_eq!(ours.said, its.said, "call {call}, {}: what the shim says, and the CPU", ours.op);
    for (ours_written, its_written) in ours.written.iter().zip(&its.written) {
        let (Written { name, values, .. }, want) = (ours_written, &its_written.values);
        assert_eq!(values.len(), want.len(), "call {call}, {}: {name}", ours.op);
        for (i, (&x, &y)) in values.iter().zip(want).enumerate() {
            let tolerance = its_written.tolerance.get(i).copied().unwrap_or(0.0);
            let op = ours.op;
            assert!(
                same(x, y, tolerance),
                "call {call}, {op}: {name}[{i}] is {x:?} on the shim, {y:?} on the CPU"
            );
        }
    }
}

/// Calls one op on both devices; whether it was refused.
fn one_call(call: u64, cpu: &Cpu, shim: &Cuda) -> bool {
    let (op, on_cpu, on_shim) = OPS[(call % OPS.len() as u64) as usize];
    let its = catch_unwind(AssertUnwindSafe(|| on_cpu(cpu, Draws::of(call))));
    let its = its.unwrap_or_else(|_| panic!("call {call}, {op}: the CPU panicked"));
    let ours = catch_unwind(AssertUnwindSafe(|| on_shim(shim, Draws::of(call))));
    let ours = ours.unwrap_or_else(|_| panic!("call {call}, {op}: the CUDA device panicked"));
    compare(call, &ours, &its);
    ours.said.is_some()
}

#[test]
fn random_calls_come_to_the_same_on_both_devices() {
    let (first, calls) = (number("FF_FUZZ_FIRST", 0), number("FF_FUZZ_CALLS", 20_000));
    let cpu = Cpu::new(1).unwrap();
    let shims = [Schedule::Forward, Schedule::Reverse, Schedule::Shuffled].map(Shim::device);
    let mut refused = vec![0u64; OPS.len()];
    for call in first..first + calls {
        let shim = &shims[(call / OPS.len() as u64 % 3) as usize];
        refused[(call % OPS.len() as u64) as usize] += u64::from(one_call(call, &cpu, shim));
    }
    // A test that is only ever refused would test nothing, and so would one that never is.
    let of_each = calls / OPS.len() as u64;
    for ((op, ..), refused) in OPS.iter().zip(refused).filter(|_| of_each >= 200) {
        println!("{op}: {refused} of {of_each} refused");
        assert!(refused < of_each * 3 / 5, "{op}: {refused} of {of_each} refused");
        assert!(refused > 0, "{op}: never refused");
    }
}
