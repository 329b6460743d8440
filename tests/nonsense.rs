//! Nonsense from a user of the library: networks, sources of pairs, predictors and files that do not fit. Everything ends in a
//! sentence or a result, nothing in a panic.
#![allow(clippy::unwrap_used, missing_docs, unused_qualifications, clippy::type_complexity)]
use ff_cpu::Cpu;
use ff_net::input::Input;
use ff_net::pairs::Step;
use ff_net::pass::Shape;
use ff_net::*;
use ff_tensor::*;
use ndarray::{Array1, Array2};
use std::sync::Arc;

fn dev() -> Cpu {
    Cpu::new(2).unwrap()
}
fn config() -> Config {
    Config { layers: vec![20, 16], batch: 10, epochs: 2, ..Config::quick() }
}
fn net() -> Network<Cpu> {
    Network::new(&dev(), config(), 36, 4).unwrap()
}
fn set() -> (Array2<u8>, Array1<u8>) {
    (
        Array2::from_shape_fn((40, 36), |(i, j)| (i * 7 + j * 13) as u8),
        Array1::from_shape_fn(40, |i| (i % 4) as u8),
    )
}
fn case(name: &str, f: impl FnOnce() -> String + std::panic::UnwindSafe) {
    let said = std::panic::catch_unwind(f).unwrap_or_else(|_| panic!("{name} ends in a panic"));
    assert!(!said.contains("SILENT"), "{name}: {said}");
}
fn train(n: Network<Cpu>) -> String {
    let (images, labels) = set();
    match Trainer::new(n, &images, &labels) {
        Err(e) => format!("new: {e}"),
        Ok(mut t) => match t.epoch() {
            Ok(r) => format!("{:?}", r.mean_losses()),
            Err(e) => format!("epoch: {e}"),
        },
    }
}
struct P {
    b: usize,
    n: usize,
    x: Tensor<Cpu>,
    shrink: bool,
    calls: usize,
}
impl Pairs<Cpu> for P {
    fn batch(&self) -> usize {
        self.b
    }
    fn batches(&self) -> usize {
        if self.shrink && self.calls > 3 { 1 } else { self.n }
    }
    fn inputs(&self) -> usize {
        36
    }
    fn begin(&mut self, _: &Cpu, _: u64, _: usize) -> ff_net::Result<()> {
        Ok(())
    }
    fn fetch(&mut self, _: &Step<Cpu>) -> ff_tensor::Result<()> {
        self.calls += 1;
        Ok(())
    }
    fn draw(&mut self, _: &Step<Cpu>, _: Option<&Tensor<Cpu>>) -> ff_tensor::Result<()> {
        Ok(())
    }
    fn pairs(&self) -> Input<'_, Cpu> {
        Input::Rows(&self.x)
    }
    fn shape(&self, copies: usize) -> Shape {
        Shape { rows: copies * self.b, train: false, shares: 0 }
    }
}
fn pairs(b: usize, n: usize) -> String {
    let mut nn = net();
    nn.heads.clear();
    let x = dev().zeros(b.min(100) * 2, 36).unwrap();
    match Trainer::with_pairs(nn, Box::new(P { b, n, x, shrink: false, calls: 0 })) {
        Err(e) => format!("new: {e}"),
        Ok(mut t) => match t.epoch() {
            Ok(r) => format!("{:?}", r.mean_losses()),
            Err(e) => format!("epoch: {e}"),
        },
    }
}
#[derive(Debug, Clone)]
struct Stateless;
impl Formula for Stateless {
    fn numbers(&self) -> Numbers {
        Numbers::none()
    }
}
impl Neuron for Stateless {
    type State = [f32; 0];
    fn steps(&self) -> usize {
        2
    }
    fn step(&self, s: [f32; 0], _: f32) -> [f32; 0] {
        s
    }
    fn spike(&self, _: [f32; 0]) -> f32 {
        1.0
    }
    fn dstep(&self, _: [f32; 0], _: [f32; 0], d: [f32; 0], _: f32) -> [f32; 0] {
        d
    }
    fn dspike(&self, _: [f32; 0], _: [f32; 0]) -> f32 {
        0.0
    }
}
struct Fixed(Tensor<Cpu>);
impl Connection<Cpu> for Fixed {
    fn shape(&self) -> [usize; 2] {
        self.0.shape()
    }
    fn weight(&self) -> &Tensor<Cpu> {
        &self.0
    }
    fn parameters(&self) -> Vec<(&'static str, &Tensor<Cpu>)> {
        vec![]
    }
    fn parameter_mut(&mut self, _: usize) -> Option<&mut Tensor<Cpu>> {
        None
    }
    fn current(&self, dev: &Cpu, c: &mut Tensor<Cpu>, x: &Tensor<Cpu>) -> ff_tensor::Result<()> {
        MatMul { c, a: x, transpose_a: false, b: &self.0, transpose_b: false }.on(dev)
    }
    fn gradient(
        &self,
        _: &Cpu,
        _: &mut [Tensor<Cpu>],
        _: &Tensor<Cpu>,
        _: &Tensor<Cpu>,
    ) -> ff_tensor::Result<()> {
        Ok(())
    }
}

#[test]
fn nonsense() {
    let images = || set().0;
    case("layers cleared", || {
        let mut n = net();
        n.layers.clear();
        n.heads.clear();
        train(n)
    });
    case("batch 0", || {
        let mut n = net();
        n.config.batch = 0;
        train(n)
    });
    case("epochs 0", || {
        let mut n = net();
        n.config.epochs = 0;
        train(n)
    });
    case("epochs huge greedy", || {
        let mut n = net();
        n.config.epochs = usize::MAX;
        n.config.schedule = Schedule::Greedy;
        train(n)
    });
    case("classes 0", || {
        let mut n = net();
        n.classes = 0;
        train(n)
    });
    case("classes 1", || {
        let mut n = net();
        n.classes = 1;
        train(n)
    });
    case("classes 40", || {
        let mut n = net();
        n.classes = 40;
        train(n)
    });
    case("pixels 3", || {
        let mut n = net();
        n.pixels = 3;
        train(n)
    });
    case("validation 100", || {
        let mut n = net();
        n.config.validation_samples = 100;
        train(n)
    });
    case("heads swapped", || {
        let mut n = net();
        n.heads.swap(0, 1);
        train(n)
    });
    case("one head", || {
        let mut n = net();
        n.heads.pop();
        train(n)
    });
    case("head shape", || {
        let mut n = net();
        n.heads[0].weight = dev().zeros(20, 7).unwrap();
        train(n)
    });
    case("head shape predict", || {
        let mut n = net();
        n.heads[0].weight = dev().zeros(20, 7).unwrap();
        match Predictor::one_pass(&n) {
            Ok(Some(mut p)) => format!("{:?}", p.scan(&n, &images()).map(|s| s.len())),
            Ok(None) => "none".into(),
            Err(e) => e.to_string(),
        }
    });
    case("head shape 3 predict", || {
        let mut n = net();
        n.heads[0].weight = dev().zeros(20, 3).unwrap();
        match Predictor::one_pass(&n) {
            Ok(Some(mut p)) => format!("{:?}", p.scan(&n, &images()).map(|s| s.len())),
            Ok(None) => "none".into(),
            Err(e) => e.to_string(),
        }
    });
    case("layers swapped", || {
        let mut n = net();
        n.layers.swap(0, 1);
        train(n)
    });
    case("layer popped", || {
        let mut n = net();
        n.layers.pop();
        n.heads.pop();
        train(n)
    });
    case("bias", || {
        let mut n = net();
        n.layers[0].bias = Some(dev().zeros(1, 3).unwrap());
        train(n)
    });
    case("bias only 1", || {
        let mut n = net();
        n.layers[1].bias = Some(dev().zeros(1, 16).unwrap());
        train(n)
    });
    case("stateless", || {
        let mut n = net();
        n.layers[0].units = Arc::new(Stateless);
        train(n)
    });
    case("fixed", || {
        let mut n = net();
        n.layers[0].connection = Box::new(Fixed(dev().zeros(36, 20).unwrap()));
        train(n)
    });
    case("fixed weight()", || {
        let mut n = net();
        n.layers[0].connection = Box::new(Fixed(dev().zeros(36, 20).unwrap()));
        format!("{:?}", n.layers[0].weight().shape())
    });
    case("fixed model", || {
        let mut n = net();
        n.layers[0].connection = Box::new(Fixed(dev().zeros(36, 20).unwrap()));
        format!("{:?}", Model::of(&n, "x", 6, 6).map(|m| m.weights.len()))
    });
    case("fixed, bias", || {
        let mut n = net();
        n.layers[0].connection = Box::new(Fixed(dev().zeros(36, 20).unwrap()));
        n.layers[0].bias = Some(dev().zeros(1, 20).unwrap());
        train(n)
    });
    for (b, n) in [(0, 3), (3, 0), (0, 0), (usize::MAX, 2), (usize::MAX / 2, 1), (5, usize::MAX), (1, 1)] {
        case(&format!("pairs {b} {n}"), move || pairs(b, n));
    }
    case("pairs shrink", || {
        let mut nn = net();
        nn.heads.clear();
        let x = dev().zeros(10, 36).unwrap();
        let mut t = Trainer::with_pairs(nn, Box::new(P { b: 5, n: 10, x, shrink: true, calls: 0 })).unwrap();
        let mut k = 0;
        let r = t.epoch_with(&mut |_| {
            k += 1;
            if k == 5 { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
        });
        format!("{:?} {:?}", r.is_ok(), t.epoch().map(|r| r.losses[0].1.len()).map_err(|e| e.to_string()))
    });
    // predictors of another network
    let others: Vec<(&str, fn() -> Network<Cpu>)> = vec![
        ("3 layers", || Network::new(&dev(), Config { layers: vec![20, 16, 8], ..config() }, 36, 4).unwrap()),
        ("1 layer", || Network::new(&dev(), Config { layers: vec![20], ..config() }, 36, 4).unwrap()),
        ("5 classes", || Network::new(&dev(), config(), 36, 5).unwrap()),
        ("3 classes", || Network::new(&dev(), config(), 36, 3).unwrap()),
        ("no layer", || {
            let mut n = net();
            n.layers.clear();
            n
        }),
        ("no heads", || {
            let mut n = net();
            n.heads.clear();
            n
        }),
        ("0 classes", || {
            let mut n = net();
            n.classes = 0;
            n
        }),
        ("spikes", || {
            let mut c = config();
            c.link = Link::Spikes;
            c.lif_mut().surrogate = SurrogateKind::Atan;
            Network::new(&dev(), c, 36, 4).unwrap()
        }),
    ];
    for (name, other) in others {
        case(&format!("predictor {name}"), move || {
            format!("{:?}", Predictor::new(&net()).unwrap().scan(&other(), &set().0).map(|s| s.len()))
        });
        case(&format!("one pass {name}"), move || {
            format!(
                "{:?}",
                Predictor::one_pass(&net()).unwrap().unwrap().scan(&other(), &set().0).map(|s| s.len())
            )
        });
        case(&format!("new predictor {name}"), move || {
            format!("{:?}", Predictor::new(&other()).map(|_| ()).map_err(|e| e.to_string()))
        });
        case(&format!("trace {name}"), move || {
            format!("{:?}", trace(&other(), &Array2::zeros((1, 36)), &[0, 9]).map(|t| t.map(|t| t.len())))
        });
        case(&format!("goodness {name}"), move || {
            format!("{:?}", other().goodness(&Array2::zeros((0, 36))).map(|t| t.len()))
        });
        case(&format!("model {name}"), move || {
            format!(
                "{:?}",
                Model::of(&other(), "x", 6, 6)
                    .and_then(|m| m.network(&dev()))
                    .map(|n| n.layers.len())
                    .map_err(|e| e.to_string())
            )
        });
        case(&format!("kept/params {name}"), move || {
            let o = other();
            format!("{} {}", o.kept_per_image(), o.parameters())
        });
    }
    case("scan of a linear predictor on a net that is not", || {
        let linear =
            Network::new(&dev(), Config { head: false, layers: vec![20, 16], ..Config::default() }, 36, 4)
                .unwrap();
        let mut p = Predictor::new(&linear).unwrap();
        let mut other =
            Network::new(&dev(), Config { head: false, layers: vec![20, 16], ..Config::default() }, 36, 4)
                .unwrap();
        other.layers.iter_mut().for_each(|l| l.units = Arc::new(formulas::Relu));
        let a = p.scan(&other, &set().0).map(|s| s.len()).map_err(|e| e.to_string());
        assert!(a.as_ref().is_err_and(|e| e.contains("the predictor was made for")), "{a:?}");
        let b = Predictor::new(&other).unwrap().scan(&other, &set().0).unwrap().layers[0][..3].to_vec();
        format!("{a:?} {b:?}")
    });
    case("checkpoint of own neuron", || {
        let mut n = net();
        n.heads.clear();
        n.config.head = false;
        n.layers.iter_mut().for_each(|l| l.units = Arc::new(formulas::Relu));
        n.objective = Arc::new(formulas::Softplus { theta: 1.0 });
        let (images, labels) = set();
        let mut t = Trainer::new(n, &images, &labels).unwrap();
        t.epoch().unwrap();
        let c = Checkpoint::of(&mut t, "x", 6, 6, serde_json::Value::Null);
        match c {
            Err(e) => format!("refused: {e}"),
            Ok(c) => match c.trainer(&dev(), &images, &labels) {
                Err(e) => format!("refused to load {e}"),
                Ok(u) => format!(
                    "SILENT {:?} became {:?}",
                    t.network().layers[0].units,
                    u.network().layers[0].units
                ),
            },
        }
    });
    case("model of own connection", || {
        let mut n = net();
        n.layers[0].connection = Box::new(Fixed(dev().zeros(36, 20).unwrap()));
        format!("{:?}", Model::of(&n, "x", 6, 6).is_ok())
    });
    case("model wrong size", || {
        format!(
            "{:?}",
            Model::of(&net(), "x", 6, 7)
                .and_then(|m| m.network(&dev()))
                .map(|_| ())
                .map_err(|e| e.to_string())
        )
    });
    case("model huge size", || {
        format!(
            "{:?}",
            Model::of(&net(), "x", usize::MAX, 7)
                .and_then(|m| m.network(&dev()))
                .map(|_| ())
                .map_err(|e| e.to_string())
        )
    });
    case("uniform nan", || format!("{:?}", uniform(0, f32::NAN).is_ok()));
    case("uniform neg", || format!("{:?}", uniform(3, -1.0).is_ok()));
    case("augment sizes", || {
        let (i, l) = set();
        let t = Trainer::new(net(), &i, &l).unwrap();
        format!(
            "{:?}",
            t.augmented(&[Augmentation::Shift { pixels: 1 }], usize::MAX, 2)
                .map(|_| ())
                .map_err(|e| e.to_string())
        )
    });
    case("extend", || {
        let (i, l) = set();
        let mut t = Trainer::new(net(), &i, &l).unwrap();
        format!("{:?}", t.extend(usize::MAX).map_err(|e| e.to_string()))
    });
    case("mean dropout NaN", || {
        let mut n = net();
        n.config.dropout = f32::NAN;
        train(n)
    });
    case("dropout 2", || {
        let mut n = net();
        n.config.dropout = 2.0;
        train(n)
    });
    case("batch_means 0", || format!("{:?}", ff_net::training::batch_means(&[1.0], 0)));
    case("zeros huge", || {
        format!("{:?}", dev().zeros::<f32>(u32::MAX as usize, 1 << 28).map(|_| ()).map_err(|e| e.to_string()))
    });
    case("seeds", || {
        format!("{}", ff_net::seeds::stream(1, ff_net::seeds::Stream::Units(usize::MAX, usize::MAX)))
    });
    case("epoch_order", || format!("{:?}", epoch_order(3, 1, u64::MAX)));
    case("dropout counter", || format!("{:?}", Dropout { rate: 0.5, seed: 1 }.silences(1, usize::MAX, 2, 3)));
    case("lif weird", || {
        let mut n = net();
        n.layers[0].units = Arc::new(formulas::Lif::<formulas::Atan>::new(
            f32::NAN,
            -1.0,
            formulas::Reset::Zero,
            usize::MAX,
            formulas::Output::Rate,
        ));
        train(n)
    });
    case("scores empty", || format!("{:?}", Scores { layers: vec![], classes: 0, layer_spikes: None }.len()));
    case("scores by layer", || {
        format!(
            "{:?}",
            Scores { layers: vec![vec![1.0]], classes: 1, layer_spikes: None }.predict_by_layer(3)
        )
    });
}
