//! Adam, as torch has it (D. Kingma, J. Ba, arXiv 1412.6980), with the decay of AdamW:
//!
//! ```text
//! m = beta1 m + (1 - beta1) dW           v = beta2 v + (1 - beta2) dW^2
//! W = (1 - rate decay) W - rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)        t = 1, 2, ...
//! ```
//! A moment whose gradients have ceased would shrink for ever, down to numbers so small (denormal, below 1e-38) that
//! processors calculate with them a hundred times more slowly. What is too small to move a weight, next to an eps of 1e-8,
//! therefore counts as zero.

use ff_tensor::optimiser::{MOST_FACTORS, MOST_MOMENTS};
use ff_tensor::{Formula, Numbers, Optimiser};

/// Below these, numbers count as zero. The square of the smallest gradient, times `1 - beta2`, is still normal.
const SMALLEST_GRADIENT: f32 = 1e-16;
const SMALLEST_MEAN: f32 = 1e-30;
const SMALLEST_SQUARE: f32 = 1e-36;

/// Adam with a learning rate that may fall to zero at the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Learning rate of the first steps. 0.03 in the tutorial.
    pub learning_rate: f32,
    /// Decay of the mean of gradients.
    pub beta1: f32,
    /// Decay of the mean of squared gradients.
    pub beta2: f32,
    /// Keeps the division finite.
    pub eps: f32,
    /// Share of a weight that is taken off in a step, times the learning rate (I. Loshchilov, F. Hutter, "Decoupled weight
    /// decay regularization", arXiv 1711.05101); 0 in the tutorial.
    pub decay: f32,
    /// From this step on the rate falls linearly, to reach zero at `last_step`. `u32::MAX`: never.
    pub cool_from: u32,
    /// The step after the last one.
    pub last_step: u32,
}

impl Adam {
    /// Torch's defaults with a constant learning rate.
    pub fn constant(learning_rate: f32) -> Self {
        let forever = u32::MAX;
        Self {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            decay: 0.0,
            cool_from: forever,
            last_step: forever,
        }
    }

    /// The learning rate of step `step` (0 is the first).
    pub fn rate_at(&self, step: u32) -> f32 {
        if step < self.cool_from {
            return self.learning_rate;
        }
        let left = self.last_step.saturating_sub(step) as f32;
        self.learning_rate * left / self.last_step.saturating_sub(self.cool_from).max(1) as f32
    }
}

#[inline(always)]
fn unless_below(smallest: f32, x: f32) -> f32 {
    if x.abs() < smallest { 0.0 } else { x }
}

impl Optimiser for Adam {
    fn moments(&self) -> &'static [&'static str] {
        &["mean", "square"]
    }

    fn factors(&self, step: u32) -> [f32; MOST_FACTORS] {
        let (t, rate) = (f64::from(step) + 1.0, f64::from(self.rate_at(step)));
        let size = (rate / (1.0 - f64::from(self.beta1).powf(t))) as f32;
        let kept = (1.0 - rate * f64::from(self.decay)) as f32;
        let correction = (1.0 / (1.0 - f64::from(self.beta2).powf(t)).sqrt()) as f32;
        [size, kept, correction, 0.0]
    }

    #[inline(always)]
    fn update(
        &self,
        [size, kept, correction, _]: &[f32; MOST_FACTORS],
        weight: f32,
        [mean, square]: [f32; MOST_MOMENTS],
        gradient: f32,
    ) -> (f32, [f32; MOST_MOMENTS]) {
        let dw = unless_below(SMALLEST_GRADIENT, gradient);
        let mean = unless_below(SMALLEST_MEAN, self.beta1 * mean + (1.0 - self.beta1) * dw);
        let square = unless_below(SMALLEST_SQUARE, self.beta2 * square + (1.0 - self.beta2) * dw * dw);
        let change = size * mean / (square.sqrt() * correction + self.eps);
        (kept * weight - change, [mean, square])
    }
}

impl Formula for Adam {
    fn numbers(&self) -> Numbers {
        Numbers::floats(&[self.learning_rate, self.beta1, self.beta2, self.eps, self.decay])
            .whole(self.cool_from)
            .whole(self.last_step)
    }

    fn cuda(&self) -> &'static [&'static str] {
        &[r"
struct Optimiser {
    float learning_rate, beta1, beta2, eps, decay;
    u32 cool_from, last_step;
    enum { MOMENTS = 2, FACTORS = 3 };
    static __device__ float unless_below(float smallest, float x) { return fabsf(x) < smallest ? 0.0f : x; }
    static __device__ double power(double x, u64 n) {
        double product = 1.0;
        for (; n > 0; n /= 2, x *= x)
            if (n % 2 == 1) product *= x;
        return product;
    }
    __device__ float rate_at(u32 step) const {
        if (step < cool_from) return learning_rate;
        float left = (float)(last_step > step ? last_step - step : 0);
        return learning_rate * left / (float)max(last_step > cool_from ? last_step - cool_from : 0, 1u);
    }
    __device__ void factors(u32 step, float *f) const {
        u64 t = (u64)step + 1;
        double rate = (double)rate_at(step);
        f[0] = (float)(rate / (1.0 - power((double)beta1, t)));
        f[1] = (float)(1.0 - rate * (double)decay);
        f[2] = (float)(1.0 / sqrt(1.0 - power((double)beta2, t)));
    }
    __device__ float update(const float *f, float weight, float *moments, float gradient) const {
        float dw = unless_below(1e-16f, gradient);
        moments[0] = unless_below(1e-30f, beta1 * moments[0] + (1.0f - beta1) * dw);
        moments[1] = unless_below(1e-36f, beta2 * moments[1] + (1.0f - beta2) * dw * dw);
        return f[1] * weight - f[0] * moments[0] / (sqrtf(moments[1]) * f[2] + eps);
    }
};
"]
    }
}
