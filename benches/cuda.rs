//! The CUDA device on GPU 0: whole epochs, whole scans, and each kernel's share of the memory's bandwidth.
//!
//! `cargo bench --bench cuda`. Medians; a host's clock around work that is waited for, many steps at a time. On random
//! images, which is fair here: no kernel looks at which numbers are zero. Without a GPU it says so and ends with an error.
#![allow(clippy::unwrap_used, missing_docs)]

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Instant;

use ff_cuda::{Cuda, Products};
use ff_net::formulas::{Adam, Atan, Lif, Output, Pair, Reset, Squares};
use ff_net::{Config, Network, Predictor, Schedule, Trainer};
use ff_tensor::{
    Augment, Augmentation, Device, Dropout, LocalGrad, Result, RowGoodness, Tensor, UnitsForward, Update,
    random,
};
use ndarray::{Array1, Array2};

const IMAGES: usize = 60_000;
const PIXELS: usize = 784;
const ROUNDS: usize = 7;

fn main() -> ExitCode {
    let open = |products| Cuda::new(0, products);
    let (full, tf32) = match (open(Products::F32), open(Products::Tf32)) {
        (Ok(full), tf32) => (full, tf32),
        (Err(e), _) => {
            eprintln!("the CUDA bench was not run: {e}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}, medians of {ROUNDS}", full.description());
    let quick: Config = toml::from_str(include_str!("../crates/ff-cli/presets/quick.toml")).unwrap();
    let membrane = Config { schedule: Schedule::Joint, batch: 1_000, ..Config::default() };
    let wide = Config { layers: vec![2_000, 2_000], batch: 500, ..quick.clone() };
    work(&full, "784-500-500, T = 1, batch 1,000, f32", membrane);
    work(&full, "784-500-500, T = 8, batch 100, f32 (quick)", quick);
    work(&full, "784-2000-2000, T = 8, batch 500, f32", wide.clone());
    match tf32 {
        Ok(dev) => work(&dev, "784-2000-2000, T = 8, batch 500, TF32", wide),
        Err(e) => println!("TF32: not run: {e}"),
    }
    augment(&full).unwrap();
    kernels(&full).unwrap();
    ExitCode::SUCCESS
}

/// An epoch of training, and a scan of 10,000 images.
fn work(dev: &Cuda, name: &str, config: Config) {
    let config = Config { epochs: 2 * ROUNDS, ..config };
    let pixel = |i: usize| {
        if random::bits(2, i as u64).is_multiple_of(5) { random::bits(1, i as u64) as u8 } else { 0 }
    };
    let images = Array2::from_shape_fn((IMAGES, PIXELS), |(n, i)| pixel(n * PIXELS + i));
    let labels = Array1::from_shape_fn(IMAGES, |n| (n % 10) as u8);
    let network = Network::new(dev, config, PIXELS, 10).unwrap();
    let mut trainer = Trainer::new(network, &images, &labels).unwrap();
    let seconds = median(|| {
        let start = Instant::now();
        trainer.epoch().unwrap();
        start.elapsed().as_secs_f64()
    });
    println!("{name}: epoch {:8.2} ms", seconds * 1e3);
    let network = trainer.into_network();
    let mut predictor = Predictor::new(&network).unwrap();
    let test = images.slice(ndarray::s![..10_000, ..]).to_owned();
    let seconds = median(|| {
        let start = Instant::now();
        predictor.scan(&network, &test).unwrap();
        start.elapsed().as_secs_f64()
    });
    println!("{name}: scan  {:8.2} ms", seconds * 1e3);
}

/// An epoch's images, changed as by `best-augmented`.
fn augment(dev: &Cuda) -> Result<()> {
    let noise: Vec<u8> = (0..IMAGES * PIXELS).map(|i| random::bits(1, i as u64) as u8).collect();
    let (images, mut out) = (dev.upload(IMAGES, PIXELS, &noise)?, dev.zeros(IMAGES, PIXELS)?);
    let list = [
        Augmentation::Elastic { strength: 1.0, smoothness: 4.5 },
        Augmentation::Affine { rotate: 8.0, scale: 0.08, shear: 5.0, shift: 1.0 },
    ];
    let seconds = median(|| {
        let start = Instant::now();
        let (out, images) = (&mut out, &images);
        Augment { out, images, list: &list, width: 28, height: 28, seed: 1, epoch: 0 }.on(dev).unwrap();
        dev.synchronise().unwrap();
        start.elapsed().as_secs_f64()
    });
    println!("augment of {IMAGES} images: {:8.2} ms", seconds * 1e3);
    Ok(())
}

/// The kernels that memory bounds, on tensors that leave the caches: bytes that have to be read or written, in a second.
fn kernels(dev: &Cuda) -> Result<()> {
    const ROWS: usize = 20_000;
    const UNITS: usize = 2_000;
    let tensor = || dev.upload(ROWS, UNITS, &vec![0.6f32; ROWS * UNITS]);
    let column = || -> Result<Tensor<Cuda>> { dev.zeros(ROWS, 1) };
    let (current, mut signal, square, mut dcurrent) = (tensor()?, tensor()?, tensor()?, tensor()?);
    let (mut goodness, mut losses, clock) = (column()?, column()?, dev.zeros(1, 2)?);
    let lif = Lif::<Atan>::new(0.8, 1.0, Reset::Subtract, 8, Output::Rate);
    let (adam, mean, objective) = (Adam::constant(1e-3), Squares::Mean, Pair { alpha: 6.0 });
    let size = (4 * ROWS * UNITS) as f64;
    let report = |name: &str, tensors: f64, step: &mut dyn FnMut() -> Result<()>| -> Result<()> {
        const STEPS: usize = 20;
        dev.repeat(STEPS, step, &mut || ControlFlow::Continue(()))?;
        let seconds = median(|| {
            dev.synchronise().unwrap();
            let start = Instant::now();
            dev.repeat(STEPS, step, &mut || ControlFlow::Continue(())).unwrap();
            dev.synchronise().unwrap();
            start.elapsed().as_secs_f64() / STEPS as f64
        });
        println!("{name:<14} {:8.0} GB/s", tensors * size / seconds / 1e9);
        Ok(())
    };
    report("units_forward", 2.0, &mut || {
        let (signal, current) = (&mut signal, &current);
        UnitsForward { signal, spikes: None, current, bias: None, units: &lif }.on(dev)
    })?;
    report("row_goodness", 1.0, &mut || {
        RowGoodness { goodness: &mut goodness, signal: &signal, formula: &mean }.on(dev)
    })?;
    // The current is read, signal and gradient are written; what is read again should come from a cache.
    report("local_grad", 3.0, &mut || {
        LocalGrad {
            dcurrent: &mut dcurrent,
            losses: &mut losses,
            signal: &mut signal,
            spikes: None,
            goodness: &mut goodness,
            current: &current,
            bias: None,
            clock: &clock,
            units: &lif,
            dropout: Dropout::NONE,
            formula: &mean,
            objective: &objective,
        }
        .on(dev)
    })?;
    // What the update does to the numbers does not matter here.
    let mut moments = [square, dcurrent];
    report("update, adam", 7.0, &mut || {
        let (weight, gradient) = (&mut signal, &current);
        Update { weight, moments: &mut moments, gradient, clock: &clock, optimiser: &adam }.on(dev)
    })
}

fn median(mut run: impl FnMut() -> f64) -> f64 {
    let mut seconds: Vec<f64> = (0..ROUNDS).map(|_| run()).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[ROUNDS / 2]
}
