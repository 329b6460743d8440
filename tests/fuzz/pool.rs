//! The formulas that are called: the engine's and a user's, with settings that are sometimes impossible.

use ff_net::formulas::{
    Adam, Atan, Boxcar, Lif, Output, Pair, Relu, Reset, Secant, Softplus, Squares, Surrogate,
};
use ff_tensor::neuron::{self, Row};
use ff_tensor::{Formula, Goodness, Neuron, Numbers, Objective, Optimiser, Readout, Units};

use crate::draws::Draws;
use crate::formulas::{Adaptive, Descent, Margin, MeanSignal, Momentum};

/// A LIF unit whose rate is always counted step by step. The CPU counts it by its staircase, which differs for currents within a
/// few roundings of a step: among so many draws that happens.
struct Counted<S: Surrogate>(Lif<S>);

impl<S: Surrogate> Clone for Counted<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Surrogate> std::fmt::Debug for Counted<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: Surrogate> Neuron for Counted<S> {
    type State = [f32; 1];

    fn steps(&self) -> usize {
        Neuron::steps(&self.0)
    }

    fn readout(&self) -> Readout {
        Neuron::readout(&self.0)
    }

    fn validate(&self) -> Result<(), String> {
        Neuron::validate(&self.0)
    }

    #[inline(always)]
    fn step(&self, state: [f32; 1], current: f32) -> [f32; 1] {
        self.0.step(state, current)
    }

    #[inline(always)]
    fn spike(&self, state: [f32; 1]) -> f32 {
        self.0.spike(state)
    }

    #[inline(always)]
    fn dstep(&self, before: [f32; 1], after: [f32; 1], d: [f32; 1], dcurrent: f32) -> [f32; 1] {
        self.0.dstep(before, after, d, dcurrent)
    }

    #[inline(always)]
    fn dspike(&self, state: [f32; 1], d: [f32; 1]) -> f32 {
        self.0.dspike(state, d)
    }

    /// With the secant's slope, if it has one.
    fn constant<const LEARN: bool>(&self, row: Row) {
        let Row { signal, slope, current, bias } = row;
        if LEARN && S::OF_RATE {
            self.0.constant::<true>(Row { signal, slope, current, bias });
            neuron::constant::<Self, false>(self, Row { signal, slope: &mut [], current, bias });
        } else {
            neuron::constant::<Self, LEARN>(self, Row { signal, slope, current, bias });
        }
    }
}

impl<S: Surrogate> Formula for Counted<S> {
    fn numbers(&self) -> Numbers {
        self.0.numbers()
    }

    fn cuda(&self) -> &'static [&'static str] {
        self.0.cuda()
    }
}

fn lif<S: Surrogate>(draws: &mut Draws) -> Box<dyn Units> {
    let beta = if draws.in_ten(9) { draws.unit() } else { draws.value() };
    let threshold = if draws.in_ten(9) { 0.1 + draws.unit() } else { draws.value() };
    let reset = [Reset::Subtract, Reset::Zero, Reset::None][draws.below(3) as usize];
    let output = if draws.in_ten(7) { Output::Rate } else { Output::Membrane };
    Box::new(Counted(Lif::<S>::new(beta, threshold, reset, steps(draws), output)))
}

/// Mostly few; sometimes more than a thread keeps.
fn steps(draws: &mut Draws) -> usize {
    match draws.below(20) {
        0 => 0,
        1 => 62 + draws.below(8) as usize,
        _ => 1 + draws.below(5) as usize,
    }
}

pub fn units(draws: &mut Draws) -> Box<dyn Units> {
    match draws.below(5) {
        0 => Box::new(Relu),
        1 => lif::<Atan>(draws),
        2 => lif::<Boxcar>(draws),
        3 => lif::<Secant>(draws),
        _ => Box::new(Adaptive {
            beta: draws.unit(),
            threshold: draws.unit(),
            rho: draws.unit(),
            strength: draws.value(),
            steps: steps(draws),
            readout: if draws.in_ten(7) { Readout::Rate } else { Readout::Membrane },
        }),
    }
}

pub fn goodness(draws: &mut Draws) -> &'static dyn Goodness {
    [&Squares::Mean as &dyn Goodness, &Squares::Sum, &MeanSignal][draws.below(3) as usize]
}

pub fn objective(draws: &mut Draws) -> Box<dyn Objective> {
    match draws.below(3) {
        0 => Box::new(Softplus { theta: draws.value() }),
        1 => Box::new(Pair { alpha: draws.value() }),
        _ => Box::new(Margin { margin: draws.value(), alpha: draws.value() }),
    }
}

pub fn optimiser(draws: &mut Draws) -> Box<dyn Optimiser> {
    let rate = draws.value();
    match draws.below(4) {
        0 => Box::new(Momentum { rate, momentum: draws.value(), decay: draws.unit() }),
        1 => Box::new(Descent { rate }),
        _ => Box::new(Adam {
            learning_rate: rate,
            beta1: draws.unit(),
            beta2: draws.unit(),
            eps: if draws.in_ten(8) { 1e-8 } else { draws.value() },
            decay: draws.unit(),
            cool_from: draws.index(60),
            last_step: draws.index(60),
        }),
    }
}
