//! Brings a picture of a character into the form of MNIST's images. The character is light on dark and fits into a box of
//! 20/28 of the side, and its centre of mass is in the middle (Y. LeCun, C. Cortes, C. J. C. Burges, on MNIST's page).

use std::io::BufReader;
use std::path::Path;

use image::imageops::{FilterType, resize};
use image::{GrayImage, ImageFormat, ImageReader, Luma};

use crate::error::{Error, Result};

/// The longest side that a picture may have, in pixels.
const LONGEST_SIDE: u32 = 10_000;
/// The bytes that the decoder may take for a file of any length.
const LEAST_MEMORY: u64 = 1 << 19;
/// Ink up to this value counts as paper, where the darkest ink is 255. A picture with less contrast is empty.
const FAINT: u8 = 25;

/// Reads a PNG of any size, dark on light or light on dark. The result has `width * height` pixels, with 255 for ink. A
/// picture that has this size already, with an empty border, is not changed.
///
/// # Errors
/// The file is not a PNG, is damaged, has more than 10,000 pixels on a side, or shows nothing.
pub fn picture(path: &Path, width: usize, height: usize) -> Result<Vec<u8>> {
    let grey = read_grey(path)?;
    let size = (width as u32, height as u32);
    if grey.dimensions() == size && border(&grey).iter().all(|&p| p == 0) && grey.iter().any(|&p| p > FAINT) {
        return Ok(grey.into_raw());
    }
    let Some(digit) = ink(grey).as_ref().and_then(crop) else {
        return Err(Error::bad(path, "is empty: no pixel stands out from the background"));
    };
    Ok(centred(&fitted(&digit, size), size))
}

/// Measures how far each pixel stands out from the background, which is the median of the border. The background is 0, and
/// the pixel that stands out most is 255.
fn ink(mut grey: GrayImage) -> Option<GrayImage> {
    let mut around = border(&grey);
    let middle = around.len() / 2;
    let paper = *around.select_nth_unstable(middle).1;
    let (darkest, lightest) = grey.iter().fold((u8::MAX, 0), |(low, high), &p| (low.min(p), high.max(p)));
    let dark_on_light = paper - darkest > lightest - paper;
    let range = if dark_on_light { paper - darkest } else { lightest - paper };
    if range < FAINT {
        return None;
    }
    for p in grey.iter_mut() {
        let out = if dark_on_light { paper.saturating_sub(*p) } else { p.saturating_sub(paper) };
        *p = (u16::from(out) * 255 / u16::from(range)) as u8;
    }
    Some(grey)
}

/// Reads the picture and converts it to grey. Transparent parts count as white.
fn read_grey(path: &Path) -> Result<GrayImage> {
    let file = std::fs::File::open(path).map_err(Error::io(path))?;
    let length = file.metadata().map_err(Error::io(path))?.len();
    let mut reader = ImageReader::with_format(BufReader::new(file), ImageFormat::Png);
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    // This is the most that the file can hold. Deflate compresses by at most about 1,032 to 1, and a byte has at most eight
    // pixels.
    let holds = length.saturating_mul(1_032 * 8).saturating_add(LEAST_MEMORY);
    limits.max_alloc = limits.max_alloc.map(|most| most.min(holds));
    reader.limits(limits);
    let picture = reader.decode().map_err(|e| Error::bad(path, format!("is not a readable PNG ({e})")))?;
    let picture = picture.into_luma_alpha8();
    Ok(GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [grey, alpha] = picture.get_pixel(x, y).0.map(u32::from);
        Luma([((grey * alpha + 255 * (255 - alpha)) / 255) as u8])
    }))
}

fn border(ink: &GrayImage) -> Vec<u8> {
    let (w, h) = ink.dimensions();
    let edge = |x, y| x == 0 || y == 0 || x == w - 1 || y == h - 1;
    ink.enumerate_pixels().filter(|&(x, y, _)| edge(x, y)).map(|(_, _, p)| p.0[0]).collect()
}

/// Cuts out the smallest part that has all the ink.
fn crop(ink: &GrayImage) -> Option<GrayImage> {
    let places = || ink.enumerate_pixels().filter(|(_, _, p)| p.0[0] > FAINT).map(|(x, y, _)| (x, y));
    let (left, right) = (places().map(|p| p.0).min()?, places().map(|p| p.0).max()?);
    let (top, bottom) = (places().map(|p| p.1).min()?, places().map(|p| p.1).max()?);
    Some(image::imageops::crop_imm(ink, left, top, right - left + 1, bottom - top + 1).to_image())
}

/// Scales the picture to 20/28 of the size and keeps its proportions.
fn fitted(digit: &GrayImage, (width, height): (u32, u32)) -> GrayImage {
    let room = |side: u32| (side as f32 * 20.0 / 28.0).max(1.0);
    let scale = (room(width) / digit.width() as f32).min(room(height) / digit.height() as f32);
    let scaled = |side: u32| ((side as f32 * scale).round() as u32).max(1);
    resize(digit, scaled(digit.width()), scaled(digit.height()), FilterType::Triangle)
}

/// Puts the picture on a dark ground. Its centre of mass is in the middle, as far as the border allows.
fn centred(digit: &GrayImage, (width, height): (u32, u32)) -> Vec<u8> {
    let (mut mass, mut x_sum, mut y_sum) = (0.0f64, 0.0, 0.0);
    for (x, y, p) in digit.enumerate_pixels() {
        let m = f64::from(p.0[0]);
        mass += m;
        x_sum += m * f64::from(x);
        y_sum += m * f64::from(y);
    }
    let first = |side: u32, own: u32, sum: f64| {
        // MNIST's centres of mass lie at pixel 14 of 0 to 27, not at 13.5.
        let wanted = f64::from(side) / 2.0 - sum / mass.max(1.0);
        wanted.round().clamp(0.0, f64::from(side - own.min(side))) as i64
    };
    let mut page = GrayImage::new(width, height);
    let (x, y) = (first(width, digit.width(), x_sum), first(height, digit.height(), y_sum));
    image::imageops::replace(&mut page, digit, x, y);
    page.into_raw()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Draws an `L` in the corner of a large page.
    fn page(ink: u8, paper: u8) -> GrayImage {
        GrayImage::from_fn(200, 160, |x, y| {
            let stem = (20..32).contains(&x) && (10..110).contains(&y);
            let foot = (20..80).contains(&x) && (98..110).contains(&y);
            Luma([if stem || foot { ink } else { paper }])
        })
    }

    fn saved(picture: &GrayImage) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("l.png");
        picture.save(&path).unwrap();
        (dir, path)
    }

    #[test]
    fn either_polarity_gives_the_same_centred_digit() {
        let (_dir, dark) = saved(&page(0, 255));
        let (_dir_2, light) = saved(&page(255, 0));
        let digit = picture(&dark, 28, 28).unwrap();
        assert_eq!(digit, picture(&light, 28, 28).unwrap());
        let mass: f64 = digit.iter().map(|&p| f64::from(p)).sum();
        let x: f64 = digit.iter().enumerate().map(|(i, &p)| (i % 28) as f64 * f64::from(p)).sum();
        let y: f64 = digit.iter().enumerate().map(|(i, &p)| (i / 28) as f64 * f64::from(p)).sum();
        assert!(
            (x / mass - 14.0).abs() <= 0.5 && (y / mass - 14.0).abs() <= 0.5,
            "{} {}",
            x / mass,
            y / mass
        );
        let rows = digit.chunks(28).filter(|row| row.iter().any(|&p| p > 60)).count();
        assert!((19..=21).contains(&rows), "{rows} rows of ink");
    }

    #[test]
    fn pencil_on_grey_paper_is_as_good_as_ink_on_white() {
        let digit = |ink, paper| {
            let (_dir, path) = saved(&page(ink, paper));
            picture(&path, 28, 28).unwrap()
        };
        let white = digit(0, 255);
        for (ink, paper) in [(60, 200), (110, 140), (10, 250), (200, 120)] {
            assert_eq!(digit(ink, paper), white, "{ink} on {paper}");
        }
        let (_dir, path) = saved(&page(120, 130));
        assert!(picture(&path, 28, 28).is_err());
    }

    #[test]
    fn a_picture_in_mnists_form_is_taken_as_it_is() {
        let own =
            GrayImage::from_fn(28, 28, |x, y| Luma([if x == 9 && (5..20).contains(&y) { 201 } else { 0 }]));
        let (_dir, path) = saved(&own);
        assert_eq!(picture(&path, 28, 28).unwrap(), own.into_raw());
    }

    #[test]
    fn what_is_no_picture_is_refused_by_name() {
        let (dir, path) = saved(&page(255, 255));
        assert!(picture(&path, 28, 28).unwrap_err().to_string().contains("is empty"));
        let whole = std::fs::read(&path).unwrap();
        for (bytes, name) in [(&whole[..whole.len() / 2], "cut.png"), (b"hello".as_slice(), "text.png")] {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let message = picture(&path, 28, 28).unwrap_err().to_string();
            assert!(message.contains(name) && message.contains("not a readable PNG"), "{message}");
        }
        assert!(picture(&dir.path().join("none.png"), 28, 28).is_err());
    }
}
