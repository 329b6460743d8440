//! This module keeps compiled kernels in the user's cache directory. There is a file for each text, options and architecture.
//!
//! A file is the digest of the compiled image, then the image. A file that is damaged, or that the driver does not load, is made
//! again. If it cannot be written, the image is made each time.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::OpenError;

const DIGEST: usize = 32;

/// Returns the directory of the files, if the system has a cache directory.
pub(crate) fn dir() -> Option<PathBuf> {
    dirs::cache_dir().map(|dir| dir.join("forward-forward").join("kernels"))
}

/// Returns the name of a file. `parts` are all that an image depends on.
pub(crate) fn key(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>() + ".cubin"
}

/// Loads the image from the cache, or else makes it with `make` and loads it.
pub(crate) fn load<T>(
    dir: Option<&Path>,
    key: &str,
    make: impl FnOnce() -> Result<Vec<u8>, OpenError>,
    load: impl Fn(&[u8]) -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    let path = dir.map(|dir| dir.join(key));
    if let Some(image) = path.as_deref().and_then(read)
        && let Ok(loaded) = load(&image)
    {
        return Ok(loaded);
    }
    let image = make()?;
    let loaded = load(&image)?;
    if let Some(path) = path {
        // Without a cache the kernels are compiled each time, which is slow but correct.
        let _ = write(&path, &image);
    }
    Ok(loaded)
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut file = std::fs::read(path).ok()?;
    let image = file.split_off(DIGEST.min(file.len()));
    (file == Sha256::digest(&image).as_slice()).then_some(image)
}

fn write(path: &Path, image: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    ff_file::write(path, &[&Sha256::digest(image), image].concat())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::cell::Cell;

    use super::*;

    /// Loads from `dir` with a compiler that counts its calls and a driver that accepts anything but `bad`.
    fn get(dir: &Path, made: &Cell<usize>, bad: &[u8]) -> Vec<u8> {
        let make = || {
            made.set(made.get() + 1);
            Ok(b"image".to_vec())
        };
        let take = |image: &[u8]| match image == bad {
            true => Err(OpenError::Load("an image for another driver".into())),
            false => Ok(image.to_vec()),
        };
        load(Some(dir), "key", make, take).unwrap()
    }

    #[test]
    fn an_image_is_made_once_and_again_when_it_is_damaged_or_refused() {
        let (dir, made) = (tempfile::tempdir().unwrap(), Cell::new(0));
        let (dir, file) = (dir.path().join("a").join("b"), dir.path().join("a").join("b").join("key"));
        for (damage, times) in [(None, 1), (None, 1), (Some(b"image".to_vec()), 2), (None, 2)] {
            if let Some(damage) = damage {
                std::fs::write(&file, damage).unwrap();
            }
            assert_eq!(get(&dir, &made, b""), b"image");
            assert_eq!(made.get(), times);
        }
        // The damage is in one byte of the image, at the file's end, or in the whole file.
        let whole = std::fs::read(&file).unwrap();
        for damaged in [[&whole[..whole.len() - 1], b"?"].concat(), whole[..10].to_vec(), Vec::new()] {
            std::fs::write(&file, damaged).unwrap();
            let before = made.get();
            assert_eq!(get(&dir, &made, b""), b"image");
            assert_eq!(made.get(), before + 1);
        }
        // The file is not damaged, but the driver does not accept it.
        write(&file, b"old").unwrap();
        let before = made.get();
        assert_eq!(get(&dir, &made, b"old"), b"image");
        assert_eq!(made.get(), before + 1);
        let names: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["key"], "something was left behind");
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_no_error() {
        let made = Cell::new(0);
        assert_eq!(get(Path::new("/dev/null/cache"), &made, b""), b"image");
    }

    #[test]
    fn a_key_is_all_that_an_image_depends_on() {
        let key_of = |parts: &[&str]| key(parts);
        assert_ne!(key_of(&["text", "options", "sm_90"]), key_of(&["text", "options", "sm_80"]));
        assert_ne!(key_of(&["ab", "c"]), key_of(&["a", "bc"]));
    }
}
