//! What becomes of a few pixels, counted by hand, and what the draws are like on the whole.
#![allow(clippy::unwrap_used)]

use ff_data::synthetic;
use ff_tensor::Augmentation;
use ndarray::Array2;
use proptest::prelude::*;

use super::map::{IDENTITY, Matrix, backward, sin_cos, times};
use super::*;

const ELASTIC: Augmentation = Augmentation::Elastic { strength: 1.5, smoothness: 4.0 };
const AFFINE: Augmentation = Augmentation::Affine { rotate: 10.0, scale: 0.1, shear: 8.0, shift: 0.5 };
const SHIFT: Augmentation = Augmentation::Shift { pixels: 1 };

/// Of a digit.
const PIXELS: usize = 28 * 28;

fn changed(
    images: &Array2<u8>,
    [width, height]: [usize; 2],
    list: &[Augmentation],
    seed: u64,
    epoch: u64,
) -> Array2<u8> {
    // What stood in `out` before must not show.
    let mut out = Array2::from_elem(images.dim(), 77);
    let p = Change { list, width, height, seed, epoch };
    augment(out.as_slice_mut().unwrap(), images.as_slice().unwrap(), &p);
    out
}

fn digits(n: usize) -> Array2<u8> {
    synthetic(n, 0, 3).train.images
}

fn draws(seed: u64) -> Draws {
    Draws::of_image(&ChaCha8Rng::seed_from_u64(seed), 0)
}

#[test]
fn depends_on_seed_epoch_and_index_but_not_on_threads() {
    let images = digits(500);
    let list = [ELASTIC, AFFINE, SHIFT];
    let on = |threads: usize, seed, epoch| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| changed(&images, [28, 28], &list, seed, epoch))
    };
    let first = on(1, 1, 0);
    assert_eq!(first, on(4, 1, 0));
    for other in [on(4, 1, 1), on(4, 2, 0)] {
        let same = first.rows().into_iter().zip(other.rows()).filter(|(a, b)| a == b).count();
        assert_eq!(same, 0);
    }
    let twice = ndarray::concatenate![ndarray::Axis(0), images.slice(ndarray::s![..1, ..]), images];
    let twice = changed(&twice, [28, 28], &list, 1, 0);
    assert_eq!(twice.row(0), first.row(0));
    assert_ne!(twice.row(1), first.row(0), "one digit twice, at two indices");
    let sum: u64 = first.iter().enumerate().map(|(i, &p)| (i as u64 + 1) * u64::from(p)).sum();
    assert_eq!(sum, GOLDEN_SUM, "the changes changed");
}
const GOLDEN_SUM: u64 = 2_459_092_986_072;

#[test]
fn copies_if_there_is_nothing_to_change() {
    let images = digits(20);
    let nothing = [
        Augmentation::Affine { rotate: 0.0, scale: 0.0, shear: 0.0, shift: 0.0 },
        Augmentation::Elastic { strength: 0.0, smoothness: 4.0 },
        Augmentation::Shift { pixels: 0 },
    ];
    assert_eq!(changed(&images, [28, 28], &[], 1, 0), images);
    assert_eq!(changed(&images, [28, 28], &nothing, 1, 0), images);
    // Read between pixels, but with no part of a pixel between.
    let mut map = Map::new(28, 28);
    map.bent = true;
    let mut out = vec![77; PIXELS];
    map.read(&mut out, images.row(0).as_slice().unwrap());
    assert_eq!(out, images.row(0).to_vec());
}

#[test]
fn a_shift_moves_bytes_to_every_place_equally_often() {
    let image: Vec<u8> = (1..=20).collect(); // 5 x 4
    let images = Array2::from_shape_fn((25_000, 20), |(_, i)| image[i]);
    let out = changed(&images, [5, 4], &[Augmentation::Shift { pixels: 2 }], 7, 0);
    let mut seen = [[0; 5]; 5];
    for row in out.rows() {
        let moved = |dx: isize, dy: isize| {
            let (x, y) = (|i: usize| (i % 5) as isize - dx, |i: usize| (i / 5) as isize - dy);
            let there = |i| (0..5).contains(&x(i)) && (0..4).contains(&y(i));
            row.indexed_iter()
                .all(|(i, &p)| p == if there(i) { image[(y(i) * 5 + x(i)) as usize] } else { 0 })
        };
        let places = (-2..=2).flat_map(|dy| (-2..=2).map(move |dx| (dx, dy)));
        let (dx, dy) = places.into_iter().find(|&(dx, dy)| moved(dx, dy)).unwrap();
        seen[(dy + 2) as usize][(dx + 2) as usize] += 1;
    }
    // 1,000 each; the deviation is 31.
    assert!(seen.as_flattened().iter().all(|n| (850..1_150).contains(n)), "{seen:?}");
}

#[test]
fn an_affine_map_is_the_one_that_one_gets_by_hand() {
    let read = |back: Matrix, shift: (f32, f32), image: &[u8]| {
        let mut map = Map::new(3, 3);
        map.then(back, shift);
        let mut out = vec![77; 9];
        map.read(&mut out, image);
        out
    };
    let image = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    // A quarter clockwise: the left column becomes the top row.
    assert_eq!(read(backward(90.0, 0.0, 1.0, 1.0), (0.0, 0.0), &image), [7, 4, 1, 8, 5, 2, 9, 6, 3]);
    assert_eq!(read(backward(180.0, 0.0, 1.0, 1.0), (0.0, 0.0), &image), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    // 45 degrees: the corners of the middle pixel's neighbourhood lie at sqrt(1/2) along both axes.
    let plus = [0, 100, 0, 100, 100, 100, 0, 100, 0];
    let corner = read(backward(45.0, 0.0, 1.0, 1.0), (0.0, 0.0), &plus)[0];
    // At (-sqrt 2, 0) from the middle: 0.414 of the way from 100 to the frame's 0.
    assert_eq!(corner, 59);
    // Slanted by 45 degrees, the row above the middle comes from one pixel to the right of it.
    assert_eq!(read(backward(0.0, 45.0, 1.0, 1.0), (0.0, 0.0), &image), [2, 3, 0, 4, 5, 6, 0, 7, 8]);
    // Twice as wide, and then half a pixel down.
    let wide = [0, 0, 0, 40, 80, 20, 0, 0, 0];
    let out = read(backward(0.0, 0.0, 2.0, 1.0), (0.0, 0.5), &wide);
    assert_eq!(out, [0, 0, 0, 30, 40, 25, 30, 40, 25]);
}

#[test]
fn a_list_is_one_map_and_its_order_counts() {
    let turn = backward(30.0, 10.0, 1.1, 0.9);
    // Forward, first turned and then shifted, is backward first shifted and then turned.
    let mut map = Map::new(9, 7);
    map.then(IDENTITY, (2.0, 1.0));
    map.then(turn, (0.5, -0.5));
    let by_hand = times(turn, 3.0 - 2.0 - 0.5, 2.0 - 1.0 + 0.5);
    let (x, y) = times(map.m, 3.0, 2.0);
    assert!((x + map.t.0 - by_hand.0).abs() < 1e-5 && (y + map.t.1 - by_hand.1).abs() < 1e-5);
    // A shift that comes first is found last, by whole pixels; one that comes last is found turned.
    let affine = Augmentation::Affine { rotate: 60.0, scale: 0.1, shear: 8.0, shift: 0.0 };
    let shift = Augmentation::Shift { pixels: 100 };
    map.draw(&[shift, affine], &mut draws(1));
    assert!(map.t.0.fract() == 0.0 && map.t.1.fract() == 0.0, "{:?}", map.t);
    map.draw(&[affine, shift], &mut draws(1));
    assert!(map.t.0.fract() != 0.0 && map.t.1.fract() != 0.0, "{:?}", map.t);
    // A displacement that comes later in the list is turned with the rest.
    let mut map = Map::new(9, 7);
    map.bend(1.0, 2.0, &mut draws(1));
    let (x, y) = (map.dx[30], map.dy[30]);
    map.then(turn, (0.0, 0.0));
    assert_eq!((map.dx[30], map.dy[30]), times(turn, x, y));
}

/// Hundreds of changes come to a map that f32 cannot hold. What is read then is background or a pixel, never what lies
/// beyond the image.
#[test]
fn a_map_beyond_all_numbers_reads_the_background() {
    let far = Augmentation::Affine { rotate: 180.0, scale: 0.9, shear: 60.0, shift: 1_000.0 };
    let white = Array2::from_elem((5, PIXELS), 255u8);
    for bend in [far, ELASTIC] {
        let mut list = vec![far; 400];
        list.push(bend);
        let out = changed(&white, [28, 28], &list, 1, 0);
        assert!(out.iter().all(|&p| p == 0), "{:?}", out.row(0));
    }
}

#[test]
fn sines_are_sines() {
    for degrees in -180..=180 {
        let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
        let (s, c) = sin_cos(degrees as f32);
        assert!((f64::from(s) - sin).abs() < 1e-7 && (f64::from(c) - cos).abs() < 1e-7, "{degrees}");
    }
    assert_eq!(sin_cos(0.0), (0.0, 1.0));
}

#[test]
fn displacements_are_as_strong_and_as_smooth_as_asked() {
    for (strength, smoothness) in [(1.5, 4.0), (3.0, 2.5), (0.5, 8.0)] {
        let (mut map, mut draws) = (Map::new(28, 28), draws(5));
        let (fields, pixel) = (4_000, 28 * 14 + 3);
        let (mut square, mut one_pixel, mut means) = (0.0f64, 0.0f64, [0.0f64; 2]);
        let mut along = [0.0f64; 24];
        for _ in 0..fields {
            map.bent = false;
            map.bend(strength, smoothness, &mut draws);
            let length = |i: usize| f64::from(map.dx[i] * map.dx[i] + map.dy[i] * map.dy[i]);
            square += (0..PIXELS).map(length).sum::<f64>() / PIXELS as f64;
            one_pixel += length(pixel);
            means = [means[0] + f64::from(map.dx[pixel]), means[1] + f64::from(map.dy[pixel])];
            for (lag, sum) in along.iter_mut().enumerate() {
                *sum += f64::from(map.dx[pixel] * map.dx[pixel + lag]);
            }
        }
        let asked = f64::from(strength);
        let rms = |sum: f64| (sum / f64::from(fields)).sqrt() / asked;
        assert!((rms(square) - 1.0).abs() < 0.03 && (rms(one_pixel) - 1.0).abs() < 0.03, "{}", rms(square));
        assert!(means.iter().all(|m| (m / f64::from(fields)).abs() < 0.06 * asked), "{means:?}");
        for lag in 0..along.len() {
            let gauss = (-(lag as f64 / (2.0 * f64::from(smoothness))).powi(2)).exp();
            let own = along[lag] / along[0];
            // 0.02 of the spline's and 3 deviations of a correlation over 4,000 fields.
            assert!((own - gauss).abs() < 0.07, "{smoothness}: {own} at {lag}, not {gauss}");
        }
    }
}

#[test]
fn ink_is_neither_made_nor_lost() {
    let images = digits(2_000);
    let ink = |images: &Array2<u8>| images.iter().map(|&p| f64::from(p)).sum::<f64>();
    let turn = Augmentation::Affine { rotate: 15.0, scale: 0.0, shear: 8.0, shift: 1.0 };
    for list in [&[turn][..], &[ELASTIC], &[ELASTIC, AFFINE, SHIFT]] {
        let share = ink(&changed(&images, [28, 28], list, 1, 0)) / ink(&images);
        assert!((0.97..1.03).contains(&share), "{share} of the ink after {list:?}");
    }
}

fn any_augmentation() -> impl Strategy<Value = Augmentation> {
    prop_oneof![
        (0u32..=1_000).prop_map(|pixels| Augmentation::Shift { pixels }),
        (0f32..=180.0, 0f32..=0.9, 0f32..=60.0, 0f32..=1_000.0)
            .prop_map(|(rotate, scale, shear, shift)| Augmentation::Affine { rotate, scale, shear, shift }),
        (0f32..=100.0, 1f32..=100.0)
            .prop_map(|(strength, smoothness)| Augmentation::Elastic { strength, smoothness }),
    ]
}

proptest! {
    #[test]
    fn any_size_and_any_list_will_do(
        width in 1usize..40,
        height in 1usize..40,
        list in prop::collection::vec(any_augmentation(), 0..4),
        seed: u64,
        epoch: u64,
    ) {
        let white = Array2::from_elem((5, width * height), 255u8);
        let _ = changed(&white, [width, height], &list, seed, epoch);
        let black = Array2::zeros((5, width * height));
        prop_assert_eq!(changed(&black, [width, height], &list, seed, epoch), black);
    }
}
