//! What the devices refuse, in the same words: shapes that do not fit, and formulas that cannot be. And what only a GPU can
//! refuse: another device's tensors, and CUDA text that is wrong.

use ff_cpu::Cpu;
use ff_cuda::Cuda;
use ff_net::formulas::{Adam, Lif, Output, Pair, Reset, Squares};
use ff_tensor::{
    Augment, Augmentation, CurrentGrad, Device, DrawLabels, Dropout, Formula, Goodness, LabelCurrent,
    LabelGoodness, LocalGrad, MatMul, Norm, NormKind, Normalise, Numbers, Objective, PairLoss, PairLosses,
    Readout, Result, RowFactor, RowGoodness, Select, ShareGoodness, ShareGrad, SoftmaxLoss, SumRows, Tensor,
    UnitsForward, Update,
};

use crate::formulas::{Margin, MeanSignal};
use crate::ops::{AMPLITUDE, clock};
use crate::own::adaptive;
use crate::shim::{Schedule, Shim};

const NORM: Norm = Norm { kind: NormKind::L2, eps: 0.1 };

fn zeros<D: Device>(dev: &D, rows: usize, cols: usize) -> Tensor<D> {
    dev.zeros(rows, cols).unwrap()
}

fn labels<D: Device>(dev: &D, rows: usize) -> Tensor<D, u32> {
    dev.zeros(rows, 1).unwrap()
}

fn lif() -> Lif {
    Lif::new(0.8, 1.0, Reset::Subtract, 3, Output::Rate)
}

fn refused_inputs<D: Device>(dev: &D) -> Vec<Result<()>> {
    let augment = |out: [usize; 2], images: [usize; 2], width, pixels| {
        let (mut out, images) =
            (dev.zeros(out[0], out[1]).unwrap(), dev.zeros(images[0], images[1]).unwrap());
        let list = &[Augmentation::Shift { pixels }];
        Augment { out: &mut out, images: &images, list, width, height: 3, seed: 1, epoch: 0 }.on(dev)
    };
    let draw = |classes, scores: [usize; 2]| {
        let (pair, scores) = (&mut labels(dev, 4), Some(&zeros(dev, scores[0], scores[1])));
        let (labels, clock) = (&labels(dev, 2), &clock(dev));
        DrawLabels { pair, labels, scores, clock, classes, seed: 1, sharpness: 1.0 }.on(dev)
    };
    let select = |rows: [usize; 2], table: [usize; 2]| {
        let (rows, table) = (&mut zeros(dev, rows[0], rows[1]), &zeros(dev, table[0], table[1]));
        Select { rows, table, order: &labels(dev, 3), clock: &clock(dev) }.on(dev)
    };
    let normalise = |rows, steps| {
        Normalise { xhat: &mut zeros(dev, rows, 3), x: &zeros(dev, 4, 3), steps, norm: NORM }.on(dev)
    };
    vec![
        augment([4, 12], [4, 12], 5, 1),
        augment([5, 12], [4, 12], 4, 1),
        augment([4, 0], [4, 0], 0, 1),
        augment([0, 0], [0, 0], 1 << 40, 1),
        augment([4, 12], [4, 12], 4, 1_001),
        draw(1, [2, 1]),
        draw(3, [2, 4]),
        select([2, 3], [5, 4]),
        select([2, 0], [5, 0]),
        normalise(4, 3),
        normalise(4, 0),
        normalise(5, 2),
    ]
}

fn refused_products<D: Device>(dev: &D) -> Vec<Result<()>> {
    let matmul = |a: [usize; 2], transpose_a, b: [usize; 2]| {
        let (c, a, b) = (&mut zeros(dev, 2, 3), &zeros(dev, a[0], a[1]), &zeros(dev, b[0], b[1]));
        MatMul { c, a, transpose_a, b, transpose_b: false }.on(dev)
    };
    let row_factor = |goodness| {
        let (factor, goodness) = (&mut zeros(dev, 4, 1), &zeros(dev, goodness, 1));
        RowFactor { factor, goodness, below: None, units: 5, goodness_factor: 1.0, norm: NORM }.on(dev)
    };
    let label_current = |rows, of_labels, batch| {
        let (current, shares, scale) = (&mut zeros(dev, rows, 3), &zeros(dev, 5, 3), &zeros(dev, batch, 1));
        let labels = &labels(dev, of_labels);
        LabelCurrent { current, shares, scale, labels, factor: None, amplitude: AMPLITUDE }.on(dev)
    };
    let share_goodness = |shares| {
        let (goodness, shares, scale) = (&mut zeros(dev, 4, 1), &zeros(dev, shares, 3), &zeros(dev, 2, 1));
        let labels = &labels(dev, 4);
        let (factor, amplitude, goodness_factor) = (None, AMPLITUDE, 1.0);
        ShareGoodness { goodness, shares, scale, labels, factor, amplitude, goodness_factor }.on(dev)
    };
    let share_grad = |rows, batch, factor: Option<usize>| {
        let (dshares, dcurrent) = (&mut zeros(dev, 5, 3), &zeros(dev, 4, 3));
        let factor = factor.map(|factor| zeros(dev, factor, 1));
        ShareGrad {
            dshares,
            dcurrent: CurrentGrad::Stored(dcurrent),
            labels: &labels(dev, rows),
            scale: &zeros(dev, batch, 1),
            factor: factor.as_ref(),
            amplitude: AMPLITUDE,
        }
        .on(dev)
    };
    vec![
        matmul([2, 4], false, [5, 3]),
        matmul([2, 4], true, [2, 3]),
        row_factor(3),
        label_current(4, 3, 2),
        label_current(5, 5, 2),
        label_current(4, 4, 0),
        share_goodness(2),
        share_grad(5, 2, None),
        share_grad(5, 5, None),
        share_grad(4, 2, Some(2)),
        SumRows { sum: &mut zeros(dev, 1, 2), rows: &zeros(dev, 5, 3), factor: 1.0 }.on(dev),
    ]
}

fn refused_units<D: Device>(dev: &D) -> Vec<Result<()>> {
    let lif = lif();
    let forward = |spikes: Option<usize>, current, bias: Option<usize>| {
        let mut spikes = spikes.map(|rows| zeros(dev, rows, 3));
        let bias = bias.map(|cols| zeros(dev, 1, cols));
        let (signal, current) = (&mut zeros(dev, 2, 3), &zeros(dev, current, 3));
        UnitsForward { signal, spikes: spikes.as_mut(), current, bias: bias.as_ref(), units: &lif }.on(dev)
    };
    let local_grad = |rows, dcurrent: [usize; 2], spikes, goodness| {
        LocalGrad {
            dcurrent: &mut zeros(dev, dcurrent[0], dcurrent[1]),
            losses: &mut zeros(dev, 6, 1),
            signal: &mut zeros(dev, rows, 3),
            spikes: Some(&mut zeros(dev, spikes, 3)),
            goodness: &mut zeros(dev, goodness, 1),
            current: &zeros(dev, rows, 3),
            bias: None,
            clock: &clock(dev),
            units: &lif,
            dropout: Dropout::NONE,
            formula: &Squares::Mean,
            objective: &Pair { alpha: 1.0 },
        }
        .on(dev)
    };
    let label_goodness = LabelGoodness {
        scores: &mut zeros(dev, 2, 3),
        shares: &zeros(dev, 5, 3),
        scale: &zeros(dev, 2, 1),
        bias: None,
        amplitude: AMPLITUDE,
        units: &lif,
        goodness: &Squares::Mean,
    };
    let wrong_beta = Lif::<ff_net::formulas::Atan>::new(1.5, 1.0, Reset::Zero, 3, Output::Rate);
    let (signal, current) = (&mut zeros(dev, 2, 3), &zeros(dev, 2, 3));
    vec![
        forward(None, 4, None),
        forward(Some(2), 2, None),
        forward(None, 2, Some(2)),
        UnitsForward { signal, spikes: None, current, bias: None, units: &wrong_beta }.on(dev),
        RowGoodness { goodness: &mut zeros(dev, 3, 1), signal: &zeros(dev, 2, 3), formula: &Squares::Sum }
            .on(dev),
        label_goodness.on(dev),
        local_grad(4, [4, 2], 12, 4),
        local_grad(4, [4, 3], 4, 4),
        local_grad(4, [4, 3], 12, 2),
        local_grad(3, [3, 3], 9, 3),
    ]
}

fn refused_learning<D: Device>(dev: &D) -> Vec<Result<()>> {
    let pair_losses = |objective: &dyn Objective, dgoodness| {
        let (losses, goodness) = (&mut zeros(dev, 6, 1), &zeros(dev, 4, 1));
        let (dgoodness, clock) = (&mut zeros(dev, dgoodness, 1), &clock(dev));
        PairLosses { losses, dgoodness, goodness, clock, objective }.on(dev)
    };
    let update = |moments: &mut [Tensor<D>]| {
        let (weight, gradient) = (&mut zeros(dev, 2, 3), &zeros(dev, 2, 3));
        Update { weight, moments, gradient, clock: &clock(dev), optimiser: &Adam::constant(0.1) }.on(dev)
    };
    let softmax = SoftmaxLoss {
        losses: &mut zeros(dev, 9, 1),
        dscores: &mut zeros(dev, 2, 3),
        scores: &zeros(dev, 2, 4),
        labels: &labels(dev, 2),
        clock: &clock(dev),
        sharpness: 1.0,
    };
    vec![
        pair_losses(&Pair { alpha: 1.0 }, 2),
        pair_losses(&Long, 4),
        update(&mut [zeros(dev, 2, 3), zeros(dev, 3, 2)]),
        update(&mut [zeros(dev, 2, 3)]),
        softmax.on(dev),
    ]
}

/// An objective with more numbers than can be handed over.
#[derive(Debug)]
struct Long;

impl Objective for Long {
    fn of_pair(&self, _: f32, _: f32) -> PairLoss {
        PairLoss { loss: 0.0, dpositive: 0.0, dnegative: 0.0 }
    }
}

impl Formula for Long {
    fn numbers(&self) -> Numbers {
        Numbers::floats(&[0.0; 9])
    }
}

fn refusals<D: Device>(dev: &D) -> Vec<String> {
    let all = [refused_inputs(dev), refused_products(dev), refused_units(dev), refused_learning(dev)];
    let words = |(i, result): (usize, Result<()>)| match result {
        Ok(()) => panic!("refusal {i} was none"),
        Err(e) => e.to_string(),
    };
    all.into_iter().flatten().enumerate().map(words).collect()
}

#[test]
fn shim_refuses_wrong_shapes_in_the_cpus_words() {
    assert_eq!(refusals(&Shim::device(Schedule::Forward)), refusals(&Cpu::new(1).unwrap()));
}

/// Each tensor of an op, one after the other, from another GPU.
#[test]
fn shim_refuses_another_gpus_tensors() {
    let [here, there] = ["cuda:0", "cuda:1"].map(|name| Cuda::on(Shim::named(name, Schedule::Forward)));
    for (i, name) in ["c", "a", "b"].into_iter().enumerate() {
        let [mut c, a, b] = [0, 1, 2].map(|k| zeros(if k == i { &there } else { &here }, 2, 2));
        let said = MatMul { c: &mut c, a: &a, transpose_a: false, b: &b, transpose_b: false }.on(&here);
        let said = said.unwrap_err().to_string();
        assert_eq!(said, format!("matmul: `{name}` lies on cuda:1, not on cuda:0"));
    }
    for (i, name) in ["signal", "spikes", "current", "bias"].into_iter().enumerate() {
        let dev = |k| if k == i { &there } else { &here };
        let (mut signal, mut spikes) = (zeros(dev(0), 2, 3), zeros(dev(1), 6, 3));
        let (current, bias) = (zeros(dev(2), 2, 3), zeros(dev(3), 1, 3));
        let (spikes, bias) = (Some(&mut spikes), Some(&bias));
        let op = UnitsForward { signal: &mut signal, spikes, current: &current, bias, units: &lif() };
        let said = op.on(&here).unwrap_err().to_string();
        assert_eq!(said, format!("units_forward: `{name}` lies on cuda:1, not on cuda:0"));
    }
    let mut there_tensor = zeros(&there, 1, 2);
    let said = here.download(&there_tensor).unwrap_err().to_string();
    assert_eq!(said, "read: `from` lies on cuda:1, not on cuda:0");
    let said = here.write(&mut there_tensor, &[1.0, 2.0]).unwrap_err().to_string();
    assert_eq!(said, "write: `to` lies on cuda:1, not on cuda:0");
    // A clone is the same device.
    here.clone().download(&zeros(&here, 1, 2)).unwrap();
    // The same GPU, opened twice, has two queues of work.
    let again = Cuda::on(Shim::named("cuda:0", Schedule::Forward));
    let said = again.download(&zeros(&here, 1, 2)).unwrap_err().to_string();
    assert!(said.contains("belongs to another opened `cuda:0`"), "{said}");
}

/// A goodness with any CUDA text.
#[derive(Debug)]
struct Text(&'static [&'static str]);

impl Goodness for Text {
    fn term(&self, signal: f32) -> f32 {
        signal
    }

    fn dterm(&self, _: f32) -> f32 {
        1.0
    }

    fn factor(&self, _: usize) -> f32 {
        1.0
    }
}

impl Formula for Text {
    fn numbers(&self) -> Numbers {
        Numbers::floats(&[2.0])
    }

    fn cuda(&self) -> &'static [&'static str] {
        self.0
    }
}

#[test]
fn shim_says_what_is_wrong_with_a_formulas_text() {
    let dev = Shim::device(Schedule::Forward);
    let said = |formula: &dyn Goodness| {
        RowGoodness { goodness: &mut zeros(&dev, 2, 1), signal: &zeros(&dev, 2, 3), formula }.on(&dev)
    };
    let none = said(&Text(&[])).unwrap_err().to_string();
    assert!(
        none.starts_with("row_goodness: Text([]) has no CUDA text, so it runs on the CPU only"),
        "{none}"
    );
    const RIGHT: &[&str] = &[
        "struct Goodness {\n    float by;\n",
        "    __device__ float term(float signal) const { return by * signal; }\n",
        "    __device__ float dterm(float) const { return by; }\n",
        "    __device__ float factor(u32) const { return 1.0f; }\n};\n",
    ];
    said(&Text(RIGHT)).unwrap();
    const TWO_FIELDS: &[&str] = &["struct Goodness {\n    float by, more;\n", RIGHT[1], RIGHT[2], RIGHT[3]];
    let fields = said(&Text(TWO_FIELDS)).unwrap_err().to_string();
    assert!(
        fields.contains("the fields of `Goodness` are not its numbers in Rust: 1 of 32 bits"),
        "{fields}"
    );
    const TYPO: &[&str] = &[
        RIGHT[0],
        "\n    __device__ float term(float signal) const { return bye * signal; }\n",
        RIGHT[2],
        RIGHT[3],
    ];
    let typo = said(&Text(TYPO)).unwrap_err().to_string();
    assert!(typo.contains("Goodness, text 2:2:") && typo.contains("bye"), "{typo}");
}

/// The neuron's text says how many numbers its state has, and Rust does too.
#[test]
fn shim_refuses_a_text_with_another_state() {
    let shim = Shim::broken("STATES = 2", "STATES = 1", Schedule::Forward);
    let dev = Cuda::on(shim.clone());
    let (signal, current) = (&mut zeros(&dev, 2, 3), &zeros(&dev, 2, 3));
    let units = &adaptive(2, Readout::Rate);
    let said =
        UnitsForward { signal, spikes: None, current, bias: None, units }.on(&dev).unwrap_err().to_string();
    assert!(
        shim.was_changed() && said.contains("`STATES` of `Neuron` is another number in Rust: 2"),
        "{said}"
    );
}

/// Two formulas of one kernel may use the same names.
#[test]
fn shim_keeps_the_names_of_two_formulas_apart() {
    const TEXT: &[&str] = &[
        "static __device__ float helper(float x) { return x; }\nstruct Goodness {\n    float by;\n    \
         __device__ float term(float signal) const { return helper(by * signal); }\n    __device__ float dterm(float) const \
         { return by; }\n    __device__ float factor(u32) const { return 1.0f; }\n};\n",
    ];
    #[derive(Debug)]
    struct WithHelper(Margin);
    impl Objective for WithHelper {
        fn of_pair(&self, positive: f32, negative: f32) -> PairLoss {
            self.0.of_pair(positive, negative)
        }
    }
    impl Formula for WithHelper {
        fn numbers(&self) -> Numbers {
            self.0.numbers()
        }
        fn cuda(&self) -> &'static [&'static str] {
            &[
                "static __device__ float helper(float x) { return 2.0f * x; }\nstruct Objective {\n    float a, b;\n    \
               __device__ float of_pair(float p, float n, float &dp, float &dn) const { dp = dn = helper(a); return p - n; \
               }\n};\n",
            ]
        }
    }
    let dev = Shim::device(Schedule::Forward);
    LocalGrad {
        dcurrent: &mut zeros(&dev, 4, 3),
        losses: &mut zeros(&dev, 6, 1),
        signal: &mut zeros(&dev, 4, 3),
        spikes: None,
        goodness: &mut zeros(&dev, 4, 1),
        current: &zeros(&dev, 4, 3),
        bias: None,
        clock: &clock(&dev),
        units: &lif(),
        dropout: Dropout::NONE,
        formula: &Text(TEXT),
        objective: &WithHelper(Margin { margin: 1.0, alpha: 1.0 }),
    }
    .on(&dev)
    .unwrap();
    let (goodness, signal) = (&mut zeros(&dev, 2, 1), &zeros(&dev, 2, 3));
    RowGoodness { goodness, signal, formula: &MeanSignal }.on(&dev).unwrap();
}
