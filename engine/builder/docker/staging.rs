//! A copy of a build context, for a docker CLI that wants a folder.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::shared_key::shared_key;
use crate::builder::{BuildError, BuildRequest};
use crate::image::context::{Content, Entry, EntryKind, path_of, shown};

/// What the owner of a folder needs to remove what is in it.
const OWNERS_RIGHTS: u32 = 0o700;

/// A folder of a build's own, gone when this is dropped.
pub(super) struct Staging {
    folder: TempDir,
    /// Folders of the copy from which their owner may not remove anything, parents first.
    closed: OnceLock<Vec<PathBuf>>,
}

/// What a command line is to be told.
pub(super) struct Staged {
    /// Path of the Dockerfile.
    pub(super) dockerfile: String,
    /// Path of the folder with the context.
    pub(super) context: String,
}

impl Staging {
    /// An empty folder below `.windlass` in `project`: beside the files to copy, not in a `/tmp` that may lie in
    /// memory.
    pub(super) fn new(project: &Path) -> io::Result<Self> {
        let parent = project.join(".windlass");
        crate::own_file::create_folder(&parent)?;
        let folder = tempfile::Builder::new().prefix("context-").tempdir_in(parent)?;
        Ok(Self { folder, closed: OnceLock::new() })
    }

    /// The path of a file in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Copies the Dockerfile and the selected context of `request` into it.
    ///
    /// # Errors
    /// [`BuildError::Unreadable`] for a file that cannot be read or written.
    pub(super) async fn fill(&self, request: &BuildRequest) -> Result<Staged, BuildError> {
        // By the folder's name, buildx tells a BuildKit what it may compare the files with.
        let (dockerfile, context) = (self.path("Dockerfile"), self.path(&shared_key(request)));
        let staged = Staged {
            dockerfile: dockerfile.to_string_lossy().into_owned(),
            context: context.to_string_lossy().into_owned(),
        };
        // Rules beside the Dockerfile take the place of those in a selected `.dockerignore`, which are obeyed
        // already.
        let rules = self.path("Dockerfile.dockerignore");
        let (text, selection) = (request.dockerfile.clone(), request.context.clone());
        let is_closed = |entry: &&Entry| {
            matches!(entry.kind, EntryKind::Directory) && entry.mode & OWNERS_RIGHTS != OWNERS_RIGHTS
        };
        let closed = selection.entries().iter().filter(is_closed);
        // A staging is filled once.
        let _ = self.closed.set(closed.map(|entry| context.join(path_of(&entry.path))).collect());
        let copied = tokio::task::spawn_blocking(move || {
            let own = |path: &Path, text: &str| fs::write(path, text).map_err(|error| named(path, error));
            own(&dockerfile, text.text())?;
            own(&rules, "# Everything here is part of the context.\n")?;
            fs::create_dir(&context).map_err(|error| named(&context, error))?;
            copy_all(selection.entries(), &context)
        });
        let copied =
            copied.await.unwrap_or_else(|panic| Err(("the context".into(), io::Error::other(panic))));
        copied.map_err(|(path, error)| BuildError::Unreadable { path, reason: error.to_string() })?;
        Ok(staged)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        #[cfg(unix)]
        for folder in self.closed.get().into_iter().flatten() {
            use std::os::unix::fs::PermissionsExt as _;
            // One that cannot be opened up stays behind, as what cannot be removed does.
            let _ = fs::set_permissions(folder, fs::Permissions::from_mode(OWNERS_RIGHTS));
        }
    }
}

/// Copies `entries` into `folder`: a folder stands before what is in it.
fn copy_all(entries: &[Entry], folder: &Path) -> Result<(), (String, io::Error)> {
    for entry in entries {
        copy(entry, &folder.join(path_of(&entry.path)))
            .map_err(|error| (shown(&entry.path).into_owned(), error))?;
    }
    // Only now: what is put into a folder changes its time.
    #[cfg(unix)]
    for entry in entries.iter().rev().filter(|entry| matches!(entry.kind, EntryKind::Directory)) {
        dress(entry, &folder.join(path_of(&entry.path)))
            .map_err(|error| (shown(&entry.path).into_owned(), error))?;
    }
    Ok(())
}

fn copy(entry: &Entry, path: &Path) -> io::Result<()> {
    match &entry.kind {
        EntryKind::Directory => fs::create_dir_all(path),
        EntryKind::Symlink { target } => {
            make_parent(path)?;
            link(target, path)
        }
        EntryKind::File { size, content } => {
            make_parent(path)?;
            let mut file = File::create(path)?;
            match content {
                Content::Disk(source) => io::copy(&mut File::open(source)?.take(*size), &mut file)?,
                Content::Memory(bytes) => io::copy(&mut &**bytes, &mut file)?,
            };
            drop(file);
            dress(entry, path)
        }
    }
}

/// Gives a copy the mode and time of its original.
fn dress(entry: &Entry, path: &Path) -> io::Result<()> {
    File::open(path)?.set_modified(entry.modified)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(entry.mode & 0o7777))?;
    }
    Ok(())
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

#[cfg(unix)]
fn link(target: &str, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(path_of(target), path)
}

#[cfg(not(unix))]
fn link(target: &str, path: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, path)
}

fn named(path: &Path, error: io::Error) -> (String, io::Error) {
    (path.display().to_string(), error)
}
