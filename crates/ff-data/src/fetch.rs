//! Downloads MNIST into a directory from the first mirror that has it. A file is checked before it appears there, and it
//! never appears in part.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::files::FILES;

/// The addresses of MNIST's four `.gz` files.
const MIRRORS: [&str; 2] =
    ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"];

/// SHA-256 of the uncompressed files, in the order of [`FILES`]. They were computed from files whose MD5 sums are the
/// published ones.
const SUMS: [&str; 4] = [
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
];

/// The largest size of a download, and of the file in it. The longest of the four files has 47,040,016 bytes.
const LARGEST: u64 = 64 << 20;

/// The progress of a download.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The file's name.
    pub file: &'a str,
    /// The number of bytes that have arrived.
    pub bytes: u64,
    /// The number of bytes of the whole file, if the server has told it.
    pub total: Option<u64>,
}

/// Downloads those of MNIST's files that are not in `cache` yet.
///
/// # Errors
/// No mirror answers with the right file, or the directory cannot be written.
pub fn fetch(cache: &Path, progress: &dyn Fn(Progress)) -> Result<()> {
    fetch_from(&MIRRORS, &SUMS, cache, progress)
}

fn fetch_from(mirrors: &[&str], sums: &[&str; 4], cache: &Path, progress: &dyn Fn(Progress)) -> Result<()> {
    std::fs::create_dir_all(cache).map_err(Error::io(cache))?;
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(5)))
        .timeout_resolve(Some(Duration::from_secs(5)))
        .timeout_recv_response(Some(Duration::from_secs(20)))
        .build()
        .into();
    for (file, sum) in FILES.iter().zip(sums) {
        let name = format!("{file}.gz");
        let path = cache.join(&name);
        if path.is_file() {
            continue;
        }
        let mut last = String::new();
        let bytes = mirrors.iter().find_map(|mirror| {
            let got = download(&agent, &format!("{mirror}{name}"), &name, sum, progress);
            got.map_err(|reason| last = format!("{mirror} {reason}")).ok()
        });
        let Some(bytes) = bytes else {
            return Err(Error::Download { file: name, reason: format!("no mirror gave it, {last}") });
        };
        ff_file::write(&path, &bytes).map_err(Error::io(&path))?;
    }
    Ok(())
}

/// Downloads one file from one mirror and verifies its checksum. The error says why it failed.
fn download(
    agent: &ureq::Agent,
    url: &str,
    file: &str,
    sum: &str,
    progress: &dyn Fn(Progress),
) -> std::result::Result<Vec<u8>, String> {
    let mut response = agent.get(url).call().map_err(|e| format!("gave no file ({e})"))?;
    let total = response.body().content_length();
    let mut reader = response.body_mut().with_config().limit(LARGEST).reader();
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let n = reader.read(&mut chunk).map_err(|e| format!("broke off ({e})"))?;
        if n == 0 {
            break;
        }
        bytes.extend_from_slice(&chunk[..n]);
        progress(Progress { file, bytes: bytes.len() as u64, total });
    }
    let mut plain = Vec::new();
    let unpacked = GzDecoder::new(bytes.as_slice()).take(LARGEST).read_to_end(&mut plain);
    unpacked.map_err(|e| format!("sent a damaged file ({e})"))?;
    if sha256(&plain) == sum { Ok(bytes) } else { Err("sent a file with a wrong checksum".into()) }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns whether these uncompressed files are MNIST's own. The name of their directory does not matter.
pub(crate) fn is_mnist(train_labels: &[u8], test_images: &[u8]) -> bool {
    sha256(train_labels) == SUMS[1] && sha256(test_images) == SUMS[2]
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
