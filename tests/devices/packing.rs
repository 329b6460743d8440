//! What travels to other ranks: bytes in plain loops, and the numbers of all slices from them.

use ff_cpu::Cpu;
use ff_tensor::packing::{NO_RATE, slice_of};
use ff_tensor::{Device, Pack, Packing, Result, Tensor, Unpack};

use crate::bits;
use crate::ops::draws;
use crate::shim::{Schedule, Shim};

/// Counts of spikes over `steps`, and among them what is none.
fn rates(steps: u8, count: usize) -> Vec<f32> {
    let none = [f32::NAN, 0.3, -1.0, 1.5, f32::INFINITY, 1e-30];
    let rate = |x: f32| (x * f32::from(steps)).floor() * (1.0 / f32::from(steps));
    let mut rates: Vec<f32> = draws(81, count, 0.0, 1.01).into_iter().map(rate).collect();
    rates.iter_mut().skip(3).step_by(11).zip(none).for_each(|(rate, none)| *rate = none);
    rates
}

/// The bytes of some numbers, in plain words.
fn bytes(numbers: &[f32], packing: Packing) -> Vec<u8> {
    let byte = |x: &f32, steps: u8| {
        let found = (0..NO_RATE).find(|count| f32::from(*count) * (1.0 / f32::from(steps)) == *x);
        found.unwrap_or(NO_RATE)
    };
    match packing {
        Packing::Rate(steps) => numbers.iter().map(|x| byte(x, steps)).collect(),
        Packing::Number => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
    }
}

fn packed<D: Device>(dev: &D, numbers: &Tensor<D>, packing: Packing) -> Vec<u8> {
    let mut bytes = dev.zeros(1, numbers.rows() * numbers.cols() * packing.width()).unwrap();
    Pack { bytes: &mut bytes, numbers, packing }.on(dev).unwrap();
    dev.download(&bytes).unwrap()
}

/// All slices are packed, and unpacked again as a whole layer.
fn there_and_back<D: Device>(dev: &D) {
    for (rows, n, slices) in [(3, 5, 1), (4, 70, 2), (7, 500, 3), (1, 160, 4), (300, 97, 3), (0, 64, 2)] {
        for packing in [Packing::Rate(1), Packing::Rate(8), Packing::Rate(254), Packing::Number] {
            let numbers = match packing {
                Packing::Rate(steps) => rates(steps, rows * n),
                Packing::Number => draws(82, rows * n, -1e30, 1e30),
            };
            let mut travel = Vec::new();
            for slice in 0..slices {
                let units = slice_of(n, slices, slice);
                let own: Vec<f32> =
                    numbers.chunks_exact(n).flat_map(|row| &row[units.clone()]).copied().collect();
                let sent = packed(dev, &dev.upload(rows, units.len(), &own).unwrap(), packing);
                assert_eq!(sent, bytes(&own, packing), "{packing:?}, slice {slice} of {n}");
                travel.extend(sent);
            }
            let mut all = dev.upload(rows, n, &vec![7.0; rows * n]).unwrap();
            let bytes = &dev.upload(1, travel.len(), &travel).unwrap();
            Unpack { numbers: &mut all, bytes, slices, packing }.on(dev).unwrap();
            let arrived = dev.download(&all).unwrap();
            let want: Vec<f32> = match packing {
                Packing::Rate(steps) => {
                    let of_count = |x: &f32| {
                        if self::bytes(&[*x], Packing::Rate(steps)) == [NO_RATE] { f32::NAN } else { *x }
                    };
                    numbers.iter().map(of_count).collect()
                }
                Packing::Number => numbers,
            };
            assert_eq!(bits(&arrived), bits(&want), "{packing:?}, {slices} slices of {n}");
        }
    }
}

#[test]
fn numbers_travel_as_they_are() {
    there_and_back(&Cpu::new(2).unwrap());
}

#[test]
fn numbers_travel_as_they_are_from_kernels() {
    for schedule in [Schedule::Forward, Schedule::Reverse] {
        there_and_back(&Shim::device(schedule));
    }
}

fn refusals<D: Device>(dev: &D) -> Vec<String> {
    let zeros = |rows, cols| dev.zeros::<f32>(rows, cols).unwrap();
    let pack = |bytes: [usize; 2], numbers: [usize; 2], packing| {
        let (bytes, numbers) = (&mut dev.zeros(bytes[0], bytes[1]).unwrap(), &zeros(numbers[0], numbers[1]));
        Pack { bytes, numbers, packing }.on(dev)
    };
    let unpack = |numbers: [usize; 2], bytes: [usize; 2], slices, packing| {
        let (numbers, bytes) = (&mut zeros(numbers[0], numbers[1]), &dev.zeros(bytes[0], bytes[1]).unwrap());
        Unpack { numbers, bytes, slices, packing }.on(dev)
    };
    let (rate, number) = (Packing::Rate(8), Packing::Number);
    pack([2, 12], [2, 3], number).unwrap();
    unpack([2, 3], [1, 24], 1, number).unwrap();
    let all: [Result<()>; 9] = [
        pack([2, 4], [2, 3], rate),
        pack([2, 3], [2, 3], number),
        pack([2, 3], [2, 3], Packing::Rate(0)),
        pack([2, 3], [2, 3], Packing::Rate(255)),
        pack([2, 0], [2, 0], rate),
        unpack([2, 3], [1, 7], 1, rate),
        unpack([2, 3], [2, 3], 1, rate),
        unpack([2, 3], [1, 6], 0, rate),
        unpack([2, 3], [1, 6], 1 << 17, rate),
    ];
    all.into_iter().map(|result| result.unwrap_err().to_string()).collect()
}

#[test]
fn what_does_not_fit_is_refused_with_the_same_words() {
    let said = refusals(&Cpu::new(1).unwrap());
    assert_eq!(said, refusals(&Shim::device(Schedule::Forward)));
    assert_eq!(said[0], "pack: `bytes` is [2, 4] but [2, 3] is needed");
    assert_eq!(said[3], "pack: a rate of 255 steps; 1 to 254 are possible");
    assert_eq!(said[7], "unpack: 0 slices; 1 to 65536 are possible");
}
