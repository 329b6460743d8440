//! The check passes the engine's own formulas, and names what is wrong in others.

use ff_tensor::{Formula, Numbers};

use super::*;
use crate::formulas::*;

#[test]
fn the_engines_own_formulas_stand() {
    for reset in [Reset::Subtract, Reset::Zero, Reset::None] {
        for output in [Output::Rate, Output::Membrane] {
            neuron(&Lif::<Atan>::new(0.8, 1.0, reset, 8, output)).unwrap_or_else(|e| panic!("{e}"));
            neuron(&Lif::<FastSigmoid>::new(0.9, 1.0, reset, 4, output)).unwrap_or_else(|e| panic!("{e}"));
            neuron(&Lif::<Triangle>::new(0.5, 2.0, reset, 9, output)).unwrap_or_else(|e| panic!("{e}"));
            neuron(&Lif::<Boxcar>::new(0.8, 1.0, reset, 8, output)).unwrap_or_else(|e| panic!("{e}"));
        }
    }
    assert_eq!(neuron(&Relu), Ok(()));
    for squares in [Squares::Mean, Squares::Sum] {
        assert_eq!(goodness(&squares), Ok(()));
    }
    assert_eq!(objective(&Pair { alpha: 3.0 }), Ok(()));
    assert_eq!(objective(&Softplus { theta: 1.0 }), Ok(()));
}

/// A formula with half of the derivative that it should have.
#[derive(Debug, Clone)]
struct Wrong;

impl Formula for Wrong {
    fn numbers(&self) -> Numbers {
        Numbers::none()
    }
}

impl Goodness for Wrong {
    fn term(&self, signal: f32) -> f32 {
        signal * signal
    }
    fn dterm(&self, signal: f32) -> f32 {
        signal
    }
    fn factor(&self, _: usize) -> f32 {
        1.0
    }
}

impl Neuron for Wrong {
    type State = [f32; 1];
    fn steps(&self) -> usize {
        3
    }
    fn step(&self, [x]: [f32; 1], current: f32) -> [f32; 1] {
        [0.5 * x + current]
    }
    fn spike(&self, [x]: [f32; 1]) -> f32 {
        x
    }
    fn dstep(&self, _: [f32; 1], _: [f32; 1], [d]: [f32; 1], dcurrent: f32) -> [f32; 1] {
        [0.25 * d + dcurrent]
    }
    fn dspike(&self, _: [f32; 1], [d]: [f32; 1]) -> f32 {
        d
    }
}

impl Objective for Wrong {
    /// A gentle one, with the signs of a steep one.
    fn of_pair(&self, positive: f32, negative: f32) -> ff_tensor::PairLoss {
        ff_tensor::PairLoss { loss: 0.02 * (negative - positive), dpositive: 0.02, dnegative: -0.02 }
    }
}

/// A unit that spikes, with a derivative that nobody can check.
#[derive(Debug, Clone)]
struct Unnamed;

impl Formula for Unnamed {
    fn numbers(&self) -> Numbers {
        Numbers::none()
    }
}

impl Neuron for Unnamed {
    type State = [f32; 1];
    fn steps(&self) -> usize {
        3
    }
    fn step(&self, [x]: [f32; 1], current: f32) -> [f32; 1] {
        [0.5 * x + current]
    }
    fn spike(&self, [x]: [f32; 1]) -> f32 {
        if x > 1.0 { 1.0 } else { 0.0 }
    }
    fn dstep(&self, _: [f32; 1], _: [f32; 1], [d]: [f32; 1], dcurrent: f32) -> [f32; 1] {
        [0.5 * d + dcurrent]
    }
    fn dspike(&self, [x]: [f32; 1], [d]: [f32; 1]) -> f32 {
        Atan::at(x - 1.0) * d
    }
}

#[test]
fn a_spike_whose_derivative_has_no_function_is_refused() {
    let e = neuron(&Unnamed).expect_err("a spike jumps");
    assert!(e.ends_with("so name a smooth function in `soft_spike`"), "{e}");
}

#[test]
fn a_wrong_derivative_is_named() {
    let e = objective(&Wrong).expect_err("it is wrong");
    assert!(e.starts_with("dpositive is 0.02"), "{e}");
    assert_eq!(objective(&Pair { alpha: 0.02 }), Ok(()));
    let e = goodness(&Wrong).expect_err("it is wrong");
    assert!(e.starts_with("dterm is "), "{e}");
    let e = neuron(&Wrong).expect_err("it is wrong");
    assert!(e.starts_with("dstep of state 0 to state 0 is 0.25"), "{e}");
}
