//! Writes to the directory on this machine: always a whole file, and never over a file that changed meanwhile.

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};

use super::super::trash::Trash;
use super::super::{Kind, RelativePath, SyncEntry};
use super::{LocalFolder, STAGES, is_absence, is_same_file};
use crate::image::system_time;

/// Why a path could not be written on this machine.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot {doing} `{}`: {source}", path.display())]
#[diagnostic(code(sync::local))]
pub struct LocalFailure {
    doing: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
    #[help]
    help: Option<String>,
}

/// The outcome of a write.
#[derive(Debug)]
pub enum Written {
    /// Done, with the new entry on this machine, if any.
    Done(Option<SyncEntry>),
    /// Not done: it is not as expected.
    Changed,
    /// Not done: a directory still has files, which are excluded.
    NotEmpty,
}

impl LocalFolder {
    /// The directory for copies that are not complete yet.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn stage(&self) -> Result<PathBuf, LocalFailure> {
        let stage = &self.stage;
        // The end of another session may remove the directory above it at the same moment, if it is empty.
        let created = fs::create_dir_all(stage).or_else(|_| fs::create_dir_all(stage));
        created.map_err(|error| failure("create", stage, error))?;
        Ok(stage.clone())
    }

    /// Removes the directory for copies.
    pub fn remove_stage(&self) {
        // If it cannot be removed, it is ignored, and used by the next run.
        let _ = fs::remove_dir_all(&self.stage);
        let _ = fs::remove_dir(self.root.join(STAGES));
    }

    /// Removes this directory for copies, and those of sessions that were killed: the ones that are not `used`.
    pub fn remove_old_stages(&self, used: impl Fn(&str) -> bool) {
        for item in fs::read_dir(self.root.join(STAGES)).into_iter().flatten().flatten() {
            let path = item.path();
            let is_used = item.file_name().to_str().is_none_or(&used);
            let _ = match path.is_dir() {
                true if path == self.stage || !is_used => fs::remove_dir_all(path),
                true => Ok(()),
                false => fs::remove_file(path),
            };
        }
        let _ = fs::remove_dir(self.root.join(STAGES));
    }

    /// Puts the file `copy` at `path`, if it is still `expected`. The replaced file goes to `trash`.
    ///
    /// # Errors
    /// [`LocalFailure`].
    pub fn put_file(
        &self,
        path: &RelativePath,
        copy: &Path,
        entry: &SyncEntry,
        expected: Option<&SyncEntry>,
        trash: &Trash,
    ) -> Result<Written, LocalFailure> {
        let target = self.on_disk(path);
        let mode = match expected {
            Some(expected) if expected.kind == Kind::File => expected.mode,
            _ => entry.mode & 0o777 | 0o600,
        };
        prepare_copy(copy, mode, entry.mtime).map_err(|error| failure("write", &target, error))?;
        self.replace(path, expected, trash, &|| match fs::rename(copy, &target) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                let beside = target.with_file_name(format!(".windlass-{}", fastrand::u64(..)));
                let copied = fs::copy(copy, &beside).and_then(|_| {
                    prepare_copy(&beside, mode, entry.mtime)?;
                    fs::rename(&beside, &target)
                });
                copied.inspect_err(|_| drop(fs::remove_file(&beside)))
            }
            renamed => renamed,
        })
    }

    /// Puts a link at `path`, if it is still `expected`.
    ///
    /// # Errors
    /// [`LocalFailure`].
    pub fn put_link(
        &self,
        path: &RelativePath,
        link: &str,
        expected: Option<&SyncEntry>,
        trash: &Trash,
    ) -> Result<Written, LocalFailure> {
        let target = self.on_disk(path);
        self.replace(path, expected, trash, &|| {
            if expected.is_some() {
                fs::remove_file(&target)?;
            }
            make_link(link, &target)
        })
    }

    /// Creates the directory `path`, if the path is still `expected`.
    ///
    /// # Errors
    /// [`LocalFailure`].
    pub fn put_directory(
        &self,
        path: &RelativePath,
        expected: Option<&SyncEntry>,
        trash: &Trash,
    ) -> Result<Written, LocalFailure> {
        let target = self.on_disk(path);
        self.replace(path, expected, trash, &|| {
            if expected.is_some_and(|expected| expected.kind != Kind::Directory) {
                fs::remove_file(&target)?;
            }
            match fs::create_dir(&target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && target.is_dir() => Ok(()),
                created => created,
            }
        })
    }

    /// Moves the entry at `path` to `trash`, if it is still `expected`. A directory is removed if it is empty.
    ///
    /// # Errors
    /// [`LocalFailure`].
    pub fn delete(
        &self,
        path: &RelativePath,
        expected: &SyncEntry,
        trash: &Trash,
    ) -> Result<Written, LocalFailure> {
        let target = self.on_disk(path);
        let failed = |error| failure("delete", &target, error);
        self.check_parents(path)?;
        if !self.is_still(path, Some(expected)).map_err(failed)? {
            return Ok(Written::Changed);
        }
        if expected.kind == Kind::Directory {
            return match fs::remove_dir(&target) {
                Ok(()) => Ok(Written::Done(None)),
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(Written::NotEmpty),
                // A link to a directory elsewhere: this machine has the link.
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                    trash.move_in(path, &target).map_err(failed)?;
                    Ok(Written::Done(None))
                }
                Err(error) => Err(failed(error)),
            };
        }
        trash.move_in(path, &target).map_err(failed)?;
        Ok(Written::Done(None))
    }

    fn replace(
        &self,
        path: &RelativePath,
        expected: Option<&SyncEntry>,
        trash: &Trash,
        write: &dyn Fn() -> io::Result<()>,
    ) -> Result<Written, LocalFailure> {
        let target = self.on_disk(path);
        let failed = |error| failure("write", &target, error);
        self.create_parents(path)?;
        if !self.is_still(path, expected).map_err(failed)? {
            return Ok(Written::Changed);
        }
        match expected {
            Some(SyncEntry { kind: Kind::Directory, .. }) => match fs::remove_dir(&target) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    return Ok(Written::NotEmpty);
                }
                removed => removed.map_err(failed)?,
            },
            Some(_) => trash.copy_in(path, &target).map_err(failed)?,
            None => {}
        }
        write().map_err(failed)?;
        Ok(Written::Done(self.entry(path).map_err(failed)?))
    }

    fn is_still(&self, path: &RelativePath, expected: Option<&SyncEntry>) -> io::Result<bool> {
        let now = self.entry(path)?;
        Ok(match (&now, expected) {
            (None, None) => !self.on_disk(path).is_symlink() && !self.on_disk(path).exists(),
            (Some(now), Some(expected)) if now.kind == expected.kind => match now.kind {
                Kind::File => is_same_file(now, expected),
                _ => true,
            },
            _ => false,
        })
    }

    /// Creates the directories that contain `path`.
    fn create_parents(&self, path: &RelativePath) -> Result<(), LocalFailure> {
        self.check_parents(path)?;
        if let Some(parent) = path.parent() {
            let parent = self.on_disk(&parent);
            fs::create_dir_all(&parent).map_err(|error| failure("create", &parent, error))?;
        }
        Ok(())
    }

    /// Refuses to write through a link: it may point out of the directory.
    fn check_parents(&self, path: &RelativePath) -> Result<(), LocalFailure> {
        for parent in std::iter::successors(path.parent(), RelativePath::parent) {
            let on_disk = self.on_disk(&parent);
            match fs::symlink_metadata(&on_disk) {
                Ok(metadata) if metadata.is_symlink() => {
                    let error = io::Error::other(format!("`{parent}` is a symbolic link"));
                    let help = format!("exclude `/{parent}/` with `downloadExcludePaths`");
                    return Err(LocalFailure {
                        help: Some(help),
                        ..failure("write", &self.on_disk(path), error)
                    });
                }
                Err(error) if !is_absence(&error) => return Err(failure("read", &on_disk, error)),
                _ => {}
            }
        }
        Ok(())
    }
}

fn failure(doing: &'static str, path: &Path, source: io::Error) -> LocalFailure {
    let help = match source.kind() {
        io::ErrorKind::StorageFull => Some("free space on this disk; the next change retries it".to_owned()),
        io::ErrorKind::PermissionDenied => {
            Some("change the owner or the permissions of the directory".to_owned())
        }
        _ => None,
    };
    LocalFailure { doing, path: path.to_owned(), source, help }
}

/// Sets what a rename keeps.
fn prepare_copy(copy: &Path, mode: u32, mtime: i64) -> io::Result<()> {
    let file = File::options().write(true).open(copy)?;
    if let Some(time) = system_time(mtime) {
        file.set_times(FileTimes::new().set_modified(time))?;
    }
    #[cfg(unix)]
    fs::set_permissions(copy, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    #[cfg(not(unix))]
    let _ = mode;
    Ok(())
}

#[cfg(unix)]
fn make_link(link: &str, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(link, at)
}

#[cfg(not(unix))]
fn make_link(_link: &str, _at: &Path) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "symbolic links are not created on this system"))
}
