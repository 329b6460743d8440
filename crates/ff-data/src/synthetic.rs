//! Draws synthetic digits for machines without a network and for tests. A digit is a stroke through a few points. It is
//! bent, slanted and scaled at random, and drawn with a pen of random width.
//!
//! Each image depends only on the seed and its index. The code uses no function whose last bit differs between systems, such
//! as a sine. So the same bytes come out everywhere.

use ndarray::{Array1, Array2};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

use crate::dataset::{Dataset, Samples, Source};

/// The width and height of an image, in pixels.
const SIDE: usize = 28;
const CLASSES: usize = 10;
/// The digit's box within the image, as in MNIST: 20 x 20 pixels, in the middle.
const BOX: f32 = 20.0;

/// The standard deviation of the points of a stroke, as a share of the box. This is enough that some digits look like others.
const WOBBLE: f32 = 0.06;

type Point = [f32; 2];

/// A line through points in the unit square, where y points down. The line is rounded unless it has corners.
struct Stroke {
    round: bool,
    points: &'static [Point],
}

const fn round(points: &'static [Point]) -> Stroke {
    Stroke { round: true, points }
}

const fn straight(points: &'static [Point]) -> Stroke {
    Stroke { round: false, points }
}

/// The ways in which people write each digit.
const GLYPHS: [&[&[Stroke]]; CLASSES] = [
    &[&[round(&[
        [0.5, 0.02],
        [0.22, 0.2],
        [0.13, 0.5],
        [0.22, 0.82],
        [0.5, 0.98],
        [0.78, 0.82],
        [0.87, 0.5],
        [0.78, 0.18],
        [0.5, 0.02],
    ])]],
    &[&[straight(&[[0.5, 0.02], [0.5, 0.98]])], &[straight(&[[0.32, 0.22], [0.52, 0.02], [0.52, 0.98]])]],
    &[
        &[
            round(&[
                [0.15, 0.26],
                [0.32, 0.05],
                [0.62, 0.04],
                [0.8, 0.24],
                [0.68, 0.5],
                [0.4, 0.76],
                [0.12, 0.97],
            ]),
            straight(&[[0.12, 0.97], [0.88, 0.94]]),
        ],
        &[round(&[
            [0.15, 0.24],
            [0.4, 0.03],
            [0.75, 0.12],
            [0.72, 0.45],
            [0.4, 0.85],
            [0.14, 0.9],
            [0.3, 0.75],
            [0.6, 0.93],
            [0.9, 0.88],
        ])],
    ],
    &[&[
        round(&[[0.18, 0.12], [0.5, 0.02], [0.78, 0.2], [0.66, 0.42], [0.4, 0.48]]),
        round(&[[0.4, 0.48], [0.75, 0.56], [0.85, 0.77], [0.6, 0.96], [0.15, 0.9]]),
    ]],
    &[
        &[straight(&[[0.6, 0.02], [0.12, 0.62], [0.9, 0.62]]), straight(&[[0.68, 0.3], [0.66, 0.98]])],
        &[straight(&[[0.22, 0.05], [0.16, 0.5], [0.8, 0.5]]), straight(&[[0.82, 0.04], [0.75, 0.98]])],
    ],
    &[&[
        straight(&[[0.82, 0.04], [0.28, 0.05], [0.22, 0.45]]),
        round(&[[0.22, 0.45], [0.5, 0.38], [0.82, 0.55], [0.8, 0.82], [0.5, 0.97], [0.15, 0.9]]),
    ]],
    &[&[round(&[
        [0.7, 0.03],
        [0.36, 0.25],
        [0.15, 0.62],
        [0.25, 0.9],
        [0.55, 0.97],
        [0.8, 0.8],
        [0.7, 0.57],
        [0.42, 0.55],
        [0.2, 0.74],
    ])]],
    &[
        &[straight(&[[0.12, 0.06], [0.86, 0.05]]), round(&[[0.86, 0.05], [0.6, 0.45], [0.42, 0.98]])],
        &[straight(&[[0.12, 0.06], [0.86, 0.05], [0.45, 0.98]]), straight(&[[0.32, 0.5], [0.8, 0.48]])],
    ],
    &[&[round(&[
        [0.5, 0.48],
        [0.23, 0.27],
        [0.36, 0.05],
        [0.63, 0.04],
        [0.76, 0.25],
        [0.5, 0.48],
        [0.2, 0.72],
        [0.3, 0.95],
        [0.66, 0.97],
        [0.82, 0.73],
        [0.5, 0.48],
    ])]],
    &[&[
        round(&[
            [0.78, 0.28],
            [0.56, 0.52],
            [0.26, 0.43],
            [0.22, 0.15],
            [0.5, 0.02],
            [0.76, 0.12],
            [0.78, 0.28],
        ]),
        round(&[[0.78, 0.28], [0.76, 0.65], [0.6, 0.98]]),
    ]],
];

/// Draws `train` and `test` digits of 28 x 28 pixels. The ten classes follow in turn. The indices of the test digits follow those
/// of the training digits, so the two sets share no digit.
pub fn synthetic(train: usize, test: usize, seed: u64) -> Dataset {
    Dataset {
        name: "synthetic".into(),
        width: SIDE,
        height: SIDE,
        classes: CLASSES,
        train: samples(0, train, seed),
        test: samples(train, test, seed),
        source: Source::Synthetic,
    }
}

fn samples(first: usize, n: usize, seed: u64) -> Samples {
    let mut images = Array2::zeros((n, SIDE * SIDE));
    if let Some(pixels) = images.as_slice_mut() {
        pixels.par_chunks_mut(SIDE * SIDE).enumerate().for_each(|(i, image)| {
            let mut pen = Pen::new(seed, first + i);
            pen.draw((first + i) % CLASSES, image);
        });
    }
    Samples { images, labels: Array1::from_shape_fn(n, |i| ((first + i) % CLASSES) as u8) }
}

/// The random choices of one writer for one digit.
struct Pen {
    rng: ChaCha8Rng,
}

impl Pen {
    fn new(seed: u64, index: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(index as u64);
        Self { rng }
    }

    /// Draws uniformly from `from..to`.
    fn uniform(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * (self.rng.next_u32() >> 8) as f32 / 16_777_216.0
    }

    /// Draws from about a normal distribution with this deviation. It is the sum of four uniform draws.
    fn normal(&mut self, deviation: f32) -> f32 {
        let sum: f32 = (0..4).map(|_| self.uniform(-1.0, 1.0)).sum();
        sum * deviation * 0.866
    }

    fn draw(&mut self, digit: usize, image: &mut [u8]) {
        let ways = GLYPHS[digit];
        let glyph = ways[self.rng.next_u32() as usize % ways.len()];
        let place = self.placement();
        let half_width = self.uniform(0.75, 1.65);
        let mut ink = [0.0f32; SIDE * SIDE];
        for stroke in glyph {
            let points: Vec<Point> = stroke
                .points
                .iter()
                .map(|&[x, y]| place([x + self.normal(WOBBLE), y + self.normal(WOBBLE)]))
                .collect();
            let mut line = if stroke.round { rounded(&points) } else { points };
            // Points stay inside a border of 2.5 pixels, so that the label's row is free.
            line.iter_mut().flatten().for_each(|p| *p = p.clamp(2.5, SIDE as f32 - 3.5));
            for ends in line.windows(2) {
                draw_segment(&mut ink, ends[0], ends[1], half_width);
            }
        }
        for (pixel, ink) in image.iter_mut().zip(ink) {
            if ink > 0.0 {
                *pixel = (255.0 * (ink + self.normal(0.04)).clamp(0.0, 1.0)).round() as u8;
            }
        }
    }

    /// Maps the unit square to pixels, with a small slant, turn, change of size and shift.
    fn placement(&mut self) -> impl Fn(Point) -> Point + use<> {
        let (slant, turn) = (self.normal(0.2), self.normal(0.12));
        let (width, height) = (self.uniform(0.6, 0.92) * BOX, self.uniform(0.82, 0.98) * BOX);
        let middle = SIDE as f32 / 2.0 - 0.5;
        let (x0, y0) = (middle + self.normal(1.0), middle + self.normal(1.0));
        move |[x, y]| {
            let (x, y) = (x - 0.5, y - 0.5);
            let (u, v) = (x - slant * y, y + turn * x);
            [x0 + width * u, y0 + height * v]
        }
    }
}

/// Returns a smooth line through the points (Catmull and Rom's spline), with six pieces between two of them.
fn rounded(points: &[Point]) -> Vec<Point> {
    const PIECES: usize = 6;
    let last = points.len() - 1;
    let mut line = Vec::with_capacity(last * PIECES + 1);
    for i in 0..last {
        let p = [points[i.saturating_sub(1)], points[i], points[i + 1], points[(i + 2).min(last)]];
        for piece in 0..PIECES {
            let t = piece as f32 / PIECES as f32;
            line.push([0, 1].map(|axis| spline(p.map(|point| point[axis]), t)));
        }
    }
    line.push(points[last]);
    line
}

fn spline([a, b, c, d]: [f32; 4], t: f32) -> f32 {
    0.5 * (2.0 * b
        + (c - a) * t
        + (2.0 * a - 5.0 * b + 4.0 * c - d) * t * t
        + (3.0 * b - a - 3.0 * c + d) * t * t * t)
}

/// Draws a line from `a` to `b`. The ink falls from 1 to 0 over one pixel at the edge of the stroke.
fn draw_segment(ink: &mut [f32; SIDE * SIDE], a: Point, b: Point, half_width: f32) {
    let reach = half_width + 1.0;
    let span = |axis: usize| {
        let (low, high) = (a[axis].min(b[axis]) - reach, a[axis].max(b[axis]) + reach);
        (low.ceil().max(0.0) as usize)..=(high.floor().min(SIDE as f32 - 1.0) as usize)
    };
    let along = [b[0] - a[0], b[1] - a[1]];
    let length = (along[0] * along[0] + along[1] * along[1]).max(1e-9);
    for y in span(1) {
        for x in span(0) {
            let from = [x as f32 - a[0], y as f32 - a[1]];
            let t = ((from[0] * along[0] + from[1] * along[1]) / length).clamp(0.0, 1.0);
            let off = [from[0] - t * along[0], from[1] - t * along[1]];
            let distance = (off[0] * off[0] + off[1] * off[1]).sqrt();
            let here = (half_width + 0.5 - distance).clamp(0.0, 1.0);
            let pixel = &mut ink[y * SIDE + x];
            *pixel = pixel.max(here);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_digits_and_another_does_not() {
        let (a, b) = (synthetic(50, 20, 4), synthetic(50, 20, 4));
        assert_eq!(a, b);
        assert_ne!(a.train.images, synthetic(50, 20, 5).train.images);
        // Digit 50 is the same whether it is drawn for training or for the test.
        assert_eq!(synthetic(60, 0, 4).train.images.row(50), a.test.images.row(0));
        let sum: u64 = a.train.images.iter().enumerate().map(|(i, &p)| (i as u64 + 1) * u64::from(p)).sum();
        assert_eq!(sum, GOLDEN_SUM, "the digits changed");
    }
    const GOLDEN_SUM: u64 = 24_432_120_085;

    #[test]
    fn digits_look_like_mnist_in_numbers() {
        let set = synthetic(1_000, 0, 1).train;
        for class in 0..10u8 {
            assert_eq!(set.labels.iter().filter(|&&label| label == class).count(), 100);
        }
        let dark = set.images.iter().filter(|&&p| p == 0).count() as f64 / set.images.len() as f64;
        assert!((0.70..0.88).contains(&dark), "{dark} of the pixels are 0");
        let label_row = set.images.columns().into_iter().take(SIDE).flatten().all(|&p| p == 0);
        assert!(label_row, "ink in the label's row");
    }

    #[test]
    fn classes_can_be_told_apart_but_not_trivially() {
        let set = synthetic(2_000, 500, 2);
        let mut means = vec![vec![0.0f64; SIDE * SIDE]; CLASSES];
        for (image, &label) in set.train.images.rows().into_iter().zip(&set.train.labels) {
            for (mean, &p) in means[usize::from(label)].iter_mut().zip(image) {
                *mean += f64::from(p) / 200.0;
            }
        }
        let nearest = |image: ndarray::ArrayView1<u8>| {
            let distance = |mean: &[f64]| -> f64 {
                image.iter().zip(mean).map(|(&p, m)| (f64::from(p) - m) * (f64::from(p) - m)).sum()
            };
            (0..CLASSES).min_by(|&a, &b| distance(&means[a]).total_cmp(&distance(&means[b])))
        };
        let right = set.test.images.rows().into_iter().zip(&set.test.labels);
        let right = right.filter(|(image, label)| nearest(*image) == Some(usize::from(**label))).count();
        assert!((300..490).contains(&right), "{right} of 500 by the nearest mean");
    }
}
