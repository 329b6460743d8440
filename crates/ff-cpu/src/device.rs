//! The CPU as a [`Device`]: checks shapes, then hands plain slices to the op's own file.

use std::sync::Arc;

use ff_tensor::{
    Adam, Augment, Clock, CurrentGrad, Device, Element, Error, Gather, Goodness, LabelDraw, LabelRow,
    LocalLoss, Neuron, Norm, Objective, Result, Softmax, Tensor, expect_shape,
};

use crate::checks::{
    expect_augment, expect_bias, expect_copies, expect_factor, expect_pairs, expect_shares, expect_units,
    slice, this_batch,
};
use crate::matmul::Operand;
use crate::{
    adam, augment, draw_labels, gather, goodness, label_current, lif, lif_grad, local_grad, matmul,
    normalise, objective, row_factor, share_grad, softmax_loss, sum_rows,
};

/// Rows that one task takes at a time: enough work to be worth handing out, small enough to stay in cache.
pub(crate) const BLOCK: usize = 8;

/// The processor's cores, as a pool of threads. Tensors are `Vec`s.
#[derive(Clone)]
pub struct Cpu {
    pool: Arc<rayon::ThreadPool>,
}

impl Cpu {
    /// A device of `threads` threads; 0 takes one per core.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn new(threads: usize) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("ff-cpu-{i}"))
            .build()
            .map_err(|e| Error::Device { device: "cpu".into(), reason: e.to_string() })?;
        Ok(Self { pool: Arc::new(pool) })
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs `f` on one of the device's threads. A whole training run in here saves each op the hand-over.
    pub fn install<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        self.pool.install(f)
    }
}

impl Device for Cpu {
    type Buffer<T: Element> = Vec<T>;

    fn name(&self) -> String {
        "cpu".into()
    }

    fn zeros<T: Element>(&self, rows: usize, cols: usize) -> Result<Tensor<Self, T>> {
        Ok(Tensor::new(rows, cols, vec![T::default(); rows * cols]))
    }

    fn upload<T: Element>(&self, rows: usize, cols: usize, data: &[T]) -> Result<Tensor<Self, T>> {
        expect_shape("upload", "data", [data.len(), 1], [rows * cols, 1])?;
        Ok(Tensor::new(rows, cols, data.to_vec()))
    }

    fn write<T: Element>(&self, to: &mut Tensor<Self, T>, data: &[T]) -> Result<()> {
        expect_shape("write", "data", [data.len(), 1], [to.rows() * to.cols(), 1])?;
        to.data.copy_from_slice(data);
        Ok(())
    }

    fn download<T: Element>(&self, from: &Tensor<Self, T>) -> Result<Vec<T>> {
        Ok(from.data.clone())
    }

    fn synchronise(&self) -> Result<()> {
        Ok(())
    }

    fn augment(&self, out: &mut Tensor<Self, u8>, images: &Tensor<Self, u8>, p: &Augment) -> Result<()> {
        expect_augment(out.shape(), images.shape(), p)?;
        self.pool.install(|| augment::augment(&mut out.data, &images.data, p));
        Ok(())
    }

    fn gather(
        &self,
        xhat: &mut Tensor<Self>,
        scale: &mut Tensor<Self>,
        labels: &mut Tensor<Self, u32>,
        images: &Tensor<Self, u8>,
        targets: &Tensor<Self, u32>,
        order: &Tensor<Self, u32>,
        clock: &Clock<Self>,
        p: &Gather,
    ) -> Result<()> {
        let pixels = images.cols();
        let b = scale.rows();
        expect_shape("gather", "xhat", xhat.shape(), [b + p.label_rows(), pixels])?;
        expect_shape("gather", "scale", scale.shape(), [b, 1])?;
        expect_shape("gather", "labels", labels.shape(), [b, 1])?;
        expect_shape("gather", "images", images.shape(), [targets.rows(), pixels])?;
        let first = clock.data[1] as usize * b;
        let Some(ids) = order.data.get(first..first + b) else {
            return Err(Error::Shape {
                op: "gather",
                tensor: "order",
                got: order.shape(),
                expected: [first + b, 1],
            });
        };
        self.pool.install(|| {
            gather::gather(
                &mut xhat.data,
                &mut scale.data,
                &mut labels.data,
                &images.data,
                &targets.data,
                ids,
                clock.data[0],
                p,
            )
        });
        Ok(())
    }

    fn draw_labels(
        &self,
        pair: &mut Tensor<Self, u32>,
        labels: &Tensor<Self, u32>,
        scores: &Tensor<Self>,
        clock: &Clock<Self>,
        p: &LabelDraw,
    ) -> Result<()> {
        expect_shape("draw_labels", "pair", pair.shape(), [2 * labels.rows(), 1])?;
        if p.sharpness != 0.0 {
            expect_shape("draw_labels", "scores", scores.shape(), [labels.rows(), p.classes])?;
        }
        draw_labels::draw_labels(&mut pair.data, &labels.data, &scores.data, clock.data[0], p);
        Ok(())
    }

    fn normalise(&self, xhat: &mut Tensor<Self>, x: &Tensor<Self>, steps: usize, p: &Norm) -> Result<()> {
        expect_shape("normalise", "xhat", xhat.shape(), x.shape())?;
        expect_shape("normalise", "x (rows not a multiple of steps)", [x.rows() % steps, 0], [0, 0])?;
        let n = x.cols();
        self.pool.install(|| normalise::normalise(&mut xhat.data, &x.data, n, steps, p));
        Ok(())
    }

    fn matmul(
        &self,
        c: &mut Tensor<Self>,
        a: &Tensor<Self>,
        transpose_a: bool,
        b: &Tensor<Self>,
        transpose_b: bool,
    ) -> Result<()> {
        let [m, n] = c.shape();
        let k = if transpose_a { a.rows() } else { a.cols() };
        let flip = |[r, c]: [usize; 2], transposed| if transposed { [c, r] } else { [r, c] };
        expect_shape("matmul", "a", a.shape(), flip([m, k], transpose_a))?;
        expect_shape("matmul", "b", b.shape(), flip([k, n], transpose_b))?;
        let a = Operand { data: &a.data, transposed: transpose_a };
        let b = Operand { data: &b.data, transposed: transpose_b };
        self.pool.install(|| matmul::matmul(&mut c.data, a, b, [m, k, n]));
        Ok(())
    }

    fn row_factor(
        &self,
        factor: &mut Tensor<Self>,
        goodness: &Tensor<Self>,
        below: Option<&Tensor<Self>>,
        units: usize,
        p: &Norm,
        g: Goodness,
    ) -> Result<()> {
        expect_shape("row_factor", "factor", factor.shape(), [goodness.rows(), 1])?;
        expect_shape("row_factor", "goodness", goodness.shape(), [goodness.rows(), 1])?;
        expect_factor("row_factor", below, goodness.rows())?;
        row_factor::row_factor(&mut factor.data, &goodness.data, slice(below), units, p, g);
        Ok(())
    }

    fn label_current(
        &self,
        current: &mut Tensor<Self>,
        shares: &Tensor<Self>,
        scale: &Tensor<Self>,
        labels: &Tensor<Self, u32>,
        factor: Option<&Tensor<Self>>,
        p: &LabelRow,
    ) -> Result<()> {
        let [r, n] = current.shape();
        expect_copies("label_current", "scale", scale.shape(), [r, 1])?;
        expect_shares("label_current", "shares", shares.shape(), scale.rows(), n)?;
        expect_shape("label_current", "labels", labels.shape(), [r, 1])?;
        expect_factor("label_current", factor, r)?;
        let (shares, scale, labels, factor) = (&shares.data, &scale.data, &labels.data, slice(factor));
        self.pool
            .install(|| label_current::label_current(&mut current.data, shares, scale, labels, factor, n, p));
        Ok(())
    }

    fn lif(
        &self,
        signal: &mut Tensor<Self>,
        spikes: Option<&mut Tensor<Self>>,
        current: &Tensor<Self>,
        bias: Option<&Tensor<Self>>,
        p: &Neuron,
    ) -> Result<()> {
        let n = signal.cols();
        let in_time = expect_units("lif", signal.shape(), spikes.as_deref(), current, bias, p)?;
        let (signal, spikes) = (&mut signal.data, spikes.map(|s| s.data.as_mut_slice()));
        let rows = lif::Rows { signal, slope: None, spikes, current: &current.data };
        self.pool.install(|| lif::lif(rows, slice(bias), n, in_time, p));
        Ok(())
    }

    fn goodness(&self, goodness: &mut Tensor<Self>, signal: &Tensor<Self>, p: Goodness) -> Result<()> {
        let [r, n] = signal.shape();
        expect_shape("goodness", "goodness", goodness.shape(), [r, 1])?;
        self.pool.install(|| goodness::goodness(&mut goodness.data, &signal.data, n, p));
        Ok(())
    }

    fn share_goodness(
        &self,
        goodness: &mut Tensor<Self>,
        shares: &Tensor<Self>,
        scale: &Tensor<Self>,
        labels: &Tensor<Self, u32>,
        factor: Option<&Tensor<Self>>,
        p: &LabelRow,
        g: Goodness,
    ) -> Result<()> {
        let r = labels.rows();
        expect_shape("share_goodness", "goodness", goodness.shape(), [r, 1])?;
        expect_copies("share_goodness", "scale", scale.shape(), [r, 1])?;
        expect_shares("share_goodness", "shares", shares.shape(), scale.rows(), shares.cols())?;
        expect_factor("share_goodness", factor, r)?;
        let (labels, factor) = (&labels.data, slice(factor));
        let (shares, scale, n) = (&shares.data, &scale.data, shares.cols());
        self.pool
            .install(|| goodness::share_goodness(&mut goodness.data, shares, scale, labels, factor, n, p, g));
        Ok(())
    }

    fn label_goodness(
        &self,
        scores: &mut Tensor<Self>,
        shares: &Tensor<Self>,
        scale: &Tensor<Self>,
        bias: Option<&Tensor<Self>>,
        label: &LabelRow,
        neuron: &Neuron,
        goodness: Goodness,
    ) -> Result<()> {
        let ([b, classes], n) = (scores.shape(), shares.cols());
        expect_shape("label_goodness", "scale", scale.shape(), [b, 1])?;
        expect_shape("label_goodness", "shares", shares.shape(), [b + classes + 1, n])?;
        expect_bias("label_goodness", bias, n)?;
        let (shares, scale, bias) = (&shares.data, &scale.data, slice(bias));
        self.pool.install(|| {
            goodness::label_goodness(&mut scores.data, shares, scale, bias, n, label, neuron, goodness)
        });
        Ok(())
    }

    fn local_grad(
        &self,
        dcurrent: &mut Tensor<Self>,
        losses: &mut Tensor<Self>,
        signal: &mut Tensor<Self>,
        spikes: Option<&mut Tensor<Self>>,
        goodness: &mut Tensor<Self>,
        current: &Tensor<Self>,
        bias: Option<&Tensor<Self>>,
        clock: &Clock<Self>,
        p: &LocalLoss,
    ) -> Result<()> {
        let [r, n] = signal.shape();
        let in_time =
            expect_units("local_grad", signal.shape(), spikes.as_deref(), current, bias, &p.neuron)?;
        expect_shape("local_grad", "dcurrent", dcurrent.shape(), current.shape())?;
        let batch = expect_pairs("local_grad", goodness, r)?;
        let losses = this_batch("local_grad", losses, batch, clock)?;
        let steps = lif::Steps::of(&p.neuron, in_time);
        let rows = lif::Rows {
            signal: &mut signal.data,
            slope: Some(&mut dcurrent.data),
            spikes: spikes.map(|s| s.data.as_mut_slice()),
            current: &current.data,
        };
        let (positive, negative) = rows.split_at(batch, n, steps);
        let goodness = goodness.data.split_at_mut(batch);
        let pairs =
            local_grad::Pairs { rows: [positive, negative], goodness: [goodness.0, goodness.1], losses };
        let local = local_grad::Local { bias: slice(bias), n, in_time, batch, step: clock.data[0], p };
        self.pool.install(|| local_grad::local_grad(pairs, &local));
        Ok(())
    }

    fn objective(
        &self,
        losses: &mut Tensor<Self>,
        dgoodness: &mut Tensor<Self>,
        goodness: &Tensor<Self>,
        clock: &Clock<Self>,
        p: &Objective,
    ) -> Result<()> {
        let batch = expect_pairs("objective", goodness, goodness.rows())?;
        expect_shape("objective", "dgoodness", dgoodness.shape(), goodness.shape())?;
        let losses = this_batch("objective", losses, batch, clock)?;
        objective::objective(losses, &mut dgoodness.data, &goodness.data, p);
        Ok(())
    }

    fn softmax_loss(
        &self,
        losses: &mut Tensor<Self>,
        dscores: &mut Tensor<Self>,
        scores: &Tensor<Self>,
        labels: &Tensor<Self, u32>,
        clock: &Clock<Self>,
        p: &Softmax,
    ) -> Result<()> {
        let [batch, classes] = scores.shape();
        expect_shape("softmax_loss", "dscores", dscores.shape(), scores.shape())?;
        expect_shape("softmax_loss", "labels", labels.shape(), [batch, 1])?;
        let losses = this_batch("softmax_loss", losses, batch, clock)?;
        softmax_loss::softmax_loss(losses, &mut dscores.data, &scores.data, &labels.data, classes, p);
        Ok(())
    }

    fn share_grad(
        &self,
        dshares: &mut Tensor<Self>,
        dcurrent: CurrentGrad<Self>,
        labels: &Tensor<Self, u32>,
        scale: &Tensor<Self>,
        factor: Option<&Tensor<Self>>,
        p: &LabelRow,
    ) -> Result<()> {
        let (r, n) = (labels.rows(), dshares.cols());
        expect_copies("share_grad", "scale", scale.shape(), [r, 1])?;
        expect_shares("share_grad", "dshares", dshares.shape(), scale.rows(), n)?;
        expect_factor("share_grad", factor, r)?;
        let dcurrent = match dcurrent {
            CurrentGrad::Stored(dcurrent) => {
                expect_shape("share_grad", "dcurrent", dcurrent.shape(), [r, n])?;
                share_grad::CurrentGrad::Stored(&dcurrent.data)
            }
            CurrentGrad::Linear { shares, dgoodness, goodness } => {
                expect_shape("share_grad", "shares", shares.shape(), dshares.shape())?;
                expect_shape("share_grad", "dgoodness", dgoodness.shape(), [r, 1])?;
                let (shares, dgoodness) = (&shares.data, &dgoodness.data);
                share_grad::CurrentGrad::Linear { shares, dgoodness, goodness }
            }
        };
        let copies = share_grad::Copies { dcurrent, labels: &labels.data, factor: slice(factor) };
        self.pool.install(|| share_grad::share_grad(&mut dshares.data, copies, &scale.data, n, p));
        Ok(())
    }

    fn lif_grad(
        &self,
        dcurrent: &mut Tensor<Self>,
        dpassed: &Tensor<Self>,
        current: &Tensor<Self>,
        rows: usize,
        p: &Neuron,
    ) -> Result<()> {
        let n = current.cols();
        let steps = [current, dpassed].map(|x| if x.rows() == rows { 1 } else { p.steps });
        expect_shape("lif_grad", "current", current.shape(), [rows * steps[0], n])?;
        expect_shape("lif_grad", "dpassed", dpassed.shape(), [rows * steps[1], n])?;
        expect_shape("lif_grad", "dcurrent", dcurrent.shape(), current.shape())?;
        self.pool
            .install(|| lif_grad::lif_grad(&mut dcurrent.data, &dpassed.data, &current.data, n, steps, p));
        Ok(())
    }

    fn sum_rows(&self, dbias: &mut Tensor<Self>, dcurrent: &Tensor<Self>) -> Result<()> {
        expect_shape("sum_rows", "dbias", dbias.shape(), [1, dcurrent.cols()])?;
        sum_rows::sum_rows(&mut dbias.data, &dcurrent.data);
        Ok(())
    }

    fn adam(
        &self,
        weight: &mut Tensor<Self>,
        mean: &mut Tensor<Self>,
        square: &mut Tensor<Self>,
        dweight: &Tensor<Self>,
        clock: &Clock<Self>,
        p: &Adam,
    ) -> Result<()> {
        expect_shape("adam", "mean", mean.shape(), weight.shape())?;
        expect_shape("adam", "square", square.shape(), weight.shape())?;
        expect_shape("adam", "dweight", dweight.shape(), weight.shape())?;
        let step = clock.data[0];
        self.pool.install(|| {
            adam::adam(&mut weight.data, &mut mean.data, &mut square.data, &dweight.data, step, p)
        });
        Ok(())
    }

    fn advance(&self, clock: &mut Clock<Self>) -> Result<()> {
        expect_shape("advance", "clock", clock.shape(), [1, 2])?;
        clock.data[0] += 1;
        clock.data[1] += 1;
        Ok(())
    }
}
