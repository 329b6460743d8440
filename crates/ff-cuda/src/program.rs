//! This module holds what a driver compiles: the kernels that need no formula, or one kernel after the text of its formulas.
//!
//! Every launch names its program. So a program does not hold its text, only the addresses of the text's pieces. Two programs are
//! equal if their names and numbers are equal and the pieces are at the same addresses. The driver puts the text together once,
//! when it gets the program for the first time.

use std::fmt::Write;
use std::hash::{Hash, Hasher};

use ff_kernels::Kernel;
use ff_tensor::formula::MOST_WORDS;
use ff_tensor::{Error, Formula, Goodness, Objective, Optimiser, Result, Units};

/// The largest number of formulas that one kernel needs.
const MOST_FORMULAS: usize = 3;

/// A program. It equals another one that is made of the same parts.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The kernel, or `None` for the program of the kernels that need no formula.
    kernel: Option<Kernel>,
    formulas: [Option<Struct>; MOST_FORMULAS],
}

/// A formula as a struct in CUDA, and what Rust knows about it.
#[derive(Debug, Clone, Copy)]
pub struct Struct {
    name: &'static str,
    pieces: &'static [&'static str],
    /// The number of 32-bit numbers that are handed over as its fields.
    numbers: usize,
    /// The name of a constant in the text, and the value that it has to have.
    named: Option<(&'static str, usize)>,
}

impl Program {
    /// The program of the kernels that need no formula.
    pub const FIXED: Self = Self { kernel: None, formulas: [None; MOST_FORMULAS] };

    /// Makes the program of a kernel with its formulas.
    pub fn new(kernel: Kernel, formulas: &[Struct]) -> Self {
        let mut all = [None; MOST_FORMULAS];
        all.iter_mut().zip(formulas).for_each(|(place, formula)| *place = Some(*formula));
        Self { kernel: Some(kernel), formulas: all }
    }

    /// Returns the program's name, for messages.
    pub fn name(&self) -> &'static str {
        self.kernel.map_or("kernels", |kernel| kernel.name)
    }

    /// Returns the text, for a compiler.
    pub fn text(&self) -> String {
        let Some(kernel) = &self.kernel else { return ff_kernels::fixed() };
        let mut formulas = String::new();
        self.formulas.iter().flatten().for_each(|formula| formula.put(&mut formulas));
        ff_kernels::with_formulas(kernel, &formulas)
    }
}

impl Struct {
    /// Makes the struct of a layer's units.
    ///
    /// # Errors
    /// Fails if they have no CUDA text.
    pub fn neuron(op: &'static str, units: &dyn Units) -> Result<Self> {
        Self::of(op, "Neuron", units, Some(("STATES", units.states())))
    }

    /// Makes the struct of a goodness.
    ///
    /// # Errors
    /// Fails if it has no CUDA text.
    pub fn goodness(op: &'static str, goodness: &dyn Goodness) -> Result<Self> {
        Self::of(op, "Goodness", goodness, None)
    }

    /// Makes the struct of an objective.
    ///
    /// # Errors
    /// Fails if it has no CUDA text.
    pub fn objective(op: &'static str, objective: &dyn Objective) -> Result<Self> {
        Self::of(op, "Objective", objective, None)
    }

    /// Makes the struct of an optimiser with `moments` moments.
    ///
    /// # Errors
    /// Fails if it has no CUDA text.
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
        // An op has already refused more of them, because a kernel would read beyond what is handed over.
        let numbers = numbers.min(MOST_WORDS);
        Ok(Self { name, pieces, numbers, named })
    }

    /// Adds the struct's text in a namespace of its own, because two formulas may use the same names. A struct that would read or
    /// write beside the numbers that are handed over does not compile.
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
