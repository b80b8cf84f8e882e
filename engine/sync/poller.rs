//! Finds changes on this machine by looking at all files again and again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::changes::{Changes, LocalChange};
use super::folder::blocking;
use super::local::{LocalFolder, RootState};
use super::reconcile::Entries;

/// The pause between two looks: at least, and as a multiple of the time that one takes.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSES: u32 = 20;

/// The changes of `local` from now on. It is looked at until the receiver is dropped.
pub async fn poll_changes(local: LocalFolder) -> Changes {
    let (sender, changes) = mpsc::unbounded_channel();
    let local = Arc::new(local);
    let mut known = look(&local).await.unwrap_or_default();
    tokio::spawn(async move {
        let mut took = Duration::ZERO;
        let mut is_blind = false;
        loop {
            tokio::select! {
                () = sender.closed() => return,
                () = tokio::time::sleep(PAUSE.max(took * PAUSES)) => {}
            }
            let start = Instant::now();
            let Some(found) = look(&local).await else {
                is_blind = true;
                continue;
            };
            took = start.elapsed();
            if std::mem::take(&mut is_blind) {
                let _ = sender.send(LocalChange::Everything);
                known = found;
                continue;
            }
            let changed =
                found.iter().filter(|(path, entry)| known.get(*path) != Some(entry)).map(|(path, _)| path);
            let gone = known.keys().filter(|path| !found.contains_key(*path));
            let paths: std::collections::BTreeSet<_> = changed.chain(gone).cloned().collect();
            if !paths.is_empty() {
                // A directory's own time says nothing, so only what is in it is named.
                let _ = sender.send(LocalChange::Paths(paths));
            }
            known = found;
        }
    });
    changes
}

/// What is here; `None` if that cannot be said.
async fn look(local: &Arc<LocalFolder>) -> Option<Entries> {
    let local = local.clone();
    let scan = blocking(move || local.scan()).await?;
    let mut entries = scan.entries;
    for entry in entries.values_mut().filter(|entry| super::decide::is_directory(entry)) {
        entry.mtime = 0;
    }
    (scan.root == RootState::Directory && scan.unreadable.is_empty()).then_some(entries)
}
