//! This module holds PyTorch's CPU generator, so that the tutorial can be repeated to the digit. The same seed gives the same
//! weights, the same batch and the same permutation.
//!
//! Torch draws from a 32-bit Mersenne Twister (MT19937). This code turns its draws into numbers as PyTorch 2.15 does. The tests
//! compare them with numbers that PyTorch itself printed.

use rand_mt::Mt;

/// Torch's default CPU generator after `torch.manual_seed`.
pub struct TorchGenerator {
    twister: Mt,
}

impl TorchGenerator {
    /// Does the same as `torch.manual_seed(seed)`. The twister takes the low 32 bits.
    pub fn new(seed: u64) -> Self {
        Self { twister: Mt::new(seed as u32) }
    }

    /// Returns one element of `tensor.uniform_(from, to)` for f32, from 24 bits of a draw. Torch's build fuses the last
    /// multiply-add, so the bits are only equal if this code does too.
    pub fn uniform(&mut self, from: f32, to: f32) -> f32 {
        let x = (self.twister.next_u32() & 0x00FF_FFFF) as f32 / 16_777_216.0;
        x.mul_add(to - from, from)
    }

    /// Returns the weight of `nn.Linear(inputs, outputs, bias=False)`, `[outputs, inputs]` row-major. It is Kaiming's uniform
    /// distribution with `a = sqrt(5)`, whose bounds are `+- 1 / sqrt(inputs)`.
    pub fn linear_weight(&mut self, inputs: usize, outputs: usize) -> Vec<f32> {
        // The bound is computed in f64, as torch does it, so that it has the same last bit.
        let gain = (2.0 / (1.0 + 5f64.sqrt() * 5f64.sqrt())).sqrt();
        let bound = (3f64.sqrt() * (gain / (inputs as f64).sqrt())) as f32;
        (0..inputs * outputs).map(|_| self.uniform(-bound, bound)).collect()
    }

    /// Returns `torch.randperm(n)`.
    pub fn randperm(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in 0..n.saturating_sub(1) {
            let z = self.twister.next_u32() as usize % (n - i);
            order.swap(i, i + z);
        }
        order
    }

    /// Returns the order in which `next(iter(DataLoader(set, shuffle=True)))` goes through a set of `n`. The iterator draws a
    /// seed for its workers. Then its sampler draws one for a permutation of its own.
    pub fn shuffled_order(&mut self, n: usize) -> Vec<u32> {
        self.unshuffled_iterator();
        let seed = self.random_i64();
        TorchGenerator::new(seed).randperm(n)
    }

    /// Draws what `iter(DataLoader(set, shuffle=False))` draws, which is a seed for its workers.
    pub fn unshuffled_iterator(&mut self) {
        self.random_i64();
    }

    /// Returns `torch.empty((), dtype=torch.int64).random_()`, which is never negative.
    fn random_i64(&mut self) -> u64 {
        let (high, low) = (u64::from(self.twister.next_u32()), u64::from(self.twister.next_u32()));
        ((high << 32) | low) & (u64::MAX >> 1)
    }
}
