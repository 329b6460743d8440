//! Numbers side by side: how a formula for one number becomes vector instructions, and sums in a fixed order.
//!
//! A formula (a neuron, a goodness, an optimiser) is written for one `f32`. It runs over many numbers side by side, in
//! loops that the compiler turns into vector instructions. A goodness sums [`LANES`] numbers at a time, and a neuron steps
//! [`GROUP`] units at a time. [`vectorised`] compiles such a loop once for each instruction
//! set and calls the widest one that this processor has. No multiply-add is fused here, so every instruction set gives
//! the same bits.

pub use crate::constants::LANES;

/// Numbers side by side.
pub type Lanes = [f32; LANES];

/// Units that go through their time steps side by side. They are more than a register holds, so that the processor always
/// has steps to compute that do not wait for each other.
pub const GROUP: usize = 64;

/// Numbers of units side by side.
pub type Group = [f32; GROUP];

/// Runs `f`, compiled for the widest vector instructions that this processor has. Everything that `f` calls has to be
/// `#[inline(always)]`, or it is compiled without them.
#[inline(always)]
pub fn vectorised<R>(f: impl FnMut() -> R) -> R {
    /// A closure is called by reference here: by value it goes through a shim that is not always inlined, and what is not
    /// inlined is not vectorised.
    struct ByReference<F>(F);

    impl<R, F: FnMut() -> R> pulp::NullaryFnOnce for ByReference<F> {
        type Output = R;

        #[inline(always)]
        fn call(mut self) -> R {
            (self.0)()
        }
    }

    pulp::Arch::new().dispatch(ByReference(f))
}

/// Some numbers of `row` from `offset` on. Past the row's end they are zeros.
#[inline(always)]
pub fn load<const N: usize>(row: &[f32], offset: usize) -> [f32; N] {
    match row[offset..].first_chunk::<N>() {
        Some(numbers) => *numbers,
        None => padded(&row[offset..]),
    }
}

/// Writes `numbers` to `row` from `offset` on, as many as fit.
#[inline(always)]
pub fn store<const N: usize>(row: &mut [f32], offset: usize, numbers: &[f32; N]) {
    let row = &mut row[offset..];
    match row.first_chunk_mut::<N>() {
        Some(full) => *full = *numbers,
        None => row.copy_from_slice(&numbers[..row.len()]),
    }
}

/// Calls `f(offset, lanes)` for each group of [`LANES`] columns. The last group is filled up with zeros.
#[inline(always)]
pub fn for_lanes(row: &[f32], mut f: impl FnMut(usize, Lanes)) {
    let (full, rest) = row.as_chunks::<LANES>();
    for (i, lanes) in full.iter().enumerate() {
        f(i * LANES, *lanes);
    }
    if !rest.is_empty() {
        f(full.len() * LANES, padded(rest));
    }
}

/// Fewer than `N` numbers, filled up with zeros. They are copied in pieces of a fixed length, as a copy of any length is a call
/// of a function, which costs as much as all the rest of a short row.
#[inline(always)]
fn padded<const N: usize>(rest: &[f32]) -> [f32; N] {
    let (mut numbers, mut at) = ([0.0; N], 0);
    piece::<32, N>(&mut numbers, rest, &mut at);
    piece::<16, N>(&mut numbers, rest, &mut at);
    piece::<8, N>(&mut numbers, rest, &mut at);
    piece::<4, N>(&mut numbers, rest, &mut at);
    piece::<2, N>(&mut numbers, rest, &mut at);
    piece::<1, N>(&mut numbers, rest, &mut at);
    numbers
}

#[inline(always)]
fn piece<const M: usize, const N: usize>(numbers: &mut [f32; N], rest: &[f32], at: &mut usize) {
    if let (Some(from), Some(to)) = (rest[*at..].first_chunk::<M>(), numbers[*at..].first_chunk_mut::<M>()) {
        *to = *from;
        *at += M;
    }
}

/// Where groups of [`GROUP`] columns begin that cover a row of `n`. The last group overlaps the one before, so that it is full;
/// only a row that is shorter than a group has none that is. For loops that write what does not depend on what they wrote.
#[inline(always)]
pub fn groups(n: usize) -> impl Iterator<Item = usize> {
    (0..n).step_by(GROUP).map(move |at| at.min(n.saturating_sub(GROUP)))
}

/// `sum + x^2`, lane by lane.
#[inline(always)]
pub fn add_squares(sum: &mut Lanes, x: &Lanes) {
    for k in 0..LANES {
        sum[k] += x[k] * x[k];
    }
}

/// The sum over the lanes. The upper half is added to the lower half until one number is left, so the order is always the
/// same.
#[inline(always)]
pub fn total(mut lanes: Lanes) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for k in 0..width {
            lanes[k] += lanes[k + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// `sum x^2` of a row.
#[inline(always)]
pub fn sum_squares(row: &[f32]) -> f32 {
    let mut sum = [0.0; LANES];
    for_lanes(row, |_, x| add_squares(&mut sum, &x));
    total(sum)
}
