//! The algorithm in plain loops and f64, with numeric gradients: what the closed forms are checked against. It
//! shares no code with the crates.
//!
//! A spike has no useful numeric derivative, so for gradients the spikes and resets are frozen at the base point
//! and the rate moves only through the surrogate's primitive S:
//! `rate(W) = rate_hard(W0) + 1/T sum_t S(mem_t(W) - threshold) - S(mem_t(W0) - threshold)`.
#![allow(missing_docs, dead_code)]

pub type Matrix = Vec<Vec<f64>>;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unit {
    Membrane,
    Rate,
    Relu,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reset {
    Subtract,
    Zero,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Surrogate {
    Atan,
    FastSigmoid,
    Triangle,
    Boxcar,
    Secant,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neuron {
    pub unit: Unit,
    pub beta: f64,
    pub threshold: f64,
    pub reset: Reset,
    pub steps: usize,
    pub surrogate: Surrogate,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Objective {
    Softplus { theta: f64 },
    Pair { alpha: f64 },
}

/// The surrogate's primitive: its derivative is what stands in for the spike's.
pub fn primitive(surrogate: Surrogate, u: f64) -> f64 {
    match surrogate {
        Surrogate::Atan => (std::f64::consts::PI * u).atan() / std::f64::consts::PI,
        Surrogate::FastSigmoid => u / (1.0 + 25.0 * u.abs()),
        Surrogate::Triangle => {
            let v = u.clamp(-1.0, 1.0);
            v - v * v.abs() / 2.0
        }
        Surrogate::Boxcar => u.clamp(-0.5, 0.5),
        Surrogate::Secant => panic!("a secant belongs to the rate, not to the spike"),
    }
}

/// The primitive of the secant's slope: the line itself, and beyond its ends an arc tangent.
fn secant(current: f64, p: &Neuron) -> f64 {
    let (first, last) = rises(p);
    let width = (last - first) * p.steps as f64 / (p.steps as f64 - 1.0);
    let (off, tail) = (current - (first + last) / 2.0, width / 10.0);
    let beyond = (off.abs() - width / 2.0).max(0.0);
    off.signum() * ((off.abs() - beyond) + tail * (beyond / tail).atan()) / width
}

/// The currents of the first and of the last rise, kept for the next call.
fn rises(p: &Neuron) -> (f64, f64) {
    thread_local!(static LAST: std::cell::RefCell<Option<(Neuron, (f64, f64))>> = const { std::cell::RefCell::new(None) });
    LAST.with_borrow_mut(|kept| match kept {
        Some((of, rises)) if of == p => *rises,
        _ => kept.insert((*p, (rise(1, p), rise(p.steps, p)))).1,
    })
}

/// The smallest constant current with `count` spikes.
fn rise(count: usize, p: &Neuron) -> f64 {
    let (mut low, mut high) = (0.0, 1e6);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        let (_, spikes) = scan(&vec![middle; p.steps], p, None);
        let enough = spikes.iter().filter(|&&spk| spk).count() >= count;
        *(if enough { &mut high } else { &mut low }) = middle;
    }
    high
}

/// `1 / (norm + eps)` of a row; `rms` divides by its length first.
pub fn norm_factor(row: &[f64], rms: bool, eps: f64) -> f64 {
    let mut energy = 0.0;
    for x in row {
        energy += x * x;
    }
    if rms {
        energy /= row.len() as f64;
    }
    1.0 / (energy.sqrt() + eps)
}

/// An image with a label over its first pixels, normalised.
pub fn image_row(
    pixels: &[u8],
    classes: usize,
    label: usize,
    amplitude: f64,
    rms: bool,
    eps: f64,
) -> Vec<f64> {
    let mut row: Vec<f64> = pixels.iter().map(|&p| f64::from(p) / 255.0).collect();
    for pixel in &mut row[..classes] {
        *pixel = 0.0;
    }
    row[label] = amplitude;
    let s = norm_factor(&row, rms, eps);
    row.iter().map(|x| s * x).collect()
}

/// Membranes and spikes of one unit; `spikes` given: the resets are frozen to them.
pub fn scan(currents: &[f64], p: &Neuron, frozen: Option<&[bool]>) -> (Vec<f64>, Vec<bool>) {
    let (mut mem, mut fired) = (0.0, false);
    let (mut mems, mut spikes) = (Vec::new(), Vec::new());
    for (t, current) in currents.iter().enumerate() {
        if fired && p.reset == Reset::Zero {
            mem = 0.0;
        }
        mem = p.beta * mem + current;
        if fired && p.reset == Reset::Subtract {
            mem -= p.threshold;
        }
        mems.push(mem);
        spikes.push(mem > p.threshold);
        fired = frozen.map_or(mem > p.threshold, |frozen| frozen[t]);
    }
    (mems, spikes)
}

/// A unit's signal, as its currents give it (`base` the same) or moved softly away from `base`.
pub fn signal(currents: &[f64], base: &[f64], p: &Neuron) -> f64 {
    if p.unit == Unit::Relu {
        return currents[0].max(0.0);
    }
    let (base_mems, base_spikes) = scan(base, p, None);
    let (mems, _) = scan(currents, p, Some(&base_spikes));
    if p.unit == Unit::Membrane {
        return mems[p.steps - 1];
    }
    if p.surrogate == Surrogate::Secant {
        let hard = base_spikes.iter().filter(|&&spk| spk).count() as f64 / p.steps as f64;
        return hard + secant(currents[0], p) - secant(base[0], p);
    }
    let mut rate = 0.0;
    for t in 0..p.steps {
        rate += f64::from(u8::from(base_spikes[t]));
        rate += primitive(p.surrogate, mems[t] - p.threshold)
            - primitive(p.surrogate, base_mems[t] - p.threshold);
    }
    rate / p.steps as f64
}

/// A layer's inputs, row by row and step by step (one step: a constant current), and what it is judged by.
pub struct Problem {
    /// `[rows][steps][in]`, the first half positives, the second half their negatives.
    pub inputs: Vec<Matrix>,
    pub neuron: Neuron,
    pub mean_goodness: bool,
    pub objective: Objective,
}

impl Problem {
    /// Each row's goodness with weights `[in][out]` and a bias `[out]`, moved softly away from the base ones.
    pub fn goodness(
        &self,
        weight: &Matrix,
        bias: &[f64],
        base_weight: &Matrix,
        base_bias: &[f64],
    ) -> Vec<f64> {
        let units = bias.len();
        let mut goodness = Vec::new();
        for rows in &self.inputs {
            let mut sum = 0.0;
            for j in 0..units {
                let currents = |weight: &Matrix, bias: &[f64]| -> Vec<f64> {
                    let at = |t: usize| {
                        let x = &rows[if rows.len() == 1 { 0 } else { t }];
                        bias[j] + x.iter().zip(weight).map(|(x, w)| x * w[j]).sum::<f64>()
                    };
                    (0..self.neuron.steps).map(at).collect()
                };
                let signal = signal(&currents(weight, bias), &currents(base_weight, base_bias), &self.neuron);
                sum += signal * signal;
            }
            goodness.push(if self.mean_goodness { sum / units as f64 } else { sum });
        }
        goodness
    }

    /// The loss of those goodnesses.
    pub fn loss(&self, goodness: &[f64]) -> f64 {
        let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        let batch = goodness.len() / 2;
        let mut loss = 0.0;
        for b in 0..batch {
            let (positive, negative) = (goodness[b], goodness[batch + b]);
            loss += match self.objective {
                Objective::Softplus { theta } => {
                    0.5 * (softplus(theta - positive) + softplus(negative - theta))
                }
                Objective::Pair { alpha } => {
                    let u = -alpha * (positive - negative);
                    u / (1.0 + (-u).exp())
                }
            };
        }
        loss / batch as f64
    }

    /// Central differences of the loss in every weight and bias, at `weight`, `bias`.
    pub fn numeric_gradient(&self, weight: &Matrix, bias: &[f64]) -> (Matrix, Vec<f64>) {
        let h = 1e-6;
        let loss = |w: &Matrix, b: &[f64]| self.loss(&self.goodness(w, b, weight, bias));
        let mut dweight = weight.clone();
        for i in 0..weight.len() {
            for j in 0..bias.len() {
                let (mut up, mut down) = (weight.clone(), weight.clone());
                up[i][j] += h;
                down[i][j] -= h;
                dweight[i][j] = (loss(&up, bias) - loss(&down, bias)) / (2.0 * h);
            }
        }
        let mut dbias = bias.to_vec();
        for j in 0..bias.len() {
            let (mut up, mut down) = (bias.to_vec(), bias.to_vec());
            up[j] += h;
            down[j] -= h;
            dbias[j] = (loss(weight, &up) - loss(weight, &down)) / (2.0 * h);
        }
        (dweight, dbias)
    }
}
