//! A run's directory: it appears whole under its name when the run has ended well, or not at all.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::failure::{Failure, Outcome};

/// A directory being filled under a temporary name beside its final one.
pub struct RunDir {
    filling: TempDir,
    /// Dropped after what is in them.
    _parents: MadeParents,
    name: PathBuf,
}

/// Directories that were made on the way: they go again if nothing came of the run.
struct MadeParents(Vec<PathBuf>);

impl MadeParents {
    fn make(dir: &Path) -> std::io::Result<Self> {
        let missing = dir.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists());
        let made = Self(missing.map(PathBuf::from).collect());
        std::fs::create_dir_all(dir)?;
        Ok(made)
    }
}

impl Drop for MadeParents {
    fn drop(&mut self) {
        for dir in &self.0 {
            // Refuses a directory that has something in it.
            let _ = std::fs::remove_dir(dir);
        }
    }
}

impl RunDir {
    /// Prepares `out`, or the first free `runs/PRESET-N`.
    ///
    /// Refuses a directory that has something in it, and one that cannot be written, before any work is done.
    pub fn prepare(out: Option<&Path>, preset: &str) -> Outcome<Self> {
        let name = match out {
            Some(out) => out.to_path_buf(),
            None => first_free(preset),
        };
        let refuse = |reason: String| {
            Failure::new(format!("{}: {reason}", name.display())).advise("`--out DIR` with a new directory")
        };
        if std::fs::read_dir(&name).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(refuse("there is a run or something else in this directory already".into()));
        }
        if name.is_file() {
            return Err(refuse("is a file".into()));
        }
        let parent = name.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let unwritable = |e: std::io::Error| refuse(format!("cannot be written: {e}"));
        let parents = MadeParents::make(parent).map_err(unwritable)?;
        let filling =
            tempfile::Builder::new().prefix(".unfinished-").tempdir_in(parent).map_err(unwritable)?;
        Ok(Self { filling, _parents: parents, name })
    }

    /// Where to write a file meanwhile.
    pub fn path(&self, file: &str) -> PathBuf {
        self.filling.path().join(file)
    }

    /// Writes a whole file.
    pub fn write(&self, file: &str, content: &str) -> Outcome<()> {
        std::fs::write(self.path(file), content)
            .map_err(|e| Failure::new(format!("{}: cannot be written: {e}", self.name.join(file).display())))
    }

    /// A directory within.
    pub fn subdirectory(&self, name: &str) -> Outcome<PathBuf> {
        let path = self.path(name);
        let made = std::fs::create_dir_all(&path);
        made.map_err(|e| Failure::new(format!("{}: cannot be made: {e}", self.name.join(name).display())))?;
        Ok(path)
    }

    /// Gives the directory its name, which it returns.
    pub fn finish(self) -> Outcome<PathBuf> {
        let refuse =
            |e: std::io::Error| Failure::new(format!("{}: cannot be written: {e}", self.name.display()));
        open_to_others(self.filling.path()).map_err(refuse)?;
        if self.name.is_dir() {
            std::fs::remove_dir(&self.name).map_err(refuse)?;
        }
        std::fs::rename(self.filling.path(), &self.name).map_err(refuse)?;
        let _ = self.filling.keep();
        Ok(self.name)
    }
}

/// Temporary directories are private; a run's results need not be.
#[cfg(unix)]
fn open_to_others(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn first_free(preset: &str) -> PathBuf {
    let name = |n: u32| PathBuf::from("runs").join(format!("{preset}-{n}"));
    (1..u32::MAX).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0))
}
