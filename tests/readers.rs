//! Data from outside: sets in MNIST's four files, of any size, plain or packed, and every way in which they can be
//! wrong. Any bytes give data or an error, never a panic; so for pictures, and for checkpoints.
#![allow(clippy::unwrap_used, missing_docs)]

mod mnist;

use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use ff_cpu::Cpu;
use ff_data::idx::FILES;
use ff_data::{Dataset, read_dir, synthetic};
use ff_net::{Checkpoint, Config, Network, Trainer};
use flate2::Compression;
use flate2::write::GzEncoder;
use ndarray::{Array1, Array2};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// An IDX file: magic, dimensions, body.
fn idx(magic: u32, dims: &[usize], body: &[u8]) -> Vec<u8> {
    let words = std::iter::once(magic).chain(dims.iter().map(|&d| d as u32));
    words.flat_map(u32::to_be_bytes).chain(body.iter().copied()).collect()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const HEIGHT: usize = 5;
const WIDTH: usize = 7;
const TRAIN: usize = 30;
const TEST: usize = 12;

fn pixels(n: usize) -> Vec<u8> {
    (0..n * HEIGHT * WIDTH).map(|i| (i * 31 % 251) as u8).collect()
}

/// Three classes in turn.
fn labels(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i % 3) as u8).collect()
}

/// The four files of a sound small set.
fn sound() -> [Vec<u8>; 4] {
    let images = |n| idx(0x803, &[n, HEIGHT, WIDTH], &pixels(n));
    let labels = |n| idx(0x801, &[n], &labels(n));
    [images(TRAIN), labels(TRAIN), images(TEST), labels(TEST)]
}

fn write(dir: &Path, files: &[Vec<u8>; 4], packed: bool) {
    for (name, bytes) in FILES.iter().zip(files) {
        let (name, bytes) =
            if packed { (format!("{name}.gz"), gz(bytes)) } else { (name.to_string(), bytes.clone()) };
        std::fs::write(dir.join(name), bytes).unwrap();
    }
}

fn check_small(set: &Dataset) {
    assert_eq!((set.width, set.height, set.classes), (WIDTH, HEIGHT, 3));
    assert_eq!((set.train.len(), set.test.len()), (TRAIN, TEST));
    assert_eq!(set.train.images.as_slice().unwrap(), pixels(TRAIN));
    assert_eq!(set.test.labels.as_slice().unwrap(), labels(TEST));
}

#[test]
fn a_set_of_any_size_is_read_plain_packed_and_with_dots_in_its_names() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &sound(), false);
    check_small(&read_dir(dir.path()).unwrap());

    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &sound(), true);
    check_small(&read_dir(dir.path()).unwrap());

    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &sound(), true);
    for name in FILES {
        let dotted = name.replacen("-idx", ".idx", 1);
        std::fs::rename(dir.path().join(format!("{name}.gz")), dir.path().join(format!("{dotted}.gz")))
            .unwrap();
    }
    check_small(&read_dir(dir.path()).unwrap());
}

/// 60,000 and 10,000 images of 28 x 28: these go through the `mnist` crate.
#[test]
fn a_set_of_mnists_own_shape_is_read_as_it_was_written() {
    let drawn = synthetic(60_000, 10_000, 3);
    let dir = tempfile::tempdir().unwrap();
    let images = |s: &ff_data::Samples| idx(0x803, &[s.len(), 28, 28], s.images.as_slice().unwrap());
    let labels = |s: &ff_data::Samples| idx(0x801, &[s.len()], s.labels.as_slice().unwrap());
    let files = [images(&drawn.train), labels(&drawn.train), images(&drawn.test), labels(&drawn.test)];
    write(dir.path(), &files, false);
    let read = read_dir(dir.path()).unwrap();
    assert!(read.train == drawn.train && read.test == drawn.test);
    assert_eq!((read.width, read.height, read.classes), (28, 28, 10));
}

#[test]
fn real_mnist_is_what_its_authors_say() {
    let Some(set) = mnist::or_skip("real_mnist_is_what_its_authors_say") else { return };
    assert_eq!((set.train.len(), set.width), (60_000, 28));
    assert_eq!((set.test.len(), set.height, set.classes), (10_000, 28, 10));
    // The first training digits are 5 0 4 1 9, the first test digits 7 2 1 0 4; some 19 % of pixels have ink.
    assert_eq!(set.train.labels.as_slice().unwrap()[..5], [5, 0, 4, 1, 9]);
    assert_eq!(set.test.labels.as_slice().unwrap()[..5], [7, 2, 1, 0, 4]);
    let inked = set.train.images.iter().filter(|&&p| p > 0).count() as f64 / set.train.images.len() as f64;
    assert!((0.190..0.193).contains(&inked), "{inked}");
}

/// What `read_dir` says after `change` has been made to a sound set.
fn refusal(packed: bool, change: impl FnOnce(&Path, &mut [Vec<u8>; 4])) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut files = sound();
    let before = files.clone();
    change(dir.path(), &mut files);
    if before != files || std::fs::read_dir(dir.path()).unwrap().next().is_none() {
        write(dir.path(), &files, packed);
    }
    let message = read_dir(dir.path()).unwrap_err().to_string();
    assert!(message.starts_with(&dir.path().display().to_string()), "{message}");
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn each_defect_is_named_with_its_file() {
    type Change = fn(&mut [Vec<u8>; 4]);
    let cases: [(&str, Change, usize, &str); 15] = [
        ("empty", |f| f[0].clear(), 0, "is cut short in its header"),
        ("half a header", |f| f[2].truncate(9), 2, "is cut short in its header"),
        (
            "images cut",
            |f| {
                f[0].truncate(400);
            },
            0,
            "too short for the 30 items that it announces",
        ),
        (
            "labels cut",
            |f| {
                f[1].pop();
            },
            1,
            "announces 30 bytes of data but ends after 29 bytes",
        ),
        ("too long", |f| f[3].push(0), 3, "announces 12 bytes of data but goes on after them"),
        (
            "swapped",
            |f| f.swap(0, 1),
            0,
            "starts with 0x00000801, but a file of images starts with 0x00000803",
        ),
        (
            "other magic",
            |f| f[1][3] = 2,
            1,
            "starts with 0x00000802, but a file of labels starts with 0x00000801",
        ),
        ("no items", |f| f[1] = idx(0x801, &[0], &[]), 1, "announces no items"),
        ("no pixels", |f| f[0] = idx(0x803, &[30, 0, 7], &[]), 0, "announces images with a side of 0"),
        ("huge images", |f| f[0] = idx(0x803, &[1, 70_000, 70_000], &[0; 99]), 0, "with a side of 70000"),
        (
            "huge number",
            |f| f[0] = idx(0x803, &[4_000_000_000, 5, 7], &[0; 99]),
            0,
            "announces 4000000000 items",
        ),
        (
            "fewer labels",
            |f| f[1] = idx(0x801, &[29], &labels(29)),
            1,
            "has 29 labels, but there are 30 images",
        ),
        (
            "other size",
            |f| f[2] = idx(0x803, &[TEST, WIDTH, HEIGHT], &pixels(TEST)),
            2,
            "has images of 7 x 5, but the training images are 5 x 7",
        ),
        ("one class", |f| f[1] = idx(0x801, &[30], &[0; 30]), 1, "has only label 0"),
        (
            "foreign test label",
            |f| *f[3].last_mut().unwrap() = 3,
            3,
            "has label 3 at index 11, but the training labels are 0 to 2",
        ),
    ];
    for (name, change, file, expected) in cases {
        let message = refusal(false, |_, files| change(files));
        assert!(message.contains(expected), "{name}: {message}");
        assert!(message.contains(FILES[file]), "{name}: {message}");
    }
    let message = refusal(false, |dir, _| std::fs::write(dir.join("readme"), "no data").unwrap());
    assert!(message.contains("no train-images-idx3-ubyte (nor train-images-idx3-ubyte.gz)"), "{message}");
    let message = read_dir(Path::new("/no/such/dir")).unwrap_err().to_string();
    assert_eq!(message, "/no/such/dir: is not a directory");
}

#[test]
fn a_stray_label_is_damage_and_not_another_class() {
    for train in [60, 10_000] {
        stray_label(train);
    }
}

fn stray_label(train: usize) {
    let drawn = synthetic(train, 100, 3);
    let dir = tempfile::tempdir().unwrap();
    let images = |s: &ff_data::Samples| idx(0x803, &[s.len(), 28, 28], s.images.as_slice().unwrap());
    let labels = |s: &ff_data::Samples| idx(0x801, &[s.len()], s.labels.as_slice().unwrap());
    let mut files = [images(&drawn.train), labels(&drawn.train), images(&drawn.test), labels(&drawn.test)];
    files[1][8 + 34] = 10;
    write(dir.path(), &files, false);
    let message = read_dir(dir.path()).unwrap_err().to_string();
    assert!(
        message.ends_with("has label 10 at index 34, but the classes that hold images are 0 to 9"),
        "{message}"
    );
}

#[test]
fn a_damaged_packed_file_is_noticed() {
    let packed = |change: &dyn Fn(&mut Vec<u8>)| {
        refusal(true, |dir, files| {
            write(dir, files, true);
            let path = dir.join(format!("{}.gz", FILES[0]));
            let mut bytes = std::fs::read(&path).unwrap();
            change(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
        })
    };
    let cut = packed(&|bytes| bytes.truncate(bytes.len() / 2));
    assert!(cut.contains("is cut short in its data"), "{cut}");
    let no_end = packed(&|bytes| bytes.truncate(bytes.len() - 4));
    assert!(no_end.contains("is cut short in its"), "{no_end}");
    let checksum = packed(&|bytes| {
        let at = bytes.len() - 6;
        bytes[at] ^= 1;
    });
    assert!(checksum.contains("does not have a matching checksum"), "{checksum}");
    let plain = packed(&|bytes| *bytes = sound()[0].clone());
    assert!(plain.contains("is damaged in its header"), "{plain}");
}

/// The images and labels of `sound` for training.
fn arrays() -> (Array2<u8>, Array1<u8>) {
    let images = Array2::from_shape_vec((TRAIN, HEIGHT * WIDTH), pixels(TRAIN)).unwrap();
    (images, Array1::from_vec(labels(TRAIN)))
}

/// A checkpoint of a training on them.
fn checkpoint() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let config =
            Config { layers: vec![4, 3], epochs: 2, batch: 10, bias: true, head: true, ..Config::default() };
        let (images, labels) = arrays();
        let network = Network::new(&Cpu::new(1).unwrap(), config, HEIGHT * WIDTH, 3).unwrap();
        let mut trainer = Trainer::new(network, &images, &labels).unwrap();
        trainer.epoch().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let notes = serde_json::json!({ "metrics": [1, 2.5, null] });
        Checkpoint::of(&mut trainer, "stripes", WIDTH, HEIGHT, notes).unwrap().save(file.path()).unwrap();
        std::fs::read(file.path()).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_data_or_an_error(
        which in 0usize..4, packed in any::<bool>(), wrap in any::<bool>(), magic in any::<bool>(),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &sound(), packed);
        let mut bytes = bytes;
        if magic && bytes.len() >= 4 {
            bytes[..4].copy_from_slice(&[0, 0, 8, if which % 2 == 0 { 3 } else { 1 }]);
        }
        let name = format!("{}{}", FILES[which], if packed { ".gz" } else { "" });
        let bytes = if packed && wrap { gz(&bytes) } else { bytes };
        std::fs::write(dir.path().join(name), bytes).unwrap();
        let _ = read_dir(dir.path());
    }

    #[test]
    fn any_change_to_a_sound_file_is_data_or_an_error(
        which in 0usize..4, packed in any::<bool>(), inside in any::<bool>(),
        at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut files = sound();
        let change = |bytes: &mut Vec<u8>| {
            let at = at.index(bytes.len());
            bytes[at] = to;
            if cut { bytes.truncate(at) }
        };
        if inside || !packed {
            change(&mut files[which]);
        }
        write(dir.path(), &files, packed);
        if packed && !inside {
            let path = dir.path().join(format!("{}.gz", FILES[which]));
            let mut bytes = std::fs::read(&path).unwrap();
            change(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
        }
        if let Ok(set) = read_dir(dir.path()) {
            prop_assert_eq!(set.train.images.nrows(), set.train.labels.len());
            prop_assert!(set.train.labels.iter().chain(&set.test.labels).all(|&l| usize::from(l) < set.classes));
        }
    }

    #[test]
    fn any_picture_is_a_picture_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..200), signature in any::<bool>(),
    ) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let start: &[u8] = if signature { b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" } else { b"" };
        std::fs::write(file.path(), [start, &bytes].concat()).unwrap();
        if let Ok(pixels) = ff_data::picture(file.path(), 28, 28) {
            prop_assert_eq!(pixels.len(), 784);
        }
    }

    #[test]
    fn any_bytes_are_a_checkpoint_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..400), sized in any::<bool>(),
    ) {
        let mut bytes = bytes;
        if sized && bytes.len() > 40 {
            // A header that is there.
            bytes[..8].copy_from_slice(&32u64.to_le_bytes());
            bytes[8] = b'{';
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        prop_assert!(Checkpoint::load(file.path()).is_err());
    }

    /// Damage is noticed by the checksum; with the checksum put right it is as if somebody had written such a file.
    #[test]
    fn any_change_to_a_checkpoint_is_a_training_or_an_error(
        at in any::<prop::sample::Index>(), to in any::<u8>(), in_header in any::<bool>(), digit in any::<bool>(),
        cut in any::<bool>(), forged in any::<bool>(),
    ) {
        let sound = checkpoint();
        let mut bytes = sound.to_vec();
        let header = 8 + u64::from_le_bytes(sound[..8].try_into().unwrap()) as usize;
        let at = at.index(if in_header { header } else { bytes.len() });
        bytes[at] = if digit { b'0' + to % 10 } else { to };
        if cut {
            bytes.truncate(at);
        }
        let changed = bytes != sound;
        if forged && let Some((all, digest)) = bytes.split_last_chunk_mut::<32>() {
            digest.copy_from_slice(&Sha256::digest(all));
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let loaded = Checkpoint::load(file.path());
        prop_assert!(forged || loaded.is_err() == changed);
        if let Ok(checkpoint) = loaded {
            let (images, labels) = arrays();
            let pixels = checkpoint.model.width * checkpoint.model.height;
            if let Ok(mut trainer) = checkpoint.trainer(&Cpu::new(1).unwrap(), &images, &labels)
                && trainer.epochs_done() < trainer.epochs()
            {
                prop_assert_eq!(pixels, images.ncols());
                let _ = trainer.epoch();
            }
        }
    }
}
