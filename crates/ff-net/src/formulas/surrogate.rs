//! What stands in for the derivative of a spike, as a function of `u = mem - threshold`.

/// A stand-in for the derivative of a spike.
pub trait Surrogate: Send + Sync + 'static {
    /// `S'(u)`
    fn at(u: f32) -> f32;

    /// `S(u)`, a smooth step of which `at` is the derivative.
    fn primitive(u: f32) -> f32;

    /// Whether a rate under a constant current has the slope of [`Secant`] in place of the sum over its steps.
    const OF_RATE: bool = false;

    /// CUDA text: `struct Surrogate` with `at`, and whether it is [`OF_RATE`](Self::OF_RATE).
    const CUDA: &'static str;
}

/// `1 / (1 + (pi u)^2)`: snnTorch's default (`atan` with alpha 2).
pub struct Atan;

/// `1 / (1 + 25 |u|)^2`: snnTorch's `fast_sigmoid` with its default slope.
pub struct FastSigmoid;

/// `max(0, 1 - |u|)`: snnTorch's `triangular` has the same idea with another width.
pub struct Triangle;

/// 1 where `|u| < 1/2`, else 0.
pub struct Boxcar;

/// Not of a spike but of the rate under a constant current, which is a staircase: the slope of the straight line along it,
/// from no spike to one in each step. Let `I_1` and `I_T` be the currents at which the first and the last spike come in,
/// `w = (I_T - I_1) T / (T - 1)`, and `u = max(0, |I - (I_1 + I_T) / 2| - w / 2) / (w / 10)`. The slope is
/// `1 / w / (1 + u^2)`. Where single spikes are asked for it is [`Boxcar`].
pub struct Secant;

impl Surrogate for Atan {
    #[inline(always)]
    fn at(u: f32) -> f32 {
        let x = std::f32::consts::PI * u;
        1.0 / (1.0 + x * x)
    }

    fn primitive(u: f32) -> f32 {
        (std::f32::consts::PI * u).atan() / std::f32::consts::PI
    }

    const CUDA: &'static str = r"
struct Surrogate {
    enum { OF_RATE = 0 };
    static __device__ float at(float u) {
        float x = 3.14159265358979f * u;
        return 1.0f / (1.0f + x * x);
    }
};
";
}

impl Surrogate for FastSigmoid {
    #[inline(always)]
    fn at(u: f32) -> f32 {
        let x = 1.0 + 25.0 * u.abs();
        1.0 / (x * x)
    }

    fn primitive(u: f32) -> f32 {
        u / (1.0 + 25.0 * u.abs())
    }

    const CUDA: &'static str = r"
struct Surrogate {
    enum { OF_RATE = 0 };
    static __device__ float at(float u) {
        float x = 1.0f + 25.0f * fabsf(u);
        return 1.0f / (x * x);
    }
};
";
}

impl Surrogate for Triangle {
    #[inline(always)]
    fn at(u: f32) -> f32 {
        let height = 1.0 - u.abs();
        if height > 0.0 { height } else { 0.0 }
    }

    fn primitive(u: f32) -> f32 {
        let inside = u.clamp(-1.0, 1.0);
        inside - 0.5 * inside * inside.abs()
    }

    const CUDA: &'static str = r"
struct Surrogate {
    enum { OF_RATE = 0 };
    static __device__ float at(float u) { return fmaxf(1.0f - fabsf(u), 0.0f); }
};
";
}

impl Surrogate for Boxcar {
    #[inline(always)]
    fn at(u: f32) -> f32 {
        if u.abs() < 0.5 { 1.0 } else { 0.0 }
    }

    fn primitive(u: f32) -> f32 {
        u.clamp(-0.5, 0.5)
    }

    const CUDA: &'static str = r"
struct Surrogate {
    enum { OF_RATE = 0 };
    static __device__ float at(float u) { return fabsf(u) < 0.5f ? 1.0f : 0.0f; }
};
";
}

impl Surrogate for Secant {
    #[inline(always)]
    fn at(u: f32) -> f32 {
        Boxcar::at(u)
    }

    fn primitive(u: f32) -> f32 {
        Boxcar::primitive(u)
    }

    const OF_RATE: bool = true;

    const CUDA: &'static str = r"
struct Surrogate {
    enum { OF_RATE = 1 };
    static __device__ float at(float u) { return fabsf(u) < 0.5f ? 1.0f : 0.0f; }
};
";
}
