//! The CPU as a [`Device`]. It takes each op apart and passes plain slices to the op's own file.

use std::sync::Arc;

use ff_tensor::units::Samples;
use ff_tensor::{
    Advance, Augment, Checked, Clock, CurrentGrad, Device, DrawLabels, Element, Error, Gather, LabelCurrent,
    LabelGoodness, LocalGrad, MatMul, Memory, Normalise, Pack, PairLosses, Result, RowFactor, RowGoodness,
    Select, ShareGoodness, ShareGrad, SliceGrad, SliceSignals, SoftmaxLoss, SumRows, Tensor, UnitsBackward,
    UnitsForward, Unpack, Update, element_count, expect_shape,
};

use crate::goodness::Candidates;
use crate::operand::Operand;
use crate::{
    augment, draw_labels, gather, goodness, label_current, local_grad, matmul, normalise, packing,
    pair_losses, row_factor, select, share_grad, slice_grad, slice_signals, softmax_loss, sum_rows, units,
    update,
};

/// The processor's cores as a pool of threads. Tensors are `Vec`s.
#[derive(Clone)]
pub struct Cpu {
    pool: Arc<rayon::ThreadPool>,
}

impl Cpu {
    /// Makes a device with `threads` threads. With 0 it has one thread per core.
    ///
    /// # Errors
    /// If the system cannot start the threads.
    pub fn new(threads: usize) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("ff-cpu-{i}"))
            .build()
            .map_err(|e| Error::Device { device: "cpu".into(), reason: e.to_string() })?;
        Ok(Self { pool: Arc::new(pool) })
    }

    /// Returns the number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs `f` on one of the device's threads. A whole training run in here saves each op the switch to that thread.
    pub fn install<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        self.pool.install(f)
    }
}

/// Allocates room for `count` numbers, or returns the error that there is none.
fn room<T: Element>(count: usize) -> Result<Vec<T>> {
    let mut numbers = Vec::new();
    let needed = count.saturating_mul(size_of::<T>());
    let refuse =
        |_| Error::Device { device: "cpu".into(), reason: format!("there is no room for {needed} bytes") };
    numbers.try_reserve_exact(count).map_err(refuse)?;
    Ok(numbers)
}

/// Returns the tensor's numbers, if there is a tensor.
fn slice(tensor: Option<&Tensor<Cpu>>) -> Option<&[f32]> {
    tensor.map(Tensor::get)
}

/// Returns the clock's step and batch.
fn numbers(clock: &Clock<Cpu>) -> [u32; 2] {
    let clock = clock.get();
    [clock[0], clock[1]]
}

/// Calls `f` with the part of an epoch's losses that belongs to the clock's batch. Losses beyond the end are not kept.
fn this_batch(losses: &mut [f32], batch: usize, clock: &[u32], f: impl FnOnce(&mut [f32])) {
    let start = clock[1] as usize * batch;
    if let Some(own) = losses.get_mut(start..start + batch) {
        return f(own);
    }
    let mut own = vec![0.0; batch];
    f(&mut own);
    let kept = losses.get_mut(start..).unwrap_or_default();
    kept.copy_from_slice(&own[..kept.len()]);
}

impl Memory for Cpu {
    type Buffer<T: Element> = Vec<T>;
}

impl Device for Cpu {
    fn name(&self) -> String {
        "cpu".into()
    }

    fn zeros<T: Element>(&self, rows: usize, cols: usize) -> Result<Tensor<Self, T>> {
        // `vec!` gets zeroed pages from the system, and a `resize` would write them once more. But `vec!` cannot report
        // that there is no memory, so `room` asks first.
        let count = element_count(rows, cols)?;
        drop(room::<T>(count)?);
        Tensor::of_storage(rows, cols, vec![T::default(); count])
    }

    fn upload<T: Element>(&self, rows: usize, cols: usize, data: &[T]) -> Result<Tensor<Self, T>> {
        expect_shape("upload", "data", [data.len(), 1], [element_count(rows, cols)?, 1])?;
        let mut numbers = room(data.len())?;
        numbers.extend_from_slice(data);
        Tensor::of_storage(rows, cols, numbers)
    }

    fn write<T: Element>(&self, to: &mut Tensor<Self, T>, data: &[T]) -> Result<()> {
        expect_shape("write", "data", [data.len(), 1], [to.rows() * to.cols(), 1])?;
        to.get_mut().copy_from_slice(data);
        Ok(())
    }

    fn read<T: Element>(&self, from: &Tensor<Self, T>, to: &mut [T]) -> Result<()> {
        expect_shape("read", "to", [to.len(), 1], [from.rows() * from.cols(), 1])?;
        to.copy_from_slice(from.get());
        Ok(())
    }

    fn download<T: Element>(&self, from: &Tensor<Self, T>) -> Result<Vec<T>> {
        Ok(from.get().to_vec())
    }

    fn synchronise(&self) -> Result<()> {
        Ok(())
    }

    fn augment(&self, op: Checked<Augment<Self>>) -> Result<()> {
        let Augment { out, images, list, width, height, seed, epoch } = op.into_inner();
        let p = augment::Change { list, width, height, seed, epoch };
        self.pool.install(|| augment::augment(out.get_mut(), images.get(), &p));
        Ok(())
    }

    fn gather(&self, op: Checked<Gather<Self>>) -> Result<()> {
        let Gather { xhat, scale, labels, images, targets, order, clock, classes, amplitude, norm, dropout } =
            op.into_inner();
        let [step, batch] = numbers(clock);
        let b = scale.rows();
        let order = order.get();
        let ids = order.get((batch as usize).saturating_mul(b)..).unwrap_or_default();
        let p = gather::Images {
            images: images.get(),
            targets: targets.get(),
            ids,
            classes,
            amplitude,
            norm,
            dropout,
        };
        let [xhat, scale] = [xhat.get_mut(), scale.get_mut()];
        self.pool.install(|| gather::gather(xhat, scale, labels.get_mut(), &p, step));
        Ok(())
    }

    fn draw_labels(&self, op: Checked<DrawLabels<Self>>) -> Result<()> {
        let DrawLabels { pair, labels, scores, clock, classes, seed, sharpness } = op.into_inner();
        let p = draw_labels::Draw { classes, seed, sharpness };
        draw_labels::draw_labels(pair.get_mut(), labels.get(), slice(scores), numbers(clock)[0], &p);
        Ok(())
    }

    fn select(&self, op: Checked<Select<Self>>) -> Result<()> {
        let Select { rows, table, order, clock } = op.into_inner();
        let n = table.cols();
        let ids = order.get().get((numbers(clock)[1] as usize).saturating_mul(rows.rows())..);
        let (ids, table) = (ids.unwrap_or_default(), table.get());
        self.pool.install(|| select::select(rows.get_mut(), table, ids, n));
        Ok(())
    }

    fn normalise(&self, op: Checked<Normalise<Self>>) -> Result<()> {
        let Normalise { xhat, x, steps, norm } = op.into_inner();
        let n = x.cols();
        self.pool.install(|| normalise::normalise(xhat.get_mut(), x.get(), n, steps, &norm));
        Ok(())
    }

    fn matmul(&self, op: Checked<MatMul<Self>>) -> Result<()> {
        let op = op.into_inner();
        let sizes = op.sizes();
        let a = Operand { data: op.a.get(), transposed: op.transpose_a };
        let b = Operand { data: op.b.get(), transposed: op.transpose_b };
        self.pool.install(|| matmul::matmul(op.c.get_mut(), a, b, sizes));
        Ok(())
    }

    fn label_current(&self, op: Checked<LabelCurrent<Self>>) -> Result<()> {
        let LabelCurrent { current, shares, scale, labels, factor, amplitude } = op.into_inner();
        let (n, shares, scale, labels) = (current.cols(), shares.get(), scale.get(), labels.get());
        let (current, factor) = (current.get_mut(), slice(factor));
        self.pool
            .install(|| label_current::label_current(current, shares, scale, labels, factor, n, amplitude));
        Ok(())
    }

    fn units_forward(&self, op: Checked<UnitsForward<Self>>) -> Result<()> {
        let op = op.into_inner();
        let (n, in_time) = (op.signal.cols(), op.in_time());
        let (spikes, current, bias) = (op.spikes.map(Tensor::get_mut), op.current.get(), slice(op.bias));
        let samples = Samples { n, signal: op.signal.get_mut(), slope: None, spikes, current, bias, in_time };
        self.pool.install(|| units::forward(samples, op.units));
        Ok(())
    }

    fn row_goodness(&self, op: Checked<RowGoodness<Self>>) -> Result<()> {
        let RowGoodness { goodness, signal, formula } = op.into_inner();
        let n = signal.cols();
        self.pool.install(|| goodness::row_goodness(goodness.get_mut(), signal.get(), n, formula));
        Ok(())
    }

    fn label_goodness(&self, op: Checked<LabelGoodness<Self>>) -> Result<()> {
        let LabelGoodness { scores, shares, scale, bias, amplitude, units, goodness } = op.into_inner();
        let (n, shares, scale, bias) = (shares.cols(), shares.get(), scale.get(), slice(bias));
        let candidates = Candidates { shares, scale, bias, n, amplitude, units, goodness };
        self.pool.install(|| goodness::label_goodness(scores.get_mut(), &candidates));
        Ok(())
    }

    fn local_grad(&self, op: Checked<LocalGrad<Self>>) -> Result<()> {
        let op = op.into_inner();
        let ([r, n], in_time) = (op.signal.shape(), op.in_time());
        let (batch, steps, clock) = (r / 2, units::Steps::of(op.units, in_time), op.clock.get());
        let (slope, spikes) = (Some(op.dcurrent.get_mut()), op.spikes.map(Tensor::get_mut));
        let (signal, current, bias) = (op.signal.get_mut(), op.current.get(), slice(op.bias));
        let samples = Samples { n, signal, slope, spikes, current, bias, in_time };
        let (positive, negative) = units::split_at(samples, batch, steps);
        let (of_positive, of_negative) = op.goodness.get_mut().split_at_mut(batch);
        let (units, goodness, objective) = (op.units, op.formula, op.objective);
        let (first, all, m, step, dropout) = (0, n, n, clock[0], op.dropout);
        let signals = slice_signals::Signals { first, all, batch, step, steps, dropout, units, goodness };
        let grad = slice_grad::Grad { first, all, m, batch, steps: steps.current, goodness, objective };
        let local = local_grad::Local { signals, grad };
        this_batch(op.losses.get_mut(), batch, clock, |losses| {
            let (samples, goodness) = ([positive, negative], [of_positive, of_negative]);
            let pairs = local_grad::Pairs { samples, goodness, losses };
            self.pool.install(|| local_grad::local_grad(pairs, &local));
        });
        Ok(())
    }

    fn slice_signals(&self, op: Checked<SliceSignals<Self>>) -> Result<()> {
        let op = op.into_inner();
        let ([r, n], in_time, step) = (op.signal.shape(), op.in_time(), numbers(op.clock)[0]);
        let (slope, spikes) = (Some(op.slope.get_mut()), op.spikes.map(Tensor::get_mut));
        let (signal, current, bias) = (op.signal.get_mut(), op.current.get(), slice(op.bias));
        let samples = Samples { n, signal, slope, spikes, current, bias, in_time };
        let (batch, steps, dropout) = (r / 2, units::Steps::of(op.units, in_time), op.dropout);
        let (first, all, units, goodness) = (op.first, op.all, op.units, op.formula);
        let signals = slice_signals::Signals { first, all, batch, step, steps, dropout, units, goodness };
        self.pool.install(|| slice_signals::slice_signals(samples, &signals));
        Ok(())
    }

    fn slice_grad(&self, op: Checked<SliceGrad<Self>>) -> Result<()> {
        let op = op.into_inner();
        let ([r, all], m, steps) = (op.signal.shape(), op.dcurrent.cols(), op.steps());
        let (first, batch, goodness, objective) = (op.first, r / 2, op.formula, op.objective);
        let grad = slice_grad::Grad { first, all, m, batch, steps, goodness, objective };
        let dcurrent = op.dcurrent.get_mut().split_at_mut(batch * steps * m).into();
        let goodness = op.goodness.get_mut().split_at_mut(batch).into();
        let signal = op.signal.get().split_at(batch * all).into();
        this_batch(op.losses.get_mut(), batch, op.clock.get(), |losses| {
            let pairs = slice_grad::Pairs { dcurrent, goodness, losses, signal };
            self.pool.install(|| slice_grad::slice_grad(pairs, &grad));
        });
        Ok(())
    }

    fn share_grad(&self, op: Checked<ShareGrad<Self>>) -> Result<()> {
        let ShareGrad { dshares, dcurrent, labels, scale, factor, amplitude } = op.into_inner();
        let dcurrent = match dcurrent {
            CurrentGrad::Stored(dcurrent) => share_grad::CurrentGrad::Stored(dcurrent.get()),
            CurrentGrad::Linear { shares, dgoodness, goodness_factor } => {
                let (shares, dgoodness) = (shares.get(), dgoodness.get());
                share_grad::CurrentGrad::Linear { shares, dgoodness, goodness_factor }
            }
        };
        let n = dshares.cols();
        let copies = share_grad::Copies { dcurrent, labels: labels.get(), factor: slice(factor) };
        self.pool.install(|| share_grad::share_grad(dshares.get_mut(), copies, scale.get(), n, amplitude));
        Ok(())
    }

    fn sum_rows(&self, op: Checked<SumRows<Self>>) -> Result<()> {
        let SumRows { sum, rows, factor } = op.into_inner();
        sum_rows::sum_rows(sum.get_mut(), rows.get(), factor);
        Ok(())
    }

    fn softmax_loss(&self, op: Checked<SoftmaxLoss<Self>>) -> Result<()> {
        let SoftmaxLoss { losses, dscores, scores, labels, clock, sharpness } = op.into_inner();
        let [batch, classes] = scores.shape();
        this_batch(losses.get_mut(), batch, clock.get(), |losses| {
            softmax_loss::softmax_loss(
                losses,
                dscores.get_mut(),
                scores.get(),
                labels.get(),
                classes,
                sharpness,
            );
        });
        Ok(())
    }

    fn units_backward(&self, op: Checked<UnitsBackward<Self>>) -> Result<()> {
        let UnitsBackward { dcurrent, dpassed, current, rows, units } = op.into_inner();
        let steps = [current, dpassed].map(|x| if x.rows() == rows { 1 } else { units.steps() });
        let (n, dcurrent) = (current.cols(), dcurrent.get_mut());
        self.pool.install(|| units::backward(dcurrent, dpassed.get(), current.get(), n, steps, units));
        Ok(())
    }

    fn update(&self, op: Checked<Update<Self>>) -> Result<()> {
        let Update { weight, moments, gradient, clock, optimiser } = op.into_inner();
        let [mut first, mut second]: [&mut [f32]; 2] = [&mut [], &mut []];
        for (moment, tensor) in [&mut first, &mut second].into_iter().zip(moments) {
            *moment = tensor.get_mut();
        }
        let (weight, step) = (weight.get_mut(), clock.get()[0]);
        self.pool.install(|| update::update(weight, [first, second], gradient.get(), step, optimiser));
        Ok(())
    }

    fn advance(&self, op: Checked<Advance<Self>>) -> Result<()> {
        op.into_inner().clock.get_mut().iter_mut().for_each(|number| *number = number.wrapping_add(1));
        Ok(())
    }

    fn pack(&self, op: Checked<Pack<Self>>) -> Result<()> {
        let Pack { bytes, numbers, packing } = op.into_inner();
        self.pool.install(|| packing::pack(bytes.get_mut(), numbers.get(), packing));
        Ok(())
    }

    fn unpack(&self, op: Checked<Unpack<Self>>) -> Result<()> {
        let Unpack { numbers, bytes, slices, packing } = op.into_inner();
        let shape = numbers.shape();
        self.pool.install(|| packing::unpack(numbers.get_mut(), bytes.get(), shape, slices, packing));
        Ok(())
    }

    fn row_factor(&self, op: Checked<RowFactor<Self>>) -> Result<()> {
        let RowFactor { factor, goodness, below, units, goodness_factor, norm } = op.into_inner();
        row_factor::row_factor(factor.get_mut(), goodness.get(), slice(below), units, goodness_factor, &norm);
        Ok(())
    }

    fn share_goodness(&self, op: Checked<ShareGoodness<Self>>) -> Result<()> {
        let ShareGoodness { goodness, shares, scale, labels, factor, amplitude, goodness_factor } =
            op.into_inner();
        let (n, shares, scale, labels, factor) =
            (shares.cols(), shares.get(), scale.get(), labels.get(), slice(factor));
        let goodness = goodness.get_mut();
        self.pool.install(|| {
            goodness::share_goodness(goodness, shares, scale, labels, factor, n, amplitude, goodness_factor)
        });
        Ok(())
    }

    fn pair_losses(&self, op: Checked<PairLosses<Self>>) -> Result<()> {
        let PairLosses { losses, dgoodness, goodness, clock, objective } = op.into_inner();
        this_batch(losses.get_mut(), goodness.rows() / 2, clock.get(), |losses| {
            pair_losses::pair_losses(losses, dgoodness.get_mut(), goodness.get(), objective);
        });
        Ok(())
    }
}
