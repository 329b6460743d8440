//! The kernels' programs, for checks that need a compiler but no GPU: tests/cuda/compile.sh.
//!
//! `compile text DIR` writes each program's text to DIR; `compile sm_90` compiles each by ff-cuda's own call of NVRTC. The
//! programs are the one without formulas, and one for each kernel that needs formulas and each of the engine's formulas.
#![allow(missing_docs)]

use ff_cuda::seam::{Program, Struct, compile};
use ff_kernels as kernels;
use ff_net::formulas::{
    Adam, Atan, Boxcar, FastSigmoid, Lif, Output, Pair, Relu, Reset, Secant, Softplus, Squares, Surrogate,
    Triangle,
};
use ff_tensor::{Goodness, Objective, Optimiser, Result, Units};

fn lif<S: Surrogate>() -> Box<dyn Units> {
    Box::new(Lif::<S>::new(0.9, 1.0, Reset::Subtract, 8, Output::Rate))
}

/// Every program, with a name for its file.
fn programs() -> Result<Vec<(String, Program)>> {
    let neurons: [(&str, Box<dyn Units>); 6] = [
        ("relu", Box::new(Relu)),
        ("lif-atan", lif::<Atan>()),
        ("lif-fast-sigmoid", lif::<FastSigmoid>()),
        ("lif-triangle", lif::<Triangle>()),
        ("lif-boxcar", lif::<Boxcar>()),
        ("lif-secant", lif::<Secant>()),
    ];
    let objectives: [(&str, &dyn Objective); 2] =
        [("softplus", &Softplus { theta: 5.0 }), ("pair", &Pair { alpha: 4.0 })];
    let goodness: &dyn Goodness = &Squares::Mean;
    let optimiser: &dyn Optimiser = &Adam::constant(0.1);

    let mut all = vec![("fixed".to_string(), Program::FIXED)];
    let mut add = |kernel: kernels::Kernel, names: &str, formulas: &[Struct]| {
        all.push((format!("{}-{names}", kernel.name), Program::new(kernel, formulas)));
    };
    let goodness = Struct::goodness("row_goodness", goodness)?;
    add(kernels::ROW_GOODNESS, "squares", &[goodness]);
    add(kernels::UPDATE, "adam", &[Struct::optimiser("update", optimiser)?]);
    for (name, objective) in objectives {
        add(kernels::PAIR_LOSSES, name, &[Struct::objective("pair_losses", objective)?]);
    }
    for (name, units) in &neurons {
        let neuron = Struct::neuron("units", units.as_ref())?;
        add(kernels::UNITS_FORWARD, name, &[neuron]);
        add(kernels::UNITS_BACKWARD, name, &[neuron]);
        add(kernels::LABEL_GOODNESS, name, &[neuron, goodness]);
        for (of_objective, objective) in objectives {
            let objective = Struct::objective("local_grad", objective)?;
            add(kernels::LOCAL_GRAD, &format!("{name}-{of_objective}"), &[neuron, goodness, objective]);
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
