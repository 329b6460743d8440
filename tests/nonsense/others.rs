//! Networks that are not the one which something was made for. Most are sound in themselves.

use ff_cpu::Cpu;
use ff_net::{Config, Link, Network, SurrogateKind};

use crate::{CLASSES, PIXELS, changed, config, device};

/// A network that differs from [`network`](crate::network).
pub struct Other {
    pub name: &'static str,
    pub network: Network<Cpu>,
    /// What a predictor for [`network`](crate::network) says when it sees this one.
    pub seen: &'static str,
    /// What is wrong with it in itself, if something is.
    pub wrong: Option<&'static str>,
    /// How many numbers it keeps of one image, and how many it learns.
    pub numbers: [usize; 2],
}

fn with(config: Config, classes: usize) -> Network<Cpu> {
    Network::new(&device(), config, PIXELS, classes).unwrap()
}

fn passing_spikes() -> Network<Cpu> {
    let mut config = Config { link: Link::Spikes, ..config() };
    config.lif_mut().surrogate = SurrogateKind::Atan;
    with(config, CLASSES)
}

pub fn others() -> [Other; 8] {
    let layers = |layers: &[usize]| with(Config { layers: layers.to_vec(), ..config() }, CLASSES);
    [
        Other {
            name: "a layer more",
            network: layers(&[20, 16, 8]),
            seen: "layers of [[36, 20], [20, 16]], not for layers of [[36, 20], [20, 16], [16, 8]]",
            wrong: None,
            numbers: [116, 1_344],
        },
        Other {
            name: "a layer less",
            network: layers(&[20]),
            seen: "layers of [[36, 20], [20, 16]], not for layers of [[36, 20]]",
            wrong: None,
            numbers: [116, 800],
        },
        Other {
            name: "a class more",
            network: with(config(), 5),
            seen: "4 classes, not for 5 classes",
            wrong: None,
            numbers: [116, 1_220],
        },
        Other {
            name: "a class less",
            network: with(config(), 3),
            seen: "4 classes, not for 3 classes",
            wrong: None,
            numbers: [116, 1_148],
        },
        Other {
            name: "no layers",
            network: changed(|network| network.layers.clear()),
            seen: "layers of [[36, 20], [20, 16]], not for layers of []",
            wrong: Some("`layers` has no layer"),
            numbers: [0, 144],
        },
        Other {
            name: "no heads",
            network: changed(|network| network.heads.clear()),
            seen: "heads of [[20, 4], [16, 4]], not for heads of []",
            wrong: None,
            numbers: [116, 1_040],
        },
        Other {
            name: "no class",
            network: changed(|network| network.classes = 0),
            seen: "4 classes, not for 0 classes",
            wrong: Some("`classes` is 0; 1 at least is possible"),
            numbers: [116, 1_184],
        },
        Other {
            name: "spikes between layers",
            network: passing_spikes(),
            seen: "signals between layers, not for spikes between layers",
            wrong: None,
            numbers: [608, 1_184],
        },
    ]
}
