//! What stands in for the derivative of a spike, at a distance `u` of the membrane from the threshold; the formulas
//! stand at [`ff_tensor::Surrogate`].

use pulp::Simd;

/// A stand-in for the derivative of a spike.
pub(crate) trait Derivative {
    /// `S'(u)`.
    fn at<S: Simd>(simd: S, u: S::f32s) -> S::f32s;
}
pub(crate) struct Atan;
pub(crate) struct FastSigmoid;
pub(crate) struct Triangle;
pub(crate) struct Boxcar;

impl Derivative for Atan {
    #[inline(always)]
    fn at<S: Simd>(simd: S, u: S::f32s) -> S::f32s {
        let one = simd.splat_f32s(1.0);
        let x = simd.mul_f32s(simd.splat_f32s(std::f32::consts::PI), u);
        simd.div_f32s(one, simd.add_f32s(one, simd.mul_f32s(x, x)))
    }
}
impl Derivative for FastSigmoid {
    #[inline(always)]
    fn at<S: Simd>(simd: S, u: S::f32s) -> S::f32s {
        let one = simd.splat_f32s(1.0);
        let x = simd.add_f32s(one, simd.mul_f32s(simd.splat_f32s(25.0), simd.abs_f32s(u)));
        simd.div_f32s(one, simd.mul_f32s(x, x))
    }
}
impl Derivative for Triangle {
    #[inline(always)]
    fn at<S: Simd>(simd: S, u: S::f32s) -> S::f32s {
        simd.max_f32s(simd.sub_f32s(simd.splat_f32s(1.0), simd.abs_f32s(u)), simd.splat_f32s(0.0))
    }
}
impl Derivative for Boxcar {
    #[inline(always)]
    fn at<S: Simd>(simd: S, u: S::f32s) -> S::f32s {
        let near = simd.less_than_f32s(simd.abs_f32s(u), simd.splat_f32s(0.5));
        simd.select_f32s(near, simd.splat_f32s(1.0), simd.splat_f32s(0.0))
    }
}
