//! This crate writes every file as a whole or not at all.
//!
//! A program can be killed at any moment, and a disk can be full. So the bytes first go to a temporary file in the same folder.
//! Once they are on the disk, that file gets the final name, which is one step for the file system. A reader of the final name
//! sees the old content or the new content, and never a part of either.

#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

/// The name of every temporary file begins with this.
const TEMPORARY: &str = ".tmp";

/// Writes `bytes` to `path`. A file that is already there is replaced.
///
/// # Errors
/// Returns the system's error without a file name, because the caller knows what the file is for and names it. The old file is
/// then unchanged, and no temporary file stays.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = NewFile::create(path)?;
    new.write_all(bytes)?;
    new.finish()
}

/// A file that is written bit by bit, under a temporary name until it is whole. If it is dropped before, nothing stays.
pub struct NewFile {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    finished: bool,
}

impl NewFile {
    /// Begins a file that will have the name `path`.
    ///
    /// # Errors
    /// Returns the system's error, as [`write()`] does.
    pub fn create(path: &Path) -> io::Result<Self> {
        let (temporary, file) = create_beside(path)?;
        Ok(Self { path: path.into(), temporary, file, finished: false })
    }

    /// Gives the file its name. A file that is already there is replaced.
    ///
    /// # Errors
    /// Returns the system's error, as [`write()`] does. The old file is then unchanged.
    pub fn finish(mut self) -> io::Result<()> {
        // If the name reached the disk before the content, a power cut would leave an empty file.
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        self.finished = true;
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.finished {
            // The error that kept it from being finished is the one to report.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Removes the temporary files in `folder` that a killed process has left there. No other process may write there now.
pub fn remove_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            // A leftover takes room, but does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Creates a new temporary file in the folder of `path`. Its name has the process's number and a count. The count rises if the
/// name is taken by another thread, or by a process of the same number in another container.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let mut count = 0u32;
    loop {
        let temporary = path.with_file_name(format!("{TEMPORARY}-{}-{count}", process::id()));
        match File::create_new(&temporary) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => count += 1,
            created => return created.map(|file| (temporary, file)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tempfile::tempdir;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_written_and_replaced() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("file");
        for content in ["a long content", "short", ""] {
            write(&path, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let folder = tempdir().unwrap();
        // The temporary file can be written here, but not be renamed.
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        write(&taken, b"content").unwrap_err();
        assert_eq!(names(folder.path()), ["taken"]);
        let error = write(&folder.path().join("missing").join("file"), b"content").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_temporary_file_of_somebody_else_is_left_alone() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("file");
        let (other, _) = create_beside(&path).unwrap();
        fs::write(&other, "of another thread").unwrap();
        write(&path, b"content").unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "of another thread");
        assert_eq!(fs::read_to_string(&path).unwrap(), "content");
    }

    #[test]
    fn threads_that_write_the_same_file_never_mix_their_contents() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("file");
        let contents = [vec![1; 100_000], vec![2; 50_000]];
        std::thread::scope(|scope| {
            for content in &contents {
                scope.spawn(|| (0..20).for_each(|_| write(&path, content).unwrap()));
            }
        });
        assert!(contents.contains(&fs::read(&path).unwrap()));
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn only_leftovers_are_removed() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, b"content").unwrap();
        drop(create_beside(&path).unwrap());
        remove_leftovers(folder.path());
        assert_eq!(names(folder.path()), ["file"]);
    }
}
