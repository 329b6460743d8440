//! The CUDA device, on the shim and on a GPU: every op against its equation, and against the CPU bit for bit wherever sums
//! run in the same order.

use std::ops::ControlFlow::{Break, Continue};

use ff_cpu::Cpu;
use ff_cuda::{Cuda, Products};
use ff_tensor::{Advance, Device};

use crate::bits;
use crate::ops::{Sizes, every_op};
use crate::shim::{Schedule, Shim};
use crate::units::label_goodness;

/// Ops whose sums run in another order than the CPU's.
const OTHER_SUMS: [&str; 2] = ["matmul", "sum_rows"];
/// Answers in which there is an `exp`, which is another one on a GPU. The shim has the CPU's.
const OTHER_EXP: [&str; 6] = [
    "pair_losses",
    "softmax_loss",
    "local_grad losses",
    "local_grad dcurrent",
    "slice_grad losses",
    "slice_grad dcurrent",
];

/// Whether an answer has to be the CPU's to the last bit.
fn to_the_bit(op: &str, on_gpu: bool) -> bool {
    let among = |names: &[&str]| names.iter().any(|name| op.starts_with(name));
    let other = among(&OTHER_SUMS) || (on_gpu && among(&OTHER_EXP));
    !other
}

/// Odd sizes, such that every kernel has a last block that is not full, and `matmul` more than one tile each way.
fn sizes() -> Vec<Sizes> {
    [[1, 7, 1, 1], [7, 17, 33, 4], [17, 65, 257, 3], [70, 40, 17, 2], [9, 257, 65, 5]]
        .map(|[batch, inputs, units, steps]| Sizes { batch, inputs, units, steps })
        .to_vec()
}

fn every_op_is_its_equation_and_the_cpus_bits(dev: &Cuda, on_gpu: bool) {
    let cpu = Cpu::new(1).unwrap();
    for sizes in sizes() {
        for (ours, its) in every_op(dev, sizes).into_iter().zip(every_op(&cpu, sizes)) {
            if to_the_bit(&ours.op, on_gpu) {
                assert_eq!(
                    bits(&ours.got),
                    bits(&its.got),
                    "{} on {} at {sizes:?}",
                    ours.op,
                    dev.description()
                );
            }
            ours.check(sizes);
        }
    }
    for (batch, units) in [(1, 1), (7, 17), (17, 257)] {
        for (ours, its) in
            label_goodness(dev, batch, units).into_iter().zip(label_goodness(&cpu, batch, units))
        {
            let (op, at_once, one_by_one) = ours;
            assert_eq!(bits(&at_once), bits(&one_by_one), "{op}, at once and one by one");
            assert_eq!(bits(&at_once), bits(&its.1), "{op}");
        }
    }
}

#[test]
fn shim_every_op_with_threads_in_order() {
    every_op_is_its_equation_and_the_cpus_bits(&Shim::device(Schedule::Forward), false);
}

#[test]
fn shim_every_op_with_threads_in_reverse() {
    every_op_is_its_equation_and_the_cpus_bits(&Shim::device(Schedule::Reverse), false);
}

#[test]
fn shim_every_op_with_threads_shuffled() {
    every_op_is_its_equation_and_the_cpus_bits(&Shim::device(Schedule::Shuffled), false);
}

#[test]
fn shim_out_of_memory_says_how_much_was_asked_for() {
    let dev = Shim::device(Schedule::Forward);
    let Err(e) = dev.zeros::<f32>(1 << 20, 1 << 12) else { panic!("it had room") };
    assert_eq!(e.to_string(), "shim: out of memory: 17.2 GB asked for, 1.1 GB free");
}

/// A recorded step runs on what is on the device, and only there.
#[test]
fn shim_a_repeated_step_is_replayed_and_may_not_allocate() {
    let dev = Shim::device(Schedule::Forward);
    let mut clock = dev.zeros::<u32>(1, 2).unwrap();
    for times in [0, 1, 2, 5] {
        dev.write(&mut clock, &[7, 0]).unwrap();
        let (mut called, mut told) = (0, 0);
        let mut step = || {
            called += 1;
            Advance { clock: &mut clock }.on(&dev)
        };
        let mut after = || {
            told += 1;
            Continue(())
        };
        assert_eq!(dev.repeat(times, &mut step, &mut after).unwrap(), times);
        assert_eq!((called, told), (times.min(2), times));
        assert_eq!(dev.download(&clock).unwrap(), [7 + times as u32, times as u32]);
    }
    let mut allocate = || dev.zeros::<f32>(1, 1).map(|_| ());
    let said = dev.repeat(2, &mut allocate, &mut || Continue(())).unwrap_err().to_string();
    assert!(said.contains("may not allocate"), "{said}");
    dev.synchronise().unwrap(); // a step that failed is no longer recorded
}

#[test]
fn shim_a_repeated_step_ends_when_it_is_told_to() {
    let dev = Shim::device(Schedule::Forward);
    for last in 1..=4 {
        let mut clock = dev.zeros::<u32>(1, 2).unwrap();
        let mut told = 0;
        let mut after = || {
            told += 1;
            if told == last { Break(()) } else { Continue(()) }
        };
        assert_eq!(dev.repeat(4, &mut || Advance { clock: &mut clock }.on(&dev), &mut after).unwrap(), last);
        assert_eq!(dev.download(&clock).unwrap(), [last as u32; 2]);
    }
}

/// GPU 0; without one the test fails and says why, rather than look like a pass.
pub fn gpu() -> Cuda {
    let dev = Cuda::new(0, Products::F32).unwrap_or_else(|e| panic!("there is no GPU to test: {e}"));
    println!("on {}", dev.description());
    dev
}

#[test]
#[ignore = "needs an NVIDIA GPU: cargo test --features cuda -- --ignored gpu"]
fn gpu_every_op() {
    every_op_is_its_equation_and_the_cpus_bits(&gpu(), true);
}
