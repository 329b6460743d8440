//! A GPU as a [`Device`]: checks shapes, then launches the op's kernel.

use std::ops::ControlFlow;
use std::sync::Arc;

use ff_kernels::constants::TILE;
use ff_tensor::checks::{
    expect_augment, expect_bias, expect_copies, expect_factor, expect_pairs, expect_shares, expect_units,
};
use ff_tensor::{
    Adam, Augment, Clock, CurrentGrad, Device, Element, Gather, Goodness, LabelDraw, LabelRow, LocalLoss,
    Neuron, Norm, Objective, Result, Softmax, Tensor, expect_shape,
};

use crate::error::failed;
use crate::launch::{args, changes, each, norm, number, objective, sums, units};
use crate::{Arg, Buffer, Driver, Grid, OpenError, Products, gpu};

/// One GPU.
#[derive(Clone)]
pub struct Cuda {
    driver: Arc<dyn Driver>,
}

impl Cuda {
    /// GPU number `index`. Its kernels come from the user's cache, or else are compiled, which takes some seconds.
    ///
    /// # Errors
    /// If there is no such GPU, or something that it needs is missing.
    pub fn new(index: usize, products: Products) -> std::result::Result<Self, OpenError> {
        Ok(Self::on(Arc::new(gpu::Gpu::open(index, products)?)))
    }

    /// A device on any driver.
    pub fn on(driver: Arc<dyn Driver>) -> Self {
        Self { driver }
    }

    /// Its name, and which GPU that is, for people.
    pub fn description(&self) -> String {
        self.driver.description()
    }

    /// An op's kernel; nothing where there is no row.
    fn launch(&self, kernel: &str, grid: Grid, args: &[Arg]) -> Result<()> {
        if grid.blocks.contains(&0) {
            return Ok(());
        }
        // SAFETY: the ops below have checked the shapes of what they hand over, in the order of the kernel's arguments;
        // the shim's tests compare their number and types with the kernel's.
        unsafe { self.driver.launch(kernel, grid, args) }.map_err(|e| failed(&*self.driver, e))
    }
}

impl Device for Cuda {
    type Buffer<T: Element> = Buffer<T>;

    fn name(&self) -> String {
        self.driver.name()
    }

    fn zeros<T: Element>(&self, rows: usize, cols: usize) -> Result<Tensor<Self, T>> {
        let mut buffer = Buffer::new(&self.driver, rows * cols)?;
        buffer.zero()?;
        Ok(Tensor::new(rows, cols, buffer))
    }

    fn upload<T: Element>(&self, rows: usize, cols: usize, data: &[T]) -> Result<Tensor<Self, T>> {
        expect_shape("upload", "data", [data.len(), 1], [rows * cols, 1])?;
        let mut buffer = Buffer::new(&self.driver, rows * cols)?;
        buffer.write(data)?;
        Ok(Tensor::new(rows, cols, buffer))
    }

    fn write<T: Element>(&self, to: &mut Tensor<Self, T>, data: &[T]) -> Result<()> {
        expect_shape("write", "data", [data.len(), 1], [to.rows() * to.cols(), 1])?;
        to.data.write(data)
    }

    fn download<T: Element>(&self, from: &Tensor<Self, T>) -> Result<Vec<T>> {
        from.data.read()
    }

    fn synchronise(&self) -> Result<()> {
        self.driver.synchronise().map_err(|e| failed(&*self.driver, e))
    }

    /// The first step runs as it is, so that libraries set themselves up; the second is recorded, and all but the first
    /// are replays of it.
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

    fn augment(&self, out: &mut Tensor<Self, u8>, images: &Tensor<Self, u8>, p: &Augment) -> Result<()> {
        expect_augment(out.shape(), images.shape(), p)?;
        let list = changes(p.list);
        let list = self.upload(1, list.len(), &list)?;
        let grid = Grid { blocks: [number(images.rows()), 1], threads: [128, 1] };
        let args = args![out, images, list, p.list.len(), p.width, p.height, p.seed, p.epoch];
        self.launch("augment", grid, args)
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
        let ([count, pixels], batch) = (images.shape(), scale.rows());
        expect_shape("gather", "xhat", xhat.shape(), [batch + p.label_rows(), pixels])?;
        expect_shape("gather", "scale", scale.shape(), [batch, 1])?;
        expect_shape("gather", "labels", labels.shape(), [batch, 1])?;
        expect_shape("gather", "images", images.shape(), [targets.rows(), pixels])?;
        expect_shape("gather", "clock", clock.shape(), [1, 2])?;
        let grid = Grid { blocks: [xhat.rows() as u32, 1], threads: [128, 1] };
        let ([kind, eps], ordered) = (norm(&p.norm), order.rows());
        let args = args![
            xhat,
            scale,
            labels,
            images,
            targets,
            order,
            clock,
            batch,
            pixels,
            count,
            ordered,
            p.classes,
            p.amplitude,
            kind,
            eps,
            p.dropout.rate,
            p.dropout.seed
        ];
        self.launch("gather", grid, args)
    }

    fn draw_labels(
        &self,
        pair: &mut Tensor<Self, u32>,
        labels: &Tensor<Self, u32>,
        scores: &Tensor<Self>,
        clock: &Clock<Self>,
        p: &LabelDraw,
    ) -> Result<()> {
        let batch = labels.rows();
        expect_shape("draw_labels", "pair", pair.shape(), [2 * batch, 1])?;
        if p.sharpness != 0.0 {
            expect_shape("draw_labels", "scores", scores.shape(), [batch, p.classes])?;
        }
        let args = args![pair, labels, scores, clock, batch, p.classes, p.seed, p.sharpness];
        self.launch("draw_labels", each(batch), args)
    }

    fn normalise(&self, xhat: &mut Tensor<Self>, x: &Tensor<Self>, steps: usize, p: &Norm) -> Result<()> {
        expect_shape("normalise", "xhat", xhat.shape(), x.shape())?;
        expect_shape("normalise", "x (rows not a multiple of steps)", [x.rows() % steps, 0], [0, 0])?;
        let ([kind, eps], rows) = (norm(p), x.rows() / steps);
        self.launch("normalise", sums(rows), args![xhat, x, rows, x.cols(), steps, kind, eps])
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
        let operands = ((a.data.at(), transpose_a), (b.data.at(), transpose_b));
        // SAFETY: the shapes have just been checked.
        let taken = unsafe { self.driver.product(c.data.at(), operands.0, operands.1, [m, k, n]) };
        if taken.map_err(|e| failed(&*self.driver, e))? {
            return Ok(());
        }
        let grid = Grid { blocks: [m.div_ceil(TILE) as u32, n.div_ceil(TILE) as u32], threads: [256, 1] };
        self.launch("matmul", grid, args![c, a, transpose_a, b, transpose_b, m, k, n])
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
        let rows = goodness.rows();
        expect_shape("row_factor", "factor", factor.shape(), [rows, 1])?;
        expect_shape("row_factor", "goodness", goodness.shape(), [rows, 1])?;
        expect_factor("row_factor", below, rows)?;
        let [kind, eps] = norm(p);
        self.launch("row_factor", each(rows), args![factor, goodness, below, rows, units, kind, eps, g])
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
        let [rows, n] = current.shape();
        expect_copies("label_current", "scale", scale.shape(), [rows, 1])?;
        expect_shares("label_current", "shares", shares.shape(), scale.rows(), n)?;
        expect_shape("label_current", "labels", labels.shape(), [rows, 1])?;
        expect_factor("label_current", factor, rows)?;
        let args = args![current, shares, scale, labels, factor, scale.rows(), n, p.amplitude];
        self.launch("label_current", units(rows, n), args)
    }

    fn lif(
        &self,
        signal: &mut Tensor<Self>,
        spikes: Option<&mut Tensor<Self>>,
        current: &Tensor<Self>,
        bias: Option<&Tensor<Self>>,
        p: &Neuron,
    ) -> Result<()> {
        let [rows, n] = signal.shape();
        let in_time = expect_units("lif", signal.shape(), spikes.as_deref(), current, bias, p)?;
        self.launch("lif", units(rows, n), args![signal, spikes, current, bias, n, in_time, *p])
    }

    fn goodness(&self, goodness: &mut Tensor<Self>, signal: &Tensor<Self>, p: Goodness) -> Result<()> {
        let [rows, n] = signal.shape();
        expect_shape("goodness", "goodness", goodness.shape(), [rows, 1])?;
        self.launch("goodness", sums(rows), args![goodness, signal, rows, n, p])
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
        let (rows, batch, n) = (labels.rows(), scale.rows(), shares.cols());
        expect_shape("share_goodness", "goodness", goodness.shape(), [rows, 1])?;
        expect_copies("share_goodness", "scale", scale.shape(), [rows, 1])?;
        expect_shares("share_goodness", "shares", shares.shape(), batch, n)?;
        expect_factor("share_goodness", factor, rows)?;
        let args = args![goodness, shares, scale, labels, factor, rows, batch, n, p.amplitude, g];
        self.launch("share_goodness", sums(rows), args)
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
        let ([batch, classes], n) = (scores.shape(), shares.cols());
        expect_shape("label_goodness", "scale", scale.shape(), [batch, 1])?;
        expect_shape("label_goodness", "shares", shares.shape(), [batch + classes + 1, n])?;
        expect_bias("label_goodness", bias, n)?;
        let amplitude = label.amplitude;
        let args = args![scores, shares, scale, bias, batch, classes, n, amplitude, *neuron, goodness];
        self.launch("label_goodness", sums(batch * classes), args)
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
        let [rows, n] = signal.shape();
        let in_time =
            expect_units("local_grad", signal.shape(), spikes.as_deref(), current, bias, &p.neuron)?;
        expect_shape("local_grad", "dcurrent", dcurrent.shape(), current.shape())?;
        let batch = expect_pairs("local_grad", goodness, rows)?;
        let ([kind, parameter], pairs) = (objective(&p.objective), losses.rows());
        let grid = Grid { blocks: [batch as u32, 1], threads: units(rows, n).threads };
        let args = args![
            dcurrent,
            losses,
            signal,
            spikes,
            goodness,
            current,
            bias,
            clock,
            pairs,
            batch,
            n,
            in_time,
            p.neuron,
            p.dropout.rate,
            p.dropout.seed,
            p.goodness,
            kind,
            parameter
        ];
        self.launch("local_grad", grid, args)
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
        let ([kind, parameter], pairs) = (objective(p), losses.rows());
        let args = args![losses, dgoodness, goodness, clock, pairs, batch, kind, parameter];
        self.launch("objective", each(batch), args)
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
        let images = losses.rows();
        let args = args![losses, dscores, scores, labels, clock, images, batch, classes, p.sharpness];
        self.launch("softmax_loss", each(batch), args)
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
        let (rows, batch, n) = (labels.rows(), scale.rows(), dshares.cols());
        expect_copies("share_grad", "scale", scale.shape(), [rows, 1])?;
        expect_shares("share_grad", "dshares", dshares.shape(), batch, n)?;
        expect_factor("share_grad", factor, rows)?;
        let (dcurrent, shares, dgoodness, g) = match dcurrent {
            CurrentGrad::Stored(dcurrent) => {
                expect_shape("share_grad", "dcurrent", dcurrent.shape(), [rows, n])?;
                (Some(dcurrent), None, None, Goodness::Mean)
            }
            CurrentGrad::Linear { shares, dgoodness, goodness } => {
                expect_shape("share_grad", "shares", shares.shape(), dshares.shape())?;
                expect_shape("share_grad", "dgoodness", dgoodness.shape(), [rows, 1])?;
                (None, Some(shares), Some(dgoodness), goodness)
            }
        };
        let classes = dshares.rows() - batch;
        let blocks = [n.div_ceil(32) as u32, (classes + batch.div_ceil(8)) as u32];
        let (out, a) = (dshares, p.amplitude);
        let args =
            args![out, dcurrent, shares, dgoodness, labels, scale, factor, rows, batch, classes, n, g, a];
        self.launch("share_grad", Grid { blocks, threads: [32, 8] }, args)
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
        let in_time = [current, dpassed].map(|x| x.rows() != rows);
        let steps = in_time.map(|in_time| if in_time { p.steps } else { 1 });
        expect_shape("lif_grad", "current", current.shape(), [rows * steps[0], n])?;
        expect_shape("lif_grad", "dpassed", dpassed.shape(), [rows * steps[1], n])?;
        expect_shape("lif_grad", "dcurrent", dcurrent.shape(), current.shape())?;
        let args = args![dcurrent, dpassed, current, n, in_time[0], in_time[1], *p];
        self.launch("lif_grad", units(rows, n), args)
    }

    fn sum_rows(&self, dbias: &mut Tensor<Self>, dcurrent: &Tensor<Self>) -> Result<()> {
        let [rows, n] = dcurrent.shape();
        expect_shape("sum_rows", "dbias", dbias.shape(), [1, n])?;
        let grid = Grid { blocks: [n.div_ceil(32) as u32, 1], threads: [32, 8] };
        self.launch("sum_rows", grid, args![dbias, dcurrent, rows, n])
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
        let count = weight.rows() * weight.cols();
        let args = args![
            weight,
            mean,
            square,
            dweight,
            clock,
            count,
            p.learning_rate,
            p.beta1,
            p.beta2,
            p.eps,
            p.decay,
            p.cool_from,
            p.last_step
        ];
        self.launch("adam", each(count.div_ceil(4)), args)
    }

    fn advance(&self, clock: &mut Clock<Self>) -> Result<()> {
        expect_shape("advance", "clock", clock.shape(), [1, 2])?;
        self.launch("advance", Grid { blocks: [1, 1], threads: [32, 1] }, args![clock])
    }
}
