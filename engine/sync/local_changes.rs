//! Converts the reports of a watcher on this machine to changes of paths.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::RelativePath;
use super::changes::{Changes, LocalChange};
use super::error::SyncError;
use super::folder::blocking;
use super::local::{FollowedLink, LocalFolder};
use crate::event::{Events, Level};
use crate::watch::{ChangedFile, WatchEvent, WatchRoot, Watcher};

/// The changes of `local`, and of the targets of its links, from now on: until the receiver is dropped.
///
/// # Errors
/// [`SyncError`] if the system cannot start a thread.
pub async fn watch_changes(local: LocalFolder, events: &Events) -> Result<Changes, SyncError> {
    let root = local.root().to_owned();
    let failed = |error| SyncError::state(&root, error);
    let local = Arc::new(local);
    let (report, reported) = mpsc::unbounded_channel();
    let roots = roots(&local, &[]);
    // The receiver may have ended before the watcher.
    let report = move |event| drop(report.send(event));
    let watcher = blocking(move || Watcher::start(roots, report)).await;
    let watcher = watcher.ok_or_else(|| failed(io::Error::other("the program ends")))?.map_err(failed)?;
    let (sender, changes) = mpsc::unbounded_channel();
    let feed =
        Feed { local, watcher: Arc::new(watcher), links: Arc::default(), sender, events: events.clone() };
    tokio::spawn(feed.run(reported));
    Ok(changes)
}

/// Passes on the reports of the watcher.
struct Feed {
    local: Arc<LocalFolder>,
    watcher: Arc<Watcher>,
    links: Arc<Vec<FollowedLink>>,
    sender: UnboundedSender<LocalChange>,
    events: Events,
}

/// The changes of the directory in a report of the watcher.
#[derive(Default)]
struct Found {
    paths: BTreeSet<RelativePath>,
    is_everything: bool,
    /// Whether another link may be followed now.
    has_links: bool,
}

impl Feed {
    async fn run(mut self, mut reported: UnboundedReceiver<WatchEvent>) {
        self.follow_links().await;
        loop {
            let event = tokio::select! {
                () = self.sender.closed() => break,
                event = reported.recv() => event,
            };
            match event {
                Some(WatchEvent::Ready { .. }) => {}
                Some(WatchEvent::Warning(message)) => self.events.notice(Level::Warning, message),
                Some(WatchEvent::Changed(files)) => self.report(files).await,
                None => break,
            }
        }
        // Waits for the end of its thread.
        let Self { watcher, .. } = self;
        blocking(move || drop(watcher)).await;
    }

    async fn report(&mut self, files: Vec<ChangedFile>) {
        let (local, links) = (self.local.clone(), self.links.clone());
        let found = blocking(move || Found::read(&local, &links, &files)).await;
        let Some(Found { paths, is_everything, has_links }) = found else { return };
        if has_links {
            self.follow_links().await;
        }
        // The receiver may have ended.
        let _ =
            self.sender.send(if is_everything { LocalChange::Everything } else { LocalChange::Paths(paths) });
    }

    /// Watches the current targets of links.
    async fn follow_links(&mut self) {
        let (local, watcher, before) = (self.local.clone(), self.watcher.clone(), self.links.clone());
        let links = blocking(move || {
            let links = local.followed_links();
            if links != *before {
                watcher.set_roots(roots(&local, &links), None);
            }
            links
        });
        let Some(links) = links.await.filter(|links| *links != *self.links) else { return };
        // They may have changed before they were watched.
        let paths = links.iter().map(|link| link.path.clone()).collect();
        let _ = self.sender.send(LocalChange::Paths(paths));
        self.links = Arc::new(links);
    }
}

impl Found {
    fn read(local: &LocalFolder, links: &[FollowedLink], files: &[ChangedFile]) -> Self {
        let mut found = Self::default();
        for file in files {
            found.add(local, links, &file.path);
        }
        // Paths below a new directory are part of it.
        let all = found.paths.clone();
        let is_part = |path: &RelativePath| {
            std::iter::successors(path.parent(), RelativePath::parent).any(|parent| all.contains(&parent))
        };
        found.paths.retain(|path| !is_part(path));
        found
    }

    fn add(&mut self, local: &LocalFolder, links: &[FollowedLink], file: &Path) {
        let root = local.root();
        if file == root {
            self.is_everything = true;
        }
        let own = file.strip_prefix(root).ok().and_then(relative);
        self.has_links |= file.is_symlink();
        self.has_links |= own
            .as_ref()
            .is_some_and(|own| links.iter().any(|link| link.path == *own || link.path.is_below(own)));
        for link in links {
            for target in &link.targets {
                let Ok(below) = file.strip_prefix(target) else { continue };
                if below.as_os_str().is_empty() {
                    self.has_links = true;
                    self.paths.insert(link.path.clone());
                } else if !(root.starts_with(target) && file.starts_with(root)) {
                    // A link to a directory that contains the root is not followed into it.
                    let below = relative(below).and_then(|below| link.path.child(below.as_str()));
                    self.has_links |= below.as_ref().is_some_and(|below| {
                        links.iter().any(|link| link.path == *below || link.path.is_below(below))
                    });
                    self.paths.extend(below);
                }
            }
        }
        self.paths.extend(own);
    }
}

/// The path with these names, if it can be synced.
fn relative(path: &Path) -> Option<RelativePath> {
    let names: Option<Vec<_>> = path.iter().map(|name| name.to_str()).collect();
    RelativePath::new(&names?.join("/"))
}

/// The paths to watch: the directory, and the targets of `links`.
fn roots(local: &Arc<LocalFolder>, links: &[FollowedLink]) -> Vec<WatchRoot> {
    let followed = links.iter().flat_map(|link| {
        link.targets.iter().flat_map(|target| root(local, target.clone(), Some(link.path.clone())))
    });
    root(local, local.root().to_owned(), None).into_iter().chain(followed).collect()
}

/// The directory or file at `path`, which is `at` in `local`. Its parent is watched too, so that its removal and new
/// creation are noticed.
fn root(local: &Arc<LocalFolder>, path: PathBuf, at: Option<RelativePath>) -> [WatchRoot; 2] {
    let local = local.clone();
    let filter = move |below: &str, is_folder: bool| {
        let path = match &at {
            Some(at) => at.child(below),
            None => RelativePath::new(below),
        };
        path.is_some_and(|path| match is_folder {
            true => !local.prunes(&path),
            false => !local.excludes(&path, false),
        })
    };
    [WatchRoot::file(path.clone()), WatchRoot::folder(path, filter)].map(WatchRoot::without_contents)
}
