//! Files from outside, damaged: small sound files of every kind that is read, cut, lengthened, spliced, with bytes changed
//! at random and checksums put right again. Each gives what it is read for or an error: no panic, no hang, and no more
//! memory than a stated multiple of the file's length (docs/safety.md).
//!
//! `PROPTEST_CASES=100000 cargo test --test mutations` goes on for longer.
#![allow(clippy::unwrap_used, missing_docs)]

mod counting;

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use counting::{alone, peak_of};
use ff_cpu::Cpu;
use ff_data::idx::FILES;
use ff_net::{Checkpoint, Config, Model, Network, Trainer};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use ndarray::{Array1, Array2};
use proptest::prelude::*;
use proptest::sample::Index;
use sha2::{Digest, Sha256};

/// What any reader may take for itself, whatever the file: buffers, messages.
const FLOOR: usize = 1 << 20;

/// One change to some bytes.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Set(Index, u8),
    /// A number of 1, 2, 4 or 8 bytes, as large or small as it gets.
    Extreme(Index, u8, bool, bool),
    Cut(Index),
    Remove(Index, Index),
    Repeat(Index, Index, u8),
    Insert(Index, Vec<u8>),
    /// The rest is another file's.
    Splice(Index, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), 0u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        2 => (at(), any::<u8>()).prop_map(|(at, to)| Change::Set(at, to)),
        3 => (at(), 0u8..4, any::<bool>(), any::<bool>()).prop_map(|(at, n, most, big)| Change::Extreme(at, n, most, big)),
        1 => at().prop_map(Change::Cut),
        2 => (at(), at()).prop_map(|(from, to)| Change::Remove(from, to)),
        2 => (at(), at(), 1u8..40).prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        2 => (at(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => (at(), at(), at()).prop_map(|(at, file, from)| Change::Splice(at, file, from)),
    ]
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 1..5)
}

fn apply(bytes: &mut Vec<u8>, changes: &[Change], corpus: &[Vec<u8>]) {
    for change in changes {
        if bytes.is_empty() {
            return;
        }
        let n = bytes.len();
        let range = |a: &Index, b: &Index| {
            let (a, b) = (a.index(n), b.index(n));
            a.min(b)..a.max(b)
        };
        match change {
            Change::Flip(at, bit) => bytes[at.index(n)] ^= 1 << bit,
            Change::Set(at, to) => bytes[at.index(n)] = *to,
            Change::Extreme(at, size, most, big) => {
                let (at, size) = (at.index(n), 1usize << size);
                let mut number = vec![if *most { 0xFF } else { 0 }; size];
                // All ones is the largest unsigned number; with the sign's bit off, the largest signed one.
                let sign = if *big { 0 } else { size - 1 };
                number[sign] = if *most { 0x7F } else { number[sign] };
                let end = (at + size).min(n);
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            Change::Cut(at) => bytes.truncate(at.index(n)),
            Change::Remove(from, to) => drop(bytes.drain(range(from, to))),
            Change::Repeat(from, to, times) => {
                let range = range(from, to);
                let part = bytes[range.clone()].repeat(usize::from(*times));
                bytes.splice(range.end..range.end, part);
            }
            Change::Insert(at, more) => drop(bytes.splice(at.index(n)..at.index(n), more.iter().copied())),
            Change::Splice(at, file, from) => {
                let other = &corpus[file.index(corpus.len())];
                bytes.truncate(at.index(n));
                bytes.extend_from_slice(&other[from.index(other.len())..]);
            }
        }
    }
}

/// Most memory that `read` may take: `multiple` times the bytes that it gets, and the floor.
fn within(multiple: usize, bytes: usize, read: impl FnOnce()) -> Result<(), TestCaseError> {
    let (peak, most) = (peak_of(read), FLOOR + multiple * bytes);
    prop_assert!(peak <= most, "{peak} bytes of memory for a file of {bytes}");
    Ok(())
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

// -- data sets ----------------------------------------------------------------------------------------------------

/// Images and labels, 30 of 5 x 7 in 3 classes, and 12 for the test.
fn idx_files() -> Vec<Vec<u8>> {
    let file = |head: &[u32], body: Vec<u8>| {
        head.iter().flat_map(|word| word.to_be_bytes()).chain(body).collect::<Vec<u8>>()
    };
    let images = |n: u32| file(&[0x803, n, 5, 7], (0..n * 35).map(|i| (i * 31 % 251) as u8).collect());
    let labels = |n: u32| file(&[0x801, n], (0..n).map(|i| (i % 3) as u8).collect());
    vec![images(30), labels(30), images(12), labels(12)]
}

fn read_set(files: &[Vec<u8>], packed: bool) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in FILES.iter().zip(files) {
        let name = if packed { format!("{name}.gz") } else { name.to_string() };
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    // Deflate's best is 1,032 to 1. The bytes are kept while images are cut out of them.
    let multiple = if packed { 2 * 1_032 } else { 3 };
    within(multiple, files.iter().map(Vec::len).sum(), || {
        if let Ok(set) = ff_data::read_dir(dir.path()) {
            assert_eq!(set.train.images.dim(), (set.train.labels.len(), set.width * set.height));
            assert!(set.train.labels.iter().chain(&set.test.labels).all(|&l| usize::from(l) < set.classes));
        }
    })
}

// -- pictures -----------------------------------------------------------------------------------------------------

/// A PNG from its header's bytes and its packed lines, every checksum right.
fn png(header: &[u8], lines: &[u8]) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(lines).unwrap();
    let chunk = |kind: &[u8], data: &[u8]| {
        let mut sum = flate2::Crc::new();
        sum.update(&[kind, data].concat());
        [&(data.len() as u32).to_be_bytes()[..], kind, data, &sum.sum().to_be_bytes()].concat()
    };
    let chunks = [chunk(b"IHDR", header), chunk(b"IDAT", &packed.finish().unwrap()), chunk(b"IEND", &[])];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()
}

/// Header and lines of small pictures: grey, grey with 1 bit, colour, colour with transparency, 16 bits, interlaced.
fn pictures() -> Vec<(Vec<u8>, Vec<u8>)> {
    let kinds =
        [(8u8, 0u8, 0u8), (1, 0, 0), (8, 2, 0), (8, 6, 0), (16, 0, 0), (16, 6, 0), (8, 4, 0), (8, 0, 1)];
    let picture = |(depth, colour, interlaced): (u8, u8, u8)| {
        let (width, height) = (12u32, 9u32);
        let channels = [1, 0, 3, 0, 2, 0, 4][usize::from(colour)];
        let line = (width as usize * channels * usize::from(depth)).div_ceil(8);
        let header =
            [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, colour, 0, 0, interlaced]].concat();
        let lines = (0..height as usize).flat_map(|y| {
            std::iter::once((y % 5) as u8)
                .chain((0..line).map(move |x| if (x + y) % 4 == 0 { 250 } else { 3 }))
        });
        (header, lines.collect())
    };
    kinds.map(picture).to_vec()
}

fn read_picture(bytes: &[u8]) -> Result<(), TestCaseError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    // Deflate's best is 1,032 to 1, a byte holds eight pixels at most, a pixel takes ten bytes at most.
    within(1_032 * 8 * 10, bytes.len(), || {
        if let Ok(pixels) = ff_data::picture(file.path(), 28, 28) {
            assert_eq!(pixels.len(), 784);
        }
    })
}

// -- models -------------------------------------------------------------------------------------------------------

/// Models with and without biases and heads, of both versions, and a state dict.
fn models() -> Vec<Vec<u8>> {
    let (dir, dev) = (tempfile::tempdir().unwrap(), Cpu::new(1).unwrap());
    let saved = |bias, head| {
        let config = Config { layers: vec![4, 3], bias, head, ..Config::default() };
        let path = dir.path().join("model.safetensors");
        let network = Network::new(&dev, config, 30, 3).unwrap();
        Model::of(&network, "stripes", 6, 5).unwrap().save(&path).unwrap();
        std::fs::read(path).unwrap()
    };
    let golden = |name: &str| {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)).unwrap()
    };
    vec![
        saved(false, false),
        saved(true, true),
        golden("model-1.safetensors"),
        golden("state_dict.safetensors"),
    ]
}

/// Changes the header only, and writes its new length before it.
fn in_the_header(bytes: &[u8], changes: &[Change], corpus: &[Vec<u8>]) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header = bytes[8..8 + length].to_vec();
    apply(&mut header, changes, corpus);
    [&(header.len() as u64).to_le_bytes(), &header[..], &bytes[8 + length..]].concat()
}

fn read_model(bytes: &[u8]) -> Result<(), TestCaseError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let path: PathBuf = file.path().into();
    // The file itself, its tensors, and a JSON document, whose smallest values take two bytes there and 32 here.
    within(64, bytes.len(), || {
        if let Ok(model) = Model::load(&path) {
            assert_eq!(model.weights.len(), model.config.layers.len());
        }
        if let Ok(model) = Model::import(&path, Config::default(), "stripes", 6, 5, 3) {
            assert!(model.weights.iter().all(|layer| layer.weight.iter().all(|w| w.is_finite())));
        }
    })
}

/// A training that stands at its fifth image, as a checkpoint; and that image set.
fn checkpoint() -> (Vec<u8>, Array2<u8>, Array1<u8>) {
    let images = Array2::from_shape_fn((20, 30), |(i, p)| ((i * 30 + p) * 7 % 256) as u8);
    let labels = Array1::from_shape_fn(20, |i| (i % 3) as u8);
    let config = Config { layers: vec![4, 3], bias: true, head: true, batch: 5, ..Config::default() };
    let network = Network::new(&Cpu::new(1).unwrap(), config, 30, 3).unwrap();
    let mut trainer = Trainer::new(network, &images, &labels).unwrap();
    trainer.epoch_with(&mut |_| ControlFlow::Break(())).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let notes = serde_json::json!({ "preset": "none" });
    Checkpoint::of(&mut trainer, "stripes", 6, 5, notes).unwrap().save(file.path()).unwrap();
    (std::fs::read(file.path()).unwrap(), images, labels)
}

/// Makes the checksum, the last 32 bytes, that of all before it.
fn seal(bytes: &mut [u8]) {
    if let Some((all, digest)) = bytes.split_last_chunk_mut::<32>() {
        digest.copy_from_slice(&Sha256::digest(all));
    }
}

fn read_checkpoint(bytes: &[u8], images: &Array2<u8>, labels: &Array1<u8>) -> Result<(), TestCaseError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let mut loaded = None;
    within(64, bytes.len(), || loaded = Checkpoint::load(file.path()).ok())?;
    if let Some(checkpoint) = loaded {
        // The training that it says it is, or one that it is not.
        drop(checkpoint.trainer(&Cpu::new(1).unwrap(), images, labels));
    }
    Ok(())
}

// -- settings -----------------------------------------------------------------------------------------------------

/// The parser of config files, whose smallest values take two bytes there and some hundred here. What reads the settings
/// is tested in ff-cli.
fn read_toml(text: &str) -> Result<(), TestCaseError> {
    within(128, text.len(), || drop(text.parse::<toml::Table>()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_data_set(which in 0usize..4, inside in any::<bool>(), packed in any::<bool>(), changes in changes()) {
        let _alone = alone();
        let mut files = idx_files();
        let corpus = files.clone();
        if inside {
            apply(&mut files[which], &changes, &corpus);
        }
        if packed {
            files = files.iter().map(|file| gz(file)).collect();
        }
        let corpus = files.clone();
        if !inside {
            apply(&mut files[which], &changes, &corpus);
        }
        read_set(&files, packed)?;
    }

    #[test]
    fn a_changed_picture(which in 0usize..8, part in 0u8..3, changes in changes()) {
        let _alone = alone();
        let pictures = pictures();
        let (mut header, mut lines) = pictures[which].clone();
        match part {
            0 => apply(&mut header, &changes, &pictures.iter().map(|p| p.0.clone()).collect::<Vec<_>>()),
            1 => apply(&mut lines, &changes, &pictures.iter().map(|p| p.1.clone()).collect::<Vec<_>>()),
            _ => {}
        }
        let mut bytes = png(&header, &lines);
        if part == 2 {
            apply(&mut bytes, &changes, &pictures.iter().map(|p| png(&p.0, &p.1)).collect::<Vec<_>>());
        }
        read_picture(&bytes)?;
    }

    #[test]
    fn a_changed_checkpoint(place in 0u8..3, sealed in any::<bool>(), changes in changes()) {
        let _alone = alone();
        static CHECKPOINT: LazyLock<(Vec<u8>, Array2<u8>, Array1<u8>)> = LazyLock::new(checkpoint);
        let (whole, images, labels) = &*CHECKPOINT;
        let corpus = [whole.clone()];
        let mut bytes = whole.clone();
        match place {
            0 => apply(&mut bytes, &changes, &corpus),
            // Past the header nothing moves, so that more of it is read.
            1 => {
                let (at, fixed) = (whole.len() / 2, changes.iter().filter(|c| matches!(c, Change::Flip(..) | Change::Set(..))));
                let mut tail = bytes.split_off(at);
                apply(&mut tail, &fixed.cloned().collect::<Vec<_>>(), &corpus);
                bytes.extend(tail);
            }
            _ => bytes = in_the_header(&bytes, &changes, &corpus),
        }
        if sealed {
            seal(&mut bytes);
        }
        read_checkpoint(&bytes, images, labels)?;
    }

    #[test]
    fn a_changed_model(which in 0usize..4, header in any::<bool>(), changes in changes()) {
        let _alone = alone();
        static MODELS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(models);
        let mut bytes = MODELS[which].clone();
        match header {
            true => bytes = in_the_header(&bytes, &changes, &MODELS),
            false => apply(&mut bytes, &changes, &MODELS),
        }
        read_model(&bytes)?;
    }
}

/// What is small and promises much, and what is a large document of small things.
#[test]
fn files_that_unfold() {
    let _alone = alone();
    let check = |result: Result<(), TestCaseError>| result.unwrap();
    // The largest picture, with next to nothing in it, and with some; and one of 5,000 x 5,000 that is all there.
    let (side, zeros) = (|side: u32| [side.to_be_bytes(), side.to_be_bytes()].concat(), vec![0; 4 << 20]);
    let mut header = pictures()[0].0.clone();
    header[..8].copy_from_slice(&side(10_000));
    check(read_picture(&png(&header, &[0; 99])));
    for depth in [1u8, 8, 16] {
        header[8] = depth;
        check(read_picture(&png(&header, &zeros)));
    }
    header[..8].copy_from_slice(&side(5_000));
    header[8] = 1;
    check(read_picture(&png(&header, &vec![0; 5_000 * 626])));

    let model =
        |header: &str| read_model(&[&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat());
    for open in ["[", "[0,", "{\"a\":"] {
        check(model(&open.repeat(20_000)));
        check(read_toml(&format!("a = {}", open.repeat(20_000))));
    }
    let tensor = |i: usize| format!("\"{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}");
    check(model(&format!("{{{}}}", (0..2_000).map(tensor).collect::<Vec<_>>().join(","))));
    let list = format!("[{}0]", "0,".repeat(50_000));
    check(model(&format!("{{\"__metadata__\":{{\"forward-forward\":\"{list}\"}}}}")));
    check(read_toml(&format!("a = {list}")));
    check(read_toml(&"a.".repeat(20_000)));
    check(read_toml(&(0..5_000).map(|i| format!("k{i}=0\n")).collect::<String>()));
}
