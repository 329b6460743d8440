//! A random call of each op, on any device.

use ff_cpu::Cpu;
use ff_cuda::Cuda;
use ff_tensor::{
    Advance, Augment, Augmentation, CurrentGrad, Device, DrawLabels, Element, Gather, LabelCurrent,
    LabelGoodness, LocalGrad, MatMul, Normalise, Pack, Packing, PairLosses, Result, RowFactor, RowGoodness,
    Select, ShareGoodness, ShareGrad, SliceGrad, SliceSignals, SoftmaxLoss, SumRows, Tensor, UnitsBackward,
    UnitsForward, Unpack, Update,
};

use crate::draws::Draws;
use crate::pool;

/// What came of a call.
pub struct Outcome {
    pub op: &'static str,
    /// What was said, if it was refused.
    pub said: Option<String>,
    /// Everything that the op may write, whether it was refused or not.
    pub written: Vec<Written>,
}

/// A tensor after the call. Bytes and labels are numbers here, which are exact.
pub struct Written {
    pub name: &'static str,
    pub values: Vec<f32>,
    /// How far each number may be off: 0 if there is none. With infinity, what is no finite number may be another such.
    pub tolerance: Vec<f64>,
}

type On<D> = fn(&D, Draws) -> Outcome;

macro_rules! ops {
    ($($op:ident),* $(,)?) => { &[$((stringify!($op), $op::<Cpu>, $op::<Cuda>)),*] };
}

/// Each op, for the CPU and for the CUDA device.
pub const OPS: &[(&str, On<Cpu>, On<Cuda>)] = ops![
    augment,
    gather,
    draw_labels,
    select,
    normalise,
    matmul,
    label_current,
    units_forward,
    row_goodness,
    label_goodness,
    local_grad,
    slice_signals,
    slice_grad,
    share_grad,
    sum_rows,
    pack,
    unpack,
    softmax_loss,
    units_backward,
    update,
    advance,
    row_factor,
    share_goodness,
    pair_losses,
];

/// What [`Written`] is made from: bytes, labels, numbers.
trait Wide: Element {
    fn wide(self) -> [f32; 2];
}

impl Wide for u8 {
    fn wide(self) -> [f32; 2] {
        [f32::from(self), 0.0]
    }
}

impl Wide for u32 {
    fn wide(self) -> [f32; 2] {
        [(self >> 16) as f32, (self & 0xFFFF) as f32]
    }
}

impl Wide for f32 {
    fn wide(self) -> [f32; 2] {
        [self, 0.0]
    }
}

fn written<D: Device, T: Wide>(dev: &D, name: &'static str, tensor: &Tensor<D, T>) -> Written {
    let halves = dev.download(tensor).unwrap().into_iter().map(T::wide);
    let (mut values, rest): (Vec<f32>, Vec<f32>) = halves.map(|[x, y]| (x, y)).unzip();
    values.extend(rest);
    Written { name, values, tolerance: Vec::new() }
}

macro_rules! outcome {
    ($dev:expr, $op:literal, $said:expr; $($tensor:ident),* $(,)?) => {
        Outcome {
            op: $op,
            said: said($said),
            written: vec![$(written($dev, stringify!($tensor), &$tensor)),*],
        }
    };
}

fn said(result: Result<()>) -> Option<String> {
    result.err().map(|e| e.to_string())
}

fn augment<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (n, width, height) = (d.few(), d.size().min(40), d.few());
    let images = d.bytes(dev, [n, width * height]);
    let mut out = d.bytes(dev, [n, width * height]);
    let change = |d: &mut Draws| match d.below(3) {
        0 => Augmentation::Shift { pixels: if d.in_ten(9) { d.below(4) } else { d.below(2_000) } },
        1 => Augmentation::Affine {
            rotate: 180.0 * d.unit(),
            scale: if d.in_ten(9) { 0.9 * d.unit() } else { d.value() },
            shear: 60.0 * d.unit(),
            shift: 3.0 * d.unit(),
        },
        _ => Augmentation::Elastic {
            strength: 3.0 * d.unit(),
            smoothness: if d.in_ten(9) { 1.0 + 5.0 * d.unit() } else { d.value() },
        },
    };
    let list: Vec<Augmentation> = (0..d.below(4)).map(|_| change(&mut d)).collect();
    let (seed, epoch) = (d.seed(), d.seed());
    let said = Augment { out: &mut out, images: &images, list: &list, width, height, seed, epoch }.on(dev);
    outcome![dev, "augment", said; out]
}

fn gather<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (batch, count, classes) = (d.few(), d.size(), if d.in_ten(3) { 0 } else { d.few() });
    let pixels = classes + d.size();
    let rows = batch + if classes == 0 { 0 } else { classes + 1 };
    let mut xhat = d.tensor(dev, [rows, pixels]);
    let (mut scale, mut labels) = (d.tensor(dev, [batch, 1]), d.indices(dev, batch, 9));
    let (images, targets) = (d.bytes(dev, [count, pixels]), d.indices(dev, count, 9));
    let ordered = d.size();
    let (order, clock) = (d.indices(dev, ordered, count), d.clock(dev));
    let (amplitude, norm, dropout) = (d.value(), d.norm(), d.dropout());
    let said = Gather {
        xhat: &mut xhat,
        scale: &mut scale,
        labels: &mut labels,
        images: &images,
        targets: &targets,
        order: &order,
        clock: &clock,
        classes,
        amplitude,
        norm,
        dropout,
    }
    .on(dev);
    outcome![dev, "gather", said; xhat, scale, labels]
}

fn draw_labels<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (batch, classes) = (d.size(), d.few() + usize::from(d.in_ten(8)));
    let mut pair = d.indices(dev, 2 * batch, 9);
    let (labels, scores) = (d.indices(dev, batch, classes), d.maybe(dev, [batch, classes]));
    let (clock, seed, sharpness) = (d.clock(dev), d.seed(), 5.0 * d.value());
    let (scores, clock) = (scores.as_ref(), &clock);
    let said =
        DrawLabels { pair: &mut pair, labels: &labels, scores, clock, classes, seed, sharpness }.on(dev);
    outcome![dev, "draw_labels", said; pair]
}

fn select<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (rows, count, n) = (d.few(), d.size(), d.size());
    let (mut to, table) = (d.tensor(dev, [rows, n]), d.tensor(dev, [count, n]));
    let ordered = d.size();
    let (order, clock) = (d.indices(dev, ordered, count), d.clock(dev));
    let said = Select { rows: &mut to, table: &table, order: &order, clock: &clock }.on(dev);
    outcome![dev, "select", said; to]
}

fn normalise<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (rows, n, steps) = (d.few(), d.size(), d.few());
    let rows = if d.in_ten(8) { rows * steps } else { rows };
    let (mut xhat, x) = (d.tensor(dev, [rows, n]), d.tensor(dev, [rows, n]));
    let said = Normalise { xhat: &mut xhat, x: &x, steps, norm: d.norm() }.on(dev);
    outcome![dev, "normalise", said; xhat]
}

/// Sums of products run in another order, and what is zero in A is left out: so B is finite, and what the sum of the
/// products' sizes allows is allowed.
fn matmul<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let ([m, k, n], transpose_a, transpose_b) = ([0; 3].map(|_| d.size()), d.in_ten(5), d.in_ten(5));
    let mut c = d.tensor(dev, [m, n]);
    let (a, of_a) = d.finite_tensor(dev, if transpose_a { [k, m] } else { [m, k] });
    let (b, of_b) = d.finite_tensor(dev, if transpose_b { [n, k] } else { [k, n] });
    let said = MatMul { c: &mut c, a: &a, transpose_a, b: &b, transpose_b }.on(dev);
    let fits = said.is_ok();
    let mut outcome = outcome![dev, "matmul", said; c];
    let at = |values: &[f32], i: usize, j: usize, [rows, cols]: [usize; 2], transposed: bool| {
        f64::from(if transposed { values[j * rows + i] } else { values[i * cols + j] })
    };
    let size = |i, j| -> f64 {
        let product = |l| at(&of_a, i, l, [m, k], transpose_a) * at(&of_b, l, j, [k, n], transpose_b);
        (0..k).map(|l| f64::abs(product(l))).sum()
    };
    if fits {
        outcome.written[0].tolerance = (0..m * n).map(|e| 1e-5 * size(e / n, e % n)).collect();
    }
    outcome
}

fn label_current<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (batch, copies, label_rows, n) = (d.few(), d.few(), 1 + d.few(), d.size());
    let rows = batch * copies;
    let (mut current, shares) = (d.tensor(dev, [rows, n]), d.tensor(dev, [batch + label_rows, n]));
    let (scale, labels) = (d.tensor(dev, [batch, 1]), d.indices(dev, rows, label_rows));
    let (factor, amplitude) = (d.maybe(dev, [rows, 1]), d.value());
    let (shares, scale, labels, factor) = (&shares, &scale, &labels, factor.as_ref());
    let said = LabelCurrent { current: &mut current, shares, scale, labels, factor, amplitude }.on(dev);
    outcome![dev, "label_current", said; current]
}

fn units_forward<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (units, rows, n, in_time) = (pool::units(&mut d), d.few(), d.size(), d.in_ten(5));
    let of_current = rows * if in_time { units.steps() } else { 1 };
    let (mut signal, mut spikes) = (d.tensor(dev, [rows, n]), d.tensor(dev, [rows * units.steps(), n]));
    let (current, bias, trains) = (d.tensor(dev, [of_current, n]), d.maybe(dev, [1, n]), d.in_ten(5));
    let passed = trains.then_some(&mut spikes);
    let (current, bias, units) = (&current, bias.as_ref(), &*units);
    let said = UnitsForward { signal: &mut signal, spikes: passed, current, bias, units }.on(dev);
    outcome![dev, "units_forward", said; signal, spikes]
}

fn row_goodness<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (rows, n) = (d.size(), d.size());
    let (mut goodness, signal) = (d.tensor(dev, [rows, 1]), d.tensor(dev, [rows, n]));
    let formula = pool::goodness(&mut d);
    let said = RowGoodness { goodness: &mut goodness, signal: &signal, formula }.on(dev);
    outcome![dev, "row_goodness", said; goodness]
}

fn label_goodness<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (units, goodness, batch, classes) = (pool::units(&mut d), pool::goodness(&mut d), d.few(), d.few());
    let n = d.size();
    let (mut scores, shares) = (d.tensor(dev, [batch, classes]), d.tensor(dev, [batch + classes + 1, n]));
    let (scale, bias, amplitude) = (d.tensor(dev, [batch, 1]), d.maybe(dev, [1, n]), d.value());
    let (shares, scale, bias, units) = (&shares, &scale, bias.as_ref(), &*units);
    let said = LabelGoodness { scores: &mut scores, shares, scale, bias, amplitude, units, goodness }.on(dev);
    outcome![dev, "label_goodness", said; scores]
}

fn local_grad<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (units, formula) = (pool::units(&mut d), pool::goodness(&mut d));
    let (objective, batch, n, in_time) = (pool::objective(&mut d), d.few(), d.size(), d.in_ten(5));
    let (rows, steps) = (2 * batch, units.steps());
    let of_current = rows * if in_time { steps } else { 1 };
    let (mut dcurrent, logged) = (d.tensor(dev, [of_current, n]), d.size());
    let (mut losses, mut signal) = (d.tensor(dev, [logged, 1]), d.tensor(dev, [rows, n]));
    let (mut spikes, mut goodness) = (d.tensor(dev, [rows * steps, n]), d.tensor(dev, [rows, 1]));
    let (current, bias) = (d.tensor(dev, [of_current, n]), d.maybe(dev, [1, n]));
    let (clock, dropout, trains) = (d.clock(dev), d.dropout(), d.in_ten(5));
    let said = LocalGrad {
        dcurrent: &mut dcurrent,
        losses: &mut losses,
        signal: &mut signal,
        spikes: trains.then_some(&mut spikes),
        goodness: &mut goodness,
        current: &current,
        bias: bias.as_ref(),
        clock: &clock,
        units: &*units,
        dropout,
        formula,
        objective: &*objective,
    }
    .on(dev);
    outcome![dev, "local_grad", said; dcurrent, losses, signal, spikes, goodness]
}

/// Mostly a slice that the layer has; some begin or end beyond it.
fn slice_signals<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (units, formula, batch, m) = (pool::units(&mut d), pool::goodness(&mut d), d.few(), d.size());
    let (first, in_time) = (d.size(), d.in_ten(5));
    let all = if d.in_ten(9) { first + m + d.few() } else { d.size() };
    let (rows, steps) = (2 * batch + usize::from(d.in_ten(1)), units.steps());
    let of_current = rows * if in_time { steps } else { 1 };
    let (mut signal, mut slope) = (d.tensor(dev, [rows, m]), d.tensor(dev, [of_current, m]));
    let (mut spikes, current) = (d.tensor(dev, [rows * steps, m]), d.tensor(dev, [of_current, m]));
    let (bias, clock) = (d.maybe(dev, [1, m]), d.clock(dev));
    let (dropout, trains) = (d.dropout(), d.in_ten(5));
    let said = SliceSignals {
        signal: &mut signal,
        slope: &mut slope,
        spikes: trains.then_some(&mut spikes),
        current: &current,
        bias: bias.as_ref(),
        clock: &clock,
        first,
        all,
        units: &*units,
        dropout,
        formula,
    }
    .on(dev);
    outcome![dev, "slice_signals", said; signal, slope, spikes]
}

fn slice_grad<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (formula, objective, batch) = (pool::goodness(&mut d), pool::objective(&mut d), d.few());
    let (all, steps) = (d.size(), if d.in_ten(5) { 1 } else { d.few() });
    let first = d.below(all.max(1) as u32) as usize;
    let m = if d.in_ten(9) { 1 + d.below((all - first) as u32) as usize } else { d.size() };
    let rows = 2 * batch;
    let (mut dcurrent, logged) = (d.tensor(dev, [rows * steps, m]), d.size());
    let (mut losses, mut goodness) = (d.tensor(dev, [logged, 1]), d.tensor(dev, [rows, 1]));
    let (signal, clock) = (d.tensor(dev, [rows, all]), d.clock(dev));
    let said = SliceGrad {
        dcurrent: &mut dcurrent,
        losses: &mut losses,
        goodness: &mut goodness,
        signal: &signal,
        clock: &clock,
        first,
        formula,
        objective: &*objective,
    }
    .on(dev);
    outcome![dev, "slice_grad", said; dcurrent, losses, goodness]
}

fn share_grad<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (batch, copies, label_rows, n) = (d.size().min(40), d.few(), 1 + d.few(), d.size());
    let (rows, stored) = (batch * copies, d.in_ten(5));
    let mut dshares = d.tensor(dev, [batch + label_rows, n]);
    let (dcurrent, shares) = (d.tensor(dev, [rows, n]), d.tensor(dev, [batch + label_rows, n]));
    let (dgoodness, goodness_factor) = (d.tensor(dev, [rows, 1]), d.value());
    let (labels, scale) = (d.indices(dev, rows, label_rows), d.tensor(dev, [batch, 1]));
    let (factor, amplitude) = (d.maybe(dev, [rows, 1]), d.value());
    let dcurrent = match stored {
        true => CurrentGrad::Stored(&dcurrent),
        false => CurrentGrad::Linear { shares: &shares, dgoodness: &dgoodness, goodness_factor },
    };
    let (labels, scale, factor) = (&labels, &scale, factor.as_ref());
    let said = ShareGrad { dshares: &mut dshares, dcurrent, labels, scale, factor, amplitude }.on(dev);
    outcome![dev, "share_grad", said; dshares]
}

/// The sum runs in another order.
fn sum_rows<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (rows, n) = (d.size(), d.size());
    let (mut sum, (x, values)) = (d.tensor(dev, [1, n]), d.finite_tensor(dev, [rows, n]));
    let factor = [1.0, -0.5][usize::from(d.in_ten(3))];
    let said = SumRows { sum: &mut sum, rows: &x, factor }.on(dev);
    let cols = x.cols();
    let mut outcome = outcome![dev, "sum_rows", said; sum];
    let size = |j| -> f64 { values.iter().skip(j).step_by(cols.max(1)).map(|x| f64::from(x.abs())).sum() };
    outcome.written[0].tolerance = (0..cols).map(|j| 1e-5 * size(j)).collect();
    outcome
}

fn pack<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (rows, m, packing) = (d.few(), d.size(), packing(&mut d));
    let (mut bytes, numbers) = (d.bytes(dev, [rows, m * packing.width()]), d.tensor(dev, [rows, m]));
    let said = Pack { bytes: &mut bytes, numbers: &numbers, packing }.on(dev);
    outcome![dev, "pack", said; bytes]
}

fn unpack<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (rows, n, slices, packing) = (d.few(), d.size(), d.few(), packing(&mut d));
    let (mut numbers, bytes) = (d.tensor(dev, [rows, n]), d.bytes(dev, [1, rows * n * packing.width()]));
    let said = Unpack { numbers: &mut numbers, bytes: &bytes, slices, packing }.on(dev);
    outcome![dev, "unpack", said; numbers]
}

/// Rates of few and of many steps, and of too few and too many.
fn packing(d: &mut Draws) -> Packing {
    match d.below(4) {
        0 => Packing::Number,
        1 => Packing::Rate([0, 255, 254, 1][d.below(4) as usize]),
        _ => Packing::Rate(1 + d.below(9) as u8),
    }
}

fn softmax_loss<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (batch, classes, logged) = (d.size(), d.few(), d.size());
    let (mut losses, mut dscores) = (d.tensor(dev, [logged, 1]), d.tensor(dev, [batch, classes]));
    let (scores, labels) = (d.tensor(dev, [batch, classes]), d.indices(dev, batch, classes));
    let (clock, sharpness) = (d.clock(dev), d.value());
    let (scores, labels, clock) = (&scores, &labels, &clock);
    let said =
        SoftmaxLoss { losses: &mut losses, dscores: &mut dscores, scores, labels, clock, sharpness }.on(dev);
    outcome![dev, "softmax_loss", said; losses, dscores]
}

fn units_backward<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (units, rows, n) = (pool::units(&mut d), d.few(), d.size());
    let [of_current, of_passed] =
        [d.in_ten(5), d.in_ten(5)].map(|in_time| rows * if in_time { units.steps() } else { 1 });
    let mut dcurrent = d.tensor(dev, [of_current, n]);
    let (dpassed, current) = (d.tensor(dev, [of_passed, n]), d.tensor(dev, [of_current, n]));
    let (dpassed, current, units) = (&dpassed, &current, &*units);
    let said = UnitsBackward { dcurrent: &mut dcurrent, dpassed, current, rows, units }.on(dev);
    outcome![dev, "units_backward", said; dcurrent]
}

/// A GPU has another power function than the CPU for Adam's corrections, so that a weight's change may be off by a rounding.
/// It is no larger than the weight before and after it.
fn update<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (optimiser, shape) = (pool::optimiser(&mut d), [d.size(), d.size()]);
    let count = if d.in_ten(9) { optimiser.moments().len() } else { d.few() };
    let mut weight = d.tensor(dev, shape);
    let mut moments: Vec<Tensor<D>> = (0..count).map(|_| d.tensor(dev, shape)).collect();
    let (gradient, clock) = (d.tensor(dev, shape), d.clock(dev));
    let before = dev.download(&weight).unwrap();
    let (moments_of, optimiser) = (&mut moments[..], &*optimiser);
    let said =
        Update { weight: &mut weight, moments: moments_of, gradient: &gradient, clock: &clock, optimiser }
            .on(dev);
    let mut outcome = outcome![dev, "update", said; weight];
    let sizes = before.iter().zip(&outcome.written[0].values);
    let adam = optimiser.moments().len() == 2;
    let tolerance = sizes.map(|(x, y)| if adam { 1e-6 * f64::from(x.abs() + y.abs()) } else { 0.0 });
    outcome.written[0].tolerance = tolerance.collect();
    outcome.written.extend(moments.iter().map(|moment| written(dev, "moment", moment)));
    outcome
}

fn advance<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let mut clock = d.clock(dev);
    let said = Advance { clock: &mut clock }.on(dev);
    outcome![dev, "advance", said; clock]
}

fn row_factor<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (rows, units) = (d.size(), d.size());
    let (mut factor, goodness) = (d.tensor(dev, [rows, 1]), d.tensor(dev, [rows, 1]));
    let (below, goodness_factor) = (d.maybe(dev, [rows, 1]), d.value());
    let (goodness, below, norm) = (&goodness, below.as_ref(), d.norm());
    let said = RowFactor { factor: &mut factor, goodness, below, units, goodness_factor, norm }.on(dev);
    outcome![dev, "row_factor", said; factor]
}

/// The CPU fills a row up with zeros, which an infinite scale makes NaN: so a goodness that is not finite may be either.
fn share_goodness<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (batch, copies, label_rows, n) = (d.few(), d.few(), 1 + d.few(), d.size());
    let rows = batch * copies;
    let (mut goodness, shares) = (d.tensor(dev, [rows, 1]), d.tensor(dev, [batch + label_rows, n]));
    let (scale, labels) = (d.tensor(dev, [batch, 1]), d.indices(dev, rows, label_rows));
    let (factor, amplitude, goodness_factor) = (d.maybe(dev, [rows, 1]), d.value(), d.value());
    let (shares, scale, labels, factor) = (&shares, &scale, &labels, factor.as_ref());
    let goodness_tensor = &mut goodness;
    let said = ShareGoodness {
        goodness: goodness_tensor,
        shares,
        scale,
        labels,
        factor,
        amplitude,
        goodness_factor,
    }
    .on(dev);
    let mut outcome = outcome![dev, "share_goodness", said; goodness];
    let tolerance = |x: &f32| if x.is_finite() { 0.0 } else { f64::INFINITY };
    outcome.written[0].tolerance = outcome.written[0].values.iter().map(tolerance).collect();
    outcome
}

fn pair_losses<D: Device>(dev: &D, mut d: Draws) -> Outcome {
    let (objective, batch, logged) = (pool::objective(&mut d), d.size(), d.size());
    let (mut losses, mut dgoodness) = (d.tensor(dev, [logged, 1]), d.tensor(dev, [2 * batch, 1]));
    let (goodness, clock) = (d.tensor(dev, [2 * batch, 1]), d.clock(dev));
    let (goodness, clock, objective) = (&goodness, &clock, &*objective);
    let said =
        PairLosses { losses: &mut losses, dgoodness: &mut dgoodness, goodness, clock, objective }.on(dev);
    outcome![dev, "pair_losses", said; losses, dgoodness]
}
