//! Checkouts: one folder of the user's cache for each source, those of a repository side by side.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::command::{SILENCE, git};
use super::{GitError, GitReference, GitSource};
use crate::process::interrupted;

/// How often another process is asked whether it is done with a checkout.
const PAUSE: Duration = Duration::from_millis(50);

/// The user's folder of checkouts.
#[derive(Debug, Clone)]
pub struct Checkouts {
    folder: PathBuf,
    /// For how long git may say nothing while it waits for a server.
    pub(super) silence: Duration,
}

/// A source that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Its folder.
    pub folder: PathBuf,
    /// Where it comes from.
    pub freshness: Freshness,
}

/// Where a checkout comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// It was there, and the network was left alone.
    Known,
    /// It was cloned just now.
    Cloned,
    /// It was brought up to date, from one commit to another, which may be the same.
    Updated {
        /// The commit before.
        from: String,
        /// The commit now.
        to: String,
    },
}

impl Checkouts {
    /// The checkouts in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), silence: SILENCE }
    }

    /// The checkouts of the user: `windlass/git` in `$XDG_CACHE_HOME`, else in `~/.cache`. `variable` looks into the
    /// environment.
    pub fn of_user(variable: impl Fn(&str) -> Option<String>) -> Self {
        Self::new(crate::cache_folder::cache_folder(variable).join("git"))
    }

    /// The folder of `source`, which may not be there yet.
    pub fn folder_of(&self, source: &GitSource) -> PathBuf {
        self.folder.join(source.repository_name()).join(source.checkout_name())
    }

    /// Where answers to the questions of a project in `folder` are kept, when that is in a checkout: beside it, so that
    /// all references of a repository share them.
    pub fn answers_of(&self, folder: &Path) -> Option<PathBuf> {
        let (root, folder) = (self.folder.canonicalize().ok()?, folder.canonicalize().ok()?);
        let mut inside = folder.strip_prefix(&root).ok()?.components();
        let (repository, _checkout) = (inside.next()?, inside.next()?);
        Some(root.join(repository).join("answers").join(inside.as_path()))
    }

    /// Checks `source` out: clones it when it is not there, asks its origin for news only when `update` says so.
    /// Another process that works on the same folder is waited for.
    ///
    /// # Errors
    /// [`GitError`]; a clone that fails leaves nothing behind.
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

    /// [`Checkouts::check_out`] for code that is not async; Ctrl-C cancels it.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn check_out_blocking(&self, source: &GitSource, update: bool) -> Result<Checkout, GitError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| GitError::folder(&self.folder, &error))?;
        let cancel = CancellationToken::new();
        runtime.block_on(async {
            let mut work = std::pin::pin!(self.check_out(source, update, &cancel));
            tokio::select! {
                ended = &mut work => ended,
                () = interrupted() => {
                    cancel.cancel();
                    work.await
                }
            }
        })
    }

    /// Clones beside the folder and moves the finished clone there: a folder that exists is whole.
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

    /// Keeps other processes out of the folder of `source`.
    async fn lock(
        &self,
        source: &GitSource,
        folder: &Path,
        cancel: &CancellationToken,
    ) -> Result<File, GitError> {
        let refused = |error: io::Error| GitError::folder(&self.folder, &error);
        let lock = crate::own_file::create(&folder.with_extension("lock")).map_err(refused)?;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                // Whoever holds it has a limit of its own.
                Err(TryLockError::WouldBlock) => {}
                // Some network file systems have no locks.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(lock);
                }
                Err(TryLockError::Error(error)) => return Err(refused(error)),
            }
            let pause = tokio::time::sleep(PAUSE);
            if cancel.run_until_cancelled(pause).await.is_none() {
                return Err(GitError::Cancelled { url: source.shown_url() });
            }
        }
    }
}

/// Fetches the reference anew and checks it out. What was changed in the folder by hand is lost.
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
    // From where the source says now: the credentials in its URL may be new.
    arguments.extend(["--".to_owned(), source.url.clone(), wanted]);
    git("update", source, folder, arguments, (Some(silence), cancel)).await?;
    switch(source, folder, "FETCH_HEAD", cancel).await?;
    let to = head(source, folder, cancel).await?;
    Ok(Freshness::Updated { from, to })
}

/// Checks `revision` out.
async fn switch(
    source: &GitSource,
    folder: &Path,
    revision: &str,
    cancel: &CancellationToken,
) -> Result<(), GitError> {
    // `^{commit}` also keeps a revision that starts with `-` from being an option.
    let parse = ["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")];
    let found = git("check out", source, folder, parse.map(str::to_owned), (None, cancel)).await;
    let commit = found.map_err(|error| match error {
        GitError::Failed { verb, source_name, help, .. } => {
            GitError::Failed { verb, source_name, reason: format!("there is no commit `{revision}`"), help }
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
