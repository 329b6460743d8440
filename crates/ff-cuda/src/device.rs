//! This module makes a GPU a [`Device`]. It takes each op apart and launches its kernel. The ops have already been checked.

use std::ops::ControlFlow;

use ff_kernels::constants::TILE;
use ff_kernels::{
    LABEL_GOODNESS, LOCAL_GRAD, PAIR_LOSSES, ROW_GOODNESS, SLICE_GRAD, SLICE_SIGNALS, UNITS_BACKWARD,
    UNITS_FORWARD, UPDATE,
};
use ff_tensor::{
    Advance, Augment, Checked, CurrentGrad, Device, DrawLabels, Element, Gather, LabelCurrent, LabelGoodness,
    LocalGrad, MatMul, Memory, Normalise, Pack, Packing, PairLosses, Result, RowFactor, RowGoodness, Select,
    ShareGoodness, ShareGrad, SliceGrad, SliceSignals, SoftmaxLoss, SumRows, Tensor, Units, UnitsBackward,
    UnitsForward, Unpack, Update, element_count, expect_shape,
};

use crate::cuda::Cuda;
use crate::error::failed;
use crate::launch::{Call, args, changes, cover, each, fields, sums, units as each_unit};
use crate::memory::Buffer;
use crate::program::{Program, Struct};

impl Cuda {
    fn call(&self, op: &'static str) -> Call<'_> {
        Call { driver: &self.driver, op }
    }
}

/// Returns the time steps of `units` whose `rows` samples have `in_steps` rows in a tensor with a row for each step. The
/// check has read the number of steps from the units, and a user's units might give another number now. A kernel that
/// believed it would write beyond its tensors. So the tensors have the last word, where there is one.
fn time_steps(units: &dyn Units, rows: usize, in_steps: Option<usize>) -> usize {
    let of_tensor = in_steps.and_then(|all| all.checked_div(rows));
    of_tensor.unwrap_or_else(|| units.steps().clamp(1, 1 << 16))
}

/// Returns the steps of a rate, or 0 for numbers that travel as they are.
fn steps(packing: Packing) -> usize {
    match packing {
        Packing::Rate(steps) => usize::from(steps),
        Packing::Number => 0,
    }
}

impl Memory for Cuda {
    type Buffer<T: Element> = Buffer<T>;
}

impl Device for Cuda {
    fn name(&self) -> String {
        self.driver.name()
    }

    fn zeros<T: Element>(&self, rows: usize, cols: usize) -> Result<Tensor<Self, T>> {
        let buffer = Buffer::new(&self.driver, element_count(rows, cols)?)?;
        buffer.zero()?;
        Tensor::of_storage(rows, cols, buffer)
    }

    fn upload<T: Element>(&self, rows: usize, cols: usize, data: &[T]) -> Result<Tensor<Self, T>> {
        let count = element_count(rows, cols)?;
        expect_shape("upload", "data", [data.len(), 1], [count, 1])?;
        let buffer = Buffer::new(&self.driver, count)?;
        buffer.write(data)?;
        Tensor::of_storage(rows, cols, buffer)
    }

    fn write<T: Element>(&self, to: &mut Tensor<Self, T>, data: &[T]) -> Result<()> {
        expect_shape("write", "data", [data.len(), 1], [to.rows() * to.cols(), 1])?;
        self.call("write").owns("to", to.get())?;
        to.get_mut().write(data)
    }

    fn read<T: Element>(&self, from: &Tensor<Self, T>, to: &mut [T]) -> Result<()> {
        expect_shape("read", "to", [to.len(), 1], [from.rows() * from.cols(), 1])?;
        self.call("read").owns("from", from.get())?;
        from.get().read(to)
    }

    fn synchronise(&self) -> Result<()> {
        self.driver.synchronise().map_err(|e| failed(&*self.driver, e))
    }

    /// The first step runs as it is, so that libraries set themselves up and programs are compiled. The second is recorded, and
    /// all steps but the first are replays of the recording.
    fn repeat(
        &self,
        times: usize,
        step: &mut dyn FnMut() -> Result<()>,
        after: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<usize> {
        if times == 0 {
            return Ok(0);
        }
        step()?;
        if after().is_break() || times == 1 {
            return Ok(1);
        }
        let recording = self.driver.record(step)?;
        for done in 2..=times {
            recording.replay().map_err(|e| failed(&*self.driver, e))?;
            if after().is_break() {
                return Ok(done);
            }
        }
        Ok(times)
    }

    fn scan_rows(&self) -> usize {
        self.driver.scan_rows()
    }

    fn augment(&self, op: Checked<Augment<Self>>) -> Result<()> {
        let Augment { out, images, list, width, height, seed, epoch } = op.into_inner();
        let call = self.call("augment");
        let numbers = changes(list);
        let (numbers, changes) = (self.upload(1, numbers.len(), &numbers)?, list.len());
        let grid = cover([images.rows(), 1], [1, 1], [128, 1]);
        let args = args![call; out, images, numbers, changes, width, height, seed, epoch];
        call.launch(&Program::FIXED, grid, &args)
    }

    fn gather(&self, op: Checked<Gather<Self>>) -> Result<()> {
        let Gather { xhat, scale, labels, images, targets, order, clock, classes, amplitude, norm, dropout } =
            op.into_inner();
        let call = self.call("gather");
        let ([count, pixels], batch, ordered) = (images.shape(), scale.rows(), order.rows());
        let grid = cover([xhat.rows(), 1], [1, 1], [128, 1]);
        let args = args![
            call; xhat, scale, labels, images, targets, order, clock, batch, pixels, count, ordered, classes,
            amplitude, norm.kind, norm.eps, dropout.rate, dropout.seed
        ];
        call.launch(&Program::FIXED, grid, &args)
    }

    fn draw_labels(&self, op: Checked<DrawLabels<Self>>) -> Result<()> {
        let DrawLabels { pair, labels, scores, clock, classes, seed, sharpness } = op.into_inner();
        let (call, batch) = (self.call("draw_labels"), labels.rows());
        let args = args![call; pair, labels, scores, clock, batch, classes, seed, sharpness];
        call.launch(&Program::FIXED, each(batch), &args)
    }

    fn select(&self, op: Checked<Select<Self>>) -> Result<()> {
        let Select { rows, table, order, clock } = op.into_inner();
        let call = self.call("select");
        let ([batch, n], count, ordered) = (rows.shape(), table.rows(), order.rows());
        let args = args![call; rows, table, order, clock, batch, n, count, ordered];
        call.launch(&Program::FIXED, cover([batch, 1], [1, 1], [128, 1]), &args)
    }

    fn normalise(&self, op: Checked<Normalise<Self>>) -> Result<()> {
        let Normalise { xhat, x, steps, norm } = op.into_inner();
        let (call, rows, n) = (self.call("normalise"), x.rows() / steps, x.cols());
        let args = args![call; xhat, x, rows, n, steps, norm.kind, norm.eps];
        call.launch(&Program::FIXED, sums(rows), &args)
    }

    fn matmul(&self, op: Checked<MatMul<Self>>) -> Result<()> {
        let op = op.into_inner();
        let [m, k, n] = op.sizes();
        let MatMul { c, a, transpose_a, b, transpose_b } = op;
        let call = self.call("matmul");
        let args = args![call; c, a, transpose_a, b, transpose_b, m, k, n];
        // A library refuses matrices that have no element.
        if ![m, k, n].contains(&0)
            && call.product(c.get_mut(), (a.get(), transpose_a), (b.get(), transpose_b), [m, k, n])?
        {
            return Ok(());
        }
        call.launch(&Program::FIXED, cover([m, n], [TILE, TILE], [256, 1]), &args)
    }

    fn label_current(&self, op: Checked<LabelCurrent<Self>>) -> Result<()> {
        let LabelCurrent { current, shares, scale, labels, factor, amplitude } = op.into_inner();
        let (call, [rows, n], batch) = (self.call("label_current"), current.shape(), scale.rows());
        let label_rows = shares.rows() - batch;
        let args = args![call; current, shares, scale, labels, factor, batch, label_rows, n, amplitude];
        call.launch(&Program::FIXED, each_unit(rows, n), &args)
    }

    fn units_forward(&self, op: Checked<UnitsForward<Self>>) -> Result<()> {
        let op = op.into_inner();
        let in_time = op.in_time();
        let UnitsForward { signal, spikes, current, bias, units } = op;
        let call = self.call("units_forward");
        let program = Program::new(UNITS_FORWARD, &[Struct::neuron(call.op, units)?]);
        let [rows, n] = signal.shape();
        let in_steps = spikes.as_ref().map(|spikes| spikes.rows()).or(in_time.then_some(current.rows()));
        let steps = time_steps(units, rows, in_steps);
        let args = args![call; signal, spikes, current, bias, n, steps, in_time, fields(units)];
        call.launch(&program, each_unit(rows, n), &args)
    }

    fn row_goodness(&self, op: Checked<RowGoodness<Self>>) -> Result<()> {
        let RowGoodness { goodness, signal, formula } = op.into_inner();
        let (call, [rows, n]) = (self.call("row_goodness"), signal.shape());
        let program = Program::new(ROW_GOODNESS, &[Struct::goodness(call.op, formula)?]);
        let args = args![call; goodness, signal, rows, n, fields(formula)];
        call.launch(&program, sums(rows), &args)
    }

    fn label_goodness(&self, op: Checked<LabelGoodness<Self>>) -> Result<()> {
        let LabelGoodness { scores, shares, scale, bias, amplitude, units, goodness } = op.into_inner();
        let call = self.call("label_goodness");
        let formulas = [Struct::neuron(call.op, units)?, Struct::goodness(call.op, goodness)?];
        let program = Program::new(LABEL_GOODNESS, &formulas);
        let ([batch, classes], n, steps) = (scores.shape(), shares.cols(), units.steps());
        let rows = batch * classes;
        let args = args![
            call; scores, shares, scale, bias, rows, batch, classes, n, amplitude, steps, fields(units),
            fields(goodness)
        ];
        call.launch(&program, sums(rows), &args)
    }

    fn local_grad(&self, op: Checked<LocalGrad<Self>>) -> Result<()> {
        let op = op.into_inner();
        let (in_time, [rows, n]) = (op.in_time(), op.signal.shape());
        let LocalGrad { dcurrent, losses, signal, spikes, goodness, current, bias, clock, .. } = op;
        let (units, formula, objective, dropout) = (op.units, op.formula, op.objective, op.dropout);
        let call = self.call("local_grad");
        let formulas = [
            Struct::neuron(call.op, units)?,
            Struct::goodness(call.op, formula)?,
            Struct::objective(call.op, objective)?,
        ];
        let program = Program::new(LOCAL_GRAD, &formulas);
        let in_steps = spikes.as_ref().map(|spikes| spikes.rows()).or(in_time.then_some(current.rows()));
        let (pairs, batch, steps) = (losses.rows(), rows / 2, time_steps(units, rows, in_steps));
        let args = args![
            call; dcurrent, losses, signal, spikes, goodness, current, bias, clock, pairs, batch, n, steps, in_time,
            dropout.rate, dropout.seed, fields(units), fields(formula), fields(objective)
        ];
        let threads = each_unit(batch, n).threads;
        call.launch(&program, cover([batch, 1], [1, 1], threads), &args)
    }

    fn slice_signals(&self, op: Checked<SliceSignals<Self>>) -> Result<()> {
        let op = op.into_inner();
        let (in_time, [rows, m]) = (op.in_time(), op.signal.shape());
        let SliceSignals { signal, slope, spikes, current, bias, clock, first, all, .. } = op;
        let (units, formula, dropout, call) = (op.units, op.formula, op.dropout, self.call("slice_signals"));
        let formulas = [Struct::neuron(call.op, units)?, Struct::goodness(call.op, formula)?];
        let program = Program::new(SLICE_SIGNALS, &formulas);
        let in_steps = spikes.as_ref().map(|spikes| spikes.rows()).or(in_time.then_some(current.rows()));
        let (batch, steps) = (rows / 2, time_steps(units, rows, in_steps));
        let args = args![
            call; signal, slope, spikes, current, bias, clock, batch, m, first, all, steps, in_time, dropout.rate,
            dropout.seed, fields(units), fields(formula)
        ];
        call.launch(&program, each_unit(rows, m), &args)
    }

    fn slice_grad(&self, op: Checked<SliceGrad<Self>>) -> Result<()> {
        let op = op.into_inner();
        let ([rows, all], m, steps) = (op.signal.shape(), op.dcurrent.cols(), op.steps());
        let SliceGrad { dcurrent, losses, goodness, signal, clock, first, formula, objective } = op;
        let call = self.call("slice_grad");
        let formulas = [Struct::goodness(call.op, formula)?, Struct::objective(call.op, objective)?];
        let program = Program::new(SLICE_GRAD, &formulas);
        let (pairs, batch) = (losses.rows(), rows / 2);
        let args = args![
            call; dcurrent, losses, goodness, signal, clock, pairs, batch, m, first, all, steps, fields(formula),
            fields(objective)
        ];
        call.launch(&program, cover([batch, 1], [1, 1], each_unit(batch, all).threads), &args)
    }

    fn share_grad(&self, op: Checked<ShareGrad<Self>>) -> Result<()> {
        let ShareGrad { dshares, dcurrent, labels, scale, factor, amplitude } = op.into_inner();
        let (call, rows, batch) = (self.call("share_grad"), labels.rows(), scale.rows());
        let (n, label_rows) = (dshares.cols(), dshares.rows() - batch);
        let (dcurrent, shares, dgoodness, goodness_factor) = match dcurrent {
            CurrentGrad::Stored(dcurrent) => (Some(dcurrent), None, None, 1.0),
            CurrentGrad::Linear { shares, dgoodness, goodness_factor } => {
                (None, Some(shares), Some(dgoodness), goodness_factor)
            }
        };
        let args = args![
            call; dshares, dcurrent, shares, dgoodness, labels, scale, factor, rows, batch, label_rows, n,
            goodness_factor, amplitude
        ];
        let grid = cover([n, label_rows + batch.div_ceil(8)], [32, 1], [32, 8]);
        call.launch(&Program::FIXED, grid, &args)
    }

    fn sum_rows(&self, op: Checked<SumRows<Self>>) -> Result<()> {
        let SumRows { sum, rows: x, factor } = op.into_inner();
        let (call, [rows, n]) = (self.call("sum_rows"), x.shape());
        let args = args![call; sum, x, rows, n, factor];
        call.launch(&Program::FIXED, cover([n, 1], [32, 1], [32, 8]), &args)
    }

    fn softmax_loss(&self, op: Checked<SoftmaxLoss<Self>>) -> Result<()> {
        let SoftmaxLoss { losses, dscores, scores, labels, clock, sharpness } = op.into_inner();
        let (call, [batch, classes], images) = (self.call("softmax_loss"), scores.shape(), losses.rows());
        let args = args![call; losses, dscores, scores, labels, clock, images, batch, classes, sharpness];
        call.launch(&Program::FIXED, each(batch), &args)
    }

    fn units_backward(&self, op: Checked<UnitsBackward<Self>>) -> Result<()> {
        let UnitsBackward { dcurrent, dpassed, current, rows, units } = op.into_inner();
        let call = self.call("units_backward");
        let program = Program::new(UNITS_BACKWARD, &[Struct::neuron(call.op, units)?]);
        let n = current.cols();
        let (in_time, passed_in_time) = (current.rows() != rows, dpassed.rows() != rows);
        let in_steps = [current, dpassed].map(Tensor::rows).into_iter().find(|&all| all != rows);
        let steps = time_steps(units, rows, in_steps);
        let args = args![call; dcurrent, dpassed, current, n, steps, in_time, passed_in_time, fields(units)];
        call.launch(&program, each_unit(rows, n), &args)
    }

    fn update(&self, op: Checked<Update<Self>>) -> Result<()> {
        let Update { weight, moments, gradient, clock, optimiser } = op.into_inner();
        let call = self.call("update");
        let program = Program::new(UPDATE, &[Struct::optimiser(call.op, optimiser, moments.len())?]);
        let (first, second) = (moments.first(), moments.get(1));
        let weights = weight.rows() * weight.cols();
        let count = weights as u64;
        let args = args![call; weight, first, second, gradient, clock, count, fields(optimiser)];
        call.launch(&program, cover([weights, 1], [4 * 256, 1], [256, 1]), &args)
    }

    fn advance(&self, op: Checked<Advance<Self>>) -> Result<()> {
        let Advance { clock } = op.into_inner();
        let call = self.call("advance");
        call.launch(&Program::FIXED, cover([1, 1], [1, 1], [32, 1]), &args![call; clock])
    }

    fn pack(&self, op: Checked<Pack<Self>>) -> Result<()> {
        let Pack { bytes, numbers, packing } = op.into_inner();
        let (call, count) = (self.call("pack"), numbers.rows() * numbers.cols());
        let args = args![call; bytes, numbers, count as u64, steps(packing)];
        call.launch(&Program::FIXED, each(count), &args)
    }

    fn unpack(&self, op: Checked<Unpack<Self>>) -> Result<()> {
        let Unpack { numbers, bytes, slices, packing } = op.into_inner();
        let (call, [rows, n]) = (self.call("unpack"), numbers.shape());
        let args = args![call; numbers, bytes, rows, n, slices, steps(packing)];
        call.launch(&Program::FIXED, each_unit(rows, n), &args)
    }

    fn row_factor(&self, op: Checked<RowFactor<Self>>) -> Result<()> {
        let RowFactor { factor, goodness, below, units, goodness_factor, norm } = op.into_inner();
        let (call, rows) = (self.call("row_factor"), goodness.rows());
        let args = args![call; factor, goodness, below, rows, units, goodness_factor, norm.kind, norm.eps];
        call.launch(&Program::FIXED, each(rows), &args)
    }

    fn share_goodness(&self, op: Checked<ShareGoodness<Self>>) -> Result<()> {
        let ShareGoodness { goodness, shares, scale, labels, factor, amplitude, goodness_factor } =
            op.into_inner();
        let (call, rows, batch, n) =
            (self.call("share_goodness"), labels.rows(), scale.rows(), shares.cols());
        let label_rows = shares.rows() - batch;
        let args = args![
            call; goodness, shares, scale, labels, factor, rows, batch, label_rows, n, amplitude, goodness_factor
        ];
        call.launch(&Program::FIXED, sums(rows), &args)
    }

    fn pair_losses(&self, op: Checked<PairLosses<Self>>) -> Result<()> {
        let PairLosses { losses, dgoodness, goodness, clock, objective } = op.into_inner();
        let call = self.call("pair_losses");
        let program = Program::new(PAIR_LOSSES, &[Struct::objective(call.op, objective)?]);
        let (pairs, batch) = (losses.rows(), goodness.rows() / 2);
        let args = args![call; losses, dgoodness, goodness, clock, pairs, batch, fields(objective)];
        call.launch(&program, each(batch), &args)
    }
}
