//! Turns numbers into the bytes in which they travel to other ranks, and back.
//!
//! ```text
//! Rate(T):   byte = T x      x = byte / T      255 for what is no count of spikes over T, and NaN of that
//! Number:    the four bytes of x
//! ```

use ff_tensor::lanes::vectorised;
use ff_tensor::packing::{NO_RATE, Packing, slice_of};
use rayon::prelude::*;

/// Numbers that one task takes at a time.
const TASK: usize = 1 << 14;

/// A number of this size has no digits after the point, and its lowest bits are those of the whole number beyond it.
const WHOLE: f32 = (1u32 << 23) as f32;

/// See [`ff_tensor::Pack`].
pub(crate) fn pack(bytes: &mut [u8], numbers: &[f32], packing: Packing) {
    let parts = bytes.par_chunks_mut(TASK * packing.width()).zip(numbers.par_chunks(TASK));
    parts.for_each(|(bytes, numbers)| match packing {
        Packing::Rate(steps) => vectorised(
            #[inline(always)]
            || pack_rates(bytes, numbers, steps),
        ),
        Packing::Number => {
            let fours = bytes.as_chunks_mut().0;
            fours.iter_mut().zip(numbers).for_each(|(four, x)| *four = x.to_le_bytes());
        }
    });
}

#[inline(always)]
fn pack_rates(bytes: &mut [u8], numbers: &[f32], steps: u8) {
    let (most, per_step) = (f32::from(steps), 1.0 / f32::from(steps));
    for (byte, x) in bytes.iter_mut().zip(numbers) {
        let count = (x * most + WHOLE).to_bits() as u8;
        *byte = if f32::from(count) * per_step == *x { count } else { NO_RATE };
    }
}

/// See [`ff_tensor::Unpack`]. `shape` is that of the numbers.
pub(crate) fn unpack(
    numbers: &mut [f32],
    bytes: &[u8],
    [rows, n]: [usize; 2],
    slices: usize,
    packing: Packing,
) {
    let (block, width) = ((TASK / n).max(1), packing.width());
    numbers.par_chunks_mut(block * n).enumerate().for_each(|(i, numbers)| {
        for slice in 0..slices {
            let units = slice_of(n, slices, slice);
            let size = units.len() * width;
            let of_rows = &bytes[rows * units.start * width + i * block * size..];
            let rows = numbers.chunks_exact_mut(n).map(|row| &mut row[units.clone()]);
            let rows = rows.zip(of_rows.chunks_exact(size.max(1)));
            match packing {
                Packing::Rate(steps) => {
                    let mut rows = rows;
                    vectorised(
                        #[inline(always)]
                        || (&mut rows).for_each(|(row, bytes)| unpack_rates(row, bytes, steps)),
                    );
                }
                Packing::Number => rows.for_each(|(row, bytes)| {
                    let fours = bytes.as_chunks().0;
                    row.iter_mut().zip(fours).for_each(|(x, four)| *x = f32::from_le_bytes(*four));
                }),
            }
        }
    });
}

#[inline(always)]
fn unpack_rates(numbers: &mut [f32], bytes: &[u8], steps: u8) {
    let per_step = 1.0 / f32::from(steps);
    for (x, byte) in numbers.iter_mut().zip(bytes) {
        *x = if *byte == NO_RATE { f32::NAN } else { f32::from(*byte) * per_step };
    }
}
