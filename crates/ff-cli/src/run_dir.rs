//! This module makes a run's directory, which has its final name from the beginning. It removes the directory if the run has no
//! result to keep.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};

/// The name of the folder with a run's plots.
pub const PLOTS: &str = "plots";

/// A directory that this process fills. A drop without [`keep`](Self::keep) empties it. If this process made the directory, the
/// drop also removes it.
pub struct RunDir {
    path: PathBuf,
    kept: bool,
    /// The directories that this process made. They are dropped after their content has been removed.
    _made: MadeDirs,
}

/// The directories that this process made, with the deepest first. A drop removes those that are empty.
#[derive(Default)]
struct MadeDirs(Vec<PathBuf>);

impl MadeDirs {
    /// Makes the directories above `dir`.
    fn make_parents(&mut self, dir: &Path) -> io::Result<()> {
        let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let missing = parent.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists());
        self.0.extend(missing.map(PathBuf::from));
        fs::create_dir_all(parent)
    }

    /// Makes `dir`, and fails if it is there. So two runs never share a directory.
    fn make(&mut self, dir: &Path) -> io::Result<()> {
        fs::create_dir(dir)?;
        self.0.insert(0, dir.into());
        Ok(())
    }
}

impl Drop for MadeDirs {
    fn drop(&mut self) {
        for dir in &self.0 {
            // The system refuses to remove a directory that has something in it.
            let _ = fs::remove_dir(dir);
        }
    }
}

impl RunDir {
    /// Makes `out`, or the first free `runs/PRESET-N`.
    ///
    /// It refuses a directory that has something in it or that cannot be written, before any work is done.
    pub fn prepare(out: Option<&Path>, preset: &str) -> Outcome<Self> {
        let mut made = MadeDirs::default();
        let path = match out {
            Some(out) => out.to_path_buf(),
            None => first_free(preset, &mut made)?,
        };
        let refuse = |reason: String| refuse(&path, reason);
        if let Ok(mut entries) = fs::read_dir(&path)
            && entries.next().is_some()
        {
            let failure = refuse("there is a run or something else in this directory already".into());
            let resume = format!("`--out DIR` with a new directory, or `--resume {}`", path.display());
            let unfinished = path.join("config.toml").exists() && path.join("checkpoints").exists();
            return Err(if unfinished { failure.advise(resume) } else { failure });
        }
        if path.is_file() {
            return Err(refuse("is a file".into()));
        }
        let unwritable = |e: io::Error| refuse(format!("cannot be written: {e}"));
        if !path.is_dir() {
            made.make_parents(&path).and_then(|()| made.make(&path)).map_err(unwritable)?;
        }
        tempfile::tempfile_in(&path).map_err(unwritable)?;
        Ok(Self { path, kept: false, _made: made })
    }

    /// Opens the directory of a run that was stopped. The directory is kept whatever happens.
    pub fn open(path: &Path) -> Self {
        // A process that was killed while it wrote may have left temporary files.
        for folder in [path, &path.join(PLOTS)] {
            ff_file::remove_leftovers(folder);
        }
        Self { path: path.into(), kept: true, _made: MadeDirs::default() }
    }

    /// Returns the path of the directory.
    pub fn dir(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a file in the directory.
    pub fn path(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// Writes a whole file.
    pub fn write(&self, file: &str, content: &str) -> Outcome<()> {
        let path = self.path(file);
        ff_file::write(&path, content.as_bytes())
            .map_err(|e| Failure::new(format!("{}: cannot be written: {e}", path.display())))
    }

    /// Makes a directory inside this one, if it is not there, and returns its path.
    pub fn subdirectory(&self, name: &str) -> Outcome<PathBuf> {
        let path = self.path(name);
        let made = fs::create_dir_all(&path);
        made.map_err(|e| Failure::new(format!("{}: cannot be made: {e}", path.display())))?;
        Ok(path)
    }

    /// Keeps the directory from now on.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// Keeps the directory of a run that ended well, and returns its path.
    pub fn finish(mut self) -> PathBuf {
        self.keep();
        self.path.clone()
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // The directory was empty when this process took it.
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

fn refuse(path: &Path, reason: String) -> Failure {
    Failure::new(format!("{}: {reason}", path.display())).advise("`--out DIR` with a new directory")
}

/// Makes the first `runs/PRESET-N` that is not there.
fn first_free(preset: &str, made: &mut MadeDirs) -> Outcome<PathBuf> {
    let mut n = 1;
    loop {
        let path = PathBuf::from("runs").join(format!("{preset}-{n}"));
        match made.make_parents(&path).and_then(|()| made.make(&path)) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.exists() => n += 1,
            Err(e) => return Err(refuse(&path, format!("cannot be written: {e}"))),
        }
    }
}
