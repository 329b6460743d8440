//! A whole network for backpropagation, in plain loops: hidden layers that pass on spikes step by step, an output that
//! is read at its mean over time, the cross-entropy of its softmax.
//!
//! Spikes and resets of every layer are frozen at the base weights. What moves a spike softly in one layer moves the
//! currents of the next, so that the numeric gradient is one of the chain through all layers and steps.

use super::{Matrix, Neuron, Unit, primitive, scan};

pub struct Net {
    /// `[rows][in]`, the same in each step.
    pub inputs: Matrix,
    pub labels: Vec<usize>,
    pub neuron: Neuron,
}

impl Net {
    /// The mean loss with `weights`, moved softly away from `base`; the last are the output's.
    pub fn loss(&self, weights: &[Matrix], base: &[Matrix]) -> f64 {
        let mut loss = 0.0;
        for (x, &label) in self.inputs.iter().zip(&self.labels) {
            let scores = self.scores(x, weights, base);
            loss += scores.iter().map(|score| score.exp()).sum::<f64>().ln() - scores[label];
        }
        loss / self.inputs.len() as f64
    }

    fn scores(&self, x: &[f64], weights: &[Matrix], base: &[Matrix]) -> Vec<f64> {
        let top = weights.len() - 1;
        // `[steps][in]`, as it is now and as it was at the base.
        let mut now = vec![x.to_vec(); self.neuron.steps];
        let mut then = now.clone();
        for (weight, base) in weights[..top].iter().zip(base) {
            (now, then) = self.layer(&product(&now, weight), &product(&then, base));
        }
        let currents = product(&now, &weights[top]);
        (0..currents[0].len())
            .map(|c| currents.iter().map(|step| step[c]).sum::<f64>() / self.neuron.steps as f64)
            .collect()
    }

    /// What a layer passes on, now and at the base.
    fn layer(&self, now: &Matrix, then: &Matrix) -> (Matrix, Matrix) {
        if self.neuron.unit == Unit::Relu {
            let rectified =
                |m: &Matrix| m.iter().map(|row| row.iter().map(|x| x.max(0.0)).collect()).collect();
            return (rectified(now), rectified(then));
        }
        let (mut soft, mut hard) = (now.clone(), now.clone());
        for j in 0..now[0].len() {
            let of_unit = |m: &Matrix| m.iter().map(|row| row[j]).collect::<Vec<f64>>();
            let (base_mems, fired) = scan(&of_unit(then), &self.neuron, None);
            let (mems, _) = scan(&of_unit(now), &self.neuron, Some(&fired));
            let at = |mem: f64| primitive(self.neuron.surrogate, mem - self.neuron.threshold);
            for t in 0..now.len() {
                hard[t][j] = f64::from(u8::from(fired[t]));
                soft[t][j] = hard[t][j] + at(mems[t]) - at(base_mems[t]);
            }
        }
        (soft, hard)
    }

    /// Central differences in every weight of every layer.
    pub fn numeric_gradient(&self, weights: &[Matrix]) -> Vec<Matrix> {
        let h = 1e-6;
        let mut gradient = weights.to_vec();
        for l in 0..weights.len() {
            for i in 0..weights[l].len() {
                for j in 0..weights[l][i].len() {
                    let moved = |by: f64| {
                        let mut moved = weights.to_vec();
                        moved[l][i][j] += by;
                        self.loss(&moved, weights)
                    };
                    gradient[l][i][j] = (moved(h) - moved(-h)) / (2.0 * h);
                }
            }
        }
        gradient
    }
}

fn product(rows: &Matrix, weight: &Matrix) -> Matrix {
    let at = |x: &[f64], j: usize| x.iter().zip(weight).map(|(x, w)| x * w[j]).sum::<f64>();
    rows.iter().map(|x| (0..weight[0].len()).map(|j| at(x, j)).collect()).collect()
}
