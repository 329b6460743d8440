//! What every formula has besides its Rust: its numbers, and the same lines as CUDA text.
//!
//! A neuron, a goodness, an objective and an optimiser are formulas. The CPU runs their Rust. A GPU compiles their CUDA
//! text together with the kernels, when it meets them for the first time.

/// Words that one formula can hand to a kernel.
pub const MOST_WORDS: usize = 8;

/// The numbers of a formula, 32 bits each, in the order of the fields of its CUDA struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    words: [u32; MOST_WORDS],
    len: usize,
}

impl Numbers {
    /// No numbers.
    pub fn none() -> Self {
        Self::default()
    }

    /// These numbers, each a `float` of the CUDA struct.
    pub fn floats(numbers: &[f32]) -> Self {
        numbers.iter().fold(Self::none(), |all, &number| all.float(number))
    }

    /// One `float` more. What is beyond [`MOST_WORDS`] is counted, and refused by the op that is given the formula.
    #[must_use]
    pub fn float(self, number: f32) -> Self {
        self.whole(number.to_bits())
    }

    /// One `u32` more.
    #[must_use]
    pub fn whole(mut self, number: u32) -> Self {
        if let Some(word) = self.words.get_mut(self.len) {
            *word = number;
        }
        self.len += 1;
        self
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of them, filled up with zeros.
    pub fn words(&self) -> &[u32; MOST_WORDS] {
        &self.words
    }
}

/// The part of a formula that a kernel needs.
pub trait Formula: std::fmt::Debug + Send + Sync {
    /// Its numbers, in the order of the fields of the CUDA struct: at most [`MOST_WORDS`].
    fn numbers(&self) -> Numbers;

    /// Its CUDA text, in pieces that are put together. The struct's name is fixed by the kind of formula; the kind's page
    /// says which functions it has. A formula without a text runs on the CPU only.
    fn cuda(&self) -> &'static [&'static str] {
        &[]
    }
}
