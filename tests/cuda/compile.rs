//! The kernels' programs, for checks that need a compiler but no GPU: tests/cuda/compile.sh.
//!
//! `compile text DIR` writes each program's text to DIR; `compile sm_90` compiles each by ff-cuda's own call of NVRTC. The
//! programs are the one without formulas, and one for each kernel that needs formulas and each of the engine's formulas, and
//! those of tests/formulas, as a user would write them.
#![allow(missing_docs)]

#[path = "../formulas/mod.rs"]
mod formulas;

use ff_cuda::seam::{Program, Struct, compile};
use ff_kernels as kernels;
use ff_net::formulas::{
    Adam, Atan, Boxcar, FastSigmoid, Lif, Output, Pair, Relu, Reset, Secant, Softplus, Squares, Surrogate,
    Triangle,
};
use ff_tensor::{Goodness, Objective, Optimiser, Readout, Result, Units};

use formulas::{Adaptive, Descent, Margin, MeanSignal, Momentum};

fn lif<S: Surrogate>() -> Box<dyn Units> {
    Box::new(Lif::<S>::new(0.9, 1.0, Reset::Subtract, 8, Output::Rate))
}

/// All units, with their names.
fn neurons() -> Vec<(&'static str, Box<dyn Units>)> {
    let readout = Readout::Rate;
    let adaptive = Adaptive { beta: 0.9, threshold: 1.0, rho: 0.9, strength: 0.1, steps: 8, readout };
    vec![
        ("relu", Box::new(Relu)),
        ("lif-atan", lif::<Atan>()),
        ("lif-fast-sigmoid", lif::<FastSigmoid>()),
        ("lif-triangle", lif::<Triangle>()),
        ("lif-boxcar", lif::<Boxcar>()),
        ("lif-secant", lif::<Secant>()),
        ("adaptive", Box::new(adaptive)),
    ]
}

/// Every program, with a name for its file.
fn programs() -> Result<Vec<(String, Program)>> {
    let goodnesses: [(&str, &dyn Goodness); 2] = [("squares", &Squares::Mean), ("mean-signal", &MeanSignal)];
    let objectives: [(&str, &dyn Objective); 3] = [
        ("softplus", &Softplus { theta: 5.0 }),
        ("pair", &Pair { alpha: 4.0 }),
        ("margin", &Margin { margin: 1.0, alpha: 1.0 }),
    ];
    let optimisers: [(&str, &dyn Optimiser); 3] = [
        ("adam", &Adam::constant(0.1)),
        ("momentum", &Momentum { rate: 0.1, momentum: 0.9, decay: 0.0 }),
        ("descent", &Descent { rate: 0.1 }),
    ];
    let mut all = vec![("fixed".to_string(), Program::FIXED)];
    let mut add = |kernel: kernels::Kernel, names: &[&str], formulas: &[Struct]| {
        all.push((format!("{}-{}", kernel.name, names.join("-")), Program::new(kernel, formulas)));
    };
    for (name, goodness) in goodnesses {
        add(kernels::ROW_GOODNESS, &[name], &[Struct::goodness("row_goodness", goodness)?]);
    }
    for (name, optimiser) in optimisers {
        add(kernels::UPDATE, &[name], &[Struct::optimiser("update", optimiser, optimiser.moments().len())?]);
    }
    for (name, objective) in objectives {
        add(kernels::PAIR_LOSSES, &[name], &[Struct::objective("pair_losses", objective)?]);
        let (of_goodness, goodness) = goodnesses[usize::from(name == "margin")];
        let formulas =
            [Struct::goodness("slice_grad", goodness)?, Struct::objective("slice_grad", objective)?];
        add(kernels::SLICE_GRAD, &[of_goodness, name], &formulas);
    }
    for (name, units) in &neurons() {
        let neuron = Struct::neuron("units", units.as_ref())?;
        add(kernels::UNITS_FORWARD, &[name], &[neuron]);
        add(kernels::UNITS_BACKWARD, &[name], &[neuron]);
        // The engine's units with the engine's formulas, a user's units with his own.
        let own = *name == "adaptive";
        let (of_goodness, goodness) = goodnesses[usize::from(own)];
        let goodness = Struct::goodness("goodness", goodness)?;
        add(kernels::LABEL_GOODNESS, &[name, of_goodness], &[neuron, goodness]);
        add(kernels::SLICE_SIGNALS, &[name, of_goodness], &[neuron, goodness]);
        for (of_objective, objective) in if own { &objectives[2..] } else { &objectives[..2] } {
            let formulas = [neuron, goodness, Struct::objective("local_grad", *objective)?];
            add(kernels::LOCAL_GRAD, &[name, of_goodness, of_objective], &formulas);
        }
    }
    Ok(all)
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(what), dir) = (words.next(), words.next()) else { return Err("which architecture?".into()) };
    for (name, program) in programs()? {
        let text = program.text();
        match &dir {
            Some(dir) => std::fs::write(format!("{dir}/{name}.cu"), text)?,
            None => drop(compile(&text, &what).map_err(|e| format!("{name}: {e}"))?),
        }
    }
    Ok(())
}
