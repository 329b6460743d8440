//! What a call is made of: shapes, numbers, tensors, each drawn from the call's number.

use ff_tensor::{Clock, Device, Dropout, Norm, NormKind, Tensor, random};

/// A stream of draws. Two streams of one call give the same.
#[derive(Clone)]
pub struct Draws {
    seed: u64,
    next: u64,
    /// The shape that will not fit, if one will not, as a count of the shapes before it.
    wrong: Option<u64>,
    shapes: u64,
    /// Whether there are numbers in this call that are not finite, or very large.
    wild: bool,
}

impl Draws {
    pub fn of(call: u64) -> Self {
        let mut draws = Self { seed: call, next: 0, wrong: None, shapes: 0, wild: false };
        draws.wrong = draws.in_ten(2).then(|| u64::from(draws.below(8)));
        draws.wild = draws.in_ten(4);
        draws
    }

    fn bits(&mut self) -> u32 {
        self.next += 1;
        random::bits(self.seed, self.next)
    }

    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.bits()) * u64::from(n)) >> 32) as u32
    }

    /// True in so many of ten cases.
    pub fn in_ten(&mut self, cases: u32) -> bool {
        self.below(10) < cases
    }

    pub fn seed(&mut self) -> u64 {
        u64::from(self.bits()) << 32 | u64::from(self.bits())
    }

    /// 0 to 9, rarely many: so that a row has more lanes than one, and a layer more columns than a block.
    pub fn size(&mut self) -> usize {
        match self.below(60) {
            0 => 17 + self.below(30) as usize,
            1 => 250 + self.below(20) as usize,
            2..6 => 0,
            _ => 1 + self.below(9) as usize,
        }
    }

    /// 0 to 5.
    pub fn few(&mut self) -> usize {
        self.below(6) as usize
    }

    /// The shape, or in some calls another one.
    fn shape(&mut self, [rows, cols]: [usize; 2]) -> [usize; 2] {
        self.shapes += 1;
        if self.wrong != Some(self.shapes - 1) {
            return [rows, cols];
        }
        match self.below(4) {
            0 => [rows + 1, cols],
            1 => [rows, cols + 1],
            2 => [rows.saturating_sub(1), cols],
            _ => [self.few(), self.few()],
        }
    }

    /// A number between -2 and 2, or one of those that need care. The largest are so large that no more than two may be
    /// multiplied: a sum over time that overflows is NaN where time is run, and a rate where it is not.
    pub fn value(&mut self) -> f32 {
        const CARE: [f32; 12] = [
            0.0,
            -0.0,
            1.0,
            1e-30,
            -1e-41,
            1e15,
            -1e15,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            f32::MIN_POSITIVE,
            0.5,
        ];
        match self.below(20) {
            0 => [0.0, -0.0, 1.0][self.below(3) as usize],
            1 if self.wild => CARE[self.below(12) as usize],
            _ => 4.0 * self.unit() - 2.0,
        }
    }

    /// As [`value`](Self::value), but finite.
    pub fn finite(&mut self) -> f32 {
        Some(self.value()).filter(|x| x.is_finite()).unwrap_or(0.0)
    }

    /// In `[0, 1)`.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 8) as f32 / 16_777_216.0
    }

    /// A number below `n`, sometimes one beyond it.
    pub fn index(&mut self, n: usize) -> u32 {
        match self.below(12) {
            0 => n as u32 + self.below(3),
            1 => [u32::MAX, 1 << 31, 999][self.below(3) as usize],
            _ => self.below(n.max(1) as u32),
        }
    }

    pub fn f32s(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.value()).collect()
    }

    pub fn tensor<D: Device>(&mut self, dev: &D, shape: [usize; 2]) -> Tensor<D> {
        let [rows, cols] = self.shape(shape);
        let values = self.f32s(rows * cols);
        dev.upload(rows, cols, &values).unwrap()
    }

    /// Of finite numbers, with their values.
    pub fn finite_tensor<D: Device>(&mut self, dev: &D, shape: [usize; 2]) -> (Tensor<D>, Vec<f32>) {
        let [rows, cols] = self.shape(shape);
        let values: Vec<f32> = (0..rows * cols).map(|_| self.finite()).collect();
        (dev.upload(rows, cols, &values).unwrap(), values)
    }

    pub fn maybe<D: Device>(&mut self, dev: &D, shape: [usize; 2]) -> Option<Tensor<D>> {
        self.in_ten(5).then(|| self.tensor(dev, shape))
    }

    pub fn bytes<D: Device>(&mut self, dev: &D, shape: [usize; 2]) -> Tensor<D, u8> {
        let [rows, cols] = self.shape(shape);
        let values: Vec<u8> = (0..rows * cols).map(|_| self.bits() as u8 & self.bits() as u8).collect();
        dev.upload(rows, cols, &values).unwrap()
    }

    /// Labels or indices below `n`, and some beyond.
    pub fn indices<D: Device>(&mut self, dev: &D, rows: usize, n: usize) -> Tensor<D, u32> {
        let [rows, cols] = self.shape([rows, 1]);
        let values: Vec<u32> = (0..rows * cols).map(|_| self.index(n)).collect();
        dev.upload(rows, cols, &values).unwrap()
    }

    /// At any step; at a small batch, or beyond all.
    pub fn clock<D: Device>(&mut self, dev: &D) -> Clock<D> {
        let [rows, cols] = self.shape([1, 2]);
        let step = if self.in_ten(8) { self.below(50) } else { u32::MAX - self.below(2) };
        let batch = self.index(3);
        let numbers: Vec<u32> = [step, batch].into_iter().cycle().take(rows * cols).collect();
        dev.upload(rows, cols, &numbers).unwrap()
    }

    pub fn norm(&mut self) -> Norm {
        let kind = if self.in_ten(5) { NormKind::L2 } else { NormKind::Rms };
        Norm { kind, eps: if self.in_ten(8) { 1e-4 } else { self.value() } }
    }

    pub fn dropout(&mut self) -> Dropout {
        let rate = match self.below(10) {
            0..5 => 0.0,
            5..9 => self.unit(),
            _ => self.value(),
        };
        Dropout { rate, seed: self.seed() }
    }
}
