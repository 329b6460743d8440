//! How many threads a kernel gets, and how an op's arguments become a kernel's.

use ff_kernels::constants::{AFFINE, ELASTIC, NUMBERS, PAIR, SHIFT, SOFTPLUS};
use ff_tensor::constants::LANES;
use ff_tensor::{Augmentation, Element, Goodness, Neuron, Norm, NormKind, Objective, Tensor};

use crate::{Arg, Cuda, Grid, NeuronArg};

/// A thread for each of `count` numbers.
pub(crate) fn each(count: usize) -> Grid {
    Grid { blocks: [number(count.div_ceil(256)), 1], threads: [256, 1] }
}

/// A thread for each unit of each row.
pub(crate) fn units(rows: usize, n: usize) -> Grid {
    let threads = n.next_multiple_of(32).clamp(32, 256);
    Grid { blocks: [number(rows), number(n.div_ceil(threads))], threads: [number(threads), 1] }
}

/// A thread for each lane of a row's sum, and 16 rows in a block.
pub(crate) fn sums(rows: usize) -> Grid {
    Grid { blocks: [number(rows.div_ceil(16)), 1], threads: [number(LANES), 16] }
}

/// Kernels count in 32 bits: `Config` allows no tensor with more rows or columns.
pub(crate) fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or_else(|_| panic!("{n} does not fit into a kernel's 32 bits"))
}

/// What can be handed to a kernel.
pub(crate) trait ToArg {
    fn arg(&self) -> Arg;
}

impl<T: Element> ToArg for Tensor<Cuda, T> {
    fn arg(&self) -> Arg {
        Arg::At(self.data.at())
    }
}

impl<A: ToArg> ToArg for &A {
    fn arg(&self) -> Arg {
        (**self).arg()
    }
}

impl<A: ToArg> ToArg for &mut A {
    fn arg(&self) -> Arg {
        (**self).arg()
    }
}

/// A tensor that may be left out.
impl<A: ToArg> ToArg for Option<A> {
    fn arg(&self) -> Arg {
        self.as_ref().map_or(Arg::At(0), ToArg::arg)
    }
}

impl ToArg for usize {
    fn arg(&self) -> Arg {
        Arg::U32(number(*self))
    }
}

impl ToArg for u32 {
    fn arg(&self) -> Arg {
        Arg::U32(*self)
    }
}

impl ToArg for u64 {
    fn arg(&self) -> Arg {
        Arg::U64(*self)
    }
}

impl ToArg for bool {
    fn arg(&self) -> Arg {
        Arg::U32(u32::from(*self))
    }
}

impl ToArg for f32 {
    fn arg(&self) -> Arg {
        Arg::F32(*self)
    }
}

impl ToArg for Goodness {
    fn arg(&self) -> Arg {
        Arg::U32(*self as u32)
    }
}

impl ToArg for NormKind {
    fn arg(&self) -> Arg {
        Arg::U32(*self as u32)
    }
}

impl ToArg for Neuron {
    fn arg(&self) -> Arg {
        Arg::Neuron(NeuronArg {
            kind: self.kind as u32,
            reset: self.reset as u32,
            output: self.output as u32,
            surrogate: self.surrogate as u32,
            steps: number(self.steps),
            beta: self.beta,
            threshold: self.threshold,
        })
    }
}

/// Which norm, and its eps.
pub(crate) fn norm(p: &Norm) -> [Arg; 2] {
    [p.kind.arg(), p.eps.arg()]
}

/// Which objective, and its parameter.
pub(crate) fn objective(p: &Objective) -> [Arg; 2] {
    match *p {
        Objective::Softplus { theta } => [Arg::U32(SOFTPLUS), theta.arg()],
        Objective::Pair { alpha } => [Arg::U32(PAIR), alpha.arg()],
    }
}

/// Five numbers for each change: which, and its bounds in the order of `Augmentation`.
pub(crate) fn changes(list: &[Augmentation]) -> Vec<f32> {
    let numbers = |change: &Augmentation| -> [f32; NUMBERS] {
        match *change {
            Augmentation::Shift { pixels } => [SHIFT as f32, pixels as f32, 0.0, 0.0, 0.0],
            Augmentation::Affine { rotate, scale, shear, shift } => {
                [AFFINE as f32, rotate, scale, shear, shift]
            }
            Augmentation::Elastic { strength, smoothness } => {
                [ELASTIC as f32, strength, smoothness, 0.0, 0.0]
            }
        }
    };
    list.iter().flat_map(numbers).collect()
}

/// A kernel's arguments, in its order.
macro_rules! args {
    ($($arg:expr),* $(,)?) => { &[$($crate::launch::ToArg::arg(&$arg)),*] };
}
pub(crate) use args;

impl ToArg for Arg {
    fn arg(&self) -> Arg {
        *self
    }
}
