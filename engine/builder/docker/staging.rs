//! A copy of a build context, for a docker CLI that requires a directory.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tempfile::TempDir;

use super::context_copy::RememberedCopy;
use super::shared_key::shared_key;
use crate::builder::{BuildError, BuildRequest};
use crate::image::context::{Content, Entry, EntryKind, SentFiles, path_of, shown};
use crate::image::{Digest, nanoseconds_of};
use crate::state::{ContextCopy, FileVersion};

/// Bytes copied at once.
const BUFFER: usize = 256 * 1024;
/// The permissions that the owner of a directory needs to remove its entries.
const OWNERS_RIGHTS: u32 = 0o700;

/// A directory for one build, removed on drop.
pub(super) struct Staging {
    folder: TempDir,
    /// Directories of the copy from which their owner cannot remove entries, parents first.
    closed: OnceLock<Vec<PathBuf>>,
}

/// The paths for the command line.
pub(super) struct Staged {
    /// Path of the Dockerfile.
    pub(super) dockerfile: String,
    /// Path of the directory with the context.
    pub(super) context: String,
}

impl Staging {
    /// An empty directory below `.windlass` in `project`: on the disk of the files to copy, not in a `/tmp` that may
    /// be in memory.
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
    /// [`BuildError::Unreadable`] if a file cannot be read or written.
    pub(super) async fn fill(&self, request: &BuildRequest) -> Result<Staged, BuildError> {
        let (dockerfile, context) = (self.path("Dockerfile"), self.path("context"));
        let file = dockerfile.to_string_lossy().into_owned();
        // Rules next to the Dockerfile override those in a selected `.dockerignore`, which are already applied.
        let rules = self.path("Dockerfile.dockerignore");
        let (text, selection) = (request.dockerfile.clone(), request.context.clone());
        let sent = Arc::clone(&request.sent);
        let is_closed = |entry: &&Entry| {
            matches!(entry.kind, EntryKind::Directory) && entry.mode & OWNERS_RIGHTS != OWNERS_RIGHTS
        };
        let closed = selection.entries().iter().filter(is_closed);
        // Each staging directory is filled once.
        let _ = self.closed.set(closed.map(|entry| context.join(path_of(&entry.path))).collect());
        let copied = tokio::task::spawn_blocking(move || {
            let own = |path: &Path, text: &str| fs::write(path, text).map_err(|error| named(path, error));
            own(&dockerfile, text.text())?;
            own(&rules, "# Everything here is part of the context.\n")?;
            fs::create_dir(&context).map_err(|error| named(&context, error))?;
            copy_all(selection.entries(), &context, &sent)
        });
        let copied =
            copied.await.unwrap_or_else(|panic| Err(("the context".into(), io::Error::other(panic))));
        let copied = copied.map_err(|(path, error)| BuildError::unsendable(&path, &error))?;
        let name = self.path(&name(request, &copied));
        link("context", &name).map_err(|error| {
            let (path, error) = named(&name, error);
            BuildError::unsendable(&path, &error)
        })?;
        Ok(Staged { dockerfile: file, context: name.to_string_lossy().into_owned() })
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        #[cfg(unix)]
        for folder in self.closed.get().into_iter().flatten() {
            use std::os::unix::fs::PermissionsExt as _;
            // A directory whose permissions cannot be changed stays, like anything that cannot be removed.
            let _ = fs::set_permissions(folder, fs::Permissions::from_mode(OWNERS_RIGHTS));
        }
    }
}

/// The name of a context with these files, by which BuildKit finds the copy to compare them with. It is a new name if
/// BuildKit could mistake one of the files for another version that it received under the old name.
fn name(request: &BuildRequest, files: &[(FileVersion, Digest)]) -> String {
    let mut remembered = RememberedCopy::take(request, "folder");
    if !files.iter().all(|(version, content)| remembered.copy.tells_apart(*version, *content)) {
        remembered.copy = ContextCopy::default();
    }
    for (version, content) in files {
        let before = remembered.copy.begin(*version);
        remembered.copy.finish(*version, before, *content);
    }
    // Recorded before they are sent, so that the next build has the record even if this one is killed.
    remembered.put_back();
    shared_key(request, remembered.copy.name())
}

/// Copies `entries` into `folder`; each directory precedes its entries. Returns the files as they were copied.
fn copy_all(
    entries: &[Entry],
    folder: &Path,
    sent: &SentFiles,
) -> Result<Vec<(FileVersion, Digest)>, (String, io::Error)> {
    let mut files = Vec::new();
    let mut buffer = vec![0; BUFFER];
    for entry in entries {
        let copied = copy(entry, &folder.join(path_of(&entry.path)), sent, &mut buffer)
            .map_err(|error| (shown(&entry.path).into_owned(), error))?;
        files.extend(copied);
    }
    // Last, because adding entries to a directory changes its time.
    #[cfg(unix)]
    for entry in entries.iter().rev().filter(|entry| matches!(entry.kind, EntryKind::Directory)) {
        dress(entry, entry.modified, &folder.join(path_of(&entry.path)))
            .map_err(|error| (entry.path.to_string(), error))?;
    }
    Ok(files)
}

/// Copies one entry; returns the version of a copied file, which may have changed since it was selected.
fn copy(
    entry: &Entry,
    path: &Path,
    sent: &SentFiles,
    buffer: &mut [u8],
) -> io::Result<Option<(FileVersion, Digest)>> {
    match &entry.kind {
        EntryKind::Directory => fs::create_dir_all(path).map(|()| None),
        EntryKind::Symlink { target } => {
            make_parent(path)?;
            link(target, path).map(|()| None)
        }
        EntryKind::File { content, .. } => {
            make_parent(path)?;
            let mut file = File::create(path)?;
            let (content, size, modified) = match content {
                Content::Disk(_) => {
                    let mut source = sent.open(entry)?;
                    loop {
                        match source.read(buffer)? {
                            0 => break,
                            count => file.write_all(&buffer[..count])?,
                        }
                    }
                    let (size, modified) = (source.size(), source.modified());
                    (source.finish()?, size, modified)
                }
                Content::Memory(bytes) => {
                    file.write_all(bytes)?;
                    (Digest::of(bytes), bytes.len() as u64, entry.modified)
                }
            };
            drop(file);
            dress(entry, modified, path)?;
            Ok(Some((FileVersion::new(&entry.path, size, nanoseconds_of(modified)), content)))
        }
    }
}

/// Gives a copy the mode and time of its original.
fn dress(entry: &Entry, modified: SystemTime, path: &Path) -> io::Result<()> {
    File::open(path)?.set_modified(modified)?;
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
