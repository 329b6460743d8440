//! PyTorch's CPU generator, so that the tutorial can be repeated to the digit: the same weights, the same batch,
//! the same permutation come out of the same seed.
//!
//! Torch draws from a 32-bit Mersenne Twister (MT19937). What follows is how PyTorch 2.15 turns its draws into
//! numbers; the tests compare with numbers that PyTorch itself printed.

use rand_mt::Mt;

/// Torch's default CPU generator after `torch.manual_seed`.
pub struct TorchGenerator {
    twister: Mt,
}

impl TorchGenerator {
    /// `torch.manual_seed(seed)`: the twister takes the low 32 bits.
    pub fn new(seed: u64) -> Self {
        Self { twister: Mt::new(seed as u32) }
    }

    /// One element of `tensor.uniform_(from, to)` for f32: 24 bits of a draw. Torch's build fuses the last
    /// multiply-add, so the bits are only equal if this one does.
    pub fn uniform(&mut self, from: f32, to: f32) -> f32 {
        let x = (self.twister.next_u32() & 0x00FF_FFFF) as f32 / 16_777_216.0;
        x.mul_add(to - from, from)
    }

    /// The weight of `nn.Linear(inputs, outputs, bias=False)`, `[outputs, inputs]` row-major: Kaiming's uniform
    /// with `a = sqrt(5)`, which comes to `+- 1 / sqrt(inputs)`.
    pub fn linear_weight(&mut self, inputs: usize, outputs: usize) -> Vec<f32> {
        // As torch computes it, in f64, so that the bound has the same last bit.
        let gain = (2.0 / (1.0 + 5f64.sqrt() * 5f64.sqrt())).sqrt();
        let bound = (3f64.sqrt() * (gain / (inputs as f64).sqrt())) as f32;
        (0..inputs * outputs).map(|_| self.uniform(-bound, bound)).collect()
    }

    /// `torch.randperm(n)`.
    pub fn randperm(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in 0..n.saturating_sub(1) {
            let z = self.twister.next_u32() as usize % (n - i);
            order.swap(i, i + z);
        }
        order
    }

    /// The order in which `next(iter(DataLoader(set, shuffle=True)))` starts through a set of `n`: the iterator
    /// draws a seed for its workers, then its sampler draws one for a permutation of its own.
    pub fn shuffled_order(&mut self, n: usize) -> Vec<u32> {
        self.unshuffled_iterator();
        let seed = self.random_i64();
        TorchGenerator::new(seed).randperm(n)
    }

    /// What `iter(DataLoader(set, shuffle=False))` draws: a seed for its workers.
    pub fn unshuffled_iterator(&mut self) {
        self.random_i64();
    }

    /// `torch.empty((), dtype=torch.int64).random_()`, never negative.
    fn random_i64(&mut self) -> u64 {
        let (high, low) = (u64::from(self.twister.next_u32()), u64::from(self.twister.next_u32()));
        ((high << 32) | low) & (u64::MAX >> 1)
    }
}
