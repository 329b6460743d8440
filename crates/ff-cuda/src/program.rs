//! What a driver compiles: the kernels that need no formula, or one kernel with the text of its formulas in front.
//!
//! A program is asked for with every launch. So it is only made of addresses: two programs are the same if the pieces of
//! their text are at the same place. The text itself is put together once, by the driver that meets the program first.

use std::fmt::Write;
use std::hash::{Hash, Hasher};

use ff_kernels::Kernel;
use ff_tensor::formula::MOST_WORDS;
use ff_tensor::{Error, Formula, Goodness, Objective, Optimiser, Result, Units};

/// Formulas that one kernel can need.
const MOST_FORMULAS: usize = 3;

/// A program, told apart from others by what it is made of.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// `None` for the kernels that need no formula.
    kernel: Option<Kernel>,
    formulas: [Option<Struct>; MOST_FORMULAS],
}

/// A formula as a struct in CUDA, and what Rust knows about it.
#[derive(Debug, Clone, Copy)]
pub struct Struct {
    name: &'static str,
    pieces: &'static [&'static str],
    /// Numbers of 32 bits that are handed over as its fields.
    numbers: usize,
    /// A number that the text names too, and what it has to be.
    named: Option<(&'static str, usize)>,
}

impl Program {
    /// The kernels that need no formula.
    pub const FIXED: Self = Self { kernel: None, formulas: [None; MOST_FORMULAS] };

    /// A kernel with its formulas.
    pub fn new(kernel: Kernel, formulas: &[Struct]) -> Self {
        let mut all = [None; MOST_FORMULAS];
        all.iter_mut().zip(formulas).for_each(|(place, formula)| *place = Some(*formula));
        Self { kernel: Some(kernel), formulas: all }
    }

    /// What it is called, for messages.
    pub fn name(&self) -> &'static str {
        self.kernel.map_or("kernels", |kernel| kernel.name)
    }

    /// The text, for a compiler.
    pub fn text(&self) -> String {
        let Some(kernel) = &self.kernel else { return ff_kernels::fixed() };
        let mut formulas = String::new();
        self.formulas.iter().flatten().for_each(|formula| formula.put(&mut formulas));
        ff_kernels::with_formulas(kernel, &formulas)
    }
}

impl Struct {
    /// That of a layer's units.
    ///
    /// # Errors
    /// If they have no CUDA text.
    pub fn neuron(op: &'static str, units: &dyn Units) -> Result<Self> {
        Self::of(op, "Neuron", units, Some(("STATES", units.states())))
    }

    /// That of a goodness.
    ///
    /// # Errors
    /// If it has no CUDA text.
    pub fn goodness(op: &'static str, goodness: &dyn Goodness) -> Result<Self> {
        Self::of(op, "Goodness", goodness, None)
    }

    /// That of an objective.
    ///
    /// # Errors
    /// If it has no CUDA text.
    pub fn objective(op: &'static str, objective: &dyn Objective) -> Result<Self> {
        Self::of(op, "Objective", objective, None)
    }

    /// That of an optimiser with `moments` moments.
    ///
    /// # Errors
    /// If it has no CUDA text.
    pub fn optimiser(op: &'static str, optimiser: &dyn Optimiser, moments: usize) -> Result<Self> {
        Self::of(op, "Optimiser", optimiser, Some(("MOMENTS", moments)))
    }

    fn of(
        op: &'static str,
        name: &'static str,
        formula: &dyn Formula,
        named: Option<(&'static str, usize)>,
    ) -> Result<Self> {
        let (pieces, numbers) = (formula.cuda(), formula.numbers().len());
        if pieces.is_empty() {
            let reason = format!(
                "{formula:?} has no CUDA text, so it runs on the CPU only: give it `Formula::cuda`, or use the CPU"
            );
            return Err(Error::Parameter { op, reason });
        }
        // An op has refused more of them before: a kernel would read beyond what is handed over.
        let numbers = numbers.min(MOST_WORDS);
        Ok(Self { name, pieces, numbers, named })
    }

    /// Adds the text, in a namespace of its own: two formulas may use the same names. What would be read or written beside
    /// the numbers that are handed over does not compile.
    fn put(&self, text: &mut String) {
        let Self { name, pieces, numbers, named } = self;
        let space = name.to_lowercase();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "namespace of_{space} {{");
        for (i, piece) in pieces.iter().enumerate() {
            let _ = writeln!(text, "#line 1 \"{name}, text {}\"\n{piece}", i + 1);
        }
        // An empty struct has one byte.
        let bytes = if *numbers == 0 { 1 } else { 4 * numbers };
        let _ = writeln!(
            text,
            "#line 1 \"{name}\"\n}}\nusing of_{space}::{name};\nstatic_assert(sizeof({name}) == {bytes} && alignof({name}) <= 4, \
             \"the fields of `{name}` are not its numbers in Rust: {numbers} of 32 bits\");"
        );
        if let Some((count, is)) = named {
            let _ = writeln!(
                text,
                "static_assert({name}::{count} == {is}, \"`{count}` of `{name}` is another number in Rust: {is}\");"
            );
        }
    }
}

impl PartialEq for Struct {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && std::ptr::eq(self.pieces, other.pieces)
            && self.numbers == other.numbers
            && self.named == other.named
    }
}

impl Eq for Struct {}

impl Hash for Struct {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::hash(self.pieces, state);
    }
}

impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.formulas == other.formulas
    }
}

impl Eq for Program {}

impl Hash for Program {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
        self.formulas.hash(state);
    }
}
