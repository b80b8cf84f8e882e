//! Checkouts: one directory in the user's cache for each source, grouped by repository.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::command::{SILENCE, git};
use super::{GitError, GitReference, GitSource};
use crate::process::block_on;

/// How often a process that waits for another one retries to acquire the lock.
const PAUSE: Duration = Duration::from_millis(50);

/// The user's directory of checkouts.
#[derive(Debug, Clone)]
pub struct Checkouts {
    folder: PathBuf,
    /// How long git may print nothing while it waits for a server.
    pub(super) silence: Duration,
}

/// A source on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Its directory.
    pub folder: PathBuf,
    /// Its origin.
    pub freshness: Freshness,
}

/// The origin of a checkout on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// It existed; the network was not used.
    Known,
    /// It was cloned.
    Cloned,
    /// It was updated from one commit to another; both may be the same.
    Updated {
        /// The commit before.
        from: String,
        /// The commit now.
        to: String,
    },
}

impl Checkouts {
    /// The checkouts in the directory `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), silence: SILENCE }
    }

    /// The checkouts of the user: `windlass/git` in `$XDG_CACHE_HOME`, or in `~/.cache` without it. `variable` looks up
    /// environment variables.
    pub fn of_user(variable: impl Fn(&str) -> Option<String>) -> Self {
        Self::new(crate::cache_folder::cache_folder(variable).join("git"))
    }

    /// The directory of `source`, which might not exist yet.
    pub fn folder_of(&self, source: &GitSource) -> PathBuf {
        self.folder.join(source.repository_name()).join(source.checkout_name())
    }

    /// Where the saved answers of a project in `folder` are stored, if that is in a checkout: next to it, so that all
    /// references of a repository share them.
    pub fn answers_of(&self, folder: &Path) -> Option<PathBuf> {
        let (root, folder) = (self.folder.canonicalize().ok()?, folder.canonicalize().ok()?);
        let mut inside = folder.strip_prefix(&root).ok()?.components();
        let (repository, _checkout) = (inside.next()?, inside.next()?);
        Some(root.join(repository).join("answers").join(inside.as_path()))
    }

    /// Checks out `source`: clones it if it does not exist, and fetches changes only with `update`. Waits for other
    /// processes that work on the same directory.
    ///
    /// # Errors
    /// [`GitError`]; a clone that fails leaves no files.
    pub async fn check_out(
        &self,
        source: &GitSource,
        update: bool,
        cancel: &CancellationToken,
    ) -> Result<Checkout, GitError> {
        let folder = self.folder_of(source);
        if folder.exists() && !update {
            return Ok(Checkout { folder, freshness: Freshness::Known });
        }
        let repository = folder.parent().unwrap_or(&self.folder);
        crate::own_file::create_private_folder(repository)
            .map_err(|error| GitError::folder(repository, &error))?;
        let _lock = self.lock(source, &folder, cancel).await?;
        let freshness = match (folder.exists(), update) {
            // Another process cloned it in the meantime.
            (true, false) => Freshness::Known,
            (true, true) => self::update(source, &folder, self.silence, cancel).await?,
            (false, _) => {
                self.clone_into(source, &folder, cancel).await?;
                Freshness::Cloned
            }
        };
        Ok(Checkout { folder, freshness })
    }

    /// [`Checkouts::check_out`] for synchronous code; Ctrl-C cancels it.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn check_out_blocking(&self, source: &GitSource, update: bool) -> Result<Checkout, GitError> {
        let cancel = CancellationToken::new();
        block_on(&cancel, self.check_out(source, update, &cancel))
            .map_err(|error| GitError::folder(&self.folder, &error))?
    }

    /// Clones into a temporary directory and renames the finished clone: a directory that exists is complete.
    async fn clone_into(
        &self,
        source: &GitSource,
        folder: &Path,
        cancel: &CancellationToken,
    ) -> Result<(), GitError> {
        let refused = |error: io::Error| GitError::folder(&self.folder, &error);
        let part = tempfile::Builder::new().prefix(".part-").tempdir_in(&self.folder).map_err(refused)?;
        let clone = part.path().join("clone");
        let mut arguments = vec!["clone".to_owned(), "--progress".to_owned()];
        if source.is_shallow() {
            arguments.extend(["--depth".to_owned(), "1".to_owned()]);
        }
        if let GitReference::Branch(name) | GitReference::Tag(name) = &source.reference {
            arguments.push(format!("--branch={name}"));
        }
        arguments.extend(source.clone_args.iter().cloned());
        arguments.extend(["--".to_owned(), source.url.clone(), clone.display().to_string()]);
        git("clone", source, &self.folder, arguments, (Some(self.silence), cancel)).await?;
        if let GitReference::Revision(revision) = &source.reference {
            switch(source, &clone, revision, cancel).await?;
        }
        fs::rename(&clone, folder).map_err(refused)
    }

    /// Keeps other processes from using the directory of `source`.
    async fn lock(
        &self,
        source: &GitSource,
        folder: &Path,
        cancel: &CancellationToken,
    ) -> Result<File, GitError> {
        let refused = |error: io::Error| GitError::folder(&self.folder, &error);
        let lock = crate::own_file::create(&folder.with_extension("lock")).map_err(refused)?;
        // Each git command of the process that holds the lock has a timeout.
        while !crate::own_file::try_lock(&lock).map_err(refused)? {
            let pause = tokio::time::sleep(PAUSE);
            if cancel.run_until_cancelled(pause).await.is_none() {
                return Err(GitError::Cancelled { url: source.shown_url() });
            }
        }
        Ok(lock)
    }
}

/// Fetches the reference again and checks it out. Discards local changes in the directory.
async fn update(
    source: &GitSource,
    folder: &Path,
    silence: Duration,
    cancel: &CancellationToken,
) -> Result<Freshness, GitError> {
    let from = head(source, folder, cancel).await?;
    let wanted = match &source.reference {
        GitReference::Default => "HEAD".to_owned(),
        GitReference::Branch(name) => format!("refs/heads/{name}"),
        GitReference::Tag(name) => format!("refs/tags/{name}"),
        // A commit never changes.
        GitReference::Revision(_) => return Ok(Freshness::Updated { to: from.clone(), from }),
    };
    let mut arguments = vec!["fetch".to_owned(), "--progress".to_owned(), "--force".to_owned()];
    if source.is_shallow() {
        arguments.extend(["--depth".to_owned(), "1".to_owned()]);
    }
    // Fetches from the URL of the source, not from the remote: the credentials in the URL may have changed.
    arguments.extend(["--".to_owned(), source.url.clone(), wanted]);
    git("update", source, folder, arguments, (Some(silence), cancel)).await?;
    switch(source, folder, "FETCH_HEAD", cancel).await?;
    let to = head(source, folder, cancel).await?;
    Ok(Freshness::Updated { from, to })
}

/// Checks out `revision`.
async fn switch(
    source: &GitSource,
    folder: &Path,
    revision: &str,
    cancel: &CancellationToken,
) -> Result<(), GitError> {
    // `^{commit}` also keeps git from reading a revision that starts with `-` as an option.
    let parse = ["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")];
    let found = git("check out", source, folder, parse.map(str::to_owned), (None, cancel)).await;
    let commit = found.map_err(|error| match error {
        GitError::Failed { verb, source_name, help, .. } => {
            GitError::Failed { verb, source_name, reason: format!("unknown commit `{revision}`"), help }
        }
        error => error,
    })?;
    let switch = ["checkout", "--quiet", "--force", "--detach", &commit];
    git("check out", source, folder, switch.map(str::to_owned), (None, cancel)).await.map(drop)
}

/// The commit that is checked out.
async fn head(source: &GitSource, folder: &Path, cancel: &CancellationToken) -> Result<String, GitError> {
    git("update", source, folder, ["rev-parse".to_owned(), "HEAD".to_owned()], (None, cancel)).await
}
