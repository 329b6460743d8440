//! This module reads MNIST's file format, IDX. A data set has four files of big-endian headers and bytes. Each file is plain or
//! gzip-compressed.
//!
//! ```text
//! images: 0x00000803, n, rows, columns, then n * rows * columns pixels
//! labels: 0x00000801, n, then n labels
//! ```
//! The reader checks each file first. It takes no more memory than the file's length or header allows. Then the `mnist`
//! crate parses sets that have MNIST's shape. It knows only this shape and panics on any other. So this file cuts sets of
//! another shape out of the checked bytes itself.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use mnist::MnistBuilder;
use ndarray::{Array1, Array2};

use crate::dataset::{Dataset, Samples, Source};
use crate::error::{Error, Result};
use crate::fetch::is_mnist;

pub use crate::files::FILES;

const IMAGES: u32 = 0x0000_0803;
const LABELS: u32 = 0x0000_0801;
/// The longest side that an image may have, in pixels.
const LONGEST_SIDE: usize = 1_024;
/// The largest size of a file after decompression. Fashion-MNIST has 47 MB, and EMNIST's largest file has 550 MB.
const LARGEST: usize = 1 << 31;
/// MNIST's own `[training images, test images, rows, columns]`.
const MNIST_SHAPE: [usize; 4] = [60_000, 10_000, 28, 28];

/// A file whose header and length have been checked.
struct Checked {
    path: PathBuf,
    /// All bytes of the file, including the header.
    bytes: Vec<u8>,
    /// The number of items, and for images also rows and columns.
    dims: Vec<usize>,
}

impl Checked {
    fn body(&self) -> &[u8] {
        &self.bytes[4 + 4 * self.dims.len()..]
    }
}

/// Returns whether all four files are in `dir`.
pub(crate) fn all_there(dir: &Path) -> bool {
    FILES.iter().all(|file| find(dir, file).is_ok())
}

/// Reads the four files of `dir`. Each may be plain or `.gz`. Names with a dot (`images.idx3-ubyte`) are found as well.
///
/// # Errors
/// A file is missing, cut short, damaged or of another kind. Images and labels differ in number. Training and test images
/// differ in size. A label is not a class of the training set.
pub fn read_dir(dir: &Path) -> Result<Dataset> {
    let [train_images, train_labels, test_images, test_labels] = FILES.map(|file| {
        let magic = if file.contains("images") { IMAGES } else { LABELS };
        check(find(dir, file)?, magic)
    });
    let (train_images, train_labels) = (train_images?, train_labels?);
    let (test_images, test_labels) = (test_images?, test_labels?);
    same_number(&train_images, &train_labels)?;
    same_number(&test_images, &test_labels)?;
    if train_images.dims[1..] != test_images.dims[1..] {
        let [a, b] = [&train_images, &test_images].map(|set| format!("{} x {}", set.dims[1], set.dims[2]));
        return Err(Error::bad(
            &test_images.path,
            format!("has images of {b}, but the training images are {a}"),
        ));
    }
    let classes = classes_of(&train_labels, test_labels.body())?;
    if let Some(i) = test_labels.body().iter().position(|&label| usize::from(label) >= classes) {
        let label = test_labels.body()[i];
        let reason =
            format!("has label {label} at index {i}, but the training labels are 0 to {}", classes - 1);
        return Err(Error::bad(&test_labels.path, reason));
    }
    let (height, width) = (train_images.dims[1], train_images.dims[2]);
    let [train, test] = parse(dir, [&train_images, &train_labels, &test_images, &test_labels])?;
    let name = match is_mnist(&train_labels.bytes, &test_images.bytes) {
        true => "mnist".into(),
        false => dir.file_name().map_or("data".into(), |name| name.to_string_lossy().into_owned()),
    };
    Ok(Dataset { name, width, height, classes, train, test, source: Source::Directory(dir.into()) })
}

fn find(dir: &Path, file: &str) -> Result<PathBuf> {
    let dotted = file.replacen("-idx", ".idx", 1);
    let names = [file.to_string(), format!("{file}.gz"), dotted.clone(), format!("{dotted}.gz")];
    if !dir.is_dir() {
        return Err(Error::bad(dir, "is not a directory"));
    }
    let found = names.iter().map(|name| dir.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| Error::NoFile { dir: dir.into(), file: file.into() })
}

/// Reads a whole file, if its header is right and its length is what the header says.
fn check(path: PathBuf, magic: u32) -> Result<Checked> {
    let file = File::open(&path).map_err(Error::io(&path))?;
    let length = file.metadata().map_err(Error::io(&path))?.len();
    let packed = path.extension().is_some_and(|end| end == "gz");
    let mut reader: Box<dyn Read> = if packed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let dims_count = if magic == IMAGES { 3 } else { 1 };
    let mut bytes = vec![0; 4 + 4 * dims_count];
    reader.read_exact(&mut bytes).map_err(|e| short_or_damaged(&path, &e, "its header"))?;
    let words: Vec<usize> =
        bytes.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word) as usize).collect();
    if words[0] != magic as usize {
        let kind = if magic == IMAGES { "images" } else { "labels" };
        let reason =
            format!("starts with {:#010x}, but a file of {kind} starts with {magic:#010x}", words[0]);
        return Err(Error::bad(&path, reason));
    }
    let dims = words[1..].to_vec();
    let body = expected_length(&path, &dims)?;
    // Deflate compresses by at most about 1,032 to 1. A header that promises more is false.
    let most = if packed { length.saturating_mul(1_032) } else { length };
    if body as u64 > most {
        let reason = format!("is {length} bytes, too short for the {} items that it announces", dims[0]);
        return Err(Error::bad(&path, reason));
    }
    bytes.reserve_exact(body + 1);
    let header = bytes.len();
    reader
        .by_ref()
        .take(body as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| short_or_damaged(&path, &e, "its data"))?;
    let got = bytes.len() - header;
    if got != body {
        let end = if got < body { format!("ends after {got} bytes") } else { "goes on after them".into() };
        return Err(Error::bad(&path, format!("announces {body} bytes of data but {end}")));
    }
    if packed {
        // The decoder compares the checksum only when it reads past the end.
        let more = reader.read(&mut [0]).map_err(|e| short_or_damaged(&path, &e, "its checksum"))?;
        if more > 0 {
            return Err(Error::bad(&path, format!("announces {body} bytes of data but goes on after them")));
        }
    }
    Ok(Checked { path, bytes, dims })
}

fn short_or_damaged(path: &Path, e: &std::io::Error, part: &str) -> Error {
    match e.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::bad(path, format!("is cut short in {part}")),
        _ => Error::bad(path, format!("is damaged in {part} ({e})")),
    }
}

fn expected_length(path: &Path, dims: &[usize]) -> Result<usize> {
    if dims[0] == 0 {
        return Err(Error::bad(path, "announces no items"));
    }
    if let Some(side) = dims[1..].iter().find(|&&side| side == 0 || side > LONGEST_SIDE) {
        return Err(Error::bad(
            path,
            format!("announces images with a side of {side}; 1 to {LONGEST_SIDE} work"),
        ));
    }
    let length = dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
    length
        .filter(|&length| length <= LARGEST)
        .ok_or_else(|| Error::bad(path, format!("announces {} items, more than {LARGEST} bytes", dims[0])))
}

fn same_number(images: &Checked, labels: &Checked) -> Result<()> {
    if images.dims[0] == labels.dims[0] {
        return Ok(());
    }
    let reason = format!("has {} labels, but there are {} images", labels.dims[0], images.dims[0]);
    Err(Error::bad(&labels.path, reason))
}

/// Counts the classes of the training labels. Every class up to the largest label needs at least a hundredth of an even
/// share of the images. A class without a test image needs a tenth of an even share, and at least two images. So a single
/// stray label counts as damage and not as an eleventh class.
fn classes_of(labels: &Checked, test_labels: &[u8]) -> Result<usize> {
    let body = labels.body();
    let mut counts = [0usize; 256];
    for &label in body {
        counts[usize::from(label)] += 1;
    }
    let classes = counts.iter().rposition(|&count| count > 0).map_or(0, |top| top + 1);
    let bad = |reason| Err(Error::bad(&labels.path, reason));
    if classes < 2 {
        return bad("has only label 0; at least two classes are needed".into());
    }
    let share = body.len() / classes;
    let least = |class: usize| match test_labels.contains(&(class as u8)) {
        true => (share / 100).max(1),
        false => (share / 10).max(2),
    };
    let sound = (0..classes).position(|class| counts[class] < least(class)).unwrap_or(classes);
    if sound == classes {
        return Ok(classes);
    }
    // All labels from the first thin class on are strays.
    match body.iter().position(|&label| usize::from(label) >= sound) {
        Some(i) if sound >= 2 => {
            let (label, last) = (body[i], sound - 1);
            bad(format!("has label {label} at index {i}, but the classes that hold images are 0 to {last}"))
        }
        _ => bad(format!("has no image of class {sound}, but labels up to {}", classes - 1)),
    }
}

/// Turns checked files into arrays.
fn parse(
    dir: &Path,
    [train_images, train_labels, test_images, test_labels]: [&Checked; 4],
) -> Result<[Samples; 2]> {
    let dims = &train_images.dims;
    if [dims[0], test_images.dims[0], dims[1], dims[2]] == MNIST_SHAPE {
        return parse_mnist(dir, [train_images, train_labels, test_images, test_labels]);
    }
    let cut =
        |images: &Checked, labels: &Checked| samples(images, images.body().to_vec(), labels.body().to_vec());
    Ok([cut(train_images, train_labels)?, cut(test_images, test_labels)?])
}

/// Parses a set of MNIST's shape. The `mnist` crate reads plain files by path, so the checked bytes go into a temporary
/// directory.
fn parse_mnist(dir: &Path, files: [&Checked; 4]) -> Result<[Samples; 2]> {
    let plain = tempfile::tempdir().map_err(Error::io(&std::env::temp_dir()))?;
    for (name, file) in FILES.iter().zip(files) {
        let path = plain.path().join(name);
        std::fs::write(&path, &file.bytes).map_err(Error::io(&path))?;
    }
    let Some(base) = plain.path().to_str() else {
        return Err(Error::bad(dir, "cannot be parsed: the temporary directory's name is not UTF-8"));
    };
    let set = MnistBuilder::new().base_path(base).label_format_digit().finalize();
    Ok([samples(files[0], set.trn_img, set.trn_lbl)?, samples(files[2], set.tst_img, set.tst_lbl)?])
}

fn samples(images: &Checked, pixels: Vec<u8>, labels: Vec<u8>) -> Result<Samples> {
    let shape = (images.dims[0], images.dims[1] * images.dims[2]);
    let pixels =
        Array2::from_shape_vec(shape, pixels).map_err(|e| Error::bad(&images.path, e.to_string()))?;
    Ok(Samples { images: pixels, labels: Array1::from_vec(labels) })
}
