//! This module lists the ways to change an image, for [`augment`](crate::Device::augment).

use serde::{Deserialize, Serialize};

/// A way to change an image. A list of them is applied from first to last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Augmentation {
    /// Shifts the image by whole pixels along each axis. Each of `-pixels..=pixels` is equally likely.
    Shift {
        /// The largest shift in pixels, 0 to 1,000.
        pixels: u32,
    },
    /// Maps `q - c = R(rotate) K(shear) diag(scale) (p - c) + shift`, about the middle `c`, with `K(a) = [1, tan a; 0,
    /// 1]`. Each value is uniform within plus or minus its bound (D. Cireşan et al., Deep, Big, Simple Neural Nets for
    /// Handwritten Digit Recognition, 2010). A bound that is not given is 0.
    Affine {
        /// The bound of the rotation in degrees, 0 to 180.
        #[serde(default)]
        rotate: f32,
        /// The bound of the scale, 0 to 0.9. Width and height are each multiplied by 1 plus or minus this share,
        /// independently.
        #[serde(default)]
        scale: f32,
        /// The bound of the slant of vertical lines in degrees, 0 to 60.
        #[serde(default)]
        shear: f32,
        /// The bound of the shift along each axis, in pixels and parts of pixels, 0 to 1,000.
        #[serde(default)]
        shift: f32,
    },
    /// Displaces each pixel by a smooth random field (P. Simard, D. Steinkraus, J. Platt, Best Practices for
    /// Convolutional Neural Networks Applied to Visual Document Analysis, 2003).
    ///
    /// Simard et al. draw one uniform random vector for each pixel and blur the vectors with a Gaussian. Here the
    /// vectors are on a grid that is as coarse as the field is smooth. The cubic B-spline interpolates between the
    /// grid's points. It is a bell whose deviation is `1 / sqrt(3)` of the grid's step. The eye sees the same field as
    /// the Gaussian's, and its correlation is within 0.02 of the Gaussian's, `exp(-(distance / (2 smoothness))^2)`. It
    /// costs a small part of the time. The grid's place is random, so no pixel is special. The displacement belongs to
    /// the pixels of the finished image, whatever follows in the list.
    Elastic {
        /// The root mean square of the displacement's length over fields and pixels, in pixels; 0 to 100. From half of
        /// `smoothness` on, the strokes of some of MNIST's digits tear or flow together. From three quarters of it on,
        /// those of many digits do. If it equals `smoothness`, few digits can still be read.
        strength: f32,
        /// The deviation of the Gaussian in pixels, 1 to 100. Simard uses 4, with a strength of about 2 (alpha = 34).
        smoothness: f32,
    },
}

impl Augmentation {
    /// Checks that each value is within its bounds.
    ///
    /// # Errors
    /// One sentence that names the key, its bounds and the value.
    pub fn validate(&self) -> Result<(), String> {
        let within = |key: &str, value: f32, low: f32, high: f32| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(format!("{key} must be from {low} to {high}, not {value}"))
        };
        match *self {
            Self::Shift { pixels } => within("shift.pixels", pixels as f32, 0.0, 1_000.0),
            Self::Affine { rotate, scale, shear, shift } => within("affine.rotate", rotate, 0.0, 180.0)
                .and_then(|()| within("affine.scale", scale, 0.0, 0.9))
                .and_then(|()| within("affine.shear", shear, 0.0, 60.0))
                .and_then(|()| within("affine.shift", shift, 0.0, 1_000.0)),
            Self::Elastic { strength, smoothness } => within("elastic.strength", strength, 0.0, 100.0)
                .and_then(|()| within("elastic.smoothness", smoothness, 1.0, 100.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ELASTIC: Augmentation = Augmentation::Elastic { strength: 1.5, smoothness: 4.0 };
    const AFFINE: Augmentation = Augmentation::Affine { rotate: 10.0, scale: 0.1, shear: 8.0, shift: 0.5 };
    const SHIFT: Augmentation = Augmentation::Shift { pixels: 1 };

    #[test]
    fn reads_like_a_setting_and_refuses_what_is_out_of_bounds() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct File {
            augment: Vec<Augmentation>,
        }
        let text = "augment = [{ elastic = { strength = 1.5, smoothness = 4.0 } }, \
            { affine = { rotate = 10.0, scale = 0.1, shear = 8.0, shift = 0.5 } }, { shift = { pixels = 1 } }]";
        let file: File = toml::from_str(text).unwrap();
        assert_eq!(file.augment, [ELASTIC, AFFINE, SHIFT]);
        assert_eq!(toml::from_str::<File>(&toml::to_string(&file).unwrap()).unwrap(), file);
        let file: File = toml::from_str("augment = [{ affine = { rotate = 5 } }]").unwrap();
        let Augmentation::Affine { rotate: 5.0, scale: 0.0, shear: 0.0, shift: 0.0 } = file.augment[0] else {
            panic!("{file:?}")
        };
        for wrong in
            ["{ affine = { turn = 5 } }", "{ blur = { pixels = 1 } }", "{ elastic = { strength = 1.0 } }"]
        {
            assert!(toml::from_str::<File>(&format!("augment = [{wrong}]")).is_err(), "{wrong}");
        }

        for (key, wrong) in [
            ("shift.pixels", "{ shift = { pixels = 1001 } }"),
            ("affine.rotate", "{ affine = { rotate = -1.0 } }"),
            ("affine.scale", "{ affine = { scale = 1.0 } }"),
            ("affine.shear", "{ affine = { shear = 90.0 } }"),
            ("affine.shift", "{ affine = { shift = inf } }"),
            ("elastic.strength", "{ elastic = { strength = nan, smoothness = 4.0 } }"),
            ("elastic.smoothness", "{ elastic = { strength = 1.0, smoothness = 0.5 } }"),
        ] {
            let file: File = toml::from_str(&format!("augment = [{wrong}]")).unwrap();
            let message = file.augment[0].validate().unwrap_err();
            assert!(message.starts_with(&format!("{key} must be from ")), "{message}");
        }
        assert!([ELASTIC, AFFINE, SHIFT].iter().all(|a| a.validate().is_ok()));
    }
}
